//! [`Visit`]: who is there, standing in which organisation, inside which transaction. Every
//! handler behind the door takes one, and can only answer through it.

use crate::{
    answer::{Again, Answer, Kept},
    error::Failure,
    face::Face,
    form::{self, Posted},
    frame::{Flash, Look},
    routes::{self, Needs},
    site::Site,
};
use app::{Cx, Error, Origin, Who, users::Proof};
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, RawPathParams};
use axum::response::IntoResponse;
use axum_extra::extract::CookieJar;
use http::{Method, header, request::Parts};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

/// A visit. Its transaction began with it and ends in [`Visit::done`] or [`Visit::show`].
pub struct Visit {
    pub cx: Cx,
    rest: Rest,
}

/// A visit whose transaction was given back while something slow is done.
pub struct Paused {
    who: Who,
    origin: Origin,
    rest: Rest,
}

struct Rest {
    site: Site,
    face: Face,
    look: Look,
    route: String,
    flash: Option<Flash>,
    flash_shown: bool,
    /// A browser says so of a visit that a person sees.
    navigates: bool,
    idem: Option<Once>,
    posted: Posted,
    device: app::users::sessions::Device,
}

/// The form at hand, as it is noted so that it is carried out once.
#[derive(Clone, Debug)]
pub(crate) struct Once {
    actor: String,
    key: String,
    /// What was sent.
    sent: String,
}

/// Where the visit tells the middleware which form it is: a form that a twin carried out meanwhile
/// is answered as the twin was, whatever stood against it the second time.
#[derive(Clone, Debug, Default)]
pub(crate) struct TheForm(Arc<OnceLock<Once>>);

impl TheForm {
    /// The answer that a twin of this form got.
    pub(crate) async fn answered_meanwhile(&self, site: &Site) -> Option<Again> {
        let once = self.0.get()?;
        let mut cx = site.house().read(Who::Nobody).await.ok()?;
        let noted = app::idem::find(&mut cx, &once.actor, &once.key).await.ok()??;
        Kept::read(&noted, &once.sent)
    }
}

/// A form between the step that fills it in and the one that checks it.
#[derive(Serialize, Deserialize)]
struct Filled {
    form: String,
    found: serde_json::Value,
}

/// Set by the middleware for each request.
#[derive(Clone, Debug)]
pub struct RequestId(pub(crate) String);

impl FromRequestParts<Site> for Visit {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, site: &Site) -> Result<Self, Failure> {
        let jar = CookieJar::from_headers(&parts.headers);
        let route = parts.extensions.get::<MatchedPath>().map_or("", |m| m.as_str()).to_owned();
        let needs = routes::needs(&parts.method, &route).ok_or(Error::NotFound)?;
        let org = path_param(parts, site, "org").await;
        let writes = ![Method::GET, Method::HEAD].contains(&parts.method);
        refuse_changes(site, &parts.method, &route)?;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
        let address = site.address(peer, &parts.headers);
        let request_id =
            parts.extensions.get::<RequestId>().map(|r| r.0.clone()).unwrap_or_default();
        let origin = Origin { request_id, address: address.clone() };
        let mut cx = site.house().enter(Who::Nobody, writes, origin).await?;
        let proof = proof(parts, &jar, site);
        let who = app::users::recognise(&mut cx, &proof, org.as_deref()).await?;
        cx.set_who(who);
        if writes {
            cx.token_writes()?;
        }
        if let Err(error) = admit(&cx, needs, &route) {
            return Err(closed(&mut cx, error, org.as_deref()).await);
        }
        let marks = jar.get(site.device_cookie()).map(|c| c.value().to_owned()).unwrap_or_default();
        let device = app::users::sessions::Device { address, name: agent(parts), marks };
        let rest = Rest {
            site: site.clone(),
            face: Face::of(&parts.headers),
            look: look(&jar),
            route,
            flash: flash(&jar),
            flash_shown: false,
            navigates: parts.headers.contains_key("sec-fetch-mode"),
            idem: None,
            posted: parts.extensions.get::<Posted>().cloned().unwrap_or_default(),
            device,
        };
        let mut visit = Self { cx, rest };
        if writes {
            visit.remember(parts).await?;
        }
        Ok(visit)
    }
}

/// While no changes are taken only what is named passes with a method that writes.
pub(crate) fn refuse_changes(site: &Site, method: &Method, route: &str) -> Result<(), Failure> {
    let writes = ![Method::GET, Method::HEAD].contains(method);
    if writes && site.house().is_read_only() && !routes::even_read_only(route) {
        return Err(Error::ReadOnly.into());
    }
    Ok(())
}

