//! The first administrator of an empty database: a one-time link that `serve` prints. She names the
//! root of the tree (a school's committee, or 团中央) and becomes its administrator and operator.

use super::{password, sessions, sql};
use crate::{
    Action, Cx, Error, FieldError, House, OrgRef, Refusal, Result, Who, act,
    clock::{DAY, day},
    events::Event,
    orgs::{self, Category, Root},
    people::{self, Outcome, PersonId},
    rules::{
        Rules,
        person::{Draft, RawCell, judge},
    },
    users::sessions::Device,
};

/// A fresh one-time code for `/setup`, or none when somebody has an account already.
pub async fn invite(house: &House) -> Result<Option<String>> {
    let mut cx = house.read(Who::System("setup")).await?;
    if sql::anybody(&mut cx).await? {
        return Ok(None);
    }
    drop(cx);
    let code = house.new_secret();
    let hash = house.keys().code_hash("setup", &code);
    let until = house.now() + 2 * DAY;
    act!(house, Who::System("setup"), |cx| {
        sql::keep_ticket(cx, hash, "setup", None, until).await
    })?;
    Ok(Some(code))
}

/// What the first administrator enters.
#[derive(Clone, Debug, Default)]
pub struct First {
    pub code: String,
    pub org_name: String,
    pub category: String,
    pub industry: String,
    pub province: String,
    pub name: String,
    pub id_number: String,
    pub password: String,
    pub again: String,
    /// Also make the province-level organs (C15), for a nation.
    pub provinces_too: bool,
}

/// Categories, industries and provinces to choose from, each `(key, words)`.
pub struct Choices {
    pub categories: Vec<(String, String)>,
    pub industries: Vec<(String, String)>,
    pub provinces: Vec<(String, String)>,
}

/// What the page offers.
pub fn choices() -> Choices {
    let tree = &Rules::builtin().tree;
    let kinds = [Category::Committee, Category::Lead, Category::Work, Category::General];
    Choices {
        categories: kinds.map(|c| (c.code().to_owned(), c.label().to_owned())).to_vec(),
        industries: tree
            .industries
            .iter()
            .map(|i| (i.code.clone(), format!("{} › {}", i.level1, i.level2)))
            .collect(),
        provinces: tree.provinces.iter().map(|p| (p.code.clone(), p.area.clone())).collect(),
    }
}

/// [`Error::Refused`] when the first administrator has come already.
pub async fn awaited(house: &House) -> Result<()> {
    let mut cx = house.read(Who::Nobody).await?;
    if sql::anybody(&mut cx).await? { Err(closed()) } else { Ok(()) }
}

/// [`Error::Refused`] unless the link still opens.
pub async fn is_open(house: &House, code: &str) -> Result<()> {
    let hash = house.keys().code_hash("setup", code);
    let mut cx = house.read(Who::Nobody).await?;
    sql::ticket(&mut cx, hash, "setup").await?.map(|_| ()).ok_or_else(closed)
}

/// Makes root, person, seat and account in one transaction and signs in; the session's secret.
pub async fn make(house: &House, first: &First, device: &Device) -> Result<String> {
    is_open(house, &first.code).await?;
    let root = root_of(first)?;
    if first.password != first.again {
        return Err(Error::field(
            "password_again",
            "password_again",
            "两次输入的密码不一样,请重新输入。",
        ));
    }
    let code = house.keys().code_hash("setup", &first.code);
    let hash = password::hash(house, &first.password).await?;
    let (root, hash) = (&root, &hash);
    act!(house, Who::System("setup"), |cx| {
        if !sql::spend_ticket(cx, code).await? || sql::anybody(cx).await? {
            return Err(closed());
        }
        let org = orgs::create_root(cx, root.clone()).await?;
        let person = enter(cx, &org, first).await?;
        let known = sql::known_person(cx, person).await?.ok_or_else(closed)?;
        password::judge(cx.house(), &known, &first.password, &first.again)?;
        sql::open_account(cx, person, hash, cx.now()).await?;
        if first.provinces_too && root.category == Category::Lead {
            provinces(cx, &org).await?;
        }
        sessions::open(cx, person, device).await
    })
}

fn root_of(first: &First) -> Result<Root> {
    let mut errors = Vec::new();
    let mut need = |field: &str, value: &str, message: &str| {
        if value.trim().is_empty() {
            errors.push(FieldError::new(field, "E10", message));
        }
    };
    need("org_name", &first.org_name, "请填写组织名称。");
    need("name", &first.name, "请填写姓名。");
    need("id_number", &first.id_number, "请填写证件号。");
    need("password", &first.password, "请填写密码。");
    let category = Category::from_code(&first.category);
    if category.is_none() {
        errors.push(FieldError::new("category", "E10", "请选择组织类别。"));
    }
    let Some(category) = category.filter(|_| errors.is_empty()) else {
        return Err(Error::Invalid(errors));
    };
    let province = if first.province.is_empty() { "00" } else { &first.province };
    Ok(Root {
        short_name: first.org_name.clone(),
        full_name: first.org_name.clone(),
        category,
        industry: Some(first.industry.clone()).filter(|i| !i.is_empty()),
        province: province.to_owned(),
    })
}

/// Enters the person as 书记 of the root and gives the seat and the operator's right.
async fn enter(cx: &mut Cx, org: &OrgRef, first: &First) -> Result<PersonId> {
    let draft = Draft {
        name: RawCell::text(&first.name),
        id_number: RawCell::text(&first.id_number),
        post: RawCell::text("书记"),
        ..Draft::default()
    };
    let today = day(cx.now());
    let judged = judge(&draft, &people::entry::place_of(org), today, Rules::builtin());
    let Some(person) = judged.person else {
        let field = |p: crate::rules::Problem| FieldError::new(p.column.key(), p.code, p.message);
        let forbids = judged.problems.into_iter().filter(crate::rules::Problem::forbids);
        return Err(Error::Invalid(forbids.map(field).collect()));
    };
    let permit = cx.permit(Action::AddMember, org)?;
    let outcome = people::add_many(cx, &permit, org, vec![person], None).await?.into_iter().next();
    let Some(Outcome::Added(id)) = outcome else { return Err(closed()) };
    sql::seat_first(cx, &permit, org, id).await?;
    let event = Event::new("org.first_admin", "org", org.id.0).about(id);
    cx.record(permit, event).await?;
    Ok(id)
}

async fn provinces(cx: &mut Cx, root: &OrgRef) -> Result<()> {
    for row in &Rules::builtin().tree.provinces {
        let new = orgs::New {
            short_name: row.short_name.clone(),
            full_name: Some(row.full_name.clone()),
            category: Category::Lead,
            industry: None,
        };
        orgs::create_child(cx, root, new).await?;
    }
    Ok(())
}

fn closed() -> Error {
    Error::refused(
        Refusal::new("setup_closed", "这个链接已经用过或超过两天。系统里已有管理员时请直接登录;没有的话,请重新启动程序,它会打印新的链接。")
            .way("去登录", "/login"),
    )
}
