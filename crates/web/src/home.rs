//! 组织首页 (A1): what needs me, the organisation's card, live numbers, what is missing, shortcuts.

use crate::{answer::Answer, error::Failure, frame::Frame, page, visit::Visit};
use app::{Action, business::machine::Kind, clock::show_time, stats, transfers};
use askama::Template;
use schemars::JsonSchema;
use serde::Serialize;

/// 组织首页.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "home/home.html")]
pub struct Home {
    #[serde(skip)]
    frame: Frame,
    card: app::orgs::Card,
    /// What waits, most urgent first.
    todo: Vec<Task>,
    /// Whether the organisation owns members itself.
    is_branch: bool,
    figures: stats::Card,
    /// The moment up to which every change is in the figures, Beijing time.
    as_of: String,
    /// 完整率 of the members, in percent with two decimals.
    complete_share: String,
    /// What the organisation's own page lacks (155).
    org_lacks: Vec<&'static str>,
    /// A new organisation: its information comes first, figures later.
    is_new: bool,
    /// The parts of the organisation's information.
    info_tasks: Vec<app::orgs::Task>,
    /// What the branch lacks (151, 152).
    branch_lacks: Option<stats::Lack>,
    shortcuts: Vec<Shortcut>,
    /// What the season of graduation asks of this organisation.
    season: Option<Season>,
    #[serde(skip)]
    base: String,
}
page!(Home);

/// The banner of the season (118-123).
#[derive(Serialize, JsonSchema)]
pub struct Season {
    words: String,
    label: &'static str,
    href: String,
}

async fn season(v: &mut Visit, org: &app::OrgRef, base: &str) -> Result<Option<Season>, Failure> {
    if org.category == app::orgs::Category::Graduate {
        let words = "本支部已转为毕业生团组织,功能不变。请提醒团员登记去向、办理转出。".into();
        let href = format!("{base}/graduation");
        return Ok(Some(Season { words, label: "看说明", href }));
    }
    let unmarked = app::graduation::hint(&mut v.cx, org).await?;
    let count = if unmarked >= 100 { "100 多".to_owned() } else { unmarked.to_string() };
    Ok((unmarked > 0).then(|| Season {
        words: format!(
            "下级有 {count} 个团支部还没有标记毕业时间,到转换日不会自动转为毕业生团组织。"
        ),
        label: "去标记",
        href: format!("{base}/graduation"),
    }))
}

/// Something that waits.
#[derive(Serialize, JsonSchema)]
pub struct Task {
    pub name: &'static str,
    pub count: i64,
    pub note: String,
    pub href: String,
}

/// A way to what is done most.
#[derive(Serialize, JsonSchema)]
pub struct Shortcut {
    pub label: &'static str,
    pub href: String,
}

/// 组织首页 of a cadre without a seat (decision 28): the card and who holds which post.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "home/cadre.html")]
pub struct CadreHome {
    #[serde(skip)]
    frame: Frame,
    card: app::orgs::Card,
    posts: Vec<HomePost>,
    #[serde(skip)]
    base: String,
}
page!(CadreHome);

/// Who holds which post.
#[derive(Serialize, JsonSchema)]
pub struct HomePost {
    name: String,
    post: String,
}

async fn of_cadre(mut v: Visit) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let posts = app::cadres::posts_of_home(&mut v.cx).await?;
    let page = CadreHome {
        frame: v.frame("组织首页", "").await?,
        card: app::orgs::card(&mut v.cx, &org.code).await?,
        posts: posts.into_iter().map(|(name, post)| HomePost { name, post }).collect(),
        base,
    };
    v.show(page).await
}

/// `GET /o/{org}`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    if !v.cx.may(Action::SeeOrg, &org.path) {
        return of_cadre(v).await;
    }
    let is_branch = org.category.owns_members();
    let frame = v.frame("组织首页", "").await?;
    let figures = stats::of(&mut v.cx, &org).await?;
    let branch_lacks =
        if is_branch { Some(stats::branch_lacks(&mut v.cx, &org).await?) } else { None };
    let org_lacks = stats::org_lacks(&mut v.cx, &org).await?;
    let may_edit = v.cx.may(Action::EditOrg, &org.path);
    let is_new = may_edit
        && !org_lacks.is_empty()
        && figures.subtree.members == 0
        && figures.subtree.orgs <= 1;
    let info_tasks =
        if is_new { app::orgs::info(&mut v.cx, &org).await?.tasks } else { Vec::new() };
    let mut page = Home {
        is_new,
        info_tasks,
        card: app::orgs::card(&mut v.cx, &org.code).await?,
        todo: tasks(
            transfers::summary(&mut v.cx).await?,
            app::business::count_waiting(&mut v.cx, Some(Kind::Relocation)).await?,
            &base,
        ),
        is_branch,
        as_of: show_time(figures.as_of),
        complete_share: share(figures.subtree.members_done, figures.subtree.members),
        figures,
        org_lacks,
        branch_lacks: branch_lacks.filter(|l| !l.is_empty()),
        season: season(&mut v, &org, &base).await?,
        shortcuts: shortcuts(&v, &base, &org.path, is_branch),
        base,
        frame,
    };
    if page.todo.is_empty() && page.figures.subtree.members == 0 && is_branch {
        page.todo.push(Task {
            name: "导入团员",
            count: 0,
            note: "支部里还没有团员".into(),
            href: format!("{}/imports/new", page.base),
        });
    }
    v.show(page).await
}

fn tasks(found: transfers::Summary, relocations: i64, base: &str) -> Vec<Task> {
    let waiting = match found.due_soon {
        0 => "对方在等你的答复".to_owned(),
        n => format!("其中 {n} 件明天前到期"),
    };
    [
        ("转接审批", found.waiting, waiting, "/inbox"),
        ("组织迁移审批", relocations, "申请的组织在等你的答复".into(), "/inbox?type=relocation"),
        ("下级待审批", found.below, "由直属下级办理,你也可以代为审批".into(), "/inbox?under=1"),
        (
            "被退回的转接",
            found.came_back,
            "退回或超期,可以修改后重新提交".into(),
            "/inbox?tab=mine",
        ),
    ]
    .into_iter()
    .filter(|(_, count, ..)| *count > 0)
    .map(|(name, count, note, to)| Task { name, count, note, href: format!("{base}{to}") })
    .collect()
}

fn shortcuts(v: &Visit, base: &str, path: &str, is_branch: bool) -> Vec<Shortcut> {
    [
        (Action::ImportMembers, "导入团员", "/imports/new"),
        (Action::AddMember, "添加团员", "/members/new"),
        (Action::StartTransferOut, "办理转出", "/transfers/out/new"),
        (Action::StartTransferIn, "办理转入", "/transfers/in/new"),
        (Action::CreateChild, "创建下级组织", "/children/new"),
        (Action::SeeStats, "录入进度", "/progress/members"),
    ]
    .into_iter()
    .filter(|(action, ..)| v.cx.may(*action, path))
    // A branch has nothing below it to compare.
    .filter(|(action, ..)| !is_branch || *action != Action::SeeStats)
    .map(|(_, label, to)| Shortcut { label, href: format!("{base}{to}") })
    .collect()
}

/// `98.67%`; nothing of nothing is a dash.
fn share(part: i64, whole: i64) -> String {
    if whole == 0 {
        return "—".into();
    }
    let hundredths = (part * 10_000 + whole / 2) / whole;
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}
