//! 合并与拆分 of direct children: one page that counts and names, then the act.

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Carried, Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error,
    orgs::{self, Category},
    relocations::{self, Posts},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Choices on a page; a longer list of sisters is searched in the picker instead.
const SIZE: usize = 200;
/// Names that a page tells; the rest is a number.
const TOLD: usize = 20;

/// `甲、乙、丙等 340 个`.
fn told(names: &[String], what: &str) -> String {
    let first = names.iter().take(TOLD).cloned().collect::<Vec<_>>().join("、");
    if names.len() > TOLD { format!("{first}等 {} {what}", names.len()) } else { first }
}

/// What stands against it, the first of many.
fn told_against(mut against: Vec<String>) -> Vec<String> {
    let more = against.len().saturating_sub(TOLD);
    if more > 0 {
        against.truncate(TOLD);
        against.push(format!("还有 {more} 处,处理后再看。"));
    }
    against
}

/// What stands in the address of a merger.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MergeChoice {
    /// 组织码 of the child that goes up in the other one.
    from: String,
    /// 组织码 of the other one.
    into: String,
    /// The same, as the picker brings it back.
    to: String,
}

/// A direct child as a choice.
#[derive(Serialize, JsonSchema)]
pub struct Sister {
    code: String,
    name: String,
}

/// What a merger does.
#[derive(Serialize, JsonSchema)]
pub struct MergeView {
    into: String,
    into_code: String,
    children: usize,
    /// The first of them by name.
    names: String,
    orgs: i64,
    members: i64,
    cadres: i64,
    administrators: i64,
    against: Vec<String>,
}

/// 合并.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "relocations/merge.html")]
pub struct MergePage {
    #[serde(skip)]
    frame: Frame,
    from: String,
    name: String,
    is_branch: bool,
    /// With which it can be merged; empty when there are so many that one is searched.
    sisters: Vec<Sister>,
    /// Where one is searched.
    picker: Option<String>,
    view: Option<MergeView>,
    #[serde(skip)]
    base: String,
}
page!(MergePage);

/// `GET /o/{org}/children/merge`.
pub async fn merge_form(mut v: Visit, Query(q): Query<MergeChoice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let from = orgs::by_code(&mut v.cx, q.from.trim()).await?;
    if !v.cx.may(app::Action::ReshapeChildren, &from.path) {
        return Err(Error::NotFound.into());
    }
    let above = v.cx.org()?.clone();
    let all = orgs::children(&mut v.cx, &above, None, 200).await?;
    let many = all.next.is_some();
    let fits = |c: &orgs::Child| {
        c.code != from.code
            && c.category.owns_members() == from.category.owns_members()
            && !matches!(c.category, Category::Holding | Category::Graduate)
    };
    let sisters = all
        .rows
        .into_iter()
        .filter(|c| !many && fits(c))
        .map(|c| Sister { code: c.code, name: c.short_name });
    let sisters: Vec<Sister> = sisters.collect();
    let picker = many.then(|| {
        let kind = if from.category.owns_members() { "branch" } else { "body" };
        let back = format!("{base}/children/merge?from={}", from.code);
        let query = [
            ("for", "merge"),
            ("of", &from.code),
            ("kind", kind),
            ("under", &above.code),
            ("back", &back),
        ];
        format!("{base}/picker?{}", serde_html_form::to_string(query).unwrap_or_default())
    });
    let into = if q.into.trim().is_empty() { q.to.trim() } else { q.into.trim() };
    let view = if into.is_empty() {
        None
    } else {
        let m = relocations::merge_preview(&mut v.cx, &from.code, into).await?;
        Some(MergeView {
            into: m.into.short_name,
            into_code: m.into.code,
            names: told(&m.children, "个"),
            children: m.children.len(),
            orgs: m.orgs,
            members: m.members,
            cadres: m.cadres,
            administrators: m.administrators,
            against: told_against(m.against),
        })
    };
    let page = MergePage {
        frame: v.frame("合并下级组织", "/children").await?,
        is_branch: from.category.owns_members(),
        from: from.code,
        name: from.short_name,
        sisters,
        picker,
        view,
        base,
    };
    v.show(page).await
}

/// A merger.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MergeForm {
    from: String,
    into: String,
    /// `end` or `carry`.
    posts: String,
}

