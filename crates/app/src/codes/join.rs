//! 管理员注册 (rows 14a-17, D2): a code decides the organisation; whoever holds it becomes its
//! administrator, in one transaction with post, seat and account. Everything that decides whether a
//! code is still good is asked anew at its use (security a-13 to a-15).

use super::{State, days_left, hash, issue::seats_of, sql, tidy};
use crate::{
    Action, Cx, Error, FieldError, House, OrgRef, Permit, Refusal, Result, Who, act, cadres,
    clock::{Millis, day, say_day},
    events::Event,
    messages::{Message, To, send},
    orgs,
    people::{self, Entered, Named, PersonId},
    rules::{
        Rules,
        person::{PostDraft, RawCell},
    },
    users::{attempts, password, registration, sessions::Device},
};
use schemars::JsonSchema;
use serde::Serialize;

/// A post to choose.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PostChoice {
    pub code: &'static str,
    pub name: &'static str,
}

/// What a code offers, shown before anything is entered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Offer {
    /// The names from the root down to the superior.
    pub above: Vec<String>,
    pub short_name: String,
    pub full_name: String,
    pub category_name: &'static str,
    /// Which administrator she becomes, and how many there may be.
    pub seat: i64,
    pub seats: i64,
    /// The last day, Beijing time.
    pub until: String,
    pub days_left: i64,
    /// The superior that issued it, and who did.
    pub issuer: String,
    pub issued_by: String,
    pub issuer_phone: Option<String>,
    pub posts: Vec<PostChoice>,
    /// For somebody signed in: the post that she holds there already.
    pub held: Option<String>,
    #[serde(skip)]
    org: OrgRef,
}
impl Offer {
    /// The organisation's code, for the way on after registering.
    pub fn org_code(&self) -> &str {
        &self.org.code
    }
}

/// What the form brings. Deliberately without `Debug`.
#[derive(Clone, Default)]
pub struct Joining {
    pub code: String,
    pub name: String,
    pub id_number: String,
    pub mobile: String,
    /// Code of a post of the category.
    pub post: String,
    pub password: String,
    pub again: String,
}

/// What somebody who has an account brings.
#[derive(Clone, Debug, Default)]
pub struct Bind {
    pub code: String,
    pub post: String,
}

/// What the code offers to `who`. Wrong codes are counted by address, and the answer to one is
/// always the same (E01); a code that was good once says what became of it (E02).
pub async fn offer(house: &House, who: Who, typed: &str, address: &str) -> Result<Offer> {
    // Counted before it is looked up: any number at once get no more answers than in a row.
    let key = format!("code:{}", place(address));
    let most = Rules::builtin().policy.codes.registration_tries_per_hour;
    act!(house, Who::System("codes"), |cx| attempts::spend(cx, &key, most).await)?;
    let mut cx = house.read(who.clone()).await?;
    let found = match tidy(typed) {
        Some(code) => {
            let hash = hash(&cx, &code);
            sql::opened(&mut cx, hash).await?
        }
        None => None,
    };
    let found = found.ok_or_else(unknown)?;
    drop(cx);
    act!(house, Who::System("codes"), |cx| attempts::refund(cx, &key).await)?;
    let mut cx = house.read(who).await?;
    still_good(&found, cx.now())?;
    shown(&mut cx, found).await
}

/// An address is counted by itself; those of one IPv6 network together.
fn place(address: &str) -> String {
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(v4)) => v4.to_string(),
        _ => attempts::network(address),
    }
}

async fn shown(cx: &mut Cx, found: sql::Opened) -> Result<Offer> {
    let org = orgs::by_id(cx, found.org_id).await?;
    let seats = seats_of(org.category.code());
    if found.admins >= seats {
        return Err(full(&org, &found, seats));
    }
    let mut way = orgs::names_to(cx, &org.path).await?;
    way.pop();
    let held = match cx.who() {
        Who::Person(v) => {
            let me = v.person;
            cadres::held(cx, &org, me).await?.map(|held| held.post)
        }
        _ => None,
    };
    Ok(Offer {
        above: way.into_iter().map(|o| o.short_name).collect(),
        short_name: org.short_name.clone(),
        full_name: orgs::full_name(cx, org.id).await?,
        category_name: org.category.label(),
        seat: found.admins + 1,
        seats,
        until: say_day(found.expires_at),
        days_left: days_left(found.expires_at, cx.now()),
        issuer: found.issuer_name,
        issued_by: found.issued_by,
        issuer_phone: found.issuer_phone,
        posts: posts(&org, found.has_secretary, cx.now()),
        held,
        org,
    })
}

