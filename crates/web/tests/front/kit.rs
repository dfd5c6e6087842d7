//! The tests' browser: asks the application in-process, keeps cookies, follows redirects, reads the
//! hidden fields of forms. [`open`] gives a laboratory with the pages in front of it.
//! Signing in goes through the real form where a test is about it, by token elsewhere.

use app::{
    Settings, Who,
    keys::Place,
    people::PersonId,
    testkit::{self, Lab},
};
use axum::{Router, body::Body, extract::ConnectInfo};
use http::{HeaderMap, Method, Request, StatusCode, header};
use std::{collections::BTreeMap, net::SocketAddr};
use tower::ServiceExt;
use web::site::Site;

/// The password of every account that a test opens.
pub(crate) const PASSWORD: &str = "huangshan-2026";

/// A laboratory and the pages in front of it.
pub(crate) struct Kit {
    pub(crate) lab: Lab,
    pub(crate) site: Site,
}

/// Somebody who can sign in.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) id_number: String,
}

/// A fresh laboratory without captcha.
pub(crate) async fn open() -> Kit {
    with(testkit::fresh().await)
}
/// A fresh laboratory with settings of one's own.
pub(crate) async fn open_with(settings: Settings) -> Kit {
    with(testkit::fresh_with(settings).await)
}
fn with(lab: Lab) -> Kit {
    let site = Site::new(lab.house.clone(), false, Vec::new(), None);
    Kit { lab, site }
}

impl Kit {
    /// A browser that nobody has signed in with.
    pub(crate) fn browser(&self) -> Browser {
        Browser::of(&self.site)
    }
    /// Opens an account with [`PASSWORD`] for a person.
    pub(crate) async fn account(&self, person: PersonId) -> Account {
        let hash = app::users::password::hash(&self.lab.house, PASSWORD).await.unwrap();
        self.lab.account(person, &hash).await;
        Account { id_number: self.id_number(person).await }
    }
    /// The ID number of a planted person.
    pub(crate) async fn id_number(&self, person: PersonId) -> String {
        let mut tx = self.lab.house.db().read().await.unwrap();
        let (sealed,): (Vec<u8>,) = tx
            .one(db::sql!("SELECT id_ct FROM person WHERE id = $1"), db::args![person])
            .await
            .unwrap();
        let place = Place { column: "person.id_ct", row: person.0 };
        self.lab.house.keys().unseal(place, &sealed).unwrap().to_string()
    }
    /// An account for somebody that the laboratory planted.
    pub(crate) async fn account_of(&self, who: &Who) -> Account {
        self.account(person_of(who)).await
    }
    /// A browser signed in through the real form.
    pub(crate) async fn sign_in(&self, account: &Account) -> Browser {
        let mut browser = self.browser();
        let page = browser.sign_in(&account.id_number, PASSWORD).await;
        assert_ne!(page.url, "/login", "signed in: {}", page.status);
        browser
    }
    /// A browser that carries a personal token of somebody that the laboratory planted.
    pub(crate) async fn sign_in_as(&self, who: &Who) -> Browser {
        let person = person_of(who);
        self.account(person).await;
        let token = app::users::tokens::make(&self.lab.house, person, "test", 1).await.unwrap();
        let mut browser = self.browser();
        browser.bearer = Some(token);
        browser
    }
    /// How many rows every table has: what a reading visit must not change.
    pub(crate) async fn rows(&self) -> BTreeMap<String, i64> {
        let mut tx = self.lab.house.db().read().await.unwrap();
        let list = match self.lab.house.db().engine() {
            db::Engine::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            }
            db::Engine::Postgres => {
                "SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public'"
            }
        };
        let tables: Vec<(String,)> = tx.all(db::Sql::built(list.into()), &[]).await.unwrap();
        let mut rows = BTreeMap::new();
        for (table,) in tables {
            let text = format!("SELECT COUNT(*) FROM {table}");
            let (count,): (i64,) = tx.one(db::Sql::built(text), &[]).await.unwrap();
            rows.insert(table, count);
        }
        assert!(rows.len() > 10, "the tables were found: {rows:?}");
        rows
    }
    /// One number that a statement of the test asks for.
    pub(crate) async fn number(&self, statement: &str) -> i64 {
        let mut tx = self.lab.house.db().read().await.unwrap();
        let (n,): (i64,) = tx.one(db::Sql::built(statement.into()), &[]).await.unwrap();
        n
    }
}

/// Who the laboratory's answer is about.
pub(crate) fn person_of(who: &Who) -> PersonId {
    match who {
        Who::Person(visitor) => visitor.person,
        _ => panic!("not a person"),
    }
}

/// A browser.
#[derive(Clone)]
pub(crate) struct Browser {
    app: Router,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) bearer: Option<String>,
    /// Sent with every request from now on.
    pub(crate) headers: Vec<(String, String)>,
    /// Where it sits.
    pub(crate) peer: SocketAddr,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) body: String,
    /// Where it came from in the end, without the host.
    pub(crate) url: String,
}

