//! 团员详情 (A17): the card with its tabs, editing, showing a masked value in full.

use crate::{
    answer::Answer,
    error::Failure,
    form::{Form, Query},
    frame::{Crumb, Frame},
    page,
    visit::Visit,
};
use app::{
    Action, Error, FieldError, OrgRef, clock,
    people::{
        Person,
        edit::{self, Changes, Editor},
        person, reveal,
    },
    rules::{Column, Rules},
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A line of the card.
#[derive(Serialize, JsonSchema)]
pub struct Fact {
    pub(crate) label: &'static str,
    /// Personal data masked; `None` where there is nothing.
    pub(crate) value: Option<String>,
    /// Needed for a complete profile and not there (row 151).
    pub(crate) missing: bool,
}

/// A post, present or past.
#[derive(Serialize, JsonSchema)]
pub struct PostLine {
    pub(crate) org: String,
    pub(crate) post: String,
    pub(crate) since: String,
    pub(crate) nature: String,
    pub(crate) admin: bool,
    pub(crate) ended: Option<String>,
}

/// A line of the record.
#[derive(Serialize, JsonSchema)]
pub struct RecordLine {
    state: &'static str,
    at: String,
    title: String,
    detail: String,
}

/// A tab.
#[derive(Serialize, JsonSchema)]
pub struct Tab {
    label: &'static str,
    href: String,
    current: bool,
    count: Option<i64>,
}

/// 团员详情.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "people/show.html")]
pub struct Show {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    code: String,
    name: String,
    #[serde(skip)]
    tabs: Vec<Tab>,
    tab: String,
    facts: Vec<Fact>,
    missing: Vec<&'static str>,
    check: &'static str,
    #[serde(skip)]
    check_kind: &'static str,
    check_says: &'static str,
    /// The exception under which the person came in (row 133), in words.
    excepted: Option<String>,
    /// From the organisation acted for down to the branch.
    way: Vec<String>,
    entered: String,
    /// 毕业标记 in words.
    graduation: Option<String>,
    moving: bool,
    posts: Vec<PostLine>,
    /// Her transfers, as far as they may be seen from here.
    rows: Vec<crate::business::Row>,
    record: Vec<RecordLine>,
    can_edit: bool,
    can_reveal: bool,
    #[serde(skip)]
    sealed: Vec<(&'static str, &'static str)>,
    can_move: bool,
    /// 组织码 of the organisation where whoever looks may give or change her post.
    post_at: Option<String>,
}
page!(Show);

/// Which tab.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ShowQuery {
    tab: String,
}

const TABS: [(&str, &str); 4] =
    [("", "资料"), ("org", "组织关系"), ("posts", "任职"), ("record", "记录")];

/// The lines of a card in their order.
pub(crate) fn facts(person: &Person) -> Vec<Fact> {
    use Column as C;
    let line = |column: Column| Fact {
        label: column.label(),
        value: person.shown(column),
        missing: person.missing.contains(&column),
    };
    let plain = |label, value: String| Fact { label, value: Some(value), missing: false };
    let mut all = vec![
        line(C::Name),
        line(C::IdNumber),
        plain("性别", person.sex.label().to_owned()),
        plain("出生年月", person.birth_ym.clone()),
    ];
    all.extend(
        [
            C::Ethnic,
            C::Political,
            C::Education,
            C::Joined,
            C::DevNumber,
            C::Mobile,
            C::Email,
            C::Qq,
            C::Wechat,
            C::Weibo,
            C::EmergencyName,
            C::EmergencyPhone,
            C::Address,
        ]
        .map(line),
    );
    all
}

pub(crate) fn post_lines(person: &Person) -> Vec<PostLine> {
    let line = |p: &app::people::Post| PostLine {
        org: p.org.short_name.clone(),
        post: p.post.clone(),
        since: p.since.clone().unwrap_or_default(),
        nature: p.nature.clone().unwrap_or_default(),
        admin: p.admin,
        ended: p.ended_at.map(clock::show_day),
    };
    person.posts.iter().map(line).collect()
}

fn crumbs(frame: &mut Frame, base: &str, last: &str) {
    frame.crumbs.pop();
    frame
        .crumbs
        .push(Crumb { label: "团员列表".into(), href: Some(format!("{base}/members")) });
    frame.crumbs.push(Crumb { label: last.into(), href: None });
}

