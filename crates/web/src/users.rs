//! Signing in and out, activation, one's own settings, sign-ins and posts.

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::{Form, Query, came_from, safe_next},
    frame::{Frame, SIZES, THEMES},
    meta::show_open,
    page,
    site::Site,
    visit::{RequestId, Visit, look, refuse_changes},
};
use app::{
    Error, FieldError, House, Who,
    users::{activation, captcha, password, sessions, sign_in},
};
use askama::Template;
use axum::{
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Path},
    response::{AppendHeaders, Html, IntoResponse, Response},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use http::{HeaderMap, StatusCode, request::Parts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// What the public pages know of a visitor who has not signed in.
pub struct Stranger {
    house: House,
    site: Site,
    jar: CookieJar,
    face: Face,
    device: sessions::Device,
    request_id: String,
}

impl FromRequestParts<Site> for Stranger {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Failure> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
        let agent = parts.headers.get(http::header::USER_AGENT).and_then(|v| v.to_str().ok());
        let jar = CookieJar::from_headers(&parts.headers);
        let marks = jar.get(site.device_cookie()).map(|c| c.value().to_owned()).unwrap_or_default();
        let route = parts.extensions.get::<MatchedPath>().map_or("", |m| m.as_str());
        refuse_changes(site, &parts.method, route)?;
        Ok(Self {
            house: site.house().clone(),
            site: site.clone(),
            jar,
            face: Face::of(&parts.headers),
            device: sessions::Device {
                address: site.address(peer, &parts.headers),
                name: agent.unwrap_or_default().into(),
                marks,
            },
            request_id: parts
                .extensions
                .get::<RequestId>()
                .map(|r| r.0.clone())
                .unwrap_or_default(),
        })
    }
}

impl Stranger {
    pub(crate) fn house(&self) -> &House {
        &self.house
    }
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }
    pub(crate) fn jar(&self) -> CookieJar {
        self.jar.clone()
    }
    pub(crate) fn face(&self) -> Face {
        self.face
    }
    pub(crate) fn device(&self) -> &sessions::Device {
        &self.device
    }
    pub(crate) fn frame(&self, title: &str) -> Frame {
        let mut frame = Frame::bare(title, look(&self.jar), &self.request_id);
        frame.fragment = self.face == Face::Fragment;
        frame.read_only = self.house.is_read_only();
        frame.read_only_reason = self.house.read_only_reason();
        frame.restored = self.house.is_restored();
        frame
    }
}

/// The captcha as the page shows it.
#[derive(Serialize, JsonSchema)]
pub struct Captcha {
    pub id: String,
    pub image: String,
    /// Where the same can be heard.
    pub sound: String,
}
impl From<captcha::Shown> for Captcha {
    fn from(c: captcha::Shown) -> Self {
        let sound = format!("/captcha/{}/sound", c.id);
        Self { id: c.id, image: c.image, sound }
    }
}

/// `GET /captcha/{id}/sound`: for whoever can't see the image.
pub async fn sound(s: Stranger, Path(id): Path<String>) -> Result<Answer, Failure> {
    let (id, address) = (&id, &s.device.address);
    let wav = app::act!(s.house, Who::Nobody, |cx| captcha::sound(cx, id, address).await)?;
    let head = [(http::header::CONTENT_TYPE, "audio/wav")];
    Ok(Answer::open((head, wav).into_response()))
}

/// 登录 (U1).
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "users/login.html")]
pub struct Login {
    #[serde(skip)]
    frame: Frame,
    next: String,
    /// Shown again after a wrong try: the number as typed, which only its typist sees.
    #[serde(skip)]
    id_number: String,
    captcha: Option<Captcha>,
    /// A form that waits for the sign-in: its fields, to be sent afterwards.
    #[serde(skip)]
    kept: Vec<(String, String)>,
    expired: bool,
}
page!(Login);

#[derive(Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// `GET /login`.
pub async fn login(s: Stranger, Query(q): Query<Next>) -> Result<Answer, Failure> {
    let asked = sign_in::asks_at_once(&s.house, &s.device).await?;
    let captcha = if asked { Some(new_captcha(&s).await?) } else { None };
    let page = Login {
        frame: s.frame("登录"),
        next: safe_next(&q.next),
        id_number: String::new(),
        captcha,
        kept: Vec::new(),
        expired: false,
    };
    show_open(s.face, &page)
}