/// The posts of the category; 书记 only where there is none.
fn posts(org: &OrgRef, has_secretary: bool, now: Millis) -> Vec<PostChoice> {
    let rows = Rules::builtin().tree.posts_of(org.category);
    rows.filter(|row| row.validity.covers(day(now)) && !(row.is_secretary && has_secretary))
        .map(|row| PostChoice { code: &row.code, name: &row.name })
        .collect()
}

/// Registers somebody and signs her in; the session's secret and the organisation. In one
/// transaction: the person (if new), post, seat, account, the code spent. Errors: [`Error::Invalid`]
/// by field; `register_known` for every ID number that can't get an account here, whatever the
/// reason (security a-1); `Refused`/`Conflict` E02 when the code is no longer good.
pub async fn register(house: &House, form: &Joining, device: &Device) -> Result<(String, String)> {
    if let Some(done) = done_before(house, form, device).await? {
        return Ok(done);
    }
    let offer = offer(house, Who::Nobody, &form.code, &device.address).await?;
    let key = format!("register:{}", form_key(house, &form.code));
    let named = read(form, &offer, house.now())?;
    // Each answer that somebody exists is counted before it is given: a code gives few of them.
    let most = i64::from(Rules::builtin().policy.codes.attempts);
    act!(house, Who::System("codes"), |cx| attempts::spend(cx, &key, most).await)?;
    let fresh = password::hash(house, &form.password).await?;
    let (offer, named, fresh) = (&offer, &named, &fresh);
    let made = act!(house, Who::System("管理员注册"), |cx| {
        let permit = cx.permit_system(Action::UseCode)?;
        let found = take(cx, &permit, &form.code, offer).await?;
        let person = match people::find_or_make(cx, &permit, named).await? {
            Entered::Made(id) | Entered::Known(id) => id,
            Entered::OtherName => return Err(known()),
        };
        let secret = registration::open(cx, person, fresh, device).await?.ok_or_else(known)?;
        install(cx, permit, &offer.org, found, (person, &named.name), &form.post).await?;
        Ok(secret)
    });
    if !made.as_ref().is_err_and(is_known) {
        act!(house, Who::System("codes"), |cx| attempts::refund(cx, &key).await)?;
    }
    Ok((made?, offer.org.code.clone()))
}

/// Makes somebody who is signed in administrator of the code's organisation (row 17).
pub async fn bind(cx: &mut Cx, form: &Bind) -> Result<OrgRef> {
    let visitor = cx.visitor()?.clone();
    let permit = cx.permit_own(Action::UseCode)?;
    let hash = hash(cx, &tidy(&form.code).ok_or_else(unknown)?);
    let found = sql::opened(cx, hash).await?.ok_or_else(unknown)?;
    still_good(&found, cx.now())?;
    let offer = shown(cx, found).await?;
    if offer.held.is_none() {
        judge_post(&offer, &form.post).map_err(|e| Error::Invalid(vec![e]))?;
    }
    let found = take(cx, &permit, &form.code, &offer).await?;
    let who = (visitor.person, visitor.name.as_str());
    install(cx, permit, &offer.org, found, who, &form.post).await?;
    Ok(offer.org)
}

