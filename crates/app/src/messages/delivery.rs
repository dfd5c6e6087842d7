//! How letters leave the program: a signed webhook and SMTP, behind [`Sender`]. Never inside a
//! transaction: a letter is claimed, sent, and what became of it is noted. After a crash between
//! sending and noting it goes out once more, with the same id: receivers drop what they have had.

use super::{Channels, RECIPIENT, Smtp, Webhook, claim, is_due, settle};
use crate::{
    House, Result,
    clock::{Millis, show_time},
    keys::Place,
};
use futures::future::BoxFuture;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::{fmt::Write, time::Duration};
use zeroize::Zeroizing;

/// Letters sent at the same time.
const AT_ONCE: i64 = 8;
/// How long one letter may take, and how long it may take to reach its server.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PATIENCE: Duration = Duration::from_secs(4);
/// How soon a channel's task looks again when nothing is due.
const IDLE: Duration = Duration::from_secs(1);

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
    /// It goes alone, to see whether a channel that was left alone works again.
    pub tries: bool,
}

/// Why a letter did not go out; the words go to the log and to the operators, so no addresses in
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This letter is refused; others may go.
    Letter(String),
    /// The channel does not work at present.
    Channel(String),
}
impl Fault {
    fn letter(why: impl Into<String>) -> Self {
        Self::Letter(why.into())
    }
    fn channel(why: impl Into<String>) -> Self {
        Self::Channel(why.into())
    }
}
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Letter(why) | Self::Channel(why)) = self;
        f.write_str(why)
    }
}

/// What became of a try.
pub type Sent = std::result::Result<(), Fault>;

/// A way out of the program.
pub trait Sender: Send + Sync {
    /// The channel that it serves.
    fn channel(&self) -> &'static str;
    /// Sends a letter at `now`, or says why not.
    fn send<'a>(&'a self, letter: &'a Letter, now: Millis) -> BoxFuture<'a, Sent>;
}

/// The ways out of this program, each with its client, made once.
pub struct Senders(Vec<Box<dyn Sender>>);
impl Senders {
    /// For the channels of the settings.
    pub fn of(channels: &Channels) -> Self {
        let mut senders: Vec<Box<dyn Sender>> = Vec::new();
        if let Some(webhook) = &channels.webhook {
            senders.push(Box::new(Hook::new(webhook.clone())));
        }
        if let Some(smtp) = &channels.smtp {
            senders.push(Box::new(Post::new(smtp)));
        }
        Self(senders)
    }
    /// Their names.
    pub fn channels(&self) -> Vec<&'static str> {
        self.0.iter().map(|sender| sender.channel()).collect()
    }
    fn get(&self, channel: &str) -> Option<&dyn Sender> {
        self.0.iter().map(|sender| &**sender).find(|sender| sender.channel() == channel)
    }
}

/// Sends everything that waits, by the channels of the settings, one after the other. For tests.
pub async fn deliver(house: &House) -> Result<()> {
    for sender in &house.senders().0 {
        while let Some(_sent) = round(house, &**sender, "").await? {}
    }
    Ok(())
}

/// Sends everything that waits for one of these senders; returns how many went out.
pub async fn deliver_by(house: &House, senders: &[Box<dyn Sender>]) -> Result<u64> {
    let mut all = 0;
    for sender in senders {
        while let Some(sent) = round(house, &**sender, "").await? {
            all += sent;
        }
    }
    Ok(all)
}

/// One round of a channel's task; returns how long it may rest.
pub async fn deliver_channel(house: &House, channel: &str, task: &str) -> Result<Duration> {
    let Some(sender) = house.senders().get(channel) else { return Ok(IDLE) };
    if house.is_read_only() {
        return Ok(IDLE);
    }
    Ok(match round(house, sender, task).await? {
        Some(_) => Duration::ZERO,
        None => {
            super::channel::announce_now_and_then(house, channel).await?;
            IDLE
        }
    })
}

/// Sends the next few letters of a channel; `None` when none is due. Each is noted as soon as its
/// own fate is known.
async fn round(house: &House, sender: &dyn Sender, task: &str) -> Result<Option<u64>> {
    let channel = sender.channel();
    if !is_due(house, channel).await? {
        return Ok(None);
    }
    let letters = claim(house, channel, AT_ONCE).await?;
    if letters.is_empty() {
        return Ok(None);
    }
    let told = letters.into_iter().map(|letter| async move {
        let said = send(house, sender, &letter).await;
        if let Err(why) = &said {
            tracing::warn!(letter = letter.id, channel, %why, "a letter stays");
        }
        settle(house, &letter, &said).await?;
        house.pulse().beat(task, house.now());
        Ok(u64::from(said.is_ok()))
    });
    let told: Vec<Result<u64>> = futures::future::join_all(told).await;
    let mut sent = 0;
    for one in told {
        sent += one?;
    }
    Ok(Some(sent))
}

async fn send(house: &House, sender: &dyn Sender, letter: &Letter) -> Sent {
    match tokio::time::timeout(PATIENCE, sender.send(letter, house.now())).await {
        Ok(said) => said,
        Err(_) => Err(Fault::channel("no answer in time")),
    }
}

