//! 调整顺序 (row 47): places of direct children with buttons and a number, no dragging.

use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::{Crumb, Frame},
    page,
    visit::Visit,
};
use app::{
    Error,
    orgs::{self, Move, Ranked},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Children of a page.
const PAGE: i64 = 50;

/// 调整下级组织的顺序.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/order.html")]
pub struct Order {
    #[serde(skip)]
    frame: Frame,
    rows: Vec<Ranked>,
    page: i64,
    more: bool,
    #[serde(skip)]
    base: String,
}
page!(Order);

/// Which page, from 1.
#[derive(Deserialize, JsonSchema)]
pub struct Asked {
    #[serde(default)]
    page: String,
}

/// `GET /o/{org}/children/order`.
pub async fn show(mut v: Visit, Query(q): Query<Asked>) -> Result<Answer, Failure> {
    let page = q.page.parse().unwrap_or(1);
    let page = order_page(&mut v, page).await?;
    v.show(page).await
}

async fn order_page(v: &mut Visit, page: i64) -> Result<Order, Failure> {
    let org = v.cx.org()?.clone();
    let page = page.clamp(1, 1_000);
    let (rows, more) = orgs::ranked(&mut v.cx, &org, (page - 1) * PAGE + 1, PAGE).await?;
    let base = v.base()?;
    let mut frame = v.frame("调整顺序", "/children").await?;
    let back = Crumb { label: "管理下级组织".into(), href: Some(format!("{base}/children")) };
    let at = frame.crumbs.len().saturating_sub(1);
    frame.crumbs.insert(at, back);
    Ok(Order { frame, rows, page, more, base })
}

/// Where a child goes.
#[derive(Deserialize, JsonSchema)]
pub struct MoveForm {
    /// `up`, `down`, `top`, `bottom`, or `place` with a number.
    #[serde(default)]
    pub to: String,
    /// From 1.
    #[serde(default)]
    pub place: String,
    /// The page on which it was asked.
    #[serde(default)]
    pub page: String,
}

/// `POST /o/{org}/children/{code}/order`.
pub async fn save(
    mut v: Visit,
    Path((_, code)): Path<(String, String)>,
    Form(form): Form<MoveForm>,
) -> Result<Answer, Failure> {
    let child = super::below(&mut v.cx, &code).await?;
    let to = match read(&form) {
        Ok(to) => to,
        Err(Error::Invalid(errors)) => {
            let mut page = order_page(&mut v, form.page.parse().unwrap_or(1)).await?;
            let here = errors.into_iter().map(|e| app::FieldError {
                field: format!("place-{code}"),
                message: format!("“{}”:{}", child.short_name, e.message),
                ..e
            });
            page.frame.errors = here.collect();
            return v.invalid(page).await;
        }
        Err(other) => return Err(other.into()),
    };
    let place = orgs::reorder(&mut v.cx, &child, to).await?;
    let page = (place - 1) / PAGE + 1;
    let to = format!("{}/children/order?page={page}#r{code}", v.base()?);
    let said = format!("“{}”现在排在第 {place} 位。", child.short_name);
    v.done_with(to, said, serde_json::json!({ "place": place })).await
}

fn read(form: &MoveForm) -> Result<Move, Error> {
    match form.to.as_str() {
        "up" => Ok(Move::Up),
        "down" => Ok(Move::Down),
        "top" => Ok(Move::Top),
        "bottom" => Ok(Move::Bottom),
        _ => {
            let number = form.place.trim().parse::<i64>().ok().filter(|n| (1..=99_999).contains(n));
            let why = || Error::field("place", "number", "请填写要排到第几位,例如 1。");
            number.map(Move::Place).ok_or_else(why)
        }
    }
}
