//! 办理转出 (A35): who, to where, why, check, submit. The steps so far stand in the address as codes;
//! what is typed travels in the form only.

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
    Action, Error,
    people::list::{Filter, members, of_children},
    rules::{
        Rules,
        transfer::{Reason, Target},
    },
    transfers::{self, New},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Somebody who can be chosen.
#[derive(Serialize, JsonSchema)]
pub struct Candidate {
    pub code: String,
    pub name: String,
    pub id_masked: String,
    pub branch: String,
    /// 转接中 already.
    pub moving: bool,
}
/// What was chosen.
#[derive(Serialize, JsonSchema)]
pub struct Named {
    pub code: String,
    pub name: String,
    /// From the root down to the organisation; for the person, her branch.
    pub path: Vec<String>,
    /// 组织码 of the person's branch.
    #[serde(skip)]
    pub branch: String,
}
/// Something that the reason asks.
#[derive(Serialize, JsonSchema)]
pub struct Question {
    pub code: &'static str,
    pub label: &'static str,
    pub choices: Vec<(&'static str, &'static str)>,
    pub value: String,
}

/// 办理转出.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "transfers/new.html")]
pub struct Out {
    #[serde(skip)]
    frame: Frame,
    /// 1 who, 2 to where, 3 why.
    step: usize,
    /// Beginning of the name that is looked for.
    who: String,
    /// Whether the choice is among the members of a branch of one's own.
    of_branch: bool,
    people: Vec<Candidate>,
    person: Option<Named>,
    to: Option<Named>,
    /// Why the target that was chosen can't be.
    to_problem: String,
    reason: String,
    /// The destination rule of the reason, in a sentence.
    where_to: String,
    questions: Vec<Question>,
    remark: String,
    reasons: Vec<(String, String)>,
    #[serde(skip)]
    picker: String,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    labels: [&'static str; 4],
}
page!(Out);

impl Out {
    /// Why there is nobody to choose from, and who can help.
    fn nobody(&self) -> &'static str {
        match (self.who.trim().is_empty(), self.of_branch) {
            (true, true) => "本支部还没有团员。请先录入或导入团员。",
            (true, false) => {
                "直属的团支部里还没有团员。这里只办理直属团支部的团员;更下级支部的团员,请由该支部或它的直属上级办理。"
            }
            (false, true) => "本支部没有找到这样的团员。请核对姓名,或只输入姓。",
            (false, false) => {
                "直属的团支部里没有找到这样的团员。请核对姓名,或只输入姓;更下级支部的团员,请由该支部或它的直属上级办理。"
            }
        }
    }
}

/// 核对.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "transfers/check.html")]
pub struct Check {
    #[serde(skip)]
    frame: Frame,
    person: Named,
    to: Named,
    reason: String,
    answers: Vec<super::show::Pair>,
    remark: String,
    /// Whether the target allocates a branch.
    allocates: bool,
    #[serde(skip)]
    sent: Vec<(String, String)>,
    #[serde(skip)]
    edit: String,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    labels: [&'static str; 4],
}
page!(Check);

const LABELS: [&str; 4] = ["选团员", "选转入组织", "填写原因", "核对并提交"];

/// The steps so far.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Choice {
    /// Code of the person.
    person: String,
    /// 组织码 of the target.
    to: String,
    /// Code of the reason.
    reason: String,
    /// Beginning of a name.
    who: String,
    /// 业务编号 of a transfer that is begun once more.
    again: String,
}

/// A transfer to be begun; what the reason asks stands beside these by its code.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NewForm {
    /// Code of the person.
    person: String,
    /// 组织码 of the target.
    to: String,
    /// Code of the reason.
    reason: String,
    remark: String,
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}
impl From<NewForm> for New {
    fn from(f: NewForm) -> Self {
        Self { person: f.person, to: f.to, reason: f.reason, fields: f.fields, remark: f.remark }
    }
}

/// `GET /o/{org}/transfers/out/new`.
pub async fn new(
    mut v: Visit,
    Query(q): Query<Choice>,
    Query(c): Query<Carried>,
) -> Result<Answer, Failure> {
    let mut new = New::default();
    if let Some(f) = v.carried::<NewForm>(&c.draft).await? {
        if !c.edit {
            return checking(v, New::from(f), Some(&c.draft)).await;
        }
        new = New::from(f);
    }
    if !q.again.is_empty() {
        new = transfers::again(&mut v.cx, &q.again).await?;
    }
    for (given, at) in
        [(&q.person, &mut new.person), (&q.to, &mut new.to), (&q.reason, &mut new.reason)]
    {
        if !given.is_empty() {
            at.clone_from(given);
        }
    }
    let page = out(&mut v, &new, &q.who).await?;
    v.show(page).await
}