/// The same form again, by the same person with the same password: she is signed in once more.
async fn done_before(
    house: &House,
    form: &Joining,
    device: &Device,
) -> Result<Option<(String, String)>> {
    let Some(code) = tidy(&form.code) else { return Ok(None) };
    let mut cx = house.read(Who::Nobody).await?;
    let hash = hash(&cx, &code);
    let Some(found) = sql::opened(&mut cx, hash).await? else { return Ok(None) };
    let Some(person) = found.used_by else { return Ok(None) };
    let today = day(cx.now());
    let org = orgs::by_id(&mut cx, found.org_id).await?;
    drop(cx);
    let Ok(id) = crate::rules::id_number::parse(&form.id_number, today) else { return Ok(None) };
    let key = format!("register:{}", form_key(house, &form.code));
    let most = i64::from(Rules::builtin().policy.codes.attempts);
    act!(house, Who::System("codes"), |cx| attempts::spend(cx, &key, most).await)?;
    let again = registration::again(house, person, &id, &form.password, device).await?;
    if again.is_some() {
        act!(house, Who::System("codes"), |cx| attempts::refund(cx, &key).await)?;
    }
    Ok(again.map(|secret| (secret, org.code)))
}

/// What attempts with one code are counted under: never the code itself.
fn form_key(house: &House, typed: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let code = tidy(typed).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(&house.keys().code_hash("registration attempts", &code)[..12])
}

/// Reads the whole form; everything that is wrong at once, each at its field.
fn read(form: &Joining, offer: &Offer, now: Millis) -> Result<Named> {
    let today = day(now);
    let mut errors = Vec::new();
    let named = Named::read(&form.name, &RawCell::text(&form.id_number), &form.mobile, today);
    let named = match named {
        Ok(named) => Some(named),
        Err(Error::Invalid(list)) => {
            errors = list;
            None
        }
        Err(other) => return Err(other),
    };
    if form.mobile.trim().is_empty() {
        errors.push(FieldError::new("mobile", "E10", "请填写手机号,上级组织联系你时用。"));
    }
    errors.extend(judge_post(offer, &form.post).err());
    let of = named.as_ref();
    let owner = (form.name.as_str(), of.map(|n| &n.id_number), of.and_then(|n| n.mobile.as_ref()));
    errors.extend(registration::judge(owner, &form.password, &form.again));
    match named {
        Some(named) if errors.is_empty() => Ok(named),
        _ => Err(Error::Invalid(errors)),
    }
}

fn judge_post(offer: &Offer, post: &str) -> std::result::Result<(), FieldError> {
    if offer.posts.iter().any(|p| p.code == post) {
        return Ok(());
    }
    let says = match post {
        "secretary" => "本组织已有书记,请选择你的职务;书记换人请登录后办理“换届”。",
        _ => "请选择你在本组织的职务。",
    };
    Err(FieldError::new("post", "required", says))
}

/// Locks organisation and code and looks once more whether the code is good.
async fn take(cx: &mut Cx, permit: &Permit, typed: &str, offer: &Offer) -> Result<sql::Opened> {
    orgs::lock(cx, permit, offer.org.id).await?;
    let hash = hash(cx, &tidy(typed).ok_or_else(unknown)?);
    let found = sql::opened(cx, hash).await?.ok_or_else(unknown)?;
    still_good(&found, cx.now())?;
    if !sql::hold(cx, permit, found.id).await? {
        // It was spent or voided between the two: say which.
        let now = sql::opened(cx, hash).await?.ok_or_else(unknown)?;
        still_good(&now, cx.now())?;
        return Err(Error::Retry);
    }
    Ok(found)
}

/// Post, seat and the spent code; tells the superior and those who administer it already.
async fn install(
    cx: &mut Cx,
    permit: Permit,
    org: &OrgRef,
    code: sql::Opened,
    (person, name): (PersonId, &str),
    post: &str,
) -> Result<()> {
    let cadre = match cadres::held(cx, org, person).await? {
        Some(held) => held.id,
        None => {
            let is_secretary = post == "secretary";
            let draft = PostDraft {
                code: post.to_owned(),
                is_secretary,
                since: crate::rules::YearMonth::of(day(cx.now())).map(|ym| ym.to_string()),
                nature: None,
                in_party_committee: None,
            };
            cadres::give_post(cx, &permit, org, person, &draft).await?
        }
    };
    let slot = cadres::seat(cx, &permit, org, person).await?;
    if !sql::spend(cx, &permit, code.id, person, cadre.0).await? {
        return Err(Error::Retry);
    }
    tell(cx, org, &code, name).await?;
    let detail = serde_json::json!({ "code": code.id.to_string(), "slot": slot, "name": name });
    let event = Event::new("org.admin_registered", "org", org.id.0).about(person).at(&org.path);
    cx.record(permit, event.detail(detail)).await
}