/// The sign-in page in place of an answer, when a form arrives after the sign-in has ended (E23).
pub(crate) fn login_again(frame: Frame, action: String, kept: Vec<(String, String)>) -> Response {
    let page = Login {
        frame: Frame { title: "登录后继续".into(), errors: Vec::new(), ..frame },
        next: action,
        id_number: String::new(),
        captcha: None,
        kept,
        expired: true,
    };
    Html(page.render().unwrap_or_default()).into_response()
}

async fn new_captcha(s: &Stranger) -> Result<Captcha, Failure> {
    let address = &s.device.address;
    Ok(app::act!(s.house, Who::Nobody, |cx| captcha::make(cx, address).await)?.into())
}

/// What the sign-in form brings.
#[derive(Deserialize, JsonSchema)]
pub struct SignInForm {
    #[serde(default)]
    id_number: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    captcha_id: String,
    #[serde(default)]
    captcha: String,
    #[serde(default)]
    next: String,
    /// The fields of a form that waits, each as `name=value` encoded.
    #[serde(default)]
    kept: Vec<String>,
}

/// `POST /login`.
pub async fn sign_in(s: Stranger, Form(f): Form<SignInForm>) -> Result<Answer, Failure> {
    let form = sign_in::SignIn {
        id_number: f.id_number.clone(),
        password: f.password.clone(),
        captcha_id: f.captcha_id.clone(),
        captcha: f.captcha.clone(),
    };
    let missing =
        [("id_number", &f.id_number, "请填写证件号。"), ("password", &f.password, "请填写密码。")];
    let missing: Vec<FieldError> = missing
        .into_iter()
        .filter(|(_, value, _)| value.trim().is_empty())
        .map(|(field, _, message)| FieldError::new(field, "E10", message))
        .collect();
    if !missing.is_empty() {
        return wrong(s, f, missing, false).await;
    }
    match sign_in::try_in(&s.house, &form, &s.device).await {
        Ok(sign_in::Outcome::In(signed)) => Ok(signed_in(&s, signed, &f)),
        Ok(sign_in::Outcome::Activate(ticket)) => Ok(to_activation(&s, &ticket)),
        Ok(sign_in::Outcome::Wrong { captcha, captcha_wrong: true, .. }) => {
            let said = if f.captcha.trim().is_empty() {
                "请填写验证码：图中的5个字符，看不清可以点播放听一遍。"
            } else {
                "验证码不正确，请看新的图片，或点播放听一遍再填。"
            };
            wrong(s, f, vec![FieldError::new("captcha", "captcha", said)], captcha).await
        }
        Ok(sign_in::Outcome::Wrong { failures, captcha, .. }) => match sign_in::wrong(failures) {
            Error::Invalid(errors) => wrong(s, f, errors, captcha).await,
            other => Err(other.into()),
        },
        Err(e) => Err(e.into()),
    }
}

async fn wrong(
    s: Stranger,
    f: SignInForm,
    errors: Vec<FieldError>,
    captcha: bool,
) -> Result<Answer, Failure> {
    if s.face == Face::Json {
        return Err(Error::Invalid(errors).into());
    }
    let mut frame = s.frame("登录");
    frame.errors = errors;
    let page = Login {
        frame,
        next: safe_next(&f.next),
        id_number: f.id_number,
        captcha: if captcha { Some(new_captcha(&s).await?) } else { None },
        kept: unpack(&f.kept),
        expired: false,
    };
    Answer::page(s.face, StatusCode::UNPROCESSABLE_ENTITY, &page, false)
}

fn unpack(kept: &[String]) -> Vec<(String, String)> {
    kept.iter()
        .filter_map(|field| serde_html_form::from_str::<Vec<(String, String)>>(field).ok())
        .flatten()
        .collect()
}

/// One field as `name=value`, encoded, so that any number of them fits into one repeated field.
pub(crate) fn pack(field: &(String, String)) -> String {
    serde_html_form::to_string([field]).unwrap_or_default()
}

pub(crate) fn session_cookie(site: &Site, secret: String) -> Cookie<'static> {
    Cookie::build((site.session_cookie(), secret))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(site.secure())
        .build()
}