/// The page at the step that `new` has come to. E04 and E17 are said as soon as the person is known.
async fn out(v: &mut Visit, new: &New, who: &str) -> Result<Out, Failure> {
    let frame = v.frame("办理转出", "/transfers/out/new").await?;
    let base = v.base()?;
    let mut page = Out {
        frame,
        step: 1,
        who: who.to_owned(),
        of_branch: v.cx.org()?.category.owns_members(),
        people: Vec::new(),
        person: None,
        to: None,
        to_problem: String::new(),
        reason: String::new(),
        where_to: String::new(),
        questions: Vec::new(),
        remark: new.remark.clone(),
        reasons: Vec::new(),
        picker: String::new(),
        base,
        labels: LABELS,
    };
    if new.person.is_empty() {
        page.people = candidates(v, who).await?;
        return Ok(page);
    }
    if let Err(Error::Invalid(errors)) = checked(v, new).await? {
        page.to_problem = errors
            .into_iter()
            .find(|e| e.field == "to" && !new.to.is_empty())
            .map(|e| e.message)
            .unwrap_or_default();
    }
    page.person = Some(person(v, &new.person).await?);
    page.step = 2;
    let back = format!("{}/transfers/out/new?person={}", page.base, new.person);
    let branch = page.person.as_ref().map_or("", |p| p.branch.as_str());
    let query = [("for", "transfer"), ("of", branch), ("back", back.as_str())];
    let query = serde_html_form::to_string(query).unwrap_or_default();
    page.picker = format!("{}/picker?{query}", page.base);
    if new.to.is_empty() || !page.to_problem.is_empty() {
        return Ok(page);
    }
    page.to = Some(target(v, &new.to).await?);
    page.step = 3;
    questions(&mut page, new);
    Ok(page)
}

/// What stands against it: only wrong fields come back, everything else is the answer already.
async fn checked(v: &mut Visit, new: &New) -> Result<Result<transfers::Checked, Error>, Failure> {
    match transfers::check(&mut v.cx, new).await {
        Err(e @ Error::Invalid(_)) => Ok(Err(e)),
        Err(e) => Err(e.into()),
        Ok(checked) => Ok(Ok(checked)),
    }
}

async fn candidates(v: &mut Visit, who: &str) -> Result<Vec<Candidate>, Failure> {
    let org = v.cx.org()?.clone();
    let found = if org.category.owns_members() {
        let filter = Filter { q: who.trim().to_owned(), ..Filter::default() };
        members(&mut v.cx, &org, &filter, None, 50).await?.rows
    } else {
        of_children(&mut v.cx, &org, who, 50).await?
    };
    let mine = found.into_iter().filter(|r| v.cx.may(Action::StartTransferOut, &r.org_path));
    Ok(mine
        .map(|r| Candidate {
            code: r.code,
            name: r.name,
            id_masked: r.id_masked,
            branch: r.org_name,
            moving: r.moving,
        })
        .collect())
}

async fn person(v: &mut Visit, code: &str) -> Result<Named, Failure> {
    let person = app::people::person::card(&mut v.cx, code).await?;
    let branch = person.membership.as_ref().map(|m| m.org.clone());
    let (code, path) = branch.map(|b| (b.code, b.path)).unwrap_or_default();
    Ok(Named {
        code: person.code.clone(),
        name: person.name.clone(),
        path: way(v, &path).await?,
        branch: code,
    })
}

async fn target(v: &mut Visit, code: &str) -> Result<Named, Failure> {
    let org = app::orgs::by_code(&mut v.cx, code).await?;
    let path = way(v, &org.path).await?;
    Ok(Named { path, code: org.code, name: org.short_name, branch: String::new() })
}

pub(super) async fn way(v: &mut Visit, path: &str) -> Result<Vec<String>, Failure> {
    let names = app::orgs::names_to(&mut v.cx, path).await?;
    Ok(names.into_iter().map(|o| o.short_name).collect())
}

