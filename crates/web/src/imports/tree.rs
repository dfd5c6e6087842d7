//! Step 3 of a list of organisations: the tree that it will make, before anything is made.

use super::{Before, Card, before, frame_of, number, review};
use crate::{answer::Answer, error::Failure, form::Query, frame::Frame, page, visit::Visit};
use app::imports::children::{self, Leaf};
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Organisations of a page.
const PAGE: i64 = 200;

/// 预览组织树.
#[derive(askama::Template, Serialize, JsonSchema)]
#[template(path = "imports/tree.html")]
pub struct Tree {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    at: String,
    #[serde(skip)]
    oob: bool,
    #[serde(skip)]
    base: String,
    import: Card,
    /// The same file was imported already today.
    before: Option<Before>,
    /// In the tree's order; `level` says how deep.
    rows: Vec<Leaf>,
    /// The next page, when there is one.
    next: Option<String>,
    first: bool,
    #[serde(skip)]
    tabs: Vec<review::Tab>,
}
page!(Tree);

/// From where the tree goes on.
#[derive(Deserialize, JsonSchema)]
pub struct After {
    #[serde(default)]
    after: i64,
}

/// `GET /o/{org}/imports/{id}/tree`.
pub async fn show(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
    Query(q): Query<After>,
) -> Result<Answer, Failure> {
    let id = number(&id)?;
    let base = v.base()?;
    let at = format!("{base}/imports/{id}");
    let after = q.after.max(0);
    let found = children::tree(&mut v.cx, id, after, PAGE).await?;
    let card = Card::of(&base, &found.import, &found.org, v.cx.now());
    let page = Tree {
        frame: frame_of(&mut v, "预览组织树", card.kind).await?,
        oob: false,
        before: before(&mut v, &found.import).await?,
        base,
        rows: found.leaves,
        next: found.next.map(|n| format!("{at}/tree?after={n}")),
        first: after == 0,
        tabs: review::tabs(&at, &card, None),
        import: card,
        at,
    };
    v.show(page).await
}
