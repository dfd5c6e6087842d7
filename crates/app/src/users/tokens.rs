//! Personal tokens for programs (decision 14): of the person's own rights as much as she gives one,
//! for as long as the policy allows. A token is named, listed with its last use, and ended on the
//! page, by the command, or with a change of password.

pub use super::sql::Token;
use super::sql::{self, Living};
use crate::{
    Action, Cx, Error, FieldError, House, Result, Who, act,
    clock::{DAY, MINUTE, Millis, day},
    events::Event,
    orgs::OrgId,
    people::PersonId,
    rules::{Rules, id_number, policy::Tokens},
};

/// Every token begins so, which lets people (and scanners) recognise one that lies about.
const PREFIX: &str = "tjt_";

/// What a new token is for and what it allows.
#[derive(Clone, Debug)]
pub struct Wish {
    pub label: String,
    /// It may change things, not only read.
    pub writes: bool,
    /// 组织码 of the one organisation that it is good for; `None`: all of the person's.
    pub org: Option<String>,
    /// Days that it lives; `None`: as the policy says.
    pub days: Option<i64>,
}

fn policy() -> &'static Tokens {
    &Rules::builtin().policy.tokens
}

/// Days that a token lives when nothing is said, and at most.
pub fn days() -> (i64, i64) {
    (policy().default_days, policy().max_days)
}

pub(super) async fn find(cx: &mut Cx, token: &str) -> Result<Option<Living>> {
    let hash = cx.house().keys().code_hash("token", token.trim());
    sql::token(cx, hash).await
}

/// Notes that a token is in use. Called after the answer has gone out; writes at most once in ten
/// minutes and token, in a transaction of its own.
pub async fn touch(house: &House, token: &str) -> Result<()> {
    let mut cx = house.read(Who::System("token")).await?;
    let Some(known) = find(&mut cx, token).await? else { return Ok(()) };
    drop(cx);
    if known.used_at.is_some_and(|at| at > house.now() - 10 * MINUTE) {
        return Ok(());
    }
    act!(house, Who::System("token"), |cx| sql::touch_token(cx, known.id).await)
}

/// One's own living tokens, newest first.
pub async fn mine(cx: &mut Cx) -> Result<Vec<Token>> {
    let me = cx.visitor()?.person;
    sql::tokens(cx, me).await
}

/// Makes a token for oneself; the secret is shown once.
pub async fn make_own(cx: &mut Cx, wish: &Wish) -> Result<String> {
    let permit = cx.permit_own(Action::ManageOwnSignIns)?;
    let visitor = cx.visitor()?.clone();
    let until = judge(cx.now(), wish)?;
    let org = match &wish.org {
        None => None,
        Some(code) => {
            let own = visitor.grants.iter().find(|g| g.org.code == *code);
            let unknown = || Error::field("org", "E10", "请选择你有管理身份的组织。");
            Some(own.ok_or_else(unknown)?.org.id)
        }
    };
    let there = sql::tokens(cx, visitor.person).await?.len();
    if i64::try_from(there).unwrap_or(i64::MAX) >= policy().at_once {
        let most = policy().at_once;
        let said = format!("你已经有{most}个可用的令牌。请先停用不再需要的，再新建。");
        return Err(Error::field("label", "tokens_at_once", said));
    }
    let (secret, event) = insert(cx, visitor.person, wish, org, until).await?;
    cx.record(permit, event).await?;
    Ok(secret)
}

/// Ends one of one's own tokens, or all; a token may not, except itself by its owner's session.
pub async fn end_own(cx: &mut Cx, one: Option<i64>) -> Result<u64> {
    let permit = cx.permit_own(Action::ManageOwnSignIns)?;
    let me = cx.visitor()?.person;
    let ended = sql::end_tokens(cx, me, one).await?;
    cx.record(permit, ended_event(me, ended)).await?;
    Ok(ended)
}

/// Ends all tokens of somebody whose password changes.
pub(super) async fn end_with_password(cx: &mut Cx, person: PersonId) -> Result<u64> {
    sql::end_tokens(cx, person, None).await
}

/// Makes a token for a person whose account is claimed, good for everything that she may do.
pub async fn make(house: &House, person: PersonId, label: &str, days: i64) -> Result<String> {
    let wish = Wish { label: label.into(), writes: true, org: None, days: Some(days) };
    let until = judge(house.now(), &wish)?;
    act!(house, Who::System("token"), |cx| {
        let (secret, event) = insert(cx, person, &wish, None, until).await?;
        cx.note(event).await?;
        Ok(secret)
    })
}

