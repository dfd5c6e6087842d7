//! THE permission table: who may do what, how far from her own organisation. The only place that
//! decides. Pages, buttons, the doors test and the help page "谁能办什么" all read it.

use crate::{
    error::Error,
    orgs::{Category, OrgId},
    people::PersonId,
};

/// What somebody is in the organisation that she acts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A signed-in person, about herself.
    Member,
    /// Administrator of a branch.
    Branch,
    /// Administrator of a general branch, committee or work committee.
    Group,
    /// Administrator of a leading organ.
    Lead,
    /// Administrator of a province-level organ.
    Province,
    /// Reads one subtree, masked, until a date (decision 9).
    Observer,
    /// Holds a post without a seat: looks at the home of the organisation, nothing else (decision 28).
    Cadre,
    /// Runs the system.
    Operator,
    /// A job of the program itself.
    System,
}

/// How far an action reaches from the organisation acted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// One's own person or organisation.
    Own,
    /// The direct children, not the organisation itself.
    Children,
    /// The own organisation and its direct children.
    Direct,
    /// The own organisation and everything below.
    Subtree,
    /// Everywhere.
    All,
}

/// Everything that can be done. A new action gets a line in [`TABLE`], or it does not compile in
/// the exhaustive test below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    SeeOwnProfile,
    EditOwnProfile,
    ManageOwnSignIns,
    SeeHome,
    SeeOrg,
    EditOrg,
    CreateChild,
    ChangeCategory,
    OrderChildren,
    CloseChild,
    PutOffElection,
    IssueCodes,
    UseCode,
    ManageAdmins,
    AppointObserver,
    SeeCadres,
    ChangePosts,
    StartRelocation,
    DecideRelocation,
    ReshapeChildren,
    SetSchoolCode,
    MarkGraduation,
    MarkGraduates,
    Operate,
    SeeMembers,
    RevealPerson,
    AddMember,
    EditMember,
    ImportMembers,
    ExportMembers,
    Search,
    SeeTransfers,
    StartTransferOut,
    StartTransferIn,
    DecideTransfer,
    AllocateTransfer,
    WithdrawTransfer,
    SeeStats,
    SeeJobs,
    SeeEvents,
    RunSystem,
}

/// One line of the table.
pub struct Line {
    pub action: Action,
    /// What the help page calls it.
    pub label: &'static str,
    pub who: &'static [(Role, Reach)],
}

use Action as A;
use Reach::{All, Children, Direct, Own, Subtree};
use Role as R;

const OBSERVED: &[(Role, Reach)] = &[
    (R::Branch, Own),
    (R::Group, Subtree),
    (R::Lead, Subtree),
    (R::Province, Subtree),
    (R::Observer, Subtree),
    (R::Operator, All),
    (R::System, All),
];
const HOME: &[(Role, Reach)] = &[
    (R::Branch, Own),
    (R::Group, Subtree),
    (R::Lead, Subtree),
    (R::Province, Subtree),
    (R::Observer, Subtree),
    (R::Cadre, Own),
    (R::Operator, All),
    (R::System, All),
];
const HANDS_ON: &[(Role, Reach)] = &[
    (R::Branch, Own),
    (R::Group, Direct),
    (R::Lead, Direct),
    (R::Province, Direct),
    (R::Operator, All),
    (R::System, All),
];
const ADMINS: &[(Role, Reach)] = &[
    (R::Branch, Own),
    (R::Group, Direct),
    (R::Lead, Direct),
    (R::Province, Direct),
    (R::System, All),
];
const PARENTS: &[(Role, Reach)] =
    &[(R::Group, Children), (R::Lead, Children), (R::Province, Children), (R::System, All)];
const SELF: &[(Role, Reach)] = &[(R::Member, Own)];