/// Seconds that a device is remembered: as long as browsers keep any cookie.
const REMEMBERED: u32 = 400 * 24 * 3600;

/// What a sign-in puts into an answer: its cookie, then the one by which the device is known.
type Signed = (CookieJar, AppendHeaders<[(http::HeaderName, String); 1]>);

pub(crate) fn signed_cookies(site: &Site, jar: CookieJar, signed: sign_in::Signed) -> Signed {
    let (name, marks) = (site.device_cookie(), signed.marks);
    let secure = if site.secure() { "; Secure" } else { "" };
    let device =
        format!("{name}={marks}; HttpOnly; SameSite=Lax; Path=/; Max-Age={REMEMBERED}{secure}");
    let device = AppendHeaders([(http::header::SET_COOKIE, device)]);
    (jar.add(session_cookie(site, signed.secret)), device)
}

/// A form that waited is shown once more with one button, not sent by itself.
#[derive(Template)]
#[template(path = "users/continue.html")]
struct Continue {
    frame: Frame,
    action: String,
    kept: Vec<(String, String)>,
}

fn signed_in(s: &Stranger, signed: sign_in::Signed, f: &SignInForm) -> Answer {
    let jar = signed_cookies(&s.site, s.jar.clone(), signed);
    let next = safe_next(&f.next);
    if s.face == Face::Json {
        return Answer::open((jar, axum::Json(serde_json::json!({ "to": next }))).into_response());
    }
    let kept = unpack(&f.kept);
    if kept.is_empty() {
        return Answer::open((jar, axum::response::Redirect::to(&next)).into_response());
    }
    let page = Continue { frame: s.frame("继续提交"), action: next, kept };
    Answer::open((jar, Html(page.render().unwrap_or_default())).into_response())
}

const TICKET: &str = "activation";

fn to_activation(s: &Stranger, ticket: &str) -> Answer {
    let cookie = Cookie::build((TICKET, ticket.to_owned()))
        .path("/activate")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(s.site.secure())
        .build();
    let jar = s.jar.clone().add(cookie);
    if s.face == Face::Json {
        let body = serde_json::json!({ "to": "/activate", "activation": true });
        return Answer::open((jar, axum::Json(body)).into_response());
    }
    Answer::open((jar, axum::response::Redirect::to("/activate")).into_response())
}

/// 首次登录激活 (U2).
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "users/activate.html")]
pub struct Activate {
    #[serde(skip)]
    frame: Frame,
    /// As typed before; not called `name`, which the template's macros use themselves.
    typed: String,
}
page!(Activate);

/// `GET /activate`: open only with the ticket that the initial password gave.
pub async fn activate(s: Stranger) -> Result<Answer, Failure> {
    let ticket = s.jar.get(TICKET).map(|c| c.value().to_owned()).unwrap_or_default();
    if !activation::is_open(&s.house, &ticket).await? {
        return Ok(Answer::open(axum::response::Redirect::to("/login").into_response()));
    }
    show_open(s.face, &Activate { frame: s.frame("首次登录激活"), typed: String::new() })
}

/// What the activation form brings.
#[derive(Deserialize, JsonSchema)]
pub struct ActivateForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    password_again: String,
}

/// `POST /activate`.
pub async fn finish_activation(
    s: Stranger,
    Form(f): Form<ActivateForm>,
) -> Result<Answer, Failure> {
    let form = activation::Activation {
        ticket: s.jar.get(TICKET).map(|c| c.value().to_owned()).unwrap_or_default(),
        name: f.name.clone(),
        password: f.password,
        again: f.password_again,
    };
    match activation::finish(&s.house, &form, &s.device).await {
        Ok(signed) => {
            let gone = Cookie::build((TICKET, "")).path("/activate").removal().build();
            let jar = signed_cookies(&s.site, s.jar.clone().add(gone), signed);
            if s.face == Face::Json {
                return Ok(Answer::open(
                    (jar, axum::Json(serde_json::json!({ "to": "/me" }))).into_response(),
                ));
            }
            Ok(Answer::open((jar, axum::response::Redirect::to("/me")).into_response()))
        }
        Err(Error::Invalid(errors)) if s.face != Face::Json => {
            let mut frame = s.frame("首次登录激活");
            frame.errors = errors;
            let page = Activate { frame, typed: f.name };
            Answer::page(s.face, StatusCode::UNPROCESSABLE_ENTITY, &page, false)
        }
        Err(e) => Err(e.into()),
    }
}

