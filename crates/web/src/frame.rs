//! The frame of every page (W1): top bar, menu, breadcrumb, messages, skin. A page struct holds
//! one and hands it to `base.html`; it is not part of the JSON face.

use crate::{error::Failure, visit::Visit};
use app::{Action, Role, error::FieldError};

/// Skin, font size and height of rows, from cookies, so that the first byte already has the right colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub theme: &'static str,
    pub size: &'static str,
    /// How close the rows of tables stand.
    pub rows: &'static str,
}
/// The skins (换肤).
pub const THEMES: &[(&str, &str)] = &[
    ("red", "红"),
    ("blue", "蓝"),
    ("night", "夜间"),
    ("contrast", "高对比"),
    ("system", "跟随系统"),
];
/// The font sizes (字号).
pub const SIZES: &[(&str, &str)] = &[("std", "标准"), ("large", "大"), ("huge", "特大")];

/// How close the rows of tables stand (密度).
pub const ROWS: &[(&str, &str)] = &[("normal", "默认"), ("compact", "紧凑"), ("loose", "宽松")];

impl Look {
    /// From the cookies' words; anything else is the default.
    pub fn of(theme: Option<&str>, size: Option<&str>, rows: Option<&str>) -> Self {
        let pick = |list: &'static [(&'static str, &'static str)], word: Option<&str>| {
            list.iter().find(|(key, _)| Some(*key) == word).map_or(list[0].0, |(key, _)| *key)
        };
        Self { theme: pick(THEMES, theme), size: pick(SIZES, size), rows: pick(ROWS, rows) }
    }
}

#[derive(Clone, Debug)]
pub struct FrameUser {
    pub name: String,
    /// Tells one person's drafts on a shared device from another's; says nothing about her.
    pub key: String,
}
#[derive(Clone, Debug)]
pub struct FrameOrg {
    pub code: String,
    pub short_name: String,
    pub can_switch: bool,
    /// Nothing but its home is open: a cadre without a seat (decision 28).
    pub only_home: bool,
}
#[derive(Clone, Debug)]
pub struct MenuItem {
    pub label: &'static str,
    pub href: String,
    pub current: bool,
}
#[derive(Clone, Debug)]
pub struct MenuGroup {
    pub label: &'static str,
    pub current: bool,
    pub items: Vec<MenuItem>,
}
#[derive(Clone, Debug)]
pub struct Crumb {
    pub label: String,
    pub href: Option<String>,
}
#[derive(Clone, Debug)]
pub struct Flash {
    pub kind: &'static str,
    pub text: String,
}

/// Everything around the content.
#[derive(Clone, Debug)]
pub struct Frame {
    pub fragment: bool,
    pub title: String,
    pub theme: &'static str,
    pub size: &'static str,
    pub rows: &'static str,
    pub user: Option<FrameUser>,
    pub org: Option<FrameOrg>,
    pub menu: Vec<MenuGroup>,
    /// What waits for the organisation; shown as 99+ above 99.
    pub todo: i64,
    pub flash: Option<Flash>,
    pub crumbs: Vec<Crumb>,
    pub help: String,
    /// Key of the form on this page: one form, one effect.
    pub idem: String,
    pub read_only: bool,
    /// What the operators say about it.
    pub read_only_reason: String,
    /// The database came back from a backup, and nobody has acknowledged it yet.
    pub restored: bool,
    pub request_id: String,
    /// A member's own pages: tabs at the bottom on a phone.
    pub personal: bool,
    pub errors: Vec<FieldError>,
}

/// An address of a static file, with its hash.
pub fn asset(name: &str) -> &'static str {
    assets::url(name)
}
/// Minutes without a visit after which a sign-in ends.
pub fn idle_minutes() -> i64 {
    app::rules::Rules::builtin().policy.session.idle_minutes
}
/// An icon's markup.
pub fn icon(name: &str) -> &'static str {
    assets::icon(name)
}

/// Whether a choice is the chosen one; both as they print.
pub fn same(a: &impl std::fmt::Display, b: &impl std::fmt::Display) -> bool {
    a.to_string() == b.to_string()
}

impl Frame {
    /// Where it says how to ask for an exception, for the organisation acted for.
    pub fn exceptions(&self) -> String {
        match &self.org {
            Some(org) if !org.only_home => format!("/o/{}/exceptions", org.code),
            _ => app::rules::age::HOW_TO_ASK.to_owned(),
        }
    }
    /// The frame of a page for nobody in particular: signing in, errors.
    pub fn bare(title: &str, look: Look, request_id: &str) -> Self {
        Self {
            fragment: false,
            title: title.into(),
            theme: look.theme,
            size: look.size,
            rows: look.rows,
            user: None,
            org: None,
            menu: Vec::new(),
            todo: 0,
            flash: None,
            crumbs: Vec::new(),
            help: "/help".into(),
            idem: String::new(),
            read_only: false,
            read_only_reason: String::new(),
            restored: false,
            request_id: request_id.into(),
            personal: false,
            errors: Vec::new(),
        }
    }
    /// Whether a field is wrong.
    pub fn has_error(&self, field: &str) -> bool {
        self.errors.iter().any(|e| e.field == field)
    }
    /// What is wrong with a field.
    pub fn error_of(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|e| e.field == field).map(|e| e.message.as_str())
    }
}

