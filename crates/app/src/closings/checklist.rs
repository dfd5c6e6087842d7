//! What stands against closing a child and what would become of everything in it (A11, E19): "还差
//! n 步" with links. The page and the act ask the same function.

use super::{short_day, sql};
use crate::{
    Action, Cx, Error, OrgRef, Result, error::Way, imports, orgs, orgs::Category, people,
    rules::Rules, transfers,
};
use schemars::JsonSchema;
use serde::Serialize;

/// One thing that has to be done first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Step {
    /// children, cadres, people, coming, moving, top.
    pub kind: &'static str,
    pub label: String,
    /// How many there are; 0 when it is done.
    pub count: i64,
    /// The first of them.
    pub names: Vec<String>,
    /// How to do it.
    pub ways: Vec<Way>,
}
impl Step {
    /// Whether nothing is left to do.
    pub fn is_done(&self) -> bool {
        self.count == 0
    }
}

/// What the closing does besides.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Effect {
    /// people, posts, coming, going, codes, imports, observers.
    pub kind: &'static str,
    pub label: String,
    pub count: i64,
    /// The first of those concerned.
    pub names: Vec<String>,
}

/// The checklist of one child.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Checklist {
    pub code: String,
    pub name: String,
    pub category_name: String,
    /// All steps, those that are done too.
    pub steps: Vec<Step>,
    pub effects: Vec<Effect>,
    /// How many people would go into the holding branch, counted to 100,000.
    pub people: i64,
    /// Administrators and posts that end, by name.
    pub posts: Vec<String>,
    /// Days in which it can be restored.
    pub days: i64,
    /// Whether it is itself a holding branch: gone for good once it is empty.
    pub is_holding: bool,
}
impl Checklist {
    /// How many steps are left.
    pub fn left(&self) -> usize {
        self.steps.iter().filter(|s| !s.is_done()).count()
    }
}

/// More people than this are not counted; such a branch does not exist.
const MOST_PEOPLE: i64 = 100_000;
/// So many waiting applications are returned by a closing; more have to be answered first.
const MOST_COMING: i64 = 200;
/// Names that are shown of each kind.
const NAMES: usize = 5;

/// The checklist of a direct child. `NotFound` outside of what is seen; forbidden to all but the
/// direct superior.
pub async fn checklist(cx: &mut Cx, org: &OrgRef) -> Result<Checklist> {
    if !cx.may(Action::SeeOrg, &org.path) {
        return Err(Error::NotFound);
    }
    if !cx.may(Action::CloseChild, &org.path) {
        return Err(cx.forbidden(Action::CloseChild, org));
    }
    let base = cx.org().map(|own| format!("/o/{}", own.code)).unwrap_or_default();
    let facts = Facts::read(cx, org).await?;
    Ok(facts.checklist(org, &base))
}

/// As [`checklist`], once the organisation's row is closed by this very transaction.
/// `people` are held by it.
pub(super) async fn after_end(cx: &mut Cx, org: &OrgRef, people: usize) -> Result<Checklist> {
    let base = cx.org().map(|own| format!("/o/{}", own.code)).unwrap_or_default();
    let people = i64::try_from(people).unwrap_or(i64::MAX);
    let facts = Facts { status: "ACTIVE".into(), people, ..Facts::read(cx, org).await? };
    Ok(facts.checklist(org, &base))
}

/// Everything that is asked about a child.
struct Facts {
    status: String,
    children: Vec<(String, String)>,
    people: i64,
    posts: Vec<sql::Post>,
    observers: i64,
    codes: i64,
    imports: i64,
    transfers: transfers::Left,
    today: String,
}

impl Facts {
    async fn read(cx: &mut Cx, org: &OrgRef) -> Result<Self> {
        let owns = org.category.owns_members();
        Ok(Self {
            status: sql::status(cx, org.id).await?,
            children: orgs::living_children(cx, org, 100).await?,
            people: if owns { people::count_of(cx, org, MOST_PEOPLE).await? } else { 0 },
            posts: sql::posts(cx, org.id).await?,
            observers: sql::count_observers(cx, org.id).await?,
            codes: crate::codes::waiting_for(cx, org).await?,
            imports: imports::count_open(cx, org).await?,
            transfers: transfers::open_at(cx, org, MOST_COMING + 1).await?,
            today: short_day(cx.now()),
        })
    }

    fn checklist(self, org: &OrgRef, base: &str) -> Checklist {
        let policy = &Rules::builtin().policy;
        Checklist {
            code: org.code.clone(),
            name: org.short_name.clone(),
            category_name: org.category.label().to_owned(),
            steps: self.steps(org, base),
            effects: self.effects(org),
            people: self.people,
            posts: self.posts.iter().map(sql::Post::said).collect(),
            days: policy.retention.deleted_days,
            is_holding: org.category == Category::Holding,
        }
    }

