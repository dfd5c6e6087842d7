//! 选择团组织 (W7): a search by whatever people call an organisation, and going down level by level.
//! A page of plain links; whoever needs a choice sends people here with `back`, and gets them back
//! with `to={code}` added to it.

use crate::{answer::Answer, error::Failure, form::Query, frame::Frame, page, visit::Visit};
use app::{
    Error,
    orgs::{self, Category, Hit, Level},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    /// What for: `transfer`, or nothing.
    #[serde(rename = "for")]
    purpose: String,
    /// Where the choice goes: an address of ours.
    back: String,
    /// The organisation whose children are shown on the right.
    at: String,
    /// Mark of its next children.
    after: String,
    /// `branch`: branches only; `body`: everything that is no branch.
    kind: String,
    /// Only below this organisation.
    under: String,
}

/// 选择团组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/picker.html")]
pub struct Picker {
    #[serde(skip)]
    frame: Frame,
    title: &'static str,
    q: String,
    hits: Vec<Hit>,
    /// Why nothing was searched.
    problem: Option<String>,
    level: Level,
    #[serde(skip)]
    asked: Asked,
    #[serde(skip)]
    base: String,
}
page!(Picker);

/// `GET /o/{org}/picker`.
pub async fn show(mut v: Visit, Query(asked): Query<Asked>) -> Result<Answer, Failure> {
    let mut problem = None;
    let hits = match find(&mut v, &asked).await {
        Ok(hits) => hits,
        Err(Error::Invalid(errors)) => {
            problem = errors.into_iter().next().map(|e| e.message);
            Vec::new()
        }
        Err(other) => return Err(other.into()),
    };
    let text = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    let (at, after) = (text(&asked.at).or_else(|| text(&asked.under)), text(&asked.after));
    let level = orgs::browse(&mut v.cx, at.as_deref(), after.as_deref()).await?;
    let title = match asked.purpose.as_str() {
        "transfer" => "选择转入组织",
        "relocation" => "选择新的直接上级",
        _ => "选择团组织",
    };
    let frame = v.frame(title, "/picker").await?;
    let base = v.base()?;
    let asked = Asked { back: safe_back(&asked.back), ..asked };
    let page = Picker { frame, title, q: asked.q.clone(), hits, problem, level, asked, base };
    v.show(page).await
}

async fn find(v: &mut Visit, asked: &Asked) -> Result<Vec<Hit>, Error> {
    if asked.q.trim().is_empty() {
        return Ok(Vec::new());
    }
    let under = match asked.under.as_str() {
        "" => None,
        code => Some(orgs::by_code(&mut v.cx, code).await?.path),
    };
    let categories = match asked.kind.as_str() {
        "branch" => vec![Category::Branch],
        "body" => vec![Category::Lead, Category::Committee, Category::Work, Category::General],
        _ => Vec::new(),
    };
    let query = orgs::Query { text: asked.q.clone(), under, categories, limit: 20 };
    orgs::search(&mut v.cx, &query).await
}

/// Only addresses of ours, never another site's.
fn safe_back(back: &str) -> String {
    let ours =
        back.starts_with('/') && !back.starts_with("//") && !back.contains(['\\', '\n', '\r']);
    if ours { back.to_owned() } else { String::new() }
}

impl Picker {
    /// Where a choice leads: back with `to`, or to the organisation's card.
    fn choose(&self, code: &str) -> String {
        match self.asked.back.as_str() {
            "" => format!("{}/orgs/{code}", self.base),
            back => format!("{back}{}to={code}", if back.contains('?') { '&' } else { '?' }),
        }
    }
    fn choice(&self) -> &'static str {
        if self.asked.back.is_empty() { "查看" } else { "选择" }
    }
    /// The same page at another organisation.
    fn at(&self, code: &str, after: &str) -> String {
        let pairs = [
            ("q", self.asked.q.as_str()),
            ("for", &self.asked.purpose),
            ("kind", &self.asked.kind),
            ("under", &self.asked.under),
            ("back", &self.asked.back),
            ("at", code),
            ("after", after),
        ];
        let pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let query = serde_html_form::to_string(pairs).unwrap_or_default();
        format!("{}/picker?{query}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_never_leads_to_another_site() {
        assert_eq!(safe_back("/o/1/transfers/out/new?people=2"), "/o/1/transfers/out/new?people=2");
        for foreign in
            ["https://example.org", "//example.org", "/\\example.org", "javascript:x", ""]
        {
            assert_eq!(safe_back(foreign), "");
        }
    }
}
