//! 办理转入 (A34): name and ID number, both posted and exact; then why, check, submit. Whoever was
//! found stands behind a ticket, so that no number comes into an address.

use super::start::{Question, asked, chosen, reasons, way};
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
    Error, FieldError, OrgRef, imports,
    transfers::{self, LookedUp, NewIn, Origin},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const LABELS: [&str; 3] = ["查找团员", "填写原因", "核对并提交"];

/// Whom it is about, as far as it is told before the source agrees.
#[derive(Serialize, JsonSchema)]
pub struct Whom {
    pub name: String,
    /// Masked.
    pub id_number: String,
    /// From the root down to the present branch; empty where it is not told before the source agrees.
    pub path: Vec<String>,
}

/// 办理转入.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "transfers/in.html")]
pub struct In {
    #[serde(skip)]
    frame: Frame,
    /// 1 whom, 2 why.
    step: usize,
    /// The name as it was typed or stood in the row.
    name: String,
    #[serde(skip)]
    id_number: String,
    /// In the place of a number that was typed elsewhere.
    masked: String,
    /// Something to know before typing.
    notice: &'static str,
    whom: Option<Whom>,
    reason: String,
    where_to: String,
    questions: Vec<Question>,
    remark: String,
    reasons: Vec<(String, String)>,
    allocates: bool,
    #[serde(skip)]
    ticket: String,
    #[serde(skip)]
    again: String,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    labels: [&'static str; 3],
}
page!(In);

/// 核对.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "transfers/check_in.html")]
pub struct CheckIn {
    #[serde(skip)]
    frame: Frame,
    whom: Whom,
    /// From the root down to the organisation acted for.
    to: Vec<String>,
    reason: String,
    answers: Vec<super::show::Pair>,
    remark: String,
    /// Whether a branch is allocated after the source has agreed.
    allocates: bool,
    /// The branch that will be suggested then.
    branch: Option<String>,
    #[serde(skip)]
    sent: Vec<(String, String)>,
    #[serde(skip)]
    edit: String,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    labels: [&'static str; 3],
}
page!(CheckIn);

/// The steps so far.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Choice {
    /// The ticket of whoever was found.
    t: String,
    /// 业务编号 of a 转入 that is begun once more.
    again: String,
    /// Code of the reason.
    reason: String,
}

/// Who is looked for.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WhoForm {
    name: String,
    id_number: String,
    /// Instead of the number: the ticket of a number that was typed elsewhere.
    ticket: String,
}

/// A 转入 to be begun; what the reason asks stands beside these by its code.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InForm {
    /// The ticket of whoever was found.
    ticket: String,
    /// 业务编号 of a 转入 that is begun once more, instead of the ticket.
    again: String,
    /// Code of the reason.
    reason: String,
    remark: String,
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}

fn origin(ticket: &str, again: &str) -> Origin {
    match again {
        "" => Origin::Ticket(ticket.to_owned()),
        no => Origin::Again(no.to_owned()),
    }
}

impl From<InForm> for NewIn {
    fn from(f: InForm) -> Self {
        let origin = origin(&f.ticket, &f.again);
        Self { origin, reason: f.reason, fields: f.fields, remark: f.remark }
    }
}

async fn blank(v: &mut Visit) -> Result<In, Failure> {
    let allocates = !v.cx.org()?.category.owns_members();
    Ok(In {
        frame: v.frame("办理转入", "/transfers/in/new").await?,
        step: 1,
        name: String::new(),
        id_number: String::new(),
        masked: String::new(),
        notice: "",
        whom: None,
        reason: String::new(),
        where_to: String::new(),
        questions: Vec::new(),
        remark: String::new(),
        reasons: Vec::new(),
        allocates,
        ticket: String::new(),
        again: String::new(),
        base: v.base()?,
        labels: LABELS,
    })
}