/// The menu of an organisation's administrators (13): the original's names and order; what comes
/// later is not shown. `(group, label, path below /o/{org}, action that must be allowed)`.
const MENU: &[(&str, &str, &str, Action)] = &[
    ("组织首页", "组织首页", "", Action::SeeHome),
    ("组织管理", "组织信息", "/info", Action::SeeOrg),
    ("组织管理", "管理下级组织", "/children", Action::CreateChild),
    ("组织管理", "管理员注册码", "/children/codes", Action::IssueCodes),
    ("组织管理", "组织录入进度", "/progress/orgs", Action::SeeStats),
    ("组织管理", "组织体检", "/health", Action::CloseChild),
    ("组织管理", "组织迁移", "/relocations", Action::SeeOrg),
    ("组织管理", "学校专区", "/schools", Action::SeeOrg),
    ("组织管理", "组织操作记录", "/audit", Action::SeeEvents),
    ("团员管理", "团员列表", "/members", Action::SeeMembers),
    ("团员管理", "添加团员", "/members/new", Action::AddMember),
    ("团员管理", "导入团员", "/imports", Action::ImportMembers),
    ("团员管理", "团员录入进度", "/progress/members", Action::SeeStats),
    ("团干部管理", "团干部列表", "/cadres", Action::SeeCadres),
    ("团干部管理", "团干部录入进度", "/progress/cadres", Action::SeeStats),
    ("团干部管理", "换届", "/elections/new", Action::ChangePosts),
    ("观察员管理", "观察员管理", "/observers", Action::AppointObserver),
    ("业务办理", "组织关系转接办理", "/transfers", Action::SeeTransfers),
    ("业务办理", "办理转出", "/transfers/out/new", Action::StartTransferOut),
    ("业务办理", "办理转入", "/transfers/in/new", Action::StartTransferIn),
    ("业务办理", "管理员变更", "/admins", Action::ManageAdmins),
    ("业务办理", "操作中心", "/inbox", Action::SeeTransfers),
    ("学社衔接", "毕业时间与毕业团员", "/graduation", Action::MarkGraduates),
    ("系统运营", "运营维护", "/ops", Action::Operate),
];

impl Visit {
    /// The frame of a page of the organisation acted for. `at` is the menu's path (`/members`).
    pub async fn frame(&mut self, title: &str, at: &str) -> Result<Frame, Failure> {
        let mut frame = self.personal_frame(title).await?;
        frame.personal = false;
        let visitor = self.cx.visitor()?.clone();
        let Some(acting) = &visitor.acting else { return Ok(frame) };
        let base = format!("/o/{}", acting.org.code);
        frame.menu = menu(&base, at, acting.role, acting.org.category.owns_members());
        let only_home = app::access::reach(Action::SeeOrg, acting.role).is_none();
        if !only_home {
            frame.todo = app::business::count_waiting(&mut self.cx, None).await?;
        }
        frame.crumbs = vec![Crumb { label: acting.org.short_name.clone(), href: Some(base) }];
        if !at.is_empty() || !title.is_empty() {
            frame.crumbs.push(Crumb { label: title.into(), href: None });
        }
        frame.org = Some(FrameOrg {
            code: acting.org.code.clone(),
            short_name: acting.org.short_name.clone(),
            can_switch: visitor.grants.len() > 1,
            only_home,
        });
        Ok(frame)
    }

    /// The frame of a person's own pages.
    pub async fn personal_frame(&mut self, title: &str) -> Result<Frame, Failure> {
        let visitor = self.cx.visitor()?.clone();
        let mut frame = Frame::bare(title, self.look().clone(), self.request_id());
        frame.fragment = self.is_fragment();
        let mac = self.cx.house().keys().audit_mac(&[b"device", &visitor.person.0.to_be_bytes()]);
        let key = mac[..8].iter().map(|b| format!("{b:02x}")).collect();
        frame.user = Some(FrameUser { name: visitor.name.clone(), key });
        frame.flash = self.take_flash();
        frame.idem = self.cx.house().new_code(16);
        frame.read_only = self.cx.house().is_read_only();
        frame.read_only_reason = self.cx.house().read_only_reason();
        frame.help = crate::help::help_for(self.route());
        frame.personal = true;
        frame.menu = personal_menu(self.route());
        Ok(frame)
    }
}

/// The menu of a person's own pages, which are also the tabs at the bottom of a phone:
/// `(label, path, further pages that belong to it)`.
const MINE: &[(&str, &str, &[&str])] = &[
    ("首页", "/me", &["/me/profile", "/me/seen"]),
    ("转接", "/me/transfers", &["/me/transfers"]),
    ("消息", "/me/messages", &["/me/messages"]),
    (
        "我的",
        "/me/settings",
        &["/me/settings", "/me/sessions", "/me/tokens", "/me/posts", "/me/password", "/o"],
    ),
];

fn personal_menu(route: &str) -> Vec<MenuGroup> {
    let group = |&(label, href, pages): &(&'static str, &'static str, &[&str])| {
        let current = route == href || pages.iter().any(|page| route.starts_with(page));
        let item = MenuItem { label, href: href.into(), current };
        MenuGroup { label, current, items: vec![item] }
    };
    MINE.iter().map(group).collect()
}

fn menu(base: &str, at: &str, role: Role, is_branch: bool) -> Vec<MenuGroup> {
    let mut groups: Vec<MenuGroup> = Vec::new();
    for &(group, label, path, action) in MENU {
        let is_there =
            crate::routes::needs(&http::Method::GET, &format!("/o/{{org}}{path}")).is_some();
        if !is_there
            || app::access::reach(action, role).is_none()
            || (is_branch && ["/progress/members", "/progress/orgs"].contains(&path))
        {
            continue;
        }
        let item = MenuItem { label, href: format!("{base}{path}"), current: path == at };
        match groups.iter_mut().find(|g| g.label == group) {
            Some(g) => {
                g.current |= item.current;
                g.items.push(item);
            }
            None => {
                groups.push(MenuGroup { label: group, current: item.current, items: vec![item] })
            }
        }
    }
    groups
}