/// As [`make_own`], for the command line: the person is named by ID number.
pub async fn make_for(house: &House, id: &str, wish: &Wish) -> Result<String> {
    let person = person_of(house, id).await?;
    let until = judge(house.now(), wish)?;
    act!(house, Who::System("token"), |cx| {
        let org = match &wish.org {
            None => None,
            Some(code) => {
                let known = crate::orgs::by_code(cx, code).await;
                let own = super::grants_of(cx, person).await?;
                let org = known.ok().filter(|o| own.iter().any(|g| g.org.id == o.id));
                let unknown =
                    || Error::field("org", "E10", "此人在这个组织没有身份，请核对组织码。");
                Some(org.ok_or_else(unknown)?.id)
            }
        };
        let (secret, event) = insert(cx, person, wish, org, until).await?;
        cx.note(event).await?;
        Ok(secret)
    })
}

/// The living tokens of one person, for the command line.
pub async fn list_for(house: &House, id: &str) -> Result<Vec<Token>> {
    let person = person_of(house, id).await?;
    let mut cx = house.read(Who::System("token")).await?;
    sql::tokens(&mut cx, person).await
}

/// Tells the living tokens of everybody, one after the other.
pub async fn list_all(house: &House, tell: &mut (dyn FnMut(&Token) + Send)) -> Result<()> {
    let mut after = (house.now(), i64::MAX);
    loop {
        let mut cx = house.read(Who::System("token")).await?;
        let piece = sql::all_tokens(&mut cx, after).await?;
        let Some(last) = piece.last() else { return Ok(()) };
        after = (last.expires_at, last.id);
        piece.iter().for_each(&mut *tell);
    }
}

/// Ends one token by its number.
pub async fn end_one(house: &House, id: i64) -> Result<u64> {
    act!(house, Who::System("token"), |cx| {
        let Some(person) = sql::token_owner(cx, id).await? else { return Ok(0) };
        let ended = sql::end_tokens(cx, person, Some(id)).await?;
        cx.note(ended_event(person, ended)).await?;
        Ok(ended)
    })
}

/// Ends every token of a person.
pub async fn end_for(house: &House, id: &str) -> Result<u64> {
    let person = person_of(house, id).await?;
    act!(house, Who::System("token"), |cx| {
        let ended = sql::end_tokens(cx, person, None).await?;
        cx.note(ended_event(person, ended)).await?;
        Ok(ended)
    })
}

fn ended_event(person: PersonId, ended: u64) -> Event {
    Event::new("account.tokens_ended", "person", person.0)
        .about(person)
        .detail(serde_json::json!({ "ended": ended }))
}

/// Until when the token lives, or what is wrong with the wish.
fn judge(now: Millis, wish: &Wish) -> Result<Millis> {
    let mut errors = Vec::new();
    let label = wish.label.trim();
    if label.is_empty() || label.chars().count() > 40 {
        let said = "请填写令牌的用途，40个字以内，例如“教务系统同步”。";
        errors.push(FieldError::new("label", "E10", said));
    }
    let days = wish.days.unwrap_or(policy().default_days);
    if !(1..=policy().max_days).contains(&days) {
        let said = format!("有效天数请填1至{}之间的整数。", policy().max_days);
        errors.push(FieldError::new("days", "token_days", said));
    }
    if errors.is_empty() { Ok(now + days * DAY) } else { Err(Error::Invalid(errors)) }
}

async fn insert(
    cx: &mut Cx,
    person: PersonId,
    wish: &Wish,
    org: Option<OrgId>,
    expires: Millis,
) -> Result<(String, Event)> {
    let secret = format!("{PREFIX}{}", cx.house().new_secret());
    let hash = cx.house().keys().code_hash("token", &secret);
    let scope = if wish.writes { "write" } else { "read" };
    let new = sql::NewToken { hash, person, label: wish.label.trim(), scope, org, expires };
    let id = sql::insert_token(cx, new).await?;
    let event = Event::new("account.token_made", "token", id)
        .about(person)
        .detail(serde_json::json!({ "scope": scope, "org": wish.org, "until": expires }));
    Ok((secret, event))
}

async fn person_of(house: &House, id: &str) -> Result<PersonId> {
    let id = id_number::parse(id, day(house.now()))
        .map_err(|p| Error::field("id_number", p.code, p.message))?;
    let mut cx = house.read(Who::System("token")).await?;
    let indexes = house.keys().indexes("person.id", id.reveal());
    let known = sql::known(&mut cx, indexes).await?.filter(|k| k.password_hash.is_some());
    let known = known.ok_or_else(|| {
        Error::field(
            "id_number",
            "no_account",
            "没有这个证件号的已激活账号。请先登录激活，再生成令牌。",
        )
    })?;
    Ok(known.person)
}
