//! 消息 (M11): what the program has told somebody, the newest first; marking it as read.

use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    clock::show_time,
    messages::{self, Item},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const SIZE: i64 = 50;

/// A message.
#[derive(Serialize, JsonSchema)]
pub struct Note {
    pub id: String,
    pub title: String,
    pub body: String,
    /// The page that it is about.
    pub href: String,
    /// Beijing time.
    pub at: String,
    pub unread: bool,
}
impl Note {
    pub(crate) fn of(item: Item) -> Self {
        Self {
            id: item.id.to_string(),
            title: item.title,
            body: item.body,
            href: item.href,
            at: show_time(item.created_at),
            unread: item.read_at.is_none(),
        }
    }
}

/// 消息.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "messages/mine.html")]
pub struct Mine {
    #[serde(skip)]
    frame: Frame,
    notes: Vec<Note>,
    /// The newest, for 全部已读.
    newest: Option<String>,
    unread: i64,
    /// Address of the next page.
    next: Option<String>,
}
page!(Mine);

/// What the address chooses.
#[derive(Deserialize, JsonSchema)]
pub struct Choice {
    /// Mark of the page.
    #[serde(default)]
    from: Option<String>,
}

/// `GET /me/messages`.
pub async fn mine(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let before = q.from.and_then(|mark| mark.parse().ok());
    let items = messages::of_me(&mut v.cx, false, before, SIZE).await?;
    let more = i64::try_from(items.len()).unwrap_or(0) == SIZE;
    let page = Mine {
        frame: v.personal_frame("消息").await?,
        unread: messages::unread_of_me(&mut v.cx).await?,
        newest: items.first().map(|m| m.id.to_string()),
        next: items.last().filter(|_| more).map(|m| format!("/me/messages?from={}", m.id)),
        notes: items.into_iter().map(Note::of).collect(),
    };
    v.show(page).await
}

/// Up to which message everything has been read.
#[derive(Deserialize, JsonSchema)]
pub struct ReadForm {
    /// Id of the newest message that was shown.
    newest: String,
}
impl ReadForm {
    fn newest(&self) -> i64 {
        self.newest.parse().unwrap_or(0)
    }
}

/// `POST /me/messages/read`.
pub async fn read_mine(mut v: Visit, Form(f): Form<ReadForm>) -> Result<Answer, Failure> {
    messages::read_of_me(&mut v.cx, f.newest()).await?;
    v.done("/me/messages", "已全部标为已读。").await
}

/// `POST /o/{org}/messages/read`.
pub async fn read_of_org(mut v: Visit, Form(f): Form<ReadForm>) -> Result<Answer, Failure> {
    messages::read_of_org(&mut v.cx, f.newest()).await?;
    let to = format!("{}/inbox?tab=system", v.base()?);
    v.done(to, "已全部标为已读。").await
}