async fn tell(cx: &mut Cx, org: &OrgRef, code: &sql::Opened, name: &str) -> Result<()> {
    let issuer = orgs::by_id(cx, code.issuer_id).await?;
    let title = format!("{name} 已成为“{}”的管理员", org.short_name);
    let body = "用你发出的注册码完成了管理员注册。如果不是你要的人,请在“管理员变更”中撤销,再生成新的注册码。";
    let message = Message {
        to: To::Org(issuer.id),
        kind: "codes",
        title: title.clone(),
        body: body.to_owned(),
        href: format!("/o/{}/orgs/{}", issuer.code, org.code),
    };
    send(cx, message).await?;
    if code.admins > 0 {
        let message = Message {
            to: To::Org(org.id),
            kind: "codes",
            title,
            body: format!("由上级 {} 发出的注册码注册。", issuer.short_name),
            href: format!("/o/{}/info", org.code),
        };
        send(cx, message).await?;
    }
    Ok(())
}

/// E01: the same whatever was typed.
fn unknown() -> Error {
    Error::field(
        "code",
        "E01",
        "没有找到这个注册码。请核对 8 位字符(不区分大小写,不含 I、L、O、0、1);仍不行,请向上级团组织要新的。",
    )
}

fn known() -> Error {
    Error::field(
        "id_number",
        "register_known",
        "用这个姓名和证件号不能新建账号。请先核对姓名和证件号;你以前用过本系统、或组织已经录入过你的,请登录后再用这个注册码,不用重新注册(第一次登录的密码是证件号后八位)。",
    )
}
fn is_known(error: &Error) -> bool {
    matches!(error, Error::Invalid(list) if list.iter().any(|e| e.code == "register_known"))
}

/// E02: what became of a code that was good once, and whom to ask.
fn still_good(code: &sql::Opened, now: Millis) -> Result<()> {
    let contact = contact(code);
    let days = Rules::builtin().policy.codes.registration_days;
    let gone = |what: String| {
        Err(Error::refused(Refusal::new("E02", format!("{what}请联系发码的 {contact} 重新生成。"))))
    };
    let on = code.ended_at.map(say_day).unwrap_or_default();
    match State::read(Some(&code.state), Some(code.expires_at), now) {
        State::Used => {
            let says = format!(
                "这个注册码已在 {on} 被使用,一个注册码只能注册一位管理员。如果是你本人注册的,请直接登录;不是的话,请联系发码的 {contact} 重新生成。"
            );
            Err(Error::refused(Refusal::new("E02", says).way("去登录", "/login")))
        }
        State::Expired => {
            gone(format!("这个注册码已于 {} 过期(有效期 {days} 天)。", say_day(code.expires_at)))
        }
        State::Revoked | State::None => gone(format!("这个注册码已在 {on} 作废。")),
        State::Waiting
            if code.org_status == "DELETED"
                || code.issuer_status == "DELETED"
                || !code.still_below =>
        {
            gone("这个注册码对应的组织已经撤销或调整,不能再用。".to_owned())
        }
        State::Waiting => Ok(()),
    }
}

fn full(org: &OrgRef, code: &sql::Opened, seats: i64) -> Error {
    Error::refused(Refusal::new(
        "codes_full",
        format!(
            "“{}”已有 {seats} 位管理员,这个注册码现在不能使用。请联系发码的 {},先撤销一位管理员,再用这个注册码。",
            org.short_name,
            contact(code)
        ),
    ))
}

fn contact(code: &sql::Opened) -> String {
    match &code.issuer_phone {
        Some(phone) => format!("“{}”({phone})", code.issuer_name),
        None => format!("“{}”", code.issuer_name),
    }
}