/// What came of a message that was only for trying a channel out.
pub struct Tried {
    pub channel: &'static str,
    /// Why it was not tried at all, or what came of it.
    pub said: std::result::Result<(), String>,
}

/// Sends a message for trying out through every channel of the settings; e-mail to `to`.
pub async fn try_out(house: &House, to: Option<&str>) -> Vec<Tried> {
    let mut tried = Vec::new();
    for sender in &house.senders().0 {
        let channel = sender.channel();
        let letter = Letter {
            id: house.new_id(),
            channel: channel.into(),
            recipient: to.map(|to| Zeroizing::new(to.to_owned())),
            subject: "渠道测试".into(),
            body: "这是智慧团建的一条测试消息，收到就说明这个渠道可以使用。".into(),
            kind: "test".into(),
            url: house.settings().public_url.trim_end_matches('/').to_owned(),
            to_org: None,
            to_person: None,
            created_at: house.now(),
            attempts: 1,
            tries: false,
        };
        let said = if channel == "smtp" && to.is_none() {
            Err("say with --to where the e-mail is to go".to_owned())
        } else {
            send(house, &**sender, &letter).await.map_err(|fault| fault.to_string())
        };
        tried.push(Tried { channel, said });
    }
    tried
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

struct Hook {
    to: Webhook,
    client: std::result::Result<reqwest::Client, String>,
}
impl Hook {
    fn new(to: Webhook) -> Self {
        use_tls();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_PATIENCE)
            .timeout(PATIENCE)
            .build()
            .map_err(|e| e.without_url().to_string());
        Self { to, client }
    }
}
impl Sender for Hook {
    fn channel(&self) -> &'static str {
        "webhook"
    }
    fn send<'a>(&'a self, letter: &'a Letter, now: Millis) -> BoxFuture<'a, Sent> {
        Box::pin(async move {
            let client = self.client.as_ref().map_err(|why| Fault::channel(why.as_str()))?;
            let body = hook_body(letter);
            let answer = client
                .post(&self.to.url)
                .header("Content-Type", "application/json")
                .header("X-Tuanjian-Delivery", letter.id.to_string())
                .header("X-Tuanjian-Signature", signature(&self.to.secret, now / 1000, &body))
                .body(body)
                .send()
                .await
                .map_err(|e| Fault::channel(unreached(&e)))?;
            let status = answer.status().as_u16();
            let said = format!("the webhook answered {status}");
            match status {
                200..300 => Ok(()),
                // What is wrong with this one letter.
                400 | 413 | 422 => Err(Fault::letter(said)),
                _ => Err(Fault::channel(said)),
            }
        })
    }
}

/// Why the webhook was not reached, without its address.
fn unreached(e: &reqwest::Error) -> &'static str {
    match () {
        () if e.is_timeout() => "the webhook did not answer in time",
        () if e.is_connect() => "the webhook could not be reached",
        () => "the webhook broke off",
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

type Mailer = lettre::AsyncSmtpTransport<lettre::Tokio1Executor>;

struct Post {
    from: std::result::Result<lettre::message::Mailbox, &'static str>,
    transport: std::result::Result<Mailer, &'static str>,
}
impl Post {
    fn new(smtp: &Smtp) -> Self {
        use_tls();
        let transport = Mailer::from_url(&smtp.url)
            .map(|builder| builder.timeout(Some(PATIENCE)).build())
            .map_err(|_| "the mail server's address (smtp) is not in order");
        let from =
            smtp.from.parse().map_err(|_| "the sender's address (smtp_from) is not in order");
        Self { from, transport }
    }
}
impl Sender for Post {
    fn channel(&self) -> &'static str {
        "smtp"
    }
    fn send<'a>(&'a self, letter: &'a Letter, _: Millis) -> BoxFuture<'a, Sent> {
        use lettre::{AsyncTransport, Message, message::header::ContentType};
        Box::pin(async move {
            let to = letter.recipient.as_deref().ok_or(Fault::letter("no recipient"))?;
            let mail = Message::builder()
                .from(self.from.clone().map_err(Fault::channel)?)
                .to(to
                    .parse()
                    .map_err(|_| Fault::letter("the recipient's address is not in order"))?)
                .message_id(Some(format!("<{}@tuanjian>", letter.id)))
                .subject(format!("【智慧团建】{}", letter.subject))
                .header(ContentType::TEXT_PLAIN)
                .body(format!("{}\n\n{}\n", letter.body, letter.url))
                .map_err(|_| Fault::letter("the letter can't be put together"))?;
            let transport = self.transport.as_ref().map_err(|why| Fault::channel(*why))?;
            transport.send(mail).await.map(drop).map_err(|e| mail_fault(&e))
        })
    }
}

/// The server's words may repeat the address, so only its number is kept.
fn mail_fault(e: &lettre::transport::smtp::Error) -> Fault {
    let Some(code) = e.status() else {
        return Fault::channel("the mail server could not be reached");
    };
    let said = format!("the mail server answered {code}");
    match u16::from(code) {
        // It refuses this recipient or this letter; 421, 454, 530, 535 refuse us.
        450..=452 | 550..=555 => Fault::Letter(said),
        _ => Fault::Channel(said),
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