/// Who may do what (domain (e)).
pub const TABLE: &[Line] = &[
    Line { action: A::SeeOwnProfile, label: "查看个人资料", who: SELF },
    Line { action: A::EditOwnProfile, label: "修改个人联系方式", who: SELF },
    Line { action: A::ManageOwnSignIns, label: "管理自己的密码和登录", who: SELF },
    Line { action: A::SeeHome, label: "查看组织首页、名片和团干部职务", who: HOME },
    Line { action: A::SeeOrg, label: "查看组织", who: OBSERVED },
    Line { action: A::EditOrg, label: "编辑组织信息", who: HANDS_ON },
    Line {
        action: A::CreateChild,
        label: "创建直属下级组织",
        who: &[
            (R::Group, Own),
            (R::Lead, Own),
            (R::Province, Own),
            (R::Operator, All),
            (R::System, All),
        ],
    },
    Line {
        action: A::ChangeCategory,
        label: "更改组织类别(只能一次)",
        who: &[(R::Branch, Own), (R::Group, Own), (R::Lead, Own)],
    },
    Line {
        action: A::OrderChildren,
        label: "调整下级组织的顺序",
        who: &[(R::Group, Own), (R::Lead, Own), (R::Province, Own)],
    },
    Line { action: A::PutOffElection, label: "批准直属下级延期换届", who: PARENTS },
    Line { action: A::CloseChild, label: "撤销和恢复直属下级组织", who: PARENTS },
    Line {
        action: A::IssueCodes,
        label: "生成管理员注册码",
        who: &[
            (R::Group, Children),
            (R::Lead, Children),
            (R::Province, Children),
            (R::Operator, Children),
            (R::System, All),
        ],
    },
    Line {
        action: A::UseCode,
        label: "用注册码成为管理员",
        who: &[(R::Member, Own), (R::System, All)],
    },
    Line { action: A::ManageAdmins, label: "管理员变更", who: HANDS_ON },
    Line {
        action: A::AppointObserver,
        label: "管理观察员",
        who: &[(R::Branch, Own), (R::Group, Own), (R::Lead, Own), (R::Province, Own)],
    },
    Line { action: A::SeeCadres, label: "查看团干部列表", who: OBSERVED },
    Line { action: A::ChangePosts, label: "团干部职务变更和换届", who: HANDS_ON },
    Line {
        action: A::StartRelocation,
        label: "申请组织迁移",
        who: &[(R::Branch, Own), (R::Group, Own), (R::Lead, Own)],
    },
    Line {
        action: A::DecideRelocation,
        label: "审批组织迁移",
        who: &[(R::Group, Own), (R::Lead, Own), (R::Province, Own), (R::System, All)],
    },
    Line { action: A::ReshapeChildren, label: "合并和拆分直属下级组织", who: PARENTS },
    Line {
        action: A::SetSchoolCode,
        label: "填写学校机构编号",
        who: &[(R::Branch, Own), (R::Group, Own)],
    },
    Line {
        action: A::MarkGraduation,
        label: "标记团支部毕业时间",
        who: &[(R::Group, Subtree), (R::Lead, Subtree), (R::Province, Subtree), (R::System, All)],
    },
    Line {
        action: A::MarkGraduates,
        label: "标记毕业团员(延迟毕业、教师、流动)",
        who: &[(R::Group, Subtree), (R::Lead, Direct), (R::Province, Direct)],
    },
    Line { action: A::Operate, label: "系统维护(两人办理)", who: &[(R::Operator, All)] },
    Line { action: A::SeeMembers, label: "查看团员列表", who: OBSERVED },
    Line {
        action: A::RevealPerson,
        label: "显示完整证件号和电话",
        who: &[(R::Branch, Own), (R::Group, Subtree), (R::Lead, Subtree), (R::Province, Subtree)],
    },
    Line { action: A::AddMember, label: "添加团员", who: ADMINS },
    Line { action: A::EditMember, label: "编辑团员资料", who: HANDS_ON },
    Line { action: A::ImportMembers, label: "导入团员", who: ADMINS },
    Line {
        action: A::ExportMembers,
        label: "导出团员列表",
        who: &[
            (R::Branch, Own),
            (R::Group, Subtree),
            (R::Lead, Subtree),
            (R::Province, Subtree),
            (R::System, All),
        ],
    },
    Line { action: A::Search, label: "全局搜索", who: OBSERVED },
    Line { action: A::SeeTransfers, label: "查看组织关系转接", who: OBSERVED },
    Line { action: A::StartTransferOut, label: "办理转出", who: ADMINS },
    Line {
        action: A::StartTransferIn,
        label: "办理转入",
        who: &[(R::Branch, Own), (R::Group, Own), (R::Lead, Own), (R::Province, Own)],
    },
    Line { action: A::DecideTransfer, label: "审批组织关系转接", who: ADMINS },
    Line {
        action: A::AllocateTransfer,
        label: "分配团支部",
        who: &[(R::Group, Own), (R::Lead, Own), (R::Province, Own)],
    },
    Line {
        action: A::WithdrawTransfer,
        label: "撤销转接（发起方、本人）",
        who: &[
            (R::Member, Own),
            (R::Branch, Own),
            (R::Group, Direct),
            (R::Lead, Direct),
            (R::Province, Direct),
            (R::System, All),
        ],
    },
    Line { action: A::SeeStats, label: "查看统计和录入进度", who: OBSERVED },
    Line { action: A::SeeJobs, label: "查看任务", who: OBSERVED },
    Line { action: A::SeeEvents, label: "查看操作记录", who: ADMINS },
    Line { action: A::RunSystem, label: "系统任务", who: &[(R::System, All)] },
];