impl Browser {
    /// A browser in front of a site.
    pub(crate) fn of(site: &Site) -> Self {
        Self {
            app: web::serve::application(site),
            cookies: BTreeMap::new(),
            bearer: None,
            headers: Vec::new(),
            peer: SocketAddr::from(([192, 0, 2, 7], 40000)),
        }
    }
    /// Opens a page, following redirects.
    pub(crate) async fn get(&mut self, url: &str) -> Answer {
        self.ask(Method::GET, url, &[("accept", "text/html")], Vec::new()).await
    }
    /// The JSON face of a page.
    pub(crate) async fn json(&mut self, url: &str) -> Answer {
        self.once(Method::GET, url, &[("accept", "application/json")], Vec::new()).await
    }
    /// The fragment of a page.
    pub(crate) async fn fragment(&mut self, url: &str) -> Answer {
        self.once(Method::GET, url, &[("accept", "*/*"), ("hx-request", "true")], Vec::new()).await
    }
    /// Sends a form as it is, following redirects.
    pub(crate) async fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let (kind, body) = form(fields);
        self.ask(Method::POST, url, &[("accept", "text/html"), kind], body).await
    }
    /// Sends a form as it is and gives the first answer, also when it leads on.
    pub(crate) async fn post_once(&mut self, url: &str, fields: &[(&str, &str)]) -> Answer {
        let (kind, body) = form(fields);
        self.once(Method::POST, url, &[("accept", "text/html"), kind], body).await
    }
    /// Sends JSON, as a program does.
    pub(crate) async fn post_json(&mut self, url: &str, value: &serde_json::Value) -> Answer {
        let head = [("accept", "application/json"), ("content-type", "application/json")];
        self.once(Method::POST, url, &head, value.to_string().into_bytes()).await
    }
    /// Fills in the form of a page that posts to `action` and sends it with its hidden fields.
    pub(crate) async fn submit(
        &mut self,
        page: &Answer,
        action: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let hidden = page.hidden(action);
        let mut all: Vec<(&str, &str)> =
            hidden.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        all.retain(|(name, _)| fields.iter().all(|(own, _)| own != name));
        all.extend_from_slice(fields);
        self.post(action, &all).await
    }
    /// Signs in through the real form.
    pub(crate) async fn sign_in(&mut self, id_number: &str, password: &str) -> Answer {
        let page = self.get("/login").await;
        self.submit(&page, "/login", &[("id_number", id_number), ("password", password)]).await
    }
    /// One request, following redirects with GET.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut answer = self.once(method, url, headers, body).await;
        for _ in 0..5 {
            let Some(to) = answer.redirect() else { return answer };
            answer = self.once(Method::GET, &to, &[("accept", "text/html")], Vec::new()).await;
        }
        panic!("{url} leads round in circles");
    }
    /// One request and its answer.
    pub(crate) async fn once(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request =
            Request::builder().method(method).uri(url).header(header::HOST, "tuanjian.test");
        let own = self.headers.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        for (name, value) in headers.iter().copied().chain(own) {
            request = request.header(name, value);
        }
        if let Some(token) = &self.bearer {
            // A token instead of a sign-in, but a browser all the same.
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            request = request.header("sec-fetch-mode", "navigate");
        }
        if !self.cookies.is_empty() {
            let jar: Vec<String> = self.cookies.iter().map(|(k, v)| format!("{k}={v}")).collect();
            request = request.header(header::COOKIE, jar.join("; "));
        }
        let mut request = request.body(Body::from(body)).expect("a request can be made");
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let response = self.app.clone().oneshot(request).await.expect("the router answers");
        let (parts, body) = response.into_parts();
        self.keep_cookies(&parts.headers);
        let bytes = axum::body::to_bytes(body, 64 << 20).await.expect("the answer ends").to_vec();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, bytes, body, url: url.into() }
    }
    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            let text = value.to_str().unwrap_or_default();
            let pair = text.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap_or_default();
            if text.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.into(), value.into());
            }
        }
    }
}

fn form(fields: &[(&str, &str)]) -> ((&'static str, &'static str), Vec<u8>) {
    let body = serde_html_form::to_string(fields).expect("fields can be encoded");
    (("content-type", "application/x-www-form-urlencoded"), body.into_bytes())
}

impl Answer {
    /// Where it leads on to, if it does.
    pub(crate) fn redirect(&self) -> Option<String> {
        self.status.is_redirection().then(|| self.header("location").to_owned())
    }
    /// A header, empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
    /// The body as JSON.
    pub(crate) fn value(&self) -> serde_json::Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|e| panic!("{} {}: {e}: {}", self.url, self.status, self.body))
    }
    /// The form that posts to `action`, as text; empty when there is none.
    pub(crate) fn form(&self, action: &str) -> String {
        let forms = self.body.split("<form ").skip(1);
        let mut found = forms
            .filter(|f| attribute(f.split('>').next().unwrap_or_default(), "action") == action);
        found
            .next()
            .map(|f| f.split("</form>").next().unwrap_or_default().into())
            .unwrap_or_default()
    }
    /// The hidden fields of the form that posts to `action`.
    pub(crate) fn hidden(&self, action: &str) -> Vec<(String, String)> {
        self.form(action)
            .split("<input ")
            .skip(1)
            .map(|i| i.split('>').next().unwrap_or_default().to_owned())
            .filter(|i| attribute(i, "type") == "hidden")
            .map(|i| (attribute(&i, "name"), attribute(&i, "value")))
            .collect()
    }
    /// The body without what differs from visit to visit: the request's number and form keys.
    pub(crate) fn timeless(&self) -> String {
        let mut text = self.body.replace(self.header("x-request-id"), "");
        while let Some(at) = text.find("name=\"_idem\" value=\"") {
            let end = text[at + 20..].find('"').map_or(text.len(), |e| at + 20 + e + 1);
            text.replace_range(at..end, "");
        }
        text
    }
}

/// The value of an attribute in a tag's text, entities undone.
pub(crate) fn attribute(tag: &str, name: &str) -> String {
    let start = format!("{name}=\"");
    let at = match tag.find(&start) {
        Some(0) => 0,
        _ => match tag.find(&format!(" {start}")) {
            Some(at) => at + 1,
            None => return String::new(),
        },
    };
    plain(tag[at + start.len()..].split('"').next().unwrap_or_default())
}

/// Text with the entities of HTML undone.
pub(crate) fn plain(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}