/// The doors: every route says what it needs, and nobody passes with less.
fn admit(cx: &Cx, needs: Needs, route: &str) -> Result<(), Error> {
    let in_org = route.contains("{org}");
    match needs {
        Needs::Nothing => Ok(()),
        Needs::SignedIn => {
            let visitor = cx.visitor()?;
            if visitor.token.is_some_and(|t| t.one_org) && route.starts_with("/me") {
                let may = "用于全部组织的令牌，或本人登录后查看".into();
                return Err(Error::Forbidden {
                    action: "查看本人页面", may, why: String::new()
                });
            }
            Ok(())
        }
        Needs::Right(action) => {
            let visitor = cx.visitor()?;
            if !in_org {
                return Ok(());
            }
            // An organisation where she has no right: its existence is not told.
            let grant = visitor.acting.as_ref().ok_or(Error::NotFound)?;
            match app::access::reach(action, grant.role) {
                Some(_) => Ok(()),
                None => Err(app::access::forbidden_to(action, grant, &grant.org)),
            }
        }
    }
}

/// The address of an organisation that was closed says so to those who were in it.
async fn closed(cx: &mut Cx, error: Error, org: Option<&str>) -> Failure {
    if let (Error::NotFound, Some(code)) = (&error, org)
        && let Ok(Some(said)) = app::closings::trace_of_own(cx, code).await
    {
        return said.into();
    }
    if let (Error::NotFound, Some(code)) = (&error, org)
        && let Ok(Some(said)) = app::cadres::idle::rests_here(cx, code).await
    {
        return said.into();
    }
    error.into()
}

async fn path_param(parts: &mut Parts, site: &Site, name: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, site).await.ok()?;
    params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

pub(crate) fn proof(parts: &Parts, jar: &CookieJar, site: &Site) -> Proof {
    let bearer = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.strip_prefix("Bearer "));
    Proof {
        token: bearer.map(str::to_owned),
        session: jar.get(site.session_cookie()).map(|c| c.value().to_owned()),
    }
}

fn agent(parts: &Parts) -> String {
    parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default().into()
}

pub(crate) fn look(jar: &CookieJar) -> Look {
    let word = |name| jar.get(name).map(|c| c.value());
    Look::of(word("theme"), word("size"), word("rows"))
}

fn flash(jar: &CookieJar) -> Option<Flash> {
    let value = jar.get("flash")?.value();
    let (kind, text) = value.split_once('.')?;
    let kind = ["ok", "warn", "err"].into_iter().find(|k| *k == kind)?;
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    Some(Flash { kind, text })
}

impl Visit {
    /// Looks whether this form was carried out before, and remembers to note its answer.
    ///
    /// A page's forms share one `_idem`, so the address and everything sent are part of the key:
    /// two buttons of a page are two forms. A program's Idempotency-Key is its own word for one
    /// piece of work; the same key with other content is a mistake and is refused.
    async fn remember(&mut self, parts: &Parts) -> Result<(), Failure> {
        let Ok(visitor) = self.cx.visitor() else { return Ok(()) };
        let actor = visitor.person.0.to_string();
        let Some(posted) = parts.extensions.get::<Posted>() else { return Ok(()) };
        let sent = self.digest(parts, posted);
        let header = parts.headers.get("idempotency-key").and_then(|v| v.to_str().ok());
        let key = match (header, posted.idem()) {
            (Some(key), _) => format!("key {key}"),
            (None, Some(idem)) => format!("form {idem} {sent}"),
            (None, None) => return Ok(()),
        };
        if key.len() > 200 {
            return Err(Error::field(
                "idempotency-key",
                "idempotency_key",
                "Idempotency-Key 太长,请用 100 个字符以内。",
            )
            .into());
        }
        let once = Once { actor, key, sent };
        if let Some(form) = parts.extensions.get::<TheForm>() {
            let _ = form.0.set(once.clone());
        }
        self.rest.idem = Some(once);
        self.answered_before().await
    }

    /// What was sent, where to, as one short word.
    fn digest(&self, parts: &Parts, posted: &Posted) -> String {
        use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
        let mut text = format!("{}\n", parts.uri.path()).into_bytes();
        text.extend_from_slice(&posted.bytes);
        let hash = self.cx.house().keys().audit_mac(&[b"idem", &text]);
        BASE64_URL_SAFE_NO_PAD.encode(&hash[..18])
    }

