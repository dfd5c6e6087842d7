//! Bodies on their way in. They are read before a request takes a place in the work, so that
//! however slowly strangers send, others are answered; and what is longer than a small form waits
//! in a temporary file, so that it takes no memory either.

use axum::body::{Body, Bytes};
use futures::StreamExt;
use std::{
    collections::HashMap,
    io::{Read, Seek, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// So much of each body stays in memory: nearly every form.
const IN_MEMORY: usize = 16 << 10;
/// Bytes that may lie in temporary files at once, and of those for one address.
const MOST: u64 = 1 << 30;
const MOST_PER_ADDRESS: u64 = 256 << 20;
/// The slowest line that is waited for, in bytes a second, after a start of so many seconds.
const SLOWEST: u64 = 1024;
const START: u64 = 20;
/// The longest silence.
const SILENCE: Duration = Duration::from_secs(15);
/// What one read from a temporary file takes into memory.
const PIECE: usize = 64 << 10;

/// What lies in temporary files, by address.
#[derive(Default)]
pub(crate) struct Intake(Mutex<HashMap<String, u64>>);

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    TooLarge,
    /// Too slow, or it broke off.
    Slow,
    /// The room for bodies is taken up, by this address or by all.
    Full,
}

/// A whole body.
pub(crate) enum Taken {
    Short(Bytes),
    Long(std::fs::File),
}

/// A share of the room, given back when dropped.
struct Share<'a> {
    intake: &'a Intake,
    address: &'a str,
    bytes: u64,
}

impl Share<'_> {
    fn grow(&mut self, bytes: u64) -> Result<(), Refused> {
        let mut held = self.intake.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: u64 = held.values().sum();
        let own = held.entry(self.address.to_owned()).or_default();
        if all + bytes > MOST || *own + bytes > MOST_PER_ADDRESS {
            return Err(Refused::Full);
        }
        *own += bytes;
        self.bytes += bytes;
        Ok(())
    }
}
impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut held = self.intake.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = held.get_mut(self.address) {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                held.remove(self.address);
            }
        }
    }
}

impl Intake {
    /// Reads a body to its end: at most `most` bytes, within `longest`, never slower than the
    /// slowest line. With `cut`, one that is too long or breaks off is taken as far as it came.
    pub(crate) async fn take(
        &self,
        address: &str,
        body: Body,
        most: usize,
        (longest, cut): (Duration, bool),
    ) -> Result<Taken, Refused> {
        let begun = Instant::now();
        let mut share = Share { intake: self, address, bytes: 0 };
        let mut stream = body.into_data_stream();
        let mut short: Vec<u8> = Vec::new();
        let mut long: Option<std::fs::File> = None;
        let mut size = 0;
        loop {
            // The more has come the longer is waited for the rest.
            let earned = Duration::from_secs(START + size as u64 / SLOWEST).min(longest);
            let until = (begun + earned).min(Instant::now() + SILENCE);
            let piece = match timeout_at(until, stream.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(piece))) => piece,
                Ok(Some(Err(_))) | Err(_) if cut => break,
                Ok(Some(Err(_))) | Err(_) => return Err(Refused::Slow),
            };
            size += piece.len();
            if size > most && !cut {
                return Err(Refused::TooLarge);
            }
            if long.is_none() && short.len() + piece.len() > IN_MEMORY {
                share.grow(short.len() as u64)?;
                let mut file = tempfile::tempfile().map_err(|_| Refused::Full)?;
                file.write_all(&short).map_err(|_| Refused::Full)?;
                short = Vec::new();
                long = Some(file);
            }
            match &mut long {
                Some(file) => {
                    share.grow(piece.len() as u64)?;
                    file.write_all(&piece).map_err(|_| Refused::Full)?;
                }
                None => short.extend_from_slice(&piece),
            }
            if size > most {
                break;
            }
        }
        match long {
            None => Ok(Taken::Short(short.into())),
            Some(mut file) => {
                file.rewind().map_err(|_| Refused::Full)?;
                Ok(Taken::Long(file))
            }
        }
    }
}

impl Taken {
    /// All of it in memory; for forms, whose size is bounded.
    pub(crate) fn whole(self) -> std::io::Result<Bytes> {
        match self {
            Self::Short(bytes) => Ok(bytes),
            Self::Long(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }
    /// Piece by piece, as it would have come from the network.
    pub(crate) fn stream(self) -> Body {
        match self {
            Self::Short(bytes) => Body::from(bytes),
            Self::Long(file) => {
                Body::from_stream(futures::stream::unfold(file, |mut file| async {
                    let mut piece = vec![0; PIECE];
                    match file.read(&mut piece) {
                        Ok(0) => None,
                        Ok(n) => {
                            piece.truncate(n);
                            Some((Ok(Bytes::from(piece)), file))
                        }
                        Err(e) => Some((Err(e), file)),
                    }
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds() -> (Duration, bool) {
        (Duration::from_secs(60), false)
    }
    fn soon() -> (Duration, bool) {
        (Duration::from_millis(50), false)
    }
    fn endless() -> Body {
        Body::from_stream(futures::stream::pending::<std::io::Result<Bytes>>())
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up_and_one_that_comes_is_whole() {
        let intake = Intake::default();
        let slow = intake.take("a", endless(), 1 << 20, soon()).await;
        assert!(matches!(slow, Err(Refused::Slow)));
        let drip = Box::pin(futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((std::io::Result::Ok(Bytes::from_static(b"x")), ()))
        }));
        let slow = intake.take("a", Body::from_stream(drip), 1 << 20, soon()).await;
        assert!(matches!(slow, Err(Refused::Slow)), "however often a byte comes");
        for size in [0, 10, IN_MEMORY, IN_MEMORY + 1, 1 << 20] {
            let taken = intake.take("a", Body::from(vec![7; size]), 1 << 20, bounds()).await;
            let taken = taken.unwrap_or_else(|e| panic!("{size}: {e:?}"));
            assert_eq!(taken.whole().expect("readable").len(), size);
        }
        let large = intake.take("a", Body::from(vec![7; (1 << 20) + 1]), 1 << 20, bounds()).await;
        assert!(matches!(large, Err(Refused::TooLarge)));
        assert!(intake.0.lock().expect("free").is_empty(), "every share is given back");
    }

    #[test]
    fn nobody_takes_the_room_of_all() {
        let intake = Intake::default();
        let mut own = Share { intake: &intake, address: "a", bytes: 0 };
        own.grow(MOST_PER_ADDRESS).expect("a share");
        assert_eq!(own.grow(1), Err(Refused::Full));
        let mut other = Share { intake: &intake, address: "b", bytes: 0 };
        other.grow(1).expect("others have theirs");
        drop((own, other));
        assert!(intake.0.lock().expect("free").is_empty());
    }
}
