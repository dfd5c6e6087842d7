//! 合并与拆分 of direct children: one page that counts and names, then the act.

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Form, Query},
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

/// What stands in the address of a merger.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct MergeChoice {
    /// 组织码 of the child that goes up in the other one.
    from: String,
    /// 组织码 of the other one.
    into: String,
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
    children: Vec<String>,
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
    /// With which it can be merged.
    sisters: Vec<Sister>,
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
    let fits = |c: &orgs::Child| {
        c.code != from.code
            && c.category.owns_members() == from.category.owns_members()
            && !matches!(c.category, Category::Holding | Category::Graduate)
    };
    let sisters =
        all.rows.into_iter().filter(fits).map(|c| Sister { code: c.code, name: c.short_name });
    let sisters: Vec<Sister> = sisters.collect();
    let view = if q.into.trim().is_empty() {
        None
    } else {
        let m = relocations::merge_preview(&mut v.cx, &from.code, q.into.trim()).await?;
        Some(MergeView {
            into: m.into.short_name,
            into_code: m.into.code,
            children: m.children,
            orgs: m.orgs,
            members: m.members,
            cadres: m.cadres,
            administrators: m.administrators,
            against: m.against,
        })
    };
    let page = MergePage {
        frame: v.frame("合并下级组织", "/children").await?,
        is_branch: from.category.owns_members(),
        from: from.code,
        name: from.short_name,
        sisters,
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
    name: String,
    /// Members are chosen, not children.
    of_people: bool,
    picks: Vec<PickView>,
    short_name: String,
    /// Filled in when everything was judged and only the confirmation is missing.
    full_name: String,
    /// How many of the chosen ones lose a post.
    posts: usize,
    #[serde(skip)]
    base: String,
}
page!(SplitPage);

impl SplitPage {
    fn chosen(&self) -> usize {
        self.picks.iter().filter(|p| p.chosen).count()
    }
}

/// A split; `confirm` after its page was seen.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SplitForm {
    from: String,
    short_name: String,
    /// Codes of children or people.
    picks: Vec<String>,
    #[serde(deserialize_with = "crate::form::tick")]
    confirm: bool,
}

/// `GET /o/{org}/children/split`.
pub async fn split_form(mut v: Visit, Query(q): Query<SplitChoice>) -> Result<Answer, Failure> {
    let page = blank(&mut v, &SplitForm { from: q.from, ..SplitForm::default() }).await?;
    v.show(page).await
}

/// `POST /o/{org}/children/split`: first the page that names everything, then the act.
pub async fn split(mut v: Visit, Form(f): Form<SplitForm>) -> Result<Answer, Failure> {
    let from = f.from.trim();
    let judged = if f.confirm {
        relocations::split(&mut v.cx, from, &f.short_name, &f.picks).await.map(Ok)
    } else {
        relocations::split_check(&mut v.cx, from, &f.short_name, &f.picks).await.map(Err)
    };
    match judged {
        Ok(Ok(done)) => {
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
        Ok(Err(checked)) => {
            let mut page = blank(&mut v, &f).await?;
            page.full_name = checked.full_name;
            page.posts = checked.picks.iter().filter(|p| p.post.is_some()).count();
            page.picks.retain(|p| p.chosen);
            v.show(page).await
        }
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut page = blank(&mut v, &f).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}

async fn blank(v: &mut Visit, f: &SplitForm) -> Result<SplitPage, Failure> {
    let base = v.base()?;
    let found = relocations::split_choices(&mut v.cx, f.from.trim()).await?;
    let view = |p: relocations::Pick| PickView {
        chosen: f.picks.contains(&p.code),
        note: [p.post.unwrap_or_default(), p.why_not.to_owned()].join(" ").trim().to_owned(),
        closed: !p.why_not.is_empty(),
        code: p.code,
        name: p.name,
    };
    Ok(SplitPage {
        frame: v.frame("拆分下级组织", "/children").await?,
        from: found.org.code,
        name: found.org.short_name,
        of_people: found.of_people,
        picks: found.picks.into_iter().map(view).collect(),
        short_name: f.short_name.clone(),
        full_name: String::new(),
        posts: 0,
        base,
    })
}