    /// The first answer again, when there is one.
    async fn answered_before(&mut self) -> Result<(), Failure> {
        let Some(once) = self.rest.idem.clone() else { return Ok(()) };
        let Some(noted) = app::idem::find(&mut self.cx, &once.actor, &once.key).await? else {
            return Ok(());
        };
        match Kept::read(&noted, &once.sent) {
            Some(again) => Err(again.into()),
            None => Err(Error::field(
                "idempotency-key",
                "idempotency_key",
                "这个 Idempotency-Key 已经用于另一次办理。新的办理请用新的值。",
            )
            .into()),
        }
    }

    /// Which face was asked for.
    pub fn face(&self) -> Face {
        self.rest.face
    }
    pub(crate) fn is_fragment(&self) -> bool {
        self.rest.face == Face::Fragment
    }
    pub(crate) fn look(&self) -> &Look {
        &self.rest.look
    }
    pub(crate) fn request_id(&self) -> &str {
        &self.cx.origin().request_id
    }
    /// The route's template, for the help link and for logs.
    pub fn route(&self) -> &str {
        &self.rest.route
    }
    pub(crate) fn site(&self) -> &Site {
        &self.rest.site
    }
    /// Where the visit comes from, for a new sign-in.
    pub fn device(&self) -> &app::users::sessions::Device {
        &self.rest.device
    }
    /// The address of the organisation acted for, `/o/{code}`.
    pub fn base(&self) -> Result<String, Failure> {
        Ok(format!("/o/{}", self.cx.org()?.code))
    }
    pub(crate) fn take_flash(&mut self) -> Option<Flash> {
        self.rest.flash_shown = self.rest.flash.is_some();
        self.rest.flash.take()
    }

    /// Gives the transaction back (nothing is changed) while something slow is done.
    pub async fn pause(self) -> Result<Paused, Failure> {
        let (who, origin) = (self.cx.who().clone(), self.cx.origin().clone());
        Ok(Paused { who, origin, rest: self.rest })
    }

    /// Answers with a page, changing nothing.
    pub async fn show<P: Page>(self, page: P) -> Result<Answer, Failure> {
        Answer::page(self.rest.face, http::StatusCode::OK, &page, self.rest.flash_shown)
    }

    /// Answers with the same form, everything typed kept and the errors in `page.frame`; nothing
    /// is changed.
    pub async fn invalid<P: Page>(self, page: P) -> Result<Answer, Failure> {
        if self.rest.face == Face::Json {
            let errors = page.frame().map(|f| f.errors.clone()).unwrap_or_default();
            return Err(Error::Invalid(errors).into());
        }
        Answer::page(
            self.rest.face,
            http::StatusCode::UNPROCESSABLE_ENTITY,
            &page,
            self.rest.flash_shown,
        )
    }

    /// As [`Visit::invalid`], but what was counted on the way (attempts, an allowance) lasts.
    pub async fn invalid_but_counted<P: Page>(self, page: P) -> Result<Answer, Failure> {
        let status = http::StatusCode::UNPROCESSABLE_ENTITY;
        if self.rest.face == Face::Json {
            let errors = page.frame().map(|f| f.errors.clone()).unwrap_or_default();
            self.cx.commit().await?;
            return Err(Error::Invalid(errors).into());
        }
        let answer = Answer::page(self.rest.face, status, &page, self.rest.flash_shown)?;
        self.cx.commit().await?;
        Ok(answer)
    }

    /// Makes everything lasting and leads on to the page `to`, with a sentence on what was done.
    pub async fn done(
        self,
        to: impl Into<String>,
        flash: impl Into<String>,
    ) -> Result<Answer, Failure> {
        self.done_with(to, flash, serde_json::Value::Null).await
    }

    /// As [`Visit::done`]; programs get `data` as well.
    pub async fn done_with(
        self,
        to: impl Into<String>,
        flash: impl Into<String>,
        data: serde_json::Value,
    ) -> Result<Answer, Failure> {
        let (to, flash) = (to.into(), flash.into());
        self.answer_with(Kept { to, flash, nothing: false, data }).await
    }

    /// As [`Visit::done_with`], when nothing was there to be done: says what happened and what to
    /// do, not that it succeeded.
    pub async fn nothing(
        self,
        to: impl Into<String>,
        flash: impl Into<String>,
        data: serde_json::Value,
    ) -> Result<Answer, Failure> {
        let (to, flash) = (to.into(), flash.into());
        self.answer_with(Kept { to, flash, nothing: true, data }).await
    }

    async fn answer_with(mut self, kept: Kept) -> Result<Answer, Failure> {
        if let Some(once) = self.rest.idem.take() {
            let noted = kept.write(&once.sent);
            app::idem::keep(&mut self.cx, &once.actor, &once.key, &noted).await?;
        }
        let face = self.rest.face;
        self.cx.commit().await?;
        Ok(Answer::kept(face, &kept))
    }

