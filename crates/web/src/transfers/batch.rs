//! 批量办理 (B.6): what was ticked in 操作中心, with a branch for each or one for all, decided by one
//! button; then what became of each.

use super::show::BranchView;
use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Error, FieldError,
    business::machine::State,
    transfers::{self, Choice, Shown},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Options of all rows together, above which a row offers its suggestion and the common choice only:
/// a page stays small.
const MANY: usize = 300;

/// One that can be decided now.
#[derive(Serialize, JsonSchema)]
pub struct Item {
    pub no: String,
    pub version: i64,
    pub person: String,
    pub from: String,
    pub to: String,
    /// 同意转入, 同意转出, 同意并分配 or 分配.
    pub what: &'static str,
    /// Whether a branch is chosen for it.
    pub allocates: bool,
    /// Whether it may be agreed to without a branch.
    pub later: bool,
    pub branches: Vec<BranchView>,
    /// 组织码 of the branch that is suggested.
    pub suggested: String,
    /// What is chosen on the form: a branch, `all` for the common one, empty for later.
    pub chosen: String,
}
/// One that can't.
#[derive(Serialize, JsonSchema)]
pub struct Left {
    pub no: String,
    pub person: String,
    pub why: String,
}
/// What became of one.
#[derive(Serialize, JsonSchema)]
pub struct Result1 {
    pub no: String,
    pub person: String,
    pub done: bool,
    pub says: String,
}

/// 批量办理.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "transfers/batch.html")]
pub struct Batch {
    #[serde(skip)]
    frame: Frame,
    items: Vec<Item>,
    left: Vec<Left>,
    /// Branches for all of them at once.
    branches: Vec<BranchView>,
    /// The one that is chosen for all that say so.
    all: String,
    /// What became of each, after the decision.
    results: Option<Vec<Result1>>,
    #[serde(skip)]
    base: String,
}
page!(Batch);

impl Batch {
    fn done(&self) -> usize {
        self.results.iter().flatten().filter(|r| r.done).count()
    }
    fn not_done(&self) -> usize {
        self.results.iter().flatten().filter(|r| !r.done).count()
    }
    fn allocates(&self) -> bool {
        self.items.iter().any(|i| i.allocates)
    }
}
impl Item {
    fn suggests(&self, branch: &BranchView) -> bool {
        self.suggested == branch.code
    }
    fn field(&self) -> String {
        format!("b.{}", self.no)
    }
    /// What becomes of her when nothing else is chosen on the form.
    fn choose(&mut self, typed: Option<&str>) {
        let preset = if self.suggested.is_empty() { "all" } else { &self.suggested };
        self.chosen = typed.unwrap_or(preset).to_owned();
    }
}

/// What was ticked, or the ticket of the results.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ticked {
    /// 业务编号.
    no: Vec<String>,
    /// The ticket of the results.
    r: String,
}

/// The decisions: `v.{no}` the version that was read, `b.{no}` the branch (`all` for the common
/// one, empty for none).
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BatchForm {
    /// 组织码 of the branch for all that say so.
    all: String,
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

impl BatchForm {
    fn branch_of(&self, no: &str) -> Option<&str> {
        self.rest.get(&format!("b.{no}")).map(String::as_str)
    }
    fn numbers(&self) -> impl Iterator<Item = &str> {
        self.rest.keys().filter_map(|key| key.strip_prefix("v."))
    }
    fn choices(&self) -> Vec<Choice> {
        let version = |(key, value): (&String, &String)| {
            let no = key.strip_prefix("v.")?;
            let branch = match self.branch_of(no) {
                Some("all") => Some(self.all.clone()),
                Some(code) => Some(code.to_owned()),
                None => None,
            };
            let branch = branch.filter(|code| !code.is_empty());
            Some(Choice { no: no.to_owned(), version: value.parse().ok()?, branch })
        };
        self.rest.iter().filter_map(version).collect()
    }
}

/// `GET /o/{org}/inbox/batch`.
pub async fn show(mut v: Visit, Query(q): Query<Ticked>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let mut page = Batch {
        frame: v.frame("批量办理", "/inbox").await?,
        items: Vec::new(),
        left: Vec::new(),
        branches: Vec::new(),
        all: String::new(),
        results: None,
        base,
    };
    if !q.r.is_empty() {
        let found = transfers::results(&mut v.cx, &q.r).await?;
        page.results = Some(found.into_iter().map(result).collect());
        return v.show(page).await;
    }
    fill(&mut v, &mut page, q.no).await?;
    v.show(page).await
}

/// Reads what was ticked into the page.
async fn fill(v: &mut Visit, page: &mut Batch, mut ticked: Vec<String>) -> Result<(), Failure> {
    ticked.sort_unstable();
    ticked.dedup();
    for no in ticked.iter().take(transfers::MOST) {
        match transfers::by_no(&mut v.cx, no).await {
            Ok(shown) => sort_in(v, page, shown).await?,
            Err(Error::NotFound) => {}
            Err(e) => return Err(e.into()),
        }
    }
    for item in &mut page.items {
        item.choose(None);
    }
    slim(page);
    Ok(())
}

/// What is wrong with the choices, at the field that says so: nothing is decided then.
async fn wrong_choices(
    v: &mut Visit,
    page: &Batch,
    form: &BatchForm,
) -> Result<Vec<FieldError>, Failure> {
    let mut wrong = Vec::new();
    let common = |item: &&Item| item.allocates && form.branch_of(&item.no) == Some("all");
    let with_common: Vec<&Item> = page.items.iter().filter(common).collect();
    if form.all.trim().is_empty() && !with_common.is_empty() {
        let says = format!(
            "有{}件选了“用统一的团支部”，请选择统一分配到哪个团支部，或在那几行另选。",
            with_common.len()
        );
        wrong.push(FieldError::new("all", "required", says));
    }
    for item in page.items.iter().filter(|item| item.allocates) {
        let own = form.branch_of(&item.no).unwrap_or_default();
        let code = if own == "all" { form.all.trim() } else { own.trim() };
        if code.is_empty() {
            if own != "all" && !item.later {
                let says = format!("请选择把{}分配到哪个团支部。", item.person);
                wrong.push(FieldError::new(&item.field(), "required", says));
            }
            continue;
        }
        if let Some(why) = against(v, &item.no, code).await? {
            let says = format!("{}：{why}", item.person);
            wrong.push(FieldError::new(&item.field(), "branch", says));
        }
    }
    Ok(wrong)
}

/// Why the person of a transfer can't be put into a branch.
async fn against(v: &mut Visit, no: &str, code: &str) -> Result<Option<&'static str>, Failure> {
    let branch = match app::orgs::by_code(&mut v.cx, code).await {
        Ok(branch) => branch,
        Err(Error::NotFound) => {
            return Ok(Some("没有这个团支部，可能已经撤销。请重新选择。"));
        }
        Err(e) => return Err(e.into()),
    };
    let found = transfers::against_branches(&mut v.cx, no, std::slice::from_ref(&branch)).await?;
    Ok(found.into_iter().next().flatten())
}