/// Where an organisation stands; what the table compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgRef {
    pub id: OrgId,
    /// 组织码.
    pub code: String,
    /// Materialised path: three characters a level.
    pub path: String,
    pub short_name: String,
    pub category: Category,
    /// Two-digit province, decides regional rules.
    pub province: String,
}
impl OrgRef {
    /// How many levels from the root, the root being 1.
    pub fn depth(&self) -> usize {
        self.path.len() / 3
    }
    /// Whether `path` is this organisation or lies below it.
    pub fn covers(&self, path: &str) -> bool {
        path.starts_with(&self.path)
    }
}

/// A right on one organisation, as it came with the visit.
#[derive(Clone, Debug)]
pub struct Grant {
    pub org: OrgRef,
    pub role: Role,
}

/// Leave to carry out one action on one organisation (or on one's own person). Made only here;
/// every writing statement asks for it and [`crate::Cx::record`] uses it up.
#[derive(Debug)]
#[must_use = "a permit must end in an audit row"]
pub struct Permit {
    action: Action,
    org_path: String,
    _made_here: (),
}
impl Permit {
    /// What it allows.
    pub fn action(&self) -> Action {
        self.action
    }
    /// The path of the organisation that it was given for.
    pub fn org_path(&self) -> &str {
        &self.org_path
    }
}

/// The paths that may be read: `lo <= path < hi`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub lo: String,
    pub hi: String,
}
impl Scope {
    /// The organisation and everything below it.
    pub fn subtree(path: &str) -> Self {
        Self { lo: path.into(), hi: format!("{path}~") }
    }
    /// The organisation alone: `!` comes before every character of a path.
    pub fn only(path: &str) -> Self {
        Self { lo: path.into(), hi: format!("{path}!") }
    }
    /// Whether a path lies inside.
    pub fn holds(&self, path: &str) -> bool {
        self.lo.as_str() <= path && path < self.hi.as_str()
    }
    /// This scope narrowed to the subtree of `path`; `None` when they don't meet.
    pub fn within(&self, path: &str) -> Option<Self> {
        let narrow = Self::subtree(path);
        self.holds(path).then(|| Self {
            lo: narrow.lo.max(self.lo.clone()),
            hi: narrow.hi.min(self.hi.clone()),
        })
    }
}