/// `GET /o/{org}/people/{pid}`.
pub async fn show(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Query(q): Query<ShowQuery>,
) -> Result<Answer, Failure> {
    let page = show_page(&mut v, &pid, &q.tab, Vec::new()).await?;
    v.show(page).await
}

async fn show_page(
    v: &mut Visit,
    pid: &str,
    tab: &str,
    errors: Vec<FieldError>,
) -> Result<Show, Failure> {
    let base = v.base()?;
    let person = person::card(&mut v.cx, pid).await?;
    let home = person.home().cloned();
    let may = |action| home.as_ref().is_some_and(|o| v.cx.may(action, &o.path));
    let can_edit = may(Action::EditMember);
    let can_reveal = may(Action::RevealPerson);
    let can_move = may(Action::StartTransferOut) && person.membership.is_some();
    let rows = if tab == "org" { transfers_of(v, &person, &base).await? } else { Vec::new() };
    let post_at = home
        .as_ref()
        .filter(|o| v.cx.may(Action::ChangePosts, &o.path) && app::cadres::seats_of(o) > 0);
    let post_at = post_at.map(|o| o.code.clone());
    let record = if tab == "record" { record(v, &person).await? } else { Vec::new() };
    let excepted = app::exceptions::of_person(&mut v.cx, person.id).await?;
    let excepted = excepted.map(|e| format!("{}，由团中央批准录入（{}）", e.kind_name(), e.no));
    let mut frame = v.frame(&person.name, "/members").await?;
    crumbs(&mut frame, &base, &person.name);
    frame.errors = errors;
    let tab_of = |(key, label): (&'static str, &'static str)| Tab {
        label,
        href: if key.is_empty() {
            format!("{base}/people/{pid}")
        } else {
            format!("{base}/people/{pid}?tab={key}")
        },
        current: key == tab,
        count: None,
    };
    let sealed = reveal::SEALED.iter().filter(|c| person.has(**c)).map(|c| (c.key(), c.label()));
    Ok(Show {
        tabs: TABS.into_iter().map(tab_of).collect(),
        tab: tab.to_owned(),
        facts: facts(&person),
        missing: person.missing.iter().map(|c| c.label()).collect(),
        check: person.check.label(),
        check_kind: crate::members::check_kind(person.check),
        excepted,
        check_says: person.check.says(),
        way: way(v, home.as_ref()).await?,
        entered: person
            .membership
            .as_ref()
            .map(|m| clock::show_day(m.entered_at))
            .unwrap_or_default(),
        graduation: person
            .membership
            .as_ref()
            .and_then(|m| m.graduation.as_ref())
            .map(|mark| mark.label()),
        moving: person.membership.as_ref().is_some_and(|m| m.moving),
        posts: post_lines(&person),
        sealed: sealed.collect(),
        code: person.code,
        name: person.name,
        rows,
        record,
        can_edit,
        can_reveal,
        can_move,
        post_at,
        frame,
        base,
    })
}

async fn transfers_of(
    v: &mut Visit,
    person: &Person,
    base: &str,
) -> Result<Vec<crate::business::Row>, Error> {
    let lines = app::transfers::of_person(&mut v.cx, person.id).await?;
    Ok(lines.into_iter().map(|line| crate::business::row(line, base)).collect())
}

/// The names from the organisation acted for down to hers.
async fn way(v: &mut Visit, home: Option<&OrgRef>) -> Result<Vec<String>, Error> {
    let Some(home) = home else { return Ok(Vec::new()) };
    let own = v.cx.org()?.path.len();
    let names = app::orgs::names_to(&mut v.cx, &home.path).await?;
    Ok(names.into_iter().filter(|o| o.path.len() >= own).map(|o| o.short_name).collect())
}

async fn record(v: &mut Visit, person: &Person) -> Result<Vec<RecordLine>, Error> {
    let entries = person::record_of(&mut v.cx, person).await?;
    let mut lines: Vec<RecordLine> = entries.into_iter().map(record_line).collect();
    let by_import = person.membership.as_ref().is_some_and(|m| m.import_id.is_some());
    lines.push(RecordLine {
        state: "done",
        at: clock::show_time(person.created_at),
        title: if by_import { "由导入进入系统" } else { "进入系统" }.into(),
        detail: String::new(),
    });
    Ok(lines)
}

