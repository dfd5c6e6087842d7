//! How letters leave the program: a signed webhook and SMTP, behind [`Sender`]. Never inside a
//! transaction: a letter is claimed, sent, and what became of it is noted. After a crash between
//! sending and noting it goes out once more, with the same id: receivers drop what they have had.

use super::{RECIPIENT, Smtp, Webhook, claim, settle};
use crate::{
    House, Result,
    clock::{Millis, show_time},
    keys::Place,
};
use futures::{StreamExt, future::BoxFuture, stream};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::{fmt::Write, time::Duration};
use zeroize::Zeroizing;

/// Letters sent at the same time.
const AT_ONCE: usize = 8;
/// How long one letter may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A letter on its way out.
pub struct Letter {
    /// The same whenever it is sent again.
    pub id: i64,
    /// `smtp` or `webhook`.
    pub channel: String,
    /// The e-mail address; only letters by SMTP have one.
    pub recipient: Option<Zeroizing<String>>,
    pub subject: String,
    pub body: String,
    /// What it is about: `transfer`, …
    pub kind: String,
    /// The page that it is about, with the program's own address in front.
    pub url: String,
    /// 组织码 of the organisation, or the person's code, that the message is for.
    pub to_org: Option<String>,
    pub to_person: Option<String>,
    pub created_at: Millis,
    pub attempts: i64,
}

/// A way out of the program.
pub trait Sender: Send + Sync {
    /// The channel that it serves.
    fn channel(&self) -> &'static str;
    /// Sends a letter at `now`, or says why not; the words go to the log, so no addresses in them.
    fn send<'a>(
        &'a self,
        letter: &'a Letter,
        now: Millis,
    ) -> BoxFuture<'a, std::result::Result<(), String>>;
}

/// Sends everything that waits, by the channels of the settings. For the clockwork.
pub async fn deliver(house: &House) -> Result<()> {
    let channels = &house.settings().channels;
    let mut senders: Vec<Box<dyn Sender>> = Vec::new();
    if let Some(webhook) = &channels.webhook {
        senders.push(Box::new(Hook(webhook.clone())));
    }
    if let Some(smtp) = &channels.smtp {
        senders.push(Box::new(Post(smtp.clone())));
    }
    if senders.is_empty() {
        return Ok(());
    }
    deliver_by(house, &senders).await.map(|_| ())
}

/// Sends everything that waits for one of these senders; returns how many went out.
pub async fn deliver_by(house: &House, senders: &[Box<dyn Sender>]) -> Result<u64> {
    let mut sent = 0;
    loop {
        let letters = claim(house).await?;
        if letters.is_empty() {
            return Ok(sent);
        }
        let told = stream::iter(letters)
            .map(|letter| async move {
                let said = send(house, senders, &letter).await;
                (letter, said)
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        for (letter, said) in told {
            if let Err(why) = &said {
                tracing::warn!(letter = letter.id, channel = letter.channel, why, "a letter stays");
            }
            sent += u64::from(said.is_ok());
            settle(house, &letter, said.is_ok()).await?;
        }
    }
}

async fn send(
    house: &House,
    senders: &[Box<dyn Sender>],
    letter: &Letter,
) -> std::result::Result<(), String> {
    let Some(sender) = senders.iter().find(|s| s.channel() == letter.channel) else {
        return Err("nobody serves this channel at present".into());
    };
    match tokio::time::timeout(PATIENCE, sender.send(letter, house.now())).await {
        Ok(said) => said,
        Err(_) => Err("no answer in time".into()),
    }
}

/// The recipient out of its ciphertext.
pub(super) fn unsealed(house: &House, id: i64, sealed: &[u8]) -> Option<Zeroizing<String>> {
    house.keys().unseal(Place { column: RECIPIENT, row: id }, sealed).ok()
}

/// Puts in the process's provider of TLS, which every client of the web asks for; who comes first
/// does it, later calls find it there.
pub fn use_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

struct Hook(Webhook);
impl Sender for Hook {
    fn channel(&self) -> &'static str {
        "webhook"
    }
    fn send<'a>(
        &'a self,
        letter: &'a Letter,
        now: Millis,
    ) -> BoxFuture<'a, std::result::Result<(), String>> {
        Box::pin(async move {
            let body = hook_body(letter);
            use_tls();
            let client = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(PATIENCE)
                .build()
                .map_err(|e| e.without_url().to_string())?;
            let answer = client
                .post(&self.0.url)
                .header("Content-Type", "application/json")
                .header("X-Tuanjian-Delivery", letter.id.to_string())
                .header("X-Tuanjian-Signature", signature(&self.0.secret, now / 1000, &body))
                .body(body)
                .send()
                .await
                .map_err(|e| e.without_url().to_string())?;
            match answer.status() {
                status if status.is_success() => Ok(()),
                status => Err(format!("the webhook answered {}", status.as_u16())),
            }
        })
    }
}

fn hook_body(letter: &Letter) -> String {
    serde_json::json!({
        "id": letter.id.to_string(),
        "kind": letter.kind,
        "title": letter.subject,
        "body": letter.body,
        "url": letter.url,
        "to": { "org": letter.to_org, "person": letter.to_person },
        "created_at": show_time(letter.created_at),
    })
    .to_string()
}

/// `t=<seconds>,v1=<hex of HMAC-SHA256 over "seconds.body">`: the receiver computes the same with
/// the shared secret and refuses what is older than a few minutes.
fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(secret.as_bytes())
        .expect("HMAC takes any key");
    mac.update(format!("{seconds}.{body}").as_bytes());
    let mut text = format!("t={seconds},v1=");
    for byte in mac.finalize().into_bytes() {
        let written = write!(text, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing into a String can't fail");
    }
    text
}

struct Post(Smtp);
impl Sender for Post {
    fn channel(&self) -> &'static str {
        "smtp"
    }
    fn send<'a>(
        &'a self,
        letter: &'a Letter,
        _: Millis,
    ) -> BoxFuture<'a, std::result::Result<(), String>> {
        use lettre::{
            AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
            message::header::ContentType,
        };
        Box::pin(async move {
            let to = letter.recipient.as_deref().ok_or("no recipient")?;
            let mail = Message::builder()
                .from(self.0.from.parse().map_err(|_| "the sender's address is not in order")?)
                .to(to.parse().map_err(|_| "the recipient's address is not in order")?)
                .message_id(Some(format!("<{}@tuanjian>", letter.id)))
                .subject(format!("【智慧团建】{}", letter.subject))
                .header(ContentType::TEXT_PLAIN)
                .body(format!("{}\n\n{}\n", letter.body, letter.url))
                .map_err(|_| "the letter can't be put together")?;
            let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&self.0.url)
                .map_err(|_| "the server's address is not in order")?
                .timeout(Some(PATIENCE))
                .build();
            match transport.send(mail).await {
                Ok(_) => Ok(()),
                // The server's words may repeat the address.
                Err(e) => Err(e.status().map_or_else(
                    || "the mail server could not be reached".to_owned(),
                    |code| format!("the mail server answered {code}"),
                )),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_covers_the_moment_and_the_body() {
        let one = signature("secret", 1_781_488_920, "{}");
        assert!(one.starts_with("t=1781488920,v1=") && one.len() == 16 + 64);
        assert_ne!(one, signature("secret", 1_781_488_920, "{ }"));
        assert_ne!(one, signature("other", 1_781_488_920, "{}"));
        let later = signature("secret", 1_781_488_921, "{}");
        assert_ne!(one.split_once(','), later.split_once(','));
        assert_ne!(one.rsplit('=').next(), later.rsplit('=').next());
    }
}