/// `GET /o/{org}/transfers/in/new`.
pub async fn new(
    mut v: Visit,
    Query(q): Query<Choice>,
    Query(c): Query<Carried>,
) -> Result<Answer, Failure> {
    if let Some(f) = v.carried::<InForm>(&c.draft).await? {
        if !c.edit {
            return checking(v, f, Some(&c.draft)).await;
        }
        let mut new = NewIn::from(f);
        if !q.reason.is_empty() {
            new.reason = q.reason;
        }
        let page = why(&mut v, &new).await?;
        return v.show(page).await;
    }
    if q.t.is_empty() && q.again.is_empty() {
        let page = blank(&mut v).await?;
        return v.show(page).await;
    }
    if !q.again.is_empty() {
        let mut new = transfers::again_in(&mut v.cx, &q.again).await?;
        if !q.reason.is_empty() {
            new.reason = q.reason;
        }
        let page = why(&mut v, &new).await?;
        return v.show(page).await;
    }
    let page = match transfers::lead(&mut v.cx, &q.t).await {
        Ok(lead) if lead.agreed => {
            let new = NewIn {
                origin: origin(&q.t, ""),
                reason: q.reason,
                fields: BTreeMap::new(),
                remark: String::new(),
            };
            why(&mut v, &new).await?
        }
        Ok(lead) => {
            let mut page = named(&mut v, &lead, &q.t).await?;
            if lead.missed {
                page.frame.errors = vec![mismatch("name", None)];
            }
            page
        }
        Err(Error::Gone) => run_out(&mut v).await?,
        Err(e) => return Err(e.into()),
    };
    v.show(page).await
}

/// The first step for whoever took longer than a ticket lives.
async fn run_out(v: &mut Visit) -> Result<In, Failure> {
    let mut page = blank(v).await?;
    page.notice = "刚才的查找结果已过期,请重新输入姓名和证件号。";
    Ok(page)
}

/// The first step when the number is known and the name is asked.
async fn named(v: &mut Visit, lead: &transfers::Lead, ticket: &str) -> Result<In, Failure> {
    let mut page = blank(v).await?;
    page.name.clone_from(&lead.name);
    page.masked = transfers::masked(&mut v.cx, lead).await?;
    page.ticket = ticket.to_owned();
    Ok(page)
}

/// The second step; E04, E17 and what else stands against it are the answer already.
async fn why(v: &mut Visit, new: &NewIn) -> Result<In, Failure> {
    let found = transfers::candidate(&mut v.cx, &new.origin).await?;
    let mut page = blank(v).await?;
    page.step = 2;
    page.whom = Some(Whom {
        path: place(v, found.from.as_ref()).await?,
        name: found.name,
        id_number: found.id_number,
    });
    match &new.origin {
        Origin::Ticket(ticket) => page.ticket.clone_from(ticket),
        Origin::Again(no) => page.again.clone_from(no),
    }
    page.reasons = reasons();
    page.remark.clone_from(&new.remark);
    if let Some(reason) = chosen(&new.reason) {
        page.reason.clone_from(&reason.code);
        page.where_to.clone_from(&reason.where_to);
        page.questions = asked(reason, &new.fields);
    }
    Ok(page)
}

async fn place(v: &mut Visit, from: Option<&OrgRef>) -> Result<Vec<String>, Failure> {
    match from {
        Some(from) => way(v, &from.path).await,
        None => Ok(Vec::new()),
    }
}

/// E05. `left`: how many tries are left before the pause.
fn mismatch(field: &str, left: Option<i64>) -> FieldError {
    let then = match left {
        Some(0) => "已连续 5 次不符,请 30 分钟后再试。".to_owned(),
        Some(left) => format!("为保护隐私,连续 5 次不符将暂停 30 分钟,还可以试 {left} 次。"),
        None => "为保护隐私,连续 5 次不符将暂停 30 分钟。".to_owned(),
    };
    let says =
        format!("姓名与证件号对不上。请核对(少数民族姓名中的“·”、生僻字、证件号末位 X)。{then}");
    FieldError::new(field, "E05", says)
}