/// The line of an action.
pub fn line(action: Action) -> &'static Line {
    // The test below proves that every action has its line.
    TABLE.iter().find(|l| l.action == action).unwrap_or(&TABLE[0])
}

/// How far `role` reaches with `action`.
pub fn reach(action: Action, role: Role) -> Option<Reach> {
    TABLE.iter().find(|l| l.action == action)?.who.iter().find(|(r, _)| *r == role).map(|(_, r)| *r)
}

/// May somebody with this grant do it on the organisation at `path`?
pub fn allows(action: Action, grant: &Grant, path: &str) -> bool {
    match reach(action, grant.role) {
        None => false,
        Some(Own) => path == grant.org.path,
        Some(Children) => is_child(grant, path),
        Some(Direct) => path == grant.org.path || is_child(grant, path),
        Some(Subtree) => grant.org.covers(path),
        Some(All) => true,
    }
}

fn is_child(grant: &Grant, path: &str) -> bool {
    path.len() == grant.org.path.len() + 3 && grant.org.covers(path)
}

/// What somebody with this grant may read for an action.
pub(crate) fn scope(action: Action, grant: &Grant) -> Option<Scope> {
    match reach(action, grant.role)? {
        Own => Some(Scope::only(&grant.org.path)),
        // Lists over direct children are bounded by the subtree and narrowed by parent.
        Children | Direct | Subtree => Some(Scope::subtree(&grant.org.path)),
        All => Some(Scope::subtree("")),
    }
}

pub(crate) fn permit(action: Action, grant: &Grant, path: &str) -> Result<Permit, Error> {
    if allows(action, grant, path) {
        Ok(Permit { action, org_path: path.to_owned(), _made_here: () })
    } else {
        Err(forbidden(action))
    }
}

/// Leave for something about one's own person.
pub(crate) fn permit_own(action: Action, me: PersonId, whom: PersonId) -> Result<Permit, Error> {
    if me == whom && reach(action, Role::Member).is_some() {
        Ok(Permit { action, org_path: String::new(), _made_here: () })
    } else {
        Err(forbidden(action))
    }
}

/// Leave for a job of the program, which has no organisation of its own.
pub(crate) fn permit_system(action: Action) -> Result<Permit, Error> {
    match reach(action, Role::System) {
        Some(_) => Ok(Permit { action, org_path: String::new(), _made_here: () }),
        None => Err(forbidden(action)),
    }
}

/// E21, with who can do it.
pub fn forbidden(action: Action) -> Error {
    let line = line(action);
    let names: Vec<&str> =
        line.who.iter().filter(|(r, _)| *r != Role::System).map(|(r, _)| role_name(*r)).collect();
    Error::Forbidden { action: line.label, may: names.join("、"), why: String::new() }
}

/// E21 with the true reason: a sentence that names who can.
pub fn forbidden_because(action: Action, why: impl Into<String>) -> Error {
    match forbidden(action) {
        Error::Forbidden { action, may, .. } => Error::Forbidden { action, may, why: why.into() },
        other => other,
    }
}

/// E21 for somebody with this grant who wants it done on `org`: what she is, what is in the way, and
/// who can do it.
pub fn forbidden_to(action: Action, grant: &Grant, org: &OrgRef) -> Error {
    forbidden_because(action, why_not(action, grant, org))
}

