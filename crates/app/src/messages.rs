//! 消息: to an organisation's administrators or to one person, always in the program, and by
//! e-mail or webhook where that is configured (decision 8). Put in with the transaction that
//! causes them; what leaves the program goes through the outbox.

use crate::{Cx, Result, orgs::OrgId, people::PersonId};
use db::{args, sql};

/// How messages leave the program. Both may be absent: then they are read in the program.
#[derive(Clone, Debug, Default)]
pub struct Channels {
    pub smtp: Option<Smtp>,
    pub webhook: Option<Webhook>,
}
/// An e-mail server.
#[derive(Clone)]
pub struct Smtp {
    /// `smtps://user:password@host:465`.
    pub url: String,
    pub from: String,
}
/// A web address that gets every message, signed.
#[derive(Clone)]
pub struct Webhook {
    pub url: String,
    pub secret: String,
}
impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smtp({})", self.from)
    }
}
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webhook(…)")
    }
}

/// For whom a message is.
#[derive(Clone, Copy, Debug)]
pub enum To {
    Org(OrgId),
    Person(PersonId),
}

/// A message; its texts carry names but no ID or telephone numbers.
#[derive(Debug)]
pub struct Message {
    pub to: To,
    /// What it is about: `transfer`, `import`, …
    pub kind: &'static str,
    pub title: String,
    pub body: String,
    /// The page that it is about.
    pub href: String,
}

/// Puts a message in.
pub async fn send(cx: &mut Cx, message: Message) -> Result<()> {
    let id = cx.new_id();
    let (org, person) = match message.to {
        To::Org(org) => (Some(org), None),
        To::Person(person) => (None, Some(person)),
    };
    cx.tx
        .run(
            sql!("INSERT INTO message (id, to_org, to_person, kind, title, body, href, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"),
            args![id, org, person, message.kind, &message.title, &message.body, &message.href, cx.now()],
        )
        .await?;
    if cx.house().settings().channels.webhook.is_some() {
        cx.tx
            .run(
                sql!("INSERT INTO outbox (id, message_id, channel, subject, body, next_at, created_at) VALUES ($1, $2, 'webhook', $3, $4, $5, $5)"),
                args![cx.new_id(), id, &message.title, &message.body, cx.now()],
            )
            .await?;
    }
    Ok(())
}