/// `POST /logout`.
pub async fn logout(v: Visit, jar: CookieJar) -> Result<Answer, Failure> {
    let site = v.site().clone();
    let mut v = v;
    let session = v.cx.visitor()?.session;
    if session.is_some() {
        sessions::end(&mut v.cx, session).await?;
    }
    v.cx.commit().await?;
    let gone = Cookie::build((site.session_cookie(), "")).path("/").secure(site.secure()).removal();
    let jar = jar.add(gone.build());
    // What the browser keeps of the pages goes with the sign-in. Cookies stay: they hold the look
    // and the marks of known devices, and the sign-in's own is taken away by name.
    let forget = [("clear-site-data", "\"cache\", \"storage\"")];
    Ok(Answer::open((forget, jar, axum::response::Redirect::to("/login")).into_response()))
}

/// 设置 (M12): password, skin, font size, height of rows.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "users/settings.html")]
pub struct Settings {
    #[serde(skip)]
    frame: Frame,
    themes: Vec<(&'static str, &'static str, &'static str)>,
    sizes: Vec<(&'static str, &'static str, &'static str)>,
    densities: Vec<(&'static str, &'static str, &'static str)>,
    rows: &'static str,
    theme: &'static str,
    size: &'static str,
}
page!(Settings);

async fn settings_page(v: &mut Visit) -> Result<Settings, Failure> {
    let frame = v.personal_frame("设置").await?;
    let triples =
        |list: &[(&'static str, &'static str)]| list.iter().map(|(k, l)| (*k, *l, "")).collect();
    Ok(Settings {
        theme: frame.theme,
        size: frame.size,
        rows: frame.rows,
        frame,
        themes: triples(THEMES),
        sizes: triples(SIZES),
        densities: triples(crate::frame::ROWS),
    })
}

/// `GET /me/settings`.
pub async fn settings(mut v: Visit) -> Result<Answer, Failure> {
    let page = settings_page(&mut v).await?;
    v.show(page).await
}

/// Skin, font size and height of rows; what is left out stays as it is.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LookForm {
    theme: Option<String>,
    size: Option<String>,
    rows: Option<String>,
}

/// `POST /me/look`: kept in cookies, for a year.
pub async fn set_look(
    v: Visit,
    jar: CookieJar,
    headers: HeaderMap,
    Form(f): Form<LookForm>,
) -> Result<Answer, Failure> {
    let now = v.look().clone();
    let look = crate::frame::Look::of(
        Some(f.theme.as_deref().unwrap_or(now.theme)),
        Some(f.size.as_deref().unwrap_or(now.size)),
        Some(f.rows.as_deref().unwrap_or(now.rows)),
    );
    let keep = |name: &'static str, value: &'static str| {
        Cookie::build((name, value)).path("/").same_site(SameSite::Lax).permanent().build()
    };
    let jar = jar.add(keep("theme", look.theme)).add(keep("size", look.size));
    let jar = jar.add(keep("rows", look.rows));
    let back = came_from(&headers);
    Ok(Answer::open((jar, axum::response::Redirect::to(&back)).into_response()))
}

/// What the form "修改密码" brings.
#[derive(Deserialize, JsonSchema)]
pub struct PasswordForm {
    #[serde(default)]
    old: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    password_again: String,
}

/// `POST /me/password`. Hashing takes its time, so the visit's transaction is given back meanwhile.
pub async fn change_password(
    mut v: Visit,
    jar: CookieJar,
    Form(f): Form<PasswordForm>,
) -> Result<Answer, Failure> {
    let mut page = settings_page(&mut v).await?;
    let (house, who) = (v.cx.house().clone(), v.cx.who().clone());
    let form = password::Change { old: f.old, new: f.password, again: f.password_again };
    let v = v.pause().await?;
    match password::prepare(&house, who, form).await {
        Ok(prepared) => {
            let mut v = v.resume().await?;
            let (site, device) = (v.site().clone(), v.device().clone());
            let signed = password::store(&mut v.cx, prepared, &device).await?;
            let done = "密码已修改，其他设备上的登录已全部注销，令牌已全部停用。";
            let answer = v.done("/me/settings", done).await?;
            Ok(match signed {
                Some(signed) => answer.and(signed_cookies(&site, jar, signed)),
                None => answer,
            })
        }
        Err(Error::Invalid(errors)) => {
            page.frame.errors = errors;
            v.resume().await?.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}

/// 登录记录 (M13).
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "users/sessions.html")]
pub struct Sessions {
    #[serde(skip)]
    frame: Frame,
    list: Vec<SignIn>,
}
page!(Sessions);

/// One sign-in.
#[derive(Serialize, JsonSchema)]
pub struct SignIn {
    pub id: String,
    pub since: String,
    pub seen: String,
    pub address: String,
    pub device: String,
    pub present: bool,
}

/// `GET /me/sessions`.
pub async fn sessions(mut v: Visit) -> Result<Answer, Failure> {
    let present = v.cx.visitor()?.session;
    let list = sessions::mine(&mut v.cx)
        .await?
        .into_iter()
        .map(|s| SignIn {
            id: s.id.to_string(),
            since: app::clock::show_time(s.created_at),
            seen: app::clock::show_time(s.seen_at),
            address: s.address,
            device: device_name(&s.device),
            present: Some(s.id) == present,
        })
        .collect();
    let page = Sessions { frame: v.personal_frame("登录与操作记录").await?, list };
    v.show(page).await
}

/// "Chrome(Windows)" instead of the browser's whole line.
fn device_name(agent: &str) -> String {
    let first = |list: &[(&str, &'static str)]| {
        list.iter().find(|(mark, _)| agent.contains(mark)).map_or("其他", |(_, name)| *name)
    };
    let browser = first(&[
        ("MicroMessenger", "微信"),
        ("Edg/", "Edge"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    format!("{browser}({system})")
}

/// Which sign-in to end; none means all others.
#[derive(Deserialize, JsonSchema)]
pub struct EndForm {
    #[serde(default)]
    id: String,
}

/// `POST /me/sessions/end`.
pub async fn end_sessions(mut v: Visit, Form(f): Form<EndForm>) -> Result<Answer, Failure> {
    // Nothing said means all others; something unreadable must not be taken for that.
    let one = match f.id.trim() {
        "" => None,
        id => Some(id.parse().map_err(|_| {
            Error::field("id", "session", "没有找到这处登录,它可能已经注销。请刷新列表再看。")
        })?),
    };
    let ended = sessions::end(&mut v.cx, one).await?;
    if ended == 0 {
        let words = "没有别处的登录需要注销：它们已经结束。下面是现在有效的登录。";
        return v.nothing("/me/sessions", words, serde_json::Value::Null).await;
    }
    v.done("/me/sessions", format!("已注销{ended}处登录。")).await
}

/// 我的任职 / 切换组织 (M14, A2).
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "users/posts.html")]
pub struct Posts {
    #[serde(skip)]
    frame: Frame,
    posts: Vec<Post>,
}
page!(Posts);

/// One organisation that she may act for.
#[derive(Serialize, JsonSchema)]
pub struct Post {
    pub code: String,
    pub name: String,
    pub above: Vec<String>,
    pub role: &'static str,
}

/// `GET /me/posts`, `GET /o`.
pub async fn posts(mut v: Visit) -> Result<Answer, Failure> {
    let visitor = v.cx.visitor()?.clone();
    let mut posts = Vec::new();
    for grant in &visitor.grants {
        // Two rights in one organisation lead to the same page: the first is what she acts with.
        if posts.iter().any(|p: &Post| p.code == grant.org.code) {
            continue;
        }
        let names = app::orgs::names_to(&mut v.cx, &grant.org.path).await?;
        posts.push(Post {
            code: grant.org.code.clone(),
            name: grant.org.short_name.clone(),
            above: names
                .iter()
                .take(names.len().saturating_sub(1))
                .map(|o| o.short_name.clone())
                .collect(),
            role: app::access::role_name(grant.role),
        });
    }
    let page = Posts { frame: v.personal_frame("切换组织").await?, posts };
    v.show(page).await
}