fn result(outcome: transfers::Outcome) -> Result1 {
    let transfers::Outcome { no, person_name, done, says } = outcome;
    Result1 { no, person: person_name, done, says }
}

async fn sort_in(v: &mut Visit, page: &mut Batch, shown: Shown) -> Result<(), Failure> {
    let (rights, t) = (shown.rights, &shown.transfer);
    if !(rights.approve || rights.allocate && t.state == State::PendingAlloc) {
        page.left.push(Left {
            why: why(v, &shown)?,
            no: t.no.clone(),
            person: t.person_name.clone(),
        });
        return Ok(());
    }
    let branches = if rights.allocate {
        super::show::branches_for(v, t, shown.suggested.as_deref().unwrap_or_default()).await?
    } else {
        Vec::new()
    };
    let what = match (rights.approve, rights.allocate, t.variant.comes_from_target()) {
        (false, ..) => "分配",
        (true, true, _) => "同意并分配",
        (true, false, false) => "同意转入",
        (true, false, true) => "同意转出",
    };
    for branch in &branches {
        if page.branches.iter().all(|b| b.code != branch.code) {
            page.branches.push(branch.clone());
        }
    }
    page.items.push(Item {
        no: t.no.clone(),
        version: t.version,
        person: t.person_name.clone(),
        from: t.from.short_name.clone(),
        to: t.to.short_name.clone(),
        what,
        allocates: rights.allocate,
        later: rights.approve,
        branches,
        suggested: shown.suggested.unwrap_or_default(),
        chosen: String::new(),
    });
    Ok(())
}

/// Why one can't be decided here.
fn why(v: &Visit, shown: &Shown) -> Result<String, Failure> {
    let t = &shown.transfer;
    Ok(if t.state.ended() {
        format!("已经办结({})。", t.state.label())
    } else if t.started_by == v.cx.visitor()?.person {
        "是你自己发起的,不能由你审批。".into()
    } else {
        format!("现在由 {} 办理。", t.holder().map_or("其他组织", |o| o.short_name.as_str()))
    })
}

/// With many rows and many branches every row keeps its suggestion only; the common choice offers
/// all of them.
fn slim(page: &mut Batch) {
    let options: usize = page.items.iter().map(|i| i.branches.len()).sum();
    if options <= MANY {
        return;
    }
    for item in &mut page.items {
        item.branches.retain(|b| b.code == item.suggested || b.code == item.chosen);
    }
}

/// `POST /o/{org}/inbox/batch`: each in a transaction of its own; leads on to what became of them.
pub async fn decide(mut v: Visit, Form(f): Form<BatchForm>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let mut page = Batch {
        frame: v.frame("批量办理", "/inbox").await?,
        items: Vec::new(),
        left: Vec::new(),
        branches: Vec::new(),
        all: f.all.clone(),
        results: None,
        base: base.clone(),
    };
    fill(&mut v, &mut page, f.numbers().map(str::to_owned).collect()).await?;
    let wrong = wrong_choices(&mut v, &page, &f).await?;
    if !wrong.is_empty() {
        for item in &mut page.items {
            item.choose(f.branch_of(&item.no));
        }
        page.frame.errors = wrong;
        return v.invalid(page).await;
    }
    let choices = f.choices();
    if choices.is_empty() {
        return Err(Error::field("no", "required", "请先在待办里勾选要办理的申请。").into());
    }
    let (house, who, origin) = (v.cx.house().clone(), v.cx.who().clone(), v.cx.origin().clone());
    let paused = v.pause().await?;
    let outcomes = transfers::decide_many(&house, &who, &origin, &choices).await;
    let mut v = paused.resume().await?;
    let ticket = transfers::keep_results(&mut v.cx, &outcomes).await?;
    let done = outcomes.iter().filter(|o| o.done).count();
    let data = serde_json::json!({
        "done": done,
        "not_done": outcomes.len() - done,
        "results": outcomes,
    });
    v.done_with(format!("{base}/inbox/batch?r={ticket}"), "", data).await
}
