//! 观察员管理 (A32).

use super::wrong;
use crate::{answer::Answer, error::Failure, form::Form, frame::Frame, page, visit::Visit};
use app::{
    FieldError,
    cadres::observers::{self, NewObserver},
    clock,
    rules::person::RawCell,
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An observer.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    code: String,
    name: String,
    since: String,
    until: String,
    expired: bool,
    /// Days that are left, today not counted.
    days_left: i64,
}

/// The observer to be appointed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ObserverForm {
    name: String,
    id_number: String,
    /// The last day, `YYYY-MM-DD`.
    until: String,
}

/// 观察员管理.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "cadres/observers.html")]
pub struct Observers {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    rows: Vec<Row>,
    /// The latest day that may be chosen.
    latest: String,
    #[serde(skip)]
    form: ObserverForm,
}
page!(Observers);

async fn blank(v: &mut Visit, form: ObserverForm) -> Result<Observers, Failure> {
    let now = v.cx.now();
    let row = |o: observers::Observer| Row {
        code: o.person_code,
        name: o.name,
        since: clock::show_day(o.granted_at),
        until: clock::show_day(o.expires_at),
        expired: o.expires_at <= now,
        days_left: (o.expires_at - now) / clock::DAY,
    };
    Ok(Observers {
        rows: observers::observers(&mut v.cx).await?.into_iter().map(row).collect(),
        latest: observers::latest(&v.cx).to_string(),
        frame: v.frame("观察员管理", "/observers").await?,
        base: v.base()?,
        form,
    })
}

/// `GET /o/{org}/observers`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let page = blank(&mut v, ObserverForm::default()).await?;
    v.show(page).await
}

/// `POST /o/{org}/observers`.
pub async fn add(mut v: Visit, Form(form): Form<ObserverForm>) -> Result<Answer, Failure> {
    let new = NewObserver {
        name: form.name.clone(),
        id_number: RawCell::text(form.id_number.as_str()),
        until: form.until.clone(),
    };
    match observers::appoint(&mut v.cx, &new).await {
        Ok(Some(name)) => {
            let to = format!("{}/observers", v.base()?);
            v.done(to, format!("{name}已成为观察员,到 {} 为止。", form.until.trim())).await
        }
        Ok(None) => {
            let mut page = blank(&mut v, form).await?;
            let says = "系统里没有姓名和证件号都与此一致的人，不能设为观察员。请逐字核对；本人还没有录入的，请先由所在组织录入，或请本人用注册码注册。";
            page.frame.errors = vec![FieldError::new("id_number", "E05", says)];
            v.invalid_but_counted(page).await
        }
        Err(error) => {
            let errors = wrong(error)?;
            let mut page = blank(&mut v, form).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
    }
}

/// `POST /o/{org}/observers/{pid}/end`.
pub async fn end(mut v: Visit, Path((_, pid)): Path<(String, String)>) -> Result<Answer, Failure> {
    let name = observers::dismiss(&mut v.cx, &pid).await?;
    let to = format!("{}/observers", v.base()?);
    v.done(to, format!("已结束{name}的观察员身份。")).await
}