fn record_line(entry: person::Entry) -> RecordLine {
    let what = match entry.kind.as_str() {
        "member.added" => "录入",
        "member.held" => "团支部撤销,转入待接转团支部",
        "member.brought_back" => "团支部恢复,一起回到原支部",
        "person.edited" => "修改资料",
        "person.revealed" => "查看完整信息",
        kind if kind.starts_with("transfer.") => "组织关系转接",
        "admin.appointed" => "管理员身份",
        "admin.revoked" => "管理员身份结束",
        kind if kind.starts_with("cadre.") => "团干部任职",
        kind if kind.starts_with("account.") || kind.starts_with("session.") => "账号",
        _ => "其他操作",
    };
    RecordLine {
        state: "done",
        at: clock::show_time(entry.at),
        title: format!("{} · {what}", entry.actor),
        detail: detail_words(&entry.detail),
    }
}

/// The fields of an edit or the field and reason of a reveal, in words.
fn detail_words(detail: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(detail).unwrap_or_default();
    let label = |key: &str| Column::from_key(key).map_or("", Column::label);
    if let Some(fields) = json["fields"].as_array() {
        let line = |f: &serde_json::Value| {
            let old = f[1].as_str().unwrap_or("(空)");
            let new = f[2].as_str().unwrap_or("(空)");
            format!("{}:{old} → {new}", label(f[0].as_str().unwrap_or_default()))
        };
        return fields.iter().map(line).collect::<Vec<_>>().join(";");
    }
    let with = match json["with"].as_str() {
        Some("transfer") => "随组织关系转出",
        Some("undo") => "转接审批撤销,恢复到审批之前",
        Some("merger") => "组织合并",
        Some("split") => "组织拆分",
        _ => "",
    };
    if !with.is_empty() {
        return with.into();
    }
    match (json["field"].as_str(), json["reason"].as_str()) {
        (Some(field), Some(reason)) => format!("{},原因:{reason}", label(field)),
        _ => String::new(),
    }
}

/// What is shown in full, and why.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RevealForm {
    field: String,
    reason: String,
}

/// A value in full.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "people/reveal.html")]
pub struct Revealed {
    #[serde(skip)]
    frame: Frame,
    #[serde(skip)]
    base: String,
    code: String,
    name: String,
    label: &'static str,
    value: String,
}
page!(Revealed);