fn why_not(action: Action, grant: &Grant, org: &OrgRef) -> String {
    let (what, own, that) = (line(action).label, &grant.org.short_name, &org.short_name);
    // Whoever does it for her own organisation and is not the superior.
    let by_itself =
        line(action).who.iter().any(|(_, reach)| matches!(reach, Own | Direct | Subtree));
    match reach(action, grant.role) {
        None => {
            let others = others(action, grant.role);
            format!("你现在是“{own}”的{}，不能办“{what}”。这件事由{others}办理。", title(grant))
        }
        Some(Children) if org.id == grant.org.id => {
            format!("“{what}”由上级办理，本组织不能给自己办。请联系“{own}”直接上级的管理员。")
        }
        Some(Own) => {
            format!("在“{own}”只能为本组织办“{what}”，“{that}”由它自己的管理员办理。")
        }
        Some(Children | Direct) if grant.org.covers(&org.path) => {
            let itself = if by_itself { "它自己的管理员，或" } else { "" };
            format!(
                "“{that}”不是“{own}”的直属下级，隔级不能办“{what}”。请{itself}“{that}”直接上级的管理员办理。"
            )
        }
        Some(_) => format!("“{that}”不在“{own}”的管理范围内，“{what}”由它自己的上级办理。"),
    }
}

/// The roles that can, as they are called on pages; never the one of whoever asks.
fn others(action: Action, but: Role) -> String {
    let who = line(action).who.iter().map(|(role, _)| *role);
    let names: Vec<&str> = who.filter(|r| *r != Role::System && *r != but).map(role_name).collect();
    names.join("、")
}

/// What somebody is where she acts, in the words of her organisation.
fn title(grant: &Grant) -> String {
    match grant.role {
        Role::Observer => "观察员（只能查看）".to_owned(),
        Role::Operator | Role::Cadre | Role::Member | Role::System => {
            role_name(grant.role).to_owned()
        }
        _ => format!("管理员（{}）", grant.org.category.label()),
    }
}

/// What a role is called on pages.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Member => "本人",
        Role::Branch => "团支部管理员",
        Role::Group => "团委(团工委、团总支)管理员",
        Role::Lead => "团的领导机关管理员",
        Role::Province => "省级团委管理员",
        Role::Observer => "观察员",
        Role::Cadre => "团干部（没有管理员身份）",
        Role::Operator => "系统运营",
        Role::System => "系统",
    }
}