/// `POST /o/{org}/children/merge`.
pub async fn merge(mut v: Visit, Form(f): Form<MergeForm>) -> Result<Answer, Failure> {
    let posts = Posts::from_code(&f.posts).unwrap_or_default();
    let done = relocations::merge(&mut v.cx, f.from.trim(), f.into.trim(), posts).await?;
    let said = format!(
        "合并完成:{} 名团员、{} 个直属下级已转到“{}”,原组织已撤销。",
        done.members, done.children, done.into.short_name
    );
    let to = format!("{}/orgs/{}", v.base()?, done.into.code);
    let data = serde_json::json!({ "into": done.into.code, "members": done.members, "children": done.children, "posts": done.posts });
    v.done_with(to, said, data).await
}

/// What stands in the address of a split.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SplitChoice {
    /// 组织码 of the child.
    from: String,
}

/// A child or member that can be chosen.
#[derive(Serialize, JsonSchema)]
pub struct PickView {
    code: String,
    name: String,
    note: String,
    chosen: bool,
    closed: bool,
}

/// 拆分.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "relocations/split.html")]
pub struct SplitPage {
    #[serde(skip)]
    frame: Frame,
    from: String,
    org_name: String,
    /// Members are chosen, not children.
    of_people: bool,
    /// Of this page.
    picks: Vec<PickView>,
    /// Codes that were chosen on other pages, with spaces between them.
    kept: String,
    /// How many are chosen, on all pages.
    chosen: usize,
    /// Names of the first ones, once everything was judged.
    names: String,
    /// What the list is narrowed to.
    name: String,
    /// How many fit that.
    fitting: usize,
    /// From 1.
    page: usize,
    pages: usize,
    short_name: String,
    /// Filled in when everything was judged and only the confirmation is missing.
    full_name: String,
    /// How many of the chosen ones lose a post.
    posts: usize,
    #[serde(skip)]
    base: String,
}
page!(SplitPage);

/// A split; `confirm` after its page was seen.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SplitForm {
    from: String,
    short_name: String,
    /// Codes of children or people.
    picks: Vec<String>,
    /// More of them, from other pages, with spaces between them.
    kept: String,
    /// Narrows the list: part of a name.
    name: String,
    /// To what the page that was shown was narrowed; somebody who presses Enter means to search.
    named: String,
    /// The page that was shown, from 1.
    page: usize,
    /// Instead of going on: `find`, `next`, `back`, `edit`, or `all` and `none` of what fits.
    go: String,
    #[serde(deserialize_with = "crate::form::tick")]
    confirm: bool,
}

impl SplitForm {
    /// Somebody who changed the search box and presses Enter means to search.
    fn searches(&self) -> bool {
        self.name.trim() != self.named.trim()
    }
    /// Everything that is chosen, on whichever page.
    fn all_picks(&self) -> Vec<String> {
        let kept = self.kept.split_whitespace().map(str::to_owned);
        let all: BTreeSet<String> = self.picks.iter().cloned().chain(kept).collect();
        all.into_iter().collect()
    }
}

/// `GET /o/{org}/children/split`.
pub async fn split_form(
    mut v: Visit,
    Query(q): Query<SplitChoice>,
    Query(c): Query<Carried>,
) -> Result<Answer, Failure> {
    if let Some(f) = v.carried::<SplitForm>(&c.draft).await? {
        return if f.go.is_empty() && !f.searches() && !c.edit {
            checking(v, f).await
        } else {
            let page = blank(&mut v, &f).await?;
            v.show(page).await
        };
    }
    let page = blank(&mut v, &SplitForm { from: q.from, ..SplitForm::default() }).await?;
    v.show(page).await
}