/// `POST /o/{org}/people/{pid}/reveal`: shown once, in the answer to this very form.
pub async fn reveal(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Form(form): Form<RevealForm>,
) -> Result<Answer, Failure> {
    let base = v.base()?;
    let column = Column::from_key(&form.field).ok_or(Error::NotFound)?;
    match reveal::reveal(&mut v.cx, &pid, column, &form.reason).await {
        Ok(value) => {
            let person = person::card(&mut v.cx, &pid).await?;
            let mut frame = v.frame(column.label(), "/members").await?;
            crumbs(&mut frame, &base, &person.name);
            let label = column.label();
            let page = Revealed { frame, base, code: pid, name: person.name, label, value };
            v.done_showing(page).await
        }
        Err(Error::Invalid(errors)) => {
            let page = show_page(&mut v, &pid, "", errors).await?;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}

/// A field of an editing form.
#[derive(Serialize, JsonSchema)]
pub struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    #[serde(skip)]
    pub(crate) value: String,
    pub(crate) hint: String,
    #[serde(skip)]
    pub(crate) width: &'static str,
    #[serde(skip)]
    pub(crate) mode: &'static str,
    pub(crate) choices: Vec<(&'static str, &'static str)>,
    pub(crate) optional: bool,
}

/// 编辑资料.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "people/edit.html")]
pub struct Edit {
    #[serde(skip)]
    pub(crate) frame: Frame,
    #[serde(skip)]
    action: String,
    #[serde(skip)]
    back: String,
    name: String,
    /// Masked.
    id_number: String,
    version: i64,
    fields: Vec<Field>,
    /// Whether the person edits herself.
    own: bool,
}
page!(Edit);

impl Edit {
    pub(crate) fn of(
        frame: Frame,
        person: &Person,
        editor: Editor,
        action: String,
        back: String,
    ) -> Self {
        let fields = edit::editable(person, editor);
        Self {
            frame,
            action,
            back,
            name: person.name.clone(),
            id_number: person.id_number.masked(),
            version: person.version,
            fields: fields.into_iter().map(|c| field(person, c)).collect(),
            own: editor == Editor::Own,
        }
    }
    /// Puts back what was typed.
    pub(crate) fn retype(&mut self, typed: &EditForm) {
        for field in &mut self.fields {
            if let Some(text) = typed.fields.get(field.name) {
                field.value.clone_from(text);
            }
        }
    }
}

fn field(person: &Person, column: Column) -> Field {
    let rules = Rules::builtin();
    let sealed = reveal::SEALED.contains(&column);
    let choices = match column {
        Column::Ethnic => crate::members::offered(&rules.codes.ethnic),
        Column::Political => crate::members::offered(&rules.codes.political),
        Column::Education => crate::members::offered(&rules.codes.education),
        _ => Vec::new(),
    };
    let shown = person.shown(column);
    let hint = match (&shown, sealed, column) {
        (Some(masked), true, _) => format!("现在是 {masked}。不修改请留空;要删除请填“无”。"),
        (_, _, Column::Joined) => "例如 2019-05".into(),
        (_, _, Column::DevNumber) => "12 位数字,前 4 位一般是入团年份".into(),
        _ => String::new(),
    };
    Field {
        name: column.key(),
        label: column.label(),
        value: if sealed { String::new() } else { shown.unwrap_or_default() },
        hint,
        width: match column {
            Column::Mobile | Column::EmergencyPhone => "w-phone",
            Column::Joined => "w-date",
            Column::DevNumber | Column::Qq => "w-id",
            Column::EmergencyName => "w-name",
            _ => "",
        },
        mode: match column {
            Column::Mobile | Column::EmergencyPhone => "tel",
            Column::DevNumber | Column::Qq => "numeric",
            Column::Email => "email",
            _ => "",
        },
        choices,
        optional: !person.missing.contains(&column)
            && reveal::SEALED.contains(&column)
            && column != Column::Mobile,
    }
}

/// The editing form: the version it was made from and the fields by their keys.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EditForm {
    version: String,
    #[serde(flatten)]
    fields: BTreeMap<String, String>,
}
impl EditForm {
    /// What is to be changed: a masked field that was left empty stays as it is.
    pub(crate) fn changes(&self) -> Changes {
        let fields = self.fields.iter().filter_map(|(key, text)| {
            let column = Column::from_key(key)?;
            let keep = text.trim().is_empty() && reveal::SEALED.contains(&column);
            (!keep).then(|| (column, text.clone()))
        });
        Changes { version: self.version.parse().unwrap_or(0), fields: fields.collect() }
    }
}

async fn edit_page(v: &mut Visit, pid: &str) -> Result<Edit, Failure> {
    let base = v.base()?;
    let person = person::card(&mut v.cx, pid).await?;
    let home = person.home().cloned().ok_or(Error::NotFound)?;
    if !v.cx.may(Action::EditMember, &home.path) {
        return Err(v.cx.forbidden(Action::EditMember, &home).into());
    }
    let mut frame = v.frame(&format!("编辑{}的资料", person.name), "/members").await?;
    crumbs(&mut frame, &base, &format!("编辑{}的资料", person.name));
    let back = format!("{base}/people/{pid}");
    Ok(Edit::of(frame, &person, Editor::Admin, format!("{back}/edit"), back))
}

/// `GET /o/{org}/people/{pid}/edit`.
pub async fn edit(mut v: Visit, Path((_, pid)): Path<(String, String)>) -> Result<Answer, Failure> {
    let page = edit_page(&mut v, &pid).await?;
    v.show(page).await
}

/// `POST /o/{org}/people/{pid}/edit`.
pub async fn save(
    mut v: Visit,
    Path((_, pid)): Path<(String, String)>,
    Form(form): Form<EditForm>,
) -> Result<Answer, Failure> {
    match edit::edit(&mut v.cx, &pid, &form.changes()).await {
        Ok(()) => {
            let to = format!("{}/people/{pid}", v.base()?);
            v.done(to, "资料已保存。").await
        }
        Err(Error::Invalid(errors)) => {
            let mut page = edit_page(&mut v, &pid).await?;
            page.retype(&form);
            page.frame.errors = errors;
            v.invalid(page).await
        }
        Err(e) => Err(e.into()),
    }
}