fn questions(page: &mut Out, new: &New) {
    page.reasons = reasons();
    let Some(reason) = chosen(&new.reason) else { return };
    page.reason.clone_from(&reason.code);
    page.where_to.clone_from(&reason.where_to);
    page.questions = asked(reason, &new.fields);
}

/// The reasons that lead to an organisation: code and name.
pub(super) fn reasons() -> Vec<(String, String)> {
    let all = Rules::builtin().transfer.reasons.iter();
    all.filter(|r| r.listed && r.target == Target::Org)
        .map(|r| (r.code.clone(), r.name.clone()))
        .collect()
}

/// One of these.
pub(super) fn chosen(code: &str) -> Option<&'static Reason> {
    Rules::builtin().transfer.reason(code).filter(|r| r.listed && r.target == Target::Org)
}

/// What a reason asks besides the remark, with what was answered so far.
pub(super) fn asked(reason: &'static Reason, given: &BTreeMap<String, String>) -> Vec<Question> {
    let asked = reason.fields.iter().filter(|code| *code != "remark");
    asked
        .filter_map(|code| Rules::builtin().transfer.field(code))
        .map(|field| Question {
            code: &field.code,
            label: &field.label,
            choices: field.choices.iter().map(|c| (c.as_str(), c.as_str())).collect(),
            value: given.get(&field.code).cloned().unwrap_or_default(),
        })
        .collect()
}

/// `POST /o/{org}/transfers/out/new`: the answers once more, to be checked by whoever gave them.
pub async fn check(v: Visit, Form(f): Form<NewForm>) -> Result<Answer, Failure> {
    checking(v, New::from(f), None).await
}

/// Judges what was given. What was just sent gets an address of its own, where it is shown.
async fn checking(mut v: Visit, new: New, draft: Option<&str>) -> Result<Answer, Failure> {
    let checked = match checked(&mut v, &new).await? {
        Ok(checked) => checked,
        Err(e) => return wrong(v, &new, e).await,
    };
    if draft.is_none() && v.face() != Face::Json {
        let to = format!("{}/transfers/out/new", v.base()?);
        return v.carry(&to).await;
    }
    let frame = v.frame("核对转出", "/transfers/out/new").await?;
    let base = v.base()?;
    let person = Named {
        code: checked.person_code,
        name: checked.person_name,
        path: way(&mut v, &checked.from.path).await?,
        branch: checked.from.code,
    };
    let to = Named {
        path: way(&mut v, &checked.to.path).await?,
        code: checked.to.code.clone(),
        name: checked.to.short_name.clone(),
        branch: String::new(),
    };
    let page = Check {
        frame,
        allocates: !checked.to.category.owns_members(),
        reason: checked.reason.name.clone(),
        answers: checked
            .fields
            .into_iter()
            .map(|(label, value)| super::show::Pair { label, value })
            .collect(),
        remark: checked.remark,
        sent: sent(&new),
        edit: format!("{base}/transfers/out/new?edit=1&draft={}", draft.unwrap_or_default()),
        person,
        to,
        base,
        labels: LABELS,
    };
    v.show(page).await
}

/// Everything that was given, to be sent again by the last button.
fn sent(new: &New) -> Vec<(String, String)> {
    let own = [
        ("person", &new.person),
        ("to", &new.to),
        ("reason", &new.reason),
        ("remark", &new.remark),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
    own.chain(new.fields.clone()).collect()
}

/// `POST /o/{org}/transfers`.
pub async fn create(mut v: Visit, Form(f): Form<NewForm>) -> Result<Answer, Failure> {
    let new = New::from(f);
    let begun = match transfers::start(&mut v.cx, &new).await {
        Ok(begun) => begun,
        Err(e @ Error::Invalid(_)) => return wrong(v, &new, e).await,
        Err(e) => return Err(e.into()),
    };
    let to = format!("{}/t/{}", v.base()?, begun.no);
    let said = "已提交转出申请,对方会收到提醒;10 天内未审批会自动退回。";
    v.done_with(to, said, serde_json::json!({ "no": begun.no, "version": 1 })).await
}

/// The form once more, with everything typed and what is wrong.
async fn wrong(mut v: Visit, new: &New, error: Error) -> Result<Answer, Failure> {
    if v.face() == Face::Json {
        return Err(error.into());
    }
    let mut page = out(&mut v, new, "").await?;
    if let Error::Invalid(errors) = error {
        page.frame.errors = errors;
    }
    v.invalid(page).await
}