    fn steps(&self, org: &OrgRef, base: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        if org.depth() <= 2 && org.category == Category::Lead {
            steps.push(Step {
                kind: "top",
                label: "省级团委由系统运营维护,不能在这里撤销".into(),
                count: 1,
                names: Vec::new(),
                ways: Vec::new(),
            });
        }
        if self.status != "ACTIVE" {
            steps.push(Step {
                kind: "moving",
                label: "正在办理组织迁移,请等它办完或撤回".into(),
                count: 1,
                names: Vec::new(),
                ways: vec![way("查看组织", format!("{base}/orgs/{}", org.code))],
            });
        }
        if !org.category.owns_members() {
            steps.push(self.children_first(org, base));
            steps.push(self.cadres_first(org, base));
        }
        let forbids = Rules::builtin().policy.orgs.branch_delete_with_people == "forbid";
        if org.category == Category::Holding || (forbids && org.category.owns_members()) {
            steps.push(Step {
                kind: "people",
                label: format!("团员转出 {} 人", self.people),
                count: self.people,
                names: Vec::new(),
                ways: people_ways(org, base),
            });
        }
        let coming = self.transfers.coming.len() as i64;
        if coming > MOST_COMING {
            steps.push(Step {
                kind: "coming",
                label: format!("转入申请超过 {MOST_COMING} 件,请先审批或退回"),
                count: coming,
                names: Vec::new(),
                ways: vec![way("去办理", format!("{base}/transfers"))],
            });
        }
        steps
    }

    fn children_first(&self, org: &OrgRef, base: &str) -> Step {
        let count = self.children.len() as i64;
        let more = if count >= 100 { "100 个以上" } else { &count.to_string() };
        Step {
            kind: "children",
            label: format!("下级组织 {more}(从最下一级开始,由它们的直接上级撤销)"),
            count,
            names: first(self.children.iter().map(|(_, name)| name.clone())),
            ways: vec![way("查看下级组织", format!("{base}/children?view=tree&open={}", org.code))],
        }
    }

    fn cadres_first(&self, org: &OrgRef, base: &str) -> Step {
        let admins = self.posts.iter().filter(|p| p.is_admin).count();
        let also = if admins > 0 {
            format!("(其中管理员 {admins} 人,先撤销管理员)")
        } else {
            String::new()
        };
        let mut ways = Vec::new();
        if admins > 0 {
            ways.push(way("去撤销管理员", format!("{base}/admins?at={}", org.code)));
        }
        ways.push(way("团干部列表", format!("{base}/cadres?of={}", org.code)));
        Step {
            kind: "cadres",
            label: format!("团干部 {} 人办理离任{also}", self.posts.len()),
            count: self.posts.len() as i64,
            names: first(self.posts.iter().map(sql::Post::said)),
            ways,
        }
    }

    fn effects(&self, org: &OrgRef) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut push = |kind, count: usize, label: String, names: Vec<String>| {
            if count > 0 {
                effects.push(Effect { kind, label, count: count as i64, names });
            }
        };
        if org.category.owns_members() {
            let admins = self.posts.iter().filter(|p| p.is_admin).count();
            push(
                "posts",
                self.posts.len(),
                format!(
                    "{} 项职务、{admins} 位管理员的权限在今天({})结束,账号保留",
                    self.posts.len(),
                    self.today
                ),
                first(self.posts.iter().map(sql::Post::said)),
            );
        }
        let coming = &self.transfers.coming;
        push(
            "coming",
            coming.len(),
            format!(
                "{} 件转入申请退回,原因写明“转入组织已撤销”,本人和转出方会收到消息",
                coming.len()
            ),
            first(coming.iter().map(|t| format!("{}({})", t.name, t.from))),
        );
        let going = &self.transfers.going;
        let shown = if going.len() as i64 > MOST_COMING {
            format!("{MOST_COMING} 件以上")
        } else {
            format!("{} 件", going.len())
        };
        push(
            "going",
            going.len(),
            format!("{shown}转出申请继续办理,改从待接转团支部转出,由本组织跟进"),
            first(going.iter().map(|t| format!("{} → {}", t.name, t.to))),
        );
        push(
            "codes",
            usize::try_from(self.codes).unwrap_or(0),
            "没有用过的管理员注册码作废".into(),
            vec![],
        );
        push(
            "imports",
            usize::try_from(self.imports).unwrap_or(0),
            format!("{} 次没有做完的导入结束,已导入的人不受影响", self.imports),
            vec![],
        );
        push(
            "observers",
            usize::try_from(self.observers).unwrap_or(0),
            format!("{} 位观察员的查看权限结束", self.observers),
            vec![],
        );
        effects
    }
}

fn people_ways(org: &OrgRef, base: &str) -> Vec<Way> {
    vec![way("去办理转出", format!("{base}/members?under={}", org.code))]
}

pub(super) fn way(label: &str, href: String) -> Way {
    Way { label: label.to_owned(), href }
}

fn first(names: impl Iterator<Item = String>) -> Vec<String> {
    names.take(NAMES).collect()
}
