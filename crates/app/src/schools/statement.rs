//! The statement of a school that is closed, merged or renamed (row 57): a message to the superior,
//! who puts the data right in the system.

use super::{WhyNot, seat};
use crate::{
    Action, Cx, Error, Refusal, Result,
    error::FieldError,
    events::Event,
    messages::{Message, To, send},
    orgs,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What happened to the school.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 已撤销.
    Closed,
    /// 已合并.
    Merged,
    /// 已更名.
    Renamed,
}
impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Merged, Self::Renamed];
    /// In forms.
    pub fn code(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::Renamed => "renamed",
        }
    }
    /// On pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Closed => "学校已撤销",
            Self::Merged => "学校已合并",
            Self::Renamed => "学校已更名",
        }
    }
    /// What the superior can do about it.
    fn way(self) -> &'static str {
        match self {
            Self::Closed => "核实后,请在“管理下级组织”里撤销它,先把团员转到其他团支部。",
            Self::Merged => "核实后,请用“合并”或“组织迁移”把它并入新的学校。",
            Self::Renamed => "核实后,请更正它的组织简称和组织全称。",
        }
    }
}

/// The statement as typed.
#[derive(Clone, Debug)]
pub struct Statement {
    pub kind: Option<Kind>,
    /// What happened, when, by which document.
    pub text: String,
}

/// Sends the statement of the school acted for to its direct superior; returns the superior's name.
pub async fn state(cx: &mut Cx, statement: &Statement) -> Result<String> {
    let org = cx.org()?.clone();
    let permit = cx.permit(Action::SetSchoolCode, &org)?;
    let seat = seat(cx, &org).await?;
    if let Some(why) = seat.why_not {
        let says = match why {
            WhyNot::PartOf { school } => format!("情况说明由学校“{school}”提交。"),
            _ => "情况说明由学校提交;本组织不是学校。".into(),
        };
        return Err(Error::refused(Refusal::new("statement_not_school", says)));
    }
    let text = statement.text.trim();
    let mut errors = Vec::new();
    if statement.kind.is_none() {
        errors.push(FieldError::new("kind", "required", "请选择学校发生了什么变化。"));
    }
    if text.is_empty() || text.chars().count() > 500 {
        let says = "请写明情况,500 字以内:何时、依据哪个文件、现在归哪里。";
        errors.push(FieldError::new("text", "required", says));
    }
    let (Some(kind), true) = (statement.kind, errors.is_empty()) else {
        return Err(Error::Invalid(errors));
    };
    let parent = match orgs::parent_path(&org.path) {
        Some(path) => orgs::names_to(cx, path).await?.pop(),
        None => None,
    };
    let Some(parent) = parent else {
        let says = "本组织没有上级组织,请直接联系系统运营。";
        return Err(Error::refused(Refusal::new("statement_no_superior", says)));
    };
    let message = Message {
        to: To::Org(parent.id),
        kind: "school",
        title: format!("{}:{}", org.short_name, kind.label()),
        body: format!("情况说明:{text}\n{}", kind.way()),
        href: format!("/o/{}/orgs/{}", parent.code, org.code),
    };
    send(cx, message).await?;
    let detail = json!({ "statement": kind.code(), "text": text });
    let event = Event::new("org.school_statement", "org", org.id.0).at(&org.path).detail(detail);
    cx.record(permit, event).await?;
    Ok(parent.short_name)
}