/// `POST /o/{org}/transfers/in/person`: looks for somebody; leads on to the reason.
pub async fn find(mut v: Visit, Form(f): Form<WhoForm>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let said = if f.ticket.is_empty() {
        transfers::by_number(&mut v.cx, &f.name, &f.id_number).await
    } else {
        transfers::by_name(&mut v.cx, &f.ticket, &f.name).await
    };
    match said {
        Ok(LookedUp::Found(ticket)) => {
            let data = serde_json::json!({ "ticket": ticket });
            v.done_with(format!("{base}/transfers/in/new?t={ticket}"), "", data).await
        }
        Ok(LookedUp::Missed { left }) => {
            let field = if f.ticket.is_empty() { "id_number" } else { "name" };
            let mut page = once_more(&mut v, f).await?;
            page.frame.errors = vec![mismatch(field, Some(left))];
            v.invalid_but_counted(page).await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = once_more(&mut v, f).await?;
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}

/// The first step with everything that was typed.
async fn once_more(v: &mut Visit, f: WhoForm) -> Result<In, Failure> {
    let mut page = if f.ticket.is_empty() {
        blank(v).await?
    } else {
        let lead = transfers::lead(&mut v.cx, &f.ticket).await?;
        named(v, &lead, &f.ticket).await?
    };
    page.name = f.name;
    page.id_number = f.id_number;
    Ok(page)
}

/// `POST /o/{org}/transfers/in/new`: the answers once more, to be checked by whoever gave them.
pub async fn check(v: Visit, Form(f): Form<InForm>) -> Result<Answer, Failure> {
    checking(v, f, None).await
}

/// Judges what was given. What was just sent gets an address of its own, where it is shown.
async fn checking(mut v: Visit, f: InForm, draft: Option<&str>) -> Result<Answer, Failure> {
    let (ticket, again) = (f.ticket.clone(), f.again.clone());
    let new = NewIn::from(f);
    let checked = match transfers::check_in(&mut v.cx, &new).await {
        Ok(checked) => checked,
        Err(e @ (Error::Invalid(_) | Error::Gone)) => return wrong(v, &new, e).await,
        Err(e) => return Err(e.into()),
    };
    let base = v.base()?;
    if draft.is_none() && v.walks() {
        return v.carry(&format!("{base}/transfers/in/new")).await;
    }
    let found = transfers::candidate(&mut v.cx, &new.origin).await?;
    let own =
        [("ticket", ticket), ("again", again), ("reason", new.reason), ("remark", new.remark)];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    let pair = |(label, value)| super::show::Pair { label, value };
    let page = CheckIn {
        frame: v.frame("核对转入", "/transfers/in/new").await?,
        whom: Whom {
            path: place(&mut v, found.from.as_ref()).await?,
            name: found.name,
            id_number: found.id_number,
        },
        to: way(&mut v, &checked.to.path).await?,
        allocates: checked.variant.allocates(),
        branch: checked.wish.as_ref().map(|branch| branch.short_name.clone()),
        reason: checked.reason.name.clone(),
        answers: checked.fields.into_iter().map(pair).collect(),
        remark: checked.remark,
        sent: own.chain(new.fields).collect(),
        edit: format!("{base}/transfers/in/new?edit=1&draft={}", draft.unwrap_or_default()),
        base,
        labels: LABELS,
    };
    v.show(page).await
}

/// `POST /o/{org}/transfers/in`. The row of an import that led here is marked as handed over.
pub async fn create(mut v: Visit, Form(f): Form<InForm>) -> Result<Answer, Failure> {
    let new = NewIn::from(f);
    let (begun, row) = match transfers::start_in(&mut v.cx, &new).await {
        Ok(begun) => begun,
        Err(e @ (Error::Invalid(_) | Error::Gone)) => return wrong(v, &new, e).await,
        Err(e) => return Err(e.into()),
    };
    let mut said = "已提交转入申请,原支部会收到提醒;10 天内未审批会自动退回。".to_owned();
    if let Some(row) = row {
        imports::fix::hand_over(&mut v.cx, row, &begun.no).await?;
        said.push_str("导入名单里的这一行已标记为“已改为转入申请”。");
    }
    let to = format!("{}/t/{}", v.base()?, begun.no);
    v.done_with(to, said, serde_json::json!({ "no": begun.no, "version": 1 })).await
}

/// The form once more, with everything typed and what is wrong.
async fn wrong(mut v: Visit, new: &NewIn, error: Error) -> Result<Answer, Failure> {
    if v.face() == Face::Json {
        return Err(error.into());
    }
    if matches!(error, Error::Gone) {
        let page = run_out(&mut v).await?;
        return v.invalid(page).await;
    }
    let mut page = why(&mut v, new).await?;
    if let Error::Invalid(errors) = error {
        page.frame.errors = errors;
    }
    v.invalid(page).await
}