    /// Makes everything lasting and answers with a page or fragment itself (a row that was put
    /// right in place).
    pub async fn done_showing<P: Page>(self, page: P) -> Result<Answer, Failure> {
        let answer =
            Answer::page(self.rest.face, http::StatusCode::OK, &page, self.rest.flash_shown)?;
        self.cx.commit().await?;
        Ok(answer)
    }

    /// Whether a browser walks here, which has Back and Forward; a program gets the step at hand.
    pub fn walks(&self) -> bool {
        let signed_in = self.cx.visitor().is_ok_and(|v| v.session.is_some());
        self.face() != Face::Json && (signed_in || self.rest.navigates)
    }

    /// Leads on to the step that checks what was sent, at an address of its own: Back, Forward and
    /// a reload lose nothing. That address finds the form by [`Visit::carried`]. Whatever was
    /// counted on the way lasts.
    pub async fn carry(self, to: &str) -> Result<Answer, Failure> {
        self.carry_with(to, &()).await
    }

    /// As [`Visit::carry`], with what was found out while judging and is not to be asked again.
    pub async fn carry_with<S>(mut self, to: &str, found: &S) -> Result<Answer, Failure>
    where
        S: Serialize + Sync,
    {
        let actor = self.cx.visitor()?.person.0.to_string();
        let kept = Filled { form: self.rest.posted.fields()?, found: serde_json::json!(found) };
        let text = serde_json::to_string(&kept).map_err(|e| Error::Broken(e.to_string()))?;
        let word = app::idem::carry(&mut self.cx, &actor, &text).await?;
        let join = if to.contains('?') { '&' } else { '?' };
        self.done(format!("{to}{join}draft={word}"), "").await
    }

    /// What one sent to be checked; `None` without a word, and when its time is over (then the page
    /// that follows says so).
    pub async fn carried<T>(&mut self, word: &str) -> Result<Option<T>, Failure>
    where
        T: DeserializeOwned,
    {
        Ok(self.carried_with::<T, ()>(word).await?.map(|(form, ())| form))
    }

    /// As [`Visit::carried`], with what was found out while judging.
    pub async fn carried_with<T, S>(&mut self, word: &str) -> Result<Option<(T, S)>, Failure>
    where
        T: DeserializeOwned,
        S: DeserializeOwned,
    {
        if word.is_empty() {
            return Ok(None);
        }
        let actor = self.cx.visitor()?.person.0.to_string();
        let text = app::idem::carried(&mut self.cx, &actor, word).await?;
        let kept = text.and_then(|text| serde_json::from_str::<Filled>(&text).ok());
        let found = kept.as_ref().and_then(|k| serde_json::from_value(k.found.clone()).ok());
        let (Some(kept), Some(found)) = (kept, found) else {
            let text = "刚才填写的内容已过期，请重新填写。".to_owned();
            self.rest.flash = Some(Flash { kind: "warn", text });
            return Ok(None);
        };
        Ok(Some((form::read(&kept.form)?, found)))
    }

    /// Leads on to another page, changing nothing.
    pub fn lead(self, to: &str) -> Result<Answer, Failure> {
        Ok(Answer::open(axum::response::Redirect::to(to).into_response()))
    }

    /// Answers with a file.
    pub async fn file(self, name: &str, mime: &str, bytes: Vec<u8>) -> Result<Answer, Failure> {
        self.cx.commit().await?;
        Ok(Answer::file(name, mime, bytes))
    }
}

impl Paused {
    /// Goes on in a new transaction.
    pub async fn resume(self) -> Result<Visit, Failure> {
        let cx = self.rest.site.house().enter(self.who, true, self.origin).await?;
        let mut visit = Visit { cx, rest: self.rest };
        // A twin of this form may have been carried out meanwhile.
        visit.answered_before().await?;
        Ok(visit)
    }
}

/// A page: a template that is also the JSON face.
pub trait Page: askama::Template + serde::Serialize + Send {
    /// Its frame, if it has one.
    fn frame(&self) -> Option<&crate::frame::Frame> {
        None
    }
}

/// `page!(List)`: a page whose field `frame` is its frame.
#[macro_export]
macro_rules! page {
    ($($name:ident),* $(,)?) => { $(
        impl $crate::visit::Page for $name {
            fn frame(&self) -> Option<&$crate::frame::Frame> { Some(&self.frame) }
        }
    )* };
}
