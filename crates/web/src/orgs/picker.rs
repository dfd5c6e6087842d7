//! 选择团组织 (W7): a search by whatever people call an organisation, and going down level by level.
//! A page of plain links; whoever needs a choice sends people here with `back`, and gets them back
//! with `to={code}` added to it. It knows for what it is asked, and asks the same functions as the
//! submission: what would be refused can't be chosen, and says why.

use crate::{answer::Answer, error::Failure, form::Query, frame::Frame, page, visit::Visit};
use app::{
    Action, Error, OrgRef,
    orgs::{self, Category, Hit, Level, Mandate},
    relocations, transfers,
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    /// What for: `transfer`, `allocation`, `relocation`, `merge`, `ops-` and a kind of act, or
    /// nothing.
    #[serde(rename = "for")]
    purpose: String,
    /// About what: the present branch of a transfer (组织码), the 业务编号 of an allocation, the
    /// organisation that is merged or moved.
    of: String,
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

/// A row with why it can't be chosen.
#[derive(Serialize, JsonSchema)]
pub struct Choice<T> {
    #[serde(flatten)]
    row: T,
    /// Empty when it can be.
    why_not: String,
}

/// 选择团组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/picker.html")]
pub struct Picker {
    #[serde(skip)]
    frame: Frame,
    title: &'static str,
    q: String,
    hits: Vec<Choice<Hit>>,
    /// Why nothing was searched.
    problem: Option<String>,
    /// From the root down to the organisation whose children are shown.
    above: Vec<orgs::Step>,
    rows: Vec<Choice<orgs::Place>>,
    /// Mark of the next fifty.
    next: Option<String>,
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
    let Level { above, rows, next } =
        orgs::browse(&mut v.cx, at.as_deref(), after.as_deref()).await?;
    let title = match asked.purpose.as_str() {
        "transfer" => "选择转入组织",
        "allocation" => "选择要分配的团支部",
        "relocation" => "选择新的直接上级",
        "merge" => "选择并入的组织",
        _ => "选择团组织",
    };
    let hits = judged(&mut v, &asked, hits, |hit| &hit.org).await?;
    let rows = judged(&mut v, &asked, rows, |row| &row.org).await?;
    let frame = v.frame(title, "/picker").await?;
    let base = v.base()?;
    let asked = Asked { back: safe_back(&asked.back), ..asked };
    let q = asked.q.clone();
    v.show(Picker { frame, title, q, hits, problem, above, rows, next, asked, base }).await
}

/// Puts to every row why it can't be chosen for what is asked.
async fn judged<T>(
    v: &mut Visit,
    asked: &Asked,
    rows: Vec<T>,
    org: impl Fn(&T) -> &OrgRef,
) -> Result<Vec<Choice<T>>, Failure> {
    let orgs: Vec<OrgRef> = rows.iter().map(|row| org(row).clone()).collect();
    let against = against(v, asked, &orgs).await?;
    let choice = |(row, why): (T, Option<String>)| Choice { row, why_not: why.unwrap_or_default() };
    Ok(rows.into_iter().zip(against).map(choice).collect())
}

/// Why each of these can't be chosen. What the choice is about may have gone meanwhile: then
/// nothing is said here, and the page that is led back to tells it.
async fn against(
    v: &mut Visit,
    asked: &Asked,
    orgs: &[OrgRef],
) -> Result<Vec<Option<String>>, Failure> {
    let nothing = || orgs.iter().map(|_| None).collect::<Vec<Option<String>>>();
    if orgs.is_empty() {
        return Ok(Vec::new());
    }
    if asked.purpose == "relocation" {
        return Ok(relocations::against(&mut v.cx, orgs).await?);
    }
    if asked.of.is_empty() {
        return Ok(match asked.purpose.as_str() {
            "ops-relocate" => orgs.iter().map(|org| top(org, "迁移")).collect(),
            "ops-merge" => orgs.iter().map(|org| top(org, "合并")).collect(),
            "ops-identity" => orgs.iter().map(not_frozen).collect(),
            _ => nothing(),
        });
    }
    if asked.purpose == "allocation" {
        return match transfers::against_branches(&mut v.cx, &asked.of, orgs).await {
            Ok(found) => Ok(found.into_iter().map(|why| why.map(str::to_owned)).collect()),
            Err(Error::NotFound) => Ok(nothing()),
            Err(e) => Err(e.into()),
        };
    }
    let of = match orgs::by_code(&mut v.cx, &asked.of).await {
        Ok(of) => of,
        Err(Error::NotFound) => return Ok(nothing()),
        Err(e) => return Err(e.into()),
    };
    Ok(match asked.purpose.as_str() {
        "transfer" => transfers::against_targets(&mut v.cx, &of, orgs).await?,
        "merge" => {
            let mine = |org: &OrgRef| v.cx.may(Action::ReshapeChildren, &org.path);
            let why = |org: &OrgRef| match relocations::against_pair(&of, org, Mandate::Superior) {
                None if !mine(org) => Some("只能并入本组织的直属下级。".to_owned()),
                why => why,
            };
            orgs.iter().map(why).collect()
        }
        "ops-merge" => {
            let why = |org| relocations::against_pair(&of, org, Mandate::Operators);
            orgs.iter().map(why).collect()
        }
        "ops-relocate" => {
            let found = orgs::against_moving_to(&mut v.cx, &of, orgs, Mandate::Operators).await?;
            found.into_iter().map(|why| why.map(|r| r.message)).collect()
        }
        _ => nothing(),
    })
}

fn top(org: &OrgRef, what: &str) -> Option<String> {
    (org.depth() == 1).then(|| format!("团中央不能{what}。"))
}

fn not_frozen(org: &OrgRef) -> Option<String> {
    (!orgs::is_frozen(&org.path, org.category))
        .then(|| "它的信息由本组织或直接上级修改，不用系统运营办理。".to_owned())
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
            ("of", &self.asked.of),
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