/// `POST /o/{org}/children/split`: turning pages and the page that names everything, each at an
/// address of its own; then the act.
pub async fn split(mut v: Visit, Form(f): Form<SplitForm>) -> Result<Answer, Failure> {
    let is_person = v.face() != Face::Json;
    if !f.go.is_empty() && is_person {
        return turned(v).await;
    }
    if !f.confirm {
        if is_person && f.searches() {
            return turned(v).await;
        }
        if is_person {
            let picks = f.all_picks();
            match relocations::split_check(&mut v.cx, f.from.trim(), &f.short_name, &picks).await {
                Ok(_) => return turned(v).await,
                Err(e) => return not_split(v, &f, e).await,
            }
        }
        return checking(v, f).await;
    }
    match relocations::split(&mut v.cx, f.from.trim(), &f.short_name, &f.all_picks()).await {
        Ok(done) => {
            let what =
                if done.org.category.owns_members() { "名团员" } else { "个下级组织" };
            let said = format!(
                "已新建“{}”,{} {what}已转过去。要撤回,可以把它合并回“{}”。",
                done.sister.short_name, done.moved, done.org.short_name
            );
            let to = format!("{}/orgs/{}", v.base()?, done.sister.code);
            let data = serde_json::json!({ "code": done.sister.code, "moved": done.moved });
            v.done_with(to, said, data).await
        }
        Err(e) => not_split(v, &f, e).await,
    }
}

async fn turned(v: Visit) -> Result<Answer, Failure> {
    let to = format!("{}/children/split", v.base()?);
    v.carry(&to).await
}

/// The page that names everything before it is done.
async fn checking(mut v: Visit, f: SplitForm) -> Result<Answer, Failure> {
    let picks = f.all_picks();
    let from = f.from.trim();
    match relocations::split_check(&mut v.cx, from, &f.short_name, &picks).await {
        Ok(checked) => {
            let mut page = blank(&mut v, &f).await?;
            page.full_name = checked.full_name;
            page.posts = checked.picks.iter().filter(|p| p.post.is_some()).count();
            let names: Vec<String> = checked.picks.into_iter().map(|p| p.name).collect();
            page.chosen = names.len();
            page.names = told(&names, if page.of_people { "人" } else { "个" });
            page.kept = picks.join(" ");
            page.picks.clear();
            v.show(page).await
        }
        Err(e) => not_split(v, &f, e).await,
    }
}

/// The form once more with everything chosen and what is wrong.
async fn not_split(mut v: Visit, f: &SplitForm, error: Error) -> Result<Answer, Failure> {
    match error {
        Error::Invalid(errors) if v.face() != Face::Json => {
            let mut page = blank(&mut v, f).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        e => Err(e.into()),
    }
}

async fn blank(v: &mut Visit, f: &SplitForm) -> Result<SplitPage, Failure> {
    let base = v.base()?;
    let found = relocations::split_choices(&mut v.cx, f.from.trim()).await?;
    let mut chosen: BTreeSet<String> = f.all_picks().into_iter().collect();
    let name = f.name.trim();
    let fitting: Vec<&relocations::Pick> =
        found.picks.iter().filter(|p| p.name.contains(name)).collect();
    for pick in fitting.iter().filter(|p| p.why_not.is_empty()) {
        match f.go.as_str() {
            "all" => drop(chosen.insert(pick.code.clone())),
            "none" => drop(chosen.remove(&pick.code)),
            _ => {}
        }
    }
    let pages = fitting.len().div_ceil(SIZE).max(1);
    let page = match f.go.as_str() {
        "" if f.searches() => 1,
        "find" => 1,
        "next" => f.page + 1,
        "back" => f.page.saturating_sub(1),
        _ => f.page,
    };
    let page = page.clamp(1, pages);
    let shown = fitting.iter().skip((page - 1) * SIZE).take(SIZE);
    let picks: Vec<PickView> = shown
        .map(|p| PickView {
            chosen: chosen.contains(&p.code),
            note: [p.post.as_deref().unwrap_or_default(), p.why_not].join(" ").trim().to_owned(),
            closed: !p.why_not.is_empty(),
            code: p.code.clone(),
            name: p.name.clone(),
        })
        .collect();
    let here: BTreeSet<&str> = picks.iter().map(|p| p.code.as_str()).collect();
    let kept = chosen.iter().map(String::as_str).filter(|code| !here.contains(code));
    Ok(SplitPage {
        frame: v.frame("拆分下级组织", "/children").await?,
        kept: kept.collect::<Vec<_>>().join(" "),
        chosen: chosen.len(),
        names: String::new(),
        name: name.to_owned(),
        fitting: fitting.len(),
        page,
        pages,
        from: found.org.code.clone(),
        org_name: found.org.short_name.clone(),
        of_people: found.of_people,
        picks,
        short_name: f.short_name.clone(),
        full_name: String::new(),
        posts: 0,
        base,
    })
}