/// The role that a seat in an organisation gives.
pub fn admin_role(category: Category, depth: usize) -> Role {
    match category {
        Category::Lead if depth == 2 => Role::Province,
        Category::Lead => Role::Lead,
        Category::Committee | Category::Work | Category::General => Role::Group,
        Category::Branch | Category::Graduate | Category::Holding => Role::Branch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, name: &str, category: Category) -> OrgRef {
        let id = OrgId(path.len() as i64);
        let (code, province) = (String::new(), "34".to_owned());
        OrgRef { id, code, path: path.into(), short_name: name.into(), category, province }
    }

    fn said(action: Action, grant: &Grant, org: &OrgRef) -> String {
        match forbidden_to(action, grant, org) {
            Error::Forbidden { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_names_the_true_reason_and_who_can_and_never_the_own_role_as_the_cure() {
        let committee = named("000001", "文学院团委", Category::Committee);
        let child = named("000001001", "一团总支", Category::General);
        let branch = named("000001001001", "一班团支部", Category::Branch);
        let above = Grant { org: committee.clone(), role: Role::Group };
        let of_branch = Grant { org: branch.clone(), role: Role::Branch };
        let far = said(A::CloseChild, &above, &branch);
        assert!(far.contains("“一班团支部”不是“文学院团委”的直属下级"), "{far}");
        assert!(far.contains("“一班团支部”直接上级的管理员"), "{far}");
        let own = said(A::CloseChild, &above, &committee);
        assert!(own.contains("不能给自己办") && own.contains("直接上级"), "{own}");
        let below = said(A::CreateChild, &of_branch, &branch);
        assert!(below.contains("你现在是“一班团支部”的管理员（团支部）"), "{below}");
        assert!(!below.contains("团支部管理员、"), "her own role cures nothing: {below}");
        let looks = Grant { org: committee, role: Role::Observer };
        assert!(said(A::EditOrg, &looks, &child).contains("观察员（只能查看）"));
    }

    fn at(path: &str, role: Role) -> Grant {
        let org = OrgRef {
            id: OrgId(1),
            code: String::new(),
            path: path.into(),
            short_name: String::new(),
            category: Category::Committee,
            province: "34".into(),
        };
        Grant { org, role }
    }

    #[test]
    fn every_action_has_exactly_one_line() {
        for action in [
            A::SeeOwnProfile,
            A::EditOwnProfile,
            A::ManageOwnSignIns,
            A::SeeHome,
            A::SeeOrg,
            A::EditOrg,
            A::CreateChild,
            A::ChangeCategory,
            A::OrderChildren,
            A::CloseChild,
            A::PutOffElection,
            A::IssueCodes,
            A::UseCode,
            A::ManageAdmins,
            A::AppointObserver,
            A::SeeCadres,
            A::ChangePosts,
            A::StartRelocation,
            A::DecideRelocation,
            A::ReshapeChildren,
            A::SetSchoolCode,
            A::MarkGraduation,
            A::MarkGraduates,
            A::Operate,
            A::SeeMembers,
            A::RevealPerson,
            A::AddMember,
            A::EditMember,
            A::ImportMembers,
            A::ExportMembers,
            A::Search,
            A::SeeTransfers,
            A::StartTransferOut,
            A::StartTransferIn,
            A::DecideTransfer,
            A::AllocateTransfer,
            A::WithdrawTransfer,
            A::SeeStats,
            A::SeeJobs,
            A::SeeEvents,
            A::RunSystem,
        ] {
            assert_eq!(TABLE.iter().filter(|l| l.action == action).count(), 1, "{action:?}");
        }
    }

    #[test]
    fn direct_means_oneself_and_ones_children_but_not_grandchildren() {
        let committee = at("000001", Role::Group);
        assert!(allows(A::AddMember, &committee, "000001"));
        assert!(allows(A::AddMember, &committee, "00000100a"));
        assert!(!allows(A::AddMember, &committee, "00000100a001"));
        assert!(!allows(A::AddMember, &committee, "000002"));
        assert!(allows(A::SeeMembers, &committee, "00000100a001"));
    }

    #[test]
    fn what_a_superior_does_to_her_children_she_can_not_do_to_her_own_organisation() {
        let committee = at("000001", Role::Group);
        assert!(allows(A::CloseChild, &committee, "00000100a"));
        assert!(!allows(A::CloseChild, &committee, "000001"));
        assert!(!allows(A::CloseChild, &committee, "00000100a001"));
        assert!(!allows(A::CloseChild, &committee, "000002"));
    }

    #[test]
    fn an_observer_changes_nothing() {
        for line in TABLE {
            let sees = matches!(
                line.action,
                A::SeeHome
                    | A::SeeOrg
                    | A::SeeCadres
                    | A::SeeMembers
                    | A::Search
                    | A::SeeTransfers
                    | A::SeeStats
                    | A::SeeJobs
            );
            assert_eq!(reach(line.action, Role::Observer).is_some(), sees, "{:?}", line.action);
        }
    }

    #[test]
    fn a_cadre_without_a_seat_looks_at_home_and_does_nothing() {
        let may: Vec<_> =
            TABLE.iter().filter(|line| reach(line.action, Role::Cadre).is_some()).collect();
        assert_eq!(may.iter().map(|line| line.action).collect::<Vec<_>>(), [A::SeeHome]);
        let cadre = at("000001", Role::Cadre);
        assert!(allows(A::SeeHome, &cadre, "000001") && !allows(A::SeeHome, &cadre, "000001001"));
    }

    #[test]
    fn a_scope_holds_its_subtree_and_nothing_beside_it() {
        let scope = Scope::subtree("000001");
        assert!(scope.holds("000001") && scope.holds("000001zzz"));
        assert!(!scope.holds("000002") && !scope.holds("000"));
        assert!(!Scope::only("000001").holds("000001000"));
        assert_eq!(scope.within("000001002"), Some(Scope::subtree("000001002")));
        assert_eq!(scope.within("000002"), None);
    }
}
