//! Who is connected. There are never more connections than the program has files for; when all
//! are taken, a new visitor gets the place of whoever has been connected longest without sending a
//! whole request, of the address with the most connections. So nobody is refused at the door.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;

/// Files that the rest of the program keeps for itself: the database, temporary files, workbooks.
const OWN_FILES: usize = 256;
/// Enough for any node; each takes a few kilobytes.
const MOST: usize = 20_000;

/// How many connections so many files allow.
pub(crate) fn room(files: usize) -> usize {
    files.saturating_sub(OWN_FILES.min(files / 2)).saturating_mul(3) / 4
}

/// All connections.
pub(crate) struct Crowd {
    most: usize,
    seats: Mutex<Seats>,
}

#[derive(Default)]
struct Seats {
    next: u64,
    taken: HashMap<u64, Taken>,
}

struct Taken {
    address: IpAddr,
    /// When it began to wait for a request, as a running number; `None` while one is worked on.
    waits_since: Option<u64>,
    leave: Arc<Notify>,
}

/// A connection's place; left when dropped.
#[derive(Clone)]
pub(crate) struct Seat(Arc<Inner>);

struct Inner {
    crowd: Arc<Crowd>,
    no: u64,
    leave: Arc<Notify>,
}

impl Crowd {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.clamp(16, MOST), seats: Mutex::default() })
    }
    pub(crate) fn most(&self) -> usize {
        self.most
    }
    /// A place for a new connection. `None` only when every other one is being worked on.
    pub(crate) fn sit(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.taken.len() >= self.most {
            seats.send_one_away()?;
        }
        seats.next += 1;
        let no = seats.next;
        let leave = Arc::new(Notify::new());
        let taken = Taken { address, waits_since: Some(no), leave: leave.clone() };
        seats.taken.insert(no, taken);
        Some(Seat(Arc::new(Inner { crowd: self.clone(), no, leave })))
    }
    /// Makes room when the system has no more files.
    pub(crate) fn send_one_away(&self) {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).send_one_away();
    }
}

impl Seats {
    fn send_one_away(&mut self) -> Option<()> {
        let mut waiting: HashMap<IpAddr, (usize, u64, u64)> = HashMap::new();
        for (no, taken) in &self.taken {
            if let Some(since) = taken.waits_since {
                let of = waiting.entry(taken.address).or_insert((0, since, *no));
                of.0 += 1;
                if since < of.1 {
                    (of.1, of.2) = (since, *no);
                }
            }
        }
        let (_, _, no) = waiting.into_values().max_by_key(|(count, ..)| *count)?;
        self.taken.remove(&no)?.leave.notify_one();
        Some(())
    }
}

impl Seat {
    /// A whole request has come; it is worked on.
    pub(crate) fn works(&self) {
        self.set(false);
    }
    /// The next request is waited for.
    pub(crate) fn waits(&self) {
        self.set(true);
    }
    fn set(&self, waits: bool) {
        let mut seats = self.0.crowd.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.next += 1;
        let now = seats.next;
        if let Some(taken) = seats.taken.get_mut(&self.0.no) {
            taken.waits_since = waits.then_some(now);
        }
    }
    /// Ends when somebody else needs the place.
    pub(crate) async fn needed(&self) {
        self.0.leave.notified().await;
    }
}
impl Drop for Inner {
    fn drop(&mut self) {
        let mut seats = self.crowd.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.taken.remove(&self.no);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        [192, 0, 2, n].into()
    }

    #[tokio::test]
    async fn whoever_has_waited_longest_makes_room_and_never_somebody_who_is_served() {
        let crowd = Crowd::new(16);
        let mut slow: Vec<Seat> = (0..14).filter_map(|_| crowd.sit(address(1))).collect();
        let other = crowd.sit(address(2)).expect("a place");
        let served = crowd.sit(address(1)).expect("a place");
        served.works();
        slow[0].works();
        let late = crowd.sit(address(3)).expect("there is always a place");
        // The first is served, so the second goes; not the only one of another address.
        slow[1].needed().await;
        assert_eq!(crowd.seats.lock().expect("free").taken.len(), 16);
        slow[0].waits();
        let another = crowd.sit(address(3)).expect("a place");
        slow[2].needed().await;
        slow.clear();
        drop((other, served, late, another));
        assert!(crowd.seats.lock().expect("free").taken.is_empty());
    }

    #[test]
    fn files_leave_room_for_the_rest_of_the_program() {
        assert!((400..700).contains(&room(1024)));
        assert!(room(20_000) > 10_000);
    }
}
