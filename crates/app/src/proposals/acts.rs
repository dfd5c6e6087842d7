//! What operators can do: judged for the page and once more before it is carried out.

use super::{
    Judged, Proposal, Trace,
    rules::{self, Dates, RowAct},
    sql,
};
use crate::{
    Cx, Error, OrgRef, Permit, Result, closings,
    error::FieldError,
    events::Event,
    exceptions,
    messages::{self, Message, To},
    orgs::{self, Category, Identity, Mandate},
    relocations::{self, Posts},
    rules::{Rules, changes, rows::Cells},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An act of an operator, as it is kept until a second one decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    /// 是否乡镇街道团委 (row 58), for some organisations; `None`: not said.
    Township { orgs: Vec<String>, to: Option<bool> },
    /// Names and industry of an organisation whose own are frozen (row 46).
    Identity { org: String, short_name: String, full_name: String, industry: String },
    /// A figure of the rules from a day on, or a column of a province (O7, C15).
    Rule {
        name: String,
        value: String,
        valid_from: String,
        #[serde(default)]
        valid_until: Option<String>,
    },
    /// A row of a rule table from a day on (O7): with these fields, or ended. An empty key: new.
    Row {
        table: String,
        key: String,
        cells: Option<Cells>,
        valid_from: String,
        #[serde(default)]
        valid_until: Option<String>,
    },
    /// A move, between provinces as well (row 53).
    Relocate { org: String, to: String },
    /// One organisation goes up in another one (C15: committees that were merged).
    Merge { from: String, into: String },
    /// A closed organisation comes back after the superior's days (O3, D6).
    Restore { org: String, short_name: String },
    /// The category of an organisation that has used its one change (O3, row 45).
    Category { org: String, category: Category },
    /// Somebody may be entered against a rule of age (row 133); put in with its statement before.
    Exception { exception: i64 },
    /// That is taken back.
    EndException { exception: i64 },
}

/// Organisations in one act.
const MOST: usize = 500;

impl Act {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Township { .. } => "township",
            Self::Identity { .. } => "identity",
            Self::Rule { .. } => "rule",
            Self::Relocate { .. } => "relocate",
            Self::Merge { .. } => "merge",
            Self::Row { .. } => "row",
            Self::Restore { .. } => "restore",
            Self::Category { .. } => "category",
            Self::Exception { .. } => "exception",
            Self::EndException { .. } => "end_exception",
        }
    }
    /// The words on pages.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Township { .. } => "乡镇街道团委标识",
            Self::Identity { .. } => "更正固定的组织信息",
            Self::Rule { .. } | Self::Row { .. } => "修改规则",
            Self::Relocate { .. } => "组织迁移(含跨省)",
            Self::Merge { .. } => "组织合并",
            Self::Restore { .. } => "恢复已撤销的组织",
            Self::Category { .. } => "更正组织类别",
            Self::Exception { .. } => "特殊情况录入",
            Self::EndException { .. } => "收回特殊情况",
        }
    }
}

pub(super) async fn judge(cx: &mut Cx, act: &Act) -> Result<Judged> {
    match act {
        Act::Township { orgs, to } => township(cx, orgs, *to).await,
        Act::Identity { org, short_name, full_name, industry } => {
            let org = find(cx, "org", org).await?;
            identity(cx, &org, &new_identity(short_name, full_name, industry)).await
        }
        Act::Rule { name, value, valid_from, valid_until } => {
            let dates = Dates { from: valid_from, until: valid_until.as_deref() };
            rules::figure(cx, name, value, dates).await
        }
        Act::Row { table, key, cells, valid_from, valid_until } => {
            let dates = Dates { from: valid_from, until: valid_until.as_deref() };
            rules::row(cx, RowAct { table, key, cells: cells.as_ref() }, dates).await
        }
        Act::Relocate { org, to } => relocate(cx, org, to).await,
        Act::Merge { from, into } => merge(cx, from, into).await,
        Act::Restore { org, short_name } => restore(cx, org, short_name).await,
        Act::Category { org, category } => {
            let org = find(cx, "org", org).await?;
            correct(cx, &org, *category).await
        }
        Act::Exception { exception } => exceptions::judge_granting(cx, *exception).await,
        Act::EndException { exception } => exceptions::judge_ending(cx, *exception).await,
    }
}

async fn find(cx: &mut Cx, field: &str, code: &str) -> Result<OrgRef> {
    match orgs::by_code(cx, code.trim()).await {
        Err(Error::NotFound) => {
            Err(Error::field(field, "org_gone", "没有这个组织,可能已经撤销。请重新选择。"))
        }
        found => found,
    }
}

fn new_identity(short_name: &str, full_name: &str, industry: &str) -> Identity {
    Identity {
        short_name: short_name.to_owned(),
        full_name: full_name.to_owned(),
        industry: industry.to_owned(),
    }
}

fn said(to: Option<bool>) -> &'static str {
    match to {
        Some(true) => "是",
        Some(false) => "否",
        None => "未设置",
    }
}

async fn township(cx: &mut Cx, codes: &[String], to: Option<bool>) -> Result<Judged> {
    if codes.is_empty() {
        return Err(Error::field("orgs", "required", "请勾选要更正的组织。"));
    }
    if codes.len() > MOST {
        return Err(Error::field("orgs", "too_many", "一次最多更正 500 个组织,请分几次提出。"));
    }
    let found = sql::flags(cx, codes).await?;
    if found.len() != codes.len() {
        return Err(Error::field(
            "orgs",
            "org_gone",
            "勾选的组织里有的已经撤销,请刷新后重新勾选。",
        ));
    }
    let names: Vec<&str> = found.iter().map(|f| f.short_name.as_str()).collect();
    let changes = found.iter().filter(|f| f.is_township != to).count();
    if changes == 0 {
        let says = "这些组织的标识已经是这样,不用更正。";
        return Err(Error::field("to", "same", says));
    }
    let first = names.first().copied().unwrap_or_default();
    let title = match names.len() {
        1 => format!("把“{first}”的乡镇街道团委标识改为“{}”", said(to)),
        n => format!("把“{first}”等 {n} 个组织的乡镇街道团委标识改为“{}”", said(to)),
    };
    Ok(Judged {
        title,
        org: (found.len() == 1).then(|| found[0].id),
        effects: vec![
            ("组织", names.join("、")),
            ("会改变", format!("{changes} 个(其余 {} 个已经是这样)", found.len() - changes)),
            ("影响", "只改这个标识,不影响人员和业务;各组织和直接上级会收到消息。".into()),
        ],
    })
}

async fn identity(cx: &mut Cx, org: &OrgRef, to: &Identity) -> Result<Judged> {
    let (now, changed) = orgs::judge_identity_change(cx, org, to).await?;
    if changed.is_empty() {
        return Err(Error::field("short_name", "same", "没有改动。"));
    }
    let mut effects: Vec<(&'static str, String)> = changed
        .into_iter()
        .map(|field| {
            let shown = |i: &Identity| match field {
                "short_name" => i.short_name.clone(),
                "full_name" => i.full_name.clone(),
                _ => orgs::industry_name(org.category, Some(&i.industry)),
            };
            let label = match field {
                "short_name" => "组织简称",
                "full_name" => "组织全称",
                _ => "行业类别",
            };
            (label, format!("{} → {}", shown(&now), shown(to)))
        })
        .collect();
    effects
        .push(("影响", "立即生效,搜索和各页面都用新的名称;已经发出的消息和操作记录不变。".into()));
    Ok(Judged {
        title: format!("更正“{}”的组织信息", org.short_name), org: Some(org.id), effects
    })
}

async fn relocate(cx: &mut Cx, org: &str, to: &str) -> Result<Judged> {
    let (org, to) = (find(cx, "org", org).await?, find(cx, "to", to).await?);
    if let Some(refusal) = orgs::against_moving(cx, &org, &to, Mandate::Operators).await? {
        return Err(Error::field("to", &refusal.code, refusal.message));
    }
    if let Some(no) = relocations::open_on(cx, &org).await? {
        let says = format!("这个组织或它的上下级正在办理组织迁移({no}),请先撤销或退回。");
        return Err(Error::field("org", "relocation_open", says));
    }
    let old = superior(cx, &org).await?;
    let e = relocations::effect_of(cx, &org, &old, &to).await?;
    let side = |b: &relocations::Before| {
        format!("组织 {} → {},团员 {} → {}", b.orgs, b.orgs_after, b.members, b.members_after)
    };
    let open = format!(
        "转出 {} 笔、转入 {} 笔、导入 {} 个,继续办理",
        e.transfers_out, e.transfers_in, e.imports
    );
    Ok(Judged {
        title: format!("把“{}”从“{}”迁到“{}”下面", org.short_name, old.short_name, to.short_name),
        org: Some(org.id),
        effects: vec![
            (
                "一起迁移",
                format!(
                    "{} 个组织(其中团支部 {} 个)、{} 名团员、{} 名团干部",
                    e.orgs, e.branches, e.members, e.cadres
                ),
            ),
            ("在办业务", open),
            ("原上级的统计", side(&e.old_parent)),
            ("新上级的统计", side(&e.new_parent)),
            ("撤回", "完成后想恢复,需要再提出一次迁回。".into()),
        ],
    })
}

async fn superior(cx: &mut Cx, org: &OrgRef) -> Result<OrgRef> {
    let path = orgs::parent_path(&org.path).ok_or(Error::NotFound)?;
    orgs::names_to(cx, path).await?.pop().ok_or(Error::NotFound)
}

async fn merge(cx: &mut Cx, from: &str, into: &str) -> Result<Judged> {
    let (from, into) = (find(cx, "from", from).await?, find(cx, "into", into).await?);
    let m = relocations::merging(cx, &from, &into, Mandate::Operators).await?;
    if !m.against.is_empty() {
        let wrong = |says: &String| FieldError::new("into", "merge_against", says.clone());
        return Err(Error::Invalid(m.against.iter().map(wrong).collect()));
    }
    Ok(Judged {
        title: format!("把“{}”并入“{}”", from.short_name, into.short_name),
        org: Some(from.id),
        effects: vec![
            ("直属下级", format!("{} 个转到“{}”下面", m.children.len(), into.short_name)),
            ("连同各级下级", format!("{} 个组织、{} 名团员", m.orgs, m.members)),
            (
                "职务和管理员",
                format!(
                    "“{}”的 {} 个职务、{} 名管理员结束",
                    from.short_name, m.cadres, m.administrators
                ),
            ),
            ("撤回", "合并后原组织撤销,不能自动撤回。".into()),
        ],
    })
}

async fn restore(cx: &mut Cx, code: &str, name: &str) -> Result<Judged> {
    let back = closings::late(cx, code.trim(), name).await?;
    let c = &back.closing;
    let people = match c.people {
        0 => "撤销时没有团员。".to_owned(),
        n => format!(
            "撤销时的 {n} 名团员已经转到“{}”或其他支部,不会跟着回来;需要的由所在支部办理转接。",
            c.holding.as_deref().unwrap_or("待接转团支部")
        ),
    };
    let mut effects = vec![
        ("组织", format!("{}({}),组织码 {}", back.name, c.category_name, c.code)),
        ("直接上级", back.parent.short_name.clone()),
        ("撤销", format!("{} 由 {} 办理", c.closed_at, c.closed_by)),
        ("恢复以后", "一个空的组织:没有团员、团干部和管理员,由上级发注册码或任命。".to_owned()),
        ("团员", people),
    ];
    effects.extend(back.lost.iter().map(|words| ("不能恢复的", words.clone())));
    effects.push(("撤回", "恢复错了的,由上级再次撤销。".into()));
    Ok(Judged {
        title: format!("恢复“{}”,仍在“{}”下面", back.name, back.parent.short_name),
        org: Some(back.org.id),
        effects,
    })
}

async fn correct(cx: &mut Cx, org: &OrgRef, to: Category) -> Result<Judged> {
    let found = orgs::judge_correction(cx, org, to).await?;
    if !found.blocks.is_empty() {
        let wrong = |says: &String| FieldError::new("category", "category_blocked", says.clone());
        return Err(Error::Invalid(found.blocks.iter().map(wrong).collect()));
    }
    let mut effects = vec![
        ("组织类别", format!("{} → {}", found.now.label(), to.label())),
        ("直属下级", format!("{} 个,不变", found.children)),
        ("管理员", format!("{} 位,不变", found.admins)),
    ];
    if !found.posts.is_empty() {
        let words =
            format!("{}。新的类别没有的职务,请它的管理员随后变更。", found.posts.join("、"));
        effects.push(("现有职务", words));
    }
    if matches!(found.now, Category::Branch) {
        effects.push(("毕业标记", "如果标记过预计毕业时间,会清除。".into()));
    }
    effects.push(("统计", "立即按新的类别计入上级的各项数字。".into()));
    effects.push(("撤回", "可以再提出一次更正改回;本组织和直接上级会收到消息。".into()));
    Ok(Judged {
        title: format!("把“{}”的类别由{}更正为{}", org.short_name, found.now.label(), to.label()),
        org: Some(org.id),
        effects,
    })
}

/// Does what was agreed on; judged a moment ago in the same transaction.
pub(super) async fn carry_out(cx: &mut Cx, permit: &Permit, p: &Proposal) -> Result<Trace> {
    match &p.act {
        Act::Township { orgs, to } => {
            let before = sql::flags(cx, orgs).await?;
            sql::set_flags(cx, permit, orgs, *to).await?;
            for flag in before.iter().filter(|f| f.is_township != *to) {
                let detail = json!({ "before": flag.is_township, "after": to, "proposal": p.no });
                let event = Event::new("org.township", "org", flag.id.0).at(&flag.path);
                cx.note(event.detail(detail)).await?;
                let title = format!("是否乡镇街道团委:已更正为“{}”", said(*to));
                tell(cx, flag.id, &flag.code, title, &p.reason).await?;
            }
            Ok(json!({ "orgs": before.len() }))
        }
        Act::Identity { org, short_name, full_name, industry } => {
            let org = orgs::by_code(cx, org).await?;
            let to = new_identity(short_name, full_name, industry);
            orgs::set_identity(cx, permit, &org, &to).await?;
            tell(cx, org.id, &org.code, "组织信息已由系统运营更正".into(), &p.title).await?;
            Ok(json!({ "org": org.code, "before": org.short_name, "after": short_name }))
        }
        Act::Rule { name, value, valid_from, valid_until } => {
            let before = changes::value_in(Rules::builtin(), name);
            let dates = Dates { from: valid_from, until: valid_until.as_deref() };
            sql::change_rule(cx, permit, name, value, dates, p.id).await?;
            Ok(json!({
                "name": name, "before": before, "after": value, "from": valid_from,
                "until": valid_until,
            }))
        }
        Act::Row { table, key, cells, valid_from, valid_until } => {
            let act = RowAct { table, key, cells: cells.as_ref() };
            let (table, before, change) = rules::change_of(&act)?;
            let name = rules::name_of(table, key, &change, &p.no);
            let value = serde_json::to_string(&change).map_err(|e| Error::Broken(e.to_string()))?;
            let dates = Dates { from: valid_from, until: valid_until.as_deref() };
            sql::change_rule(cx, permit, &name, &value, dates, p.id).await?;
            Ok(json!({
                "name": name, "before": before.map(|row| row.cells), "after": change,
                "from": valid_from, "until": valid_until,
            }))
        }
        Act::Exception { exception } => {
            exceptions::grant(cx, permit, *exception, &p.no).await?;
            Ok(json!({ "exception": exception.to_string() }))
        }
        Act::EndException { exception } => {
            exceptions::end(cx, permit, *exception).await?;
            Ok(json!({ "exception": exception.to_string() }))
        }
        Act::Restore { org, short_name } => {
            let org = closings::restore_late(cx, permit, org.trim(), short_name).await?;
            let detail =
                json!({ "code": org.code, "short_name": org.short_name, "proposal": p.no });
            let event = Event::new("org.restored", "org", org.id.0).at(&org.path);
            cx.note(event.detail(detail)).await?;
            Ok(json!({ "org": org.code }))
        }
        Act::Category { org, category } => {
            let org = orgs::by_code(cx, org).await?;
            orgs::correct_category(cx, permit, &org, *category).await?;
            Ok(json!({ "org": org.code, "before": org.category.code(), "after": category.code() }))
        }
        Act::Relocate { org, to } => {
            let (org, to) = (orgs::by_code(cx, org).await?, orgs::by_code(cx, to).await?);
            let old = superior(cx, &org).await?;
            let moved = relocations::carry_across(cx, permit, &org, &to).await?;
            let event = Event::new("org.relocated", "org", org.id.0);
            cx.note(event.at(&moved.org.path).detail(relocations::carried(&moved))).await?;
            let title = format!("“{}”已由系统运营迁到“{}”", org.short_name, to.short_name);
            for side in [&org, &old, &to] {
                tell(cx, side.id, &side.code, title.clone(), &p.reason).await?;
            }
            Ok(relocations::carried(&moved))
        }
        Act::Merge { from, into } => {
            let (from, into) = (orgs::by_code(cx, from).await?, orgs::by_code(cx, into).await?);
            let done =
                relocations::merge_by_operators(cx, permit, &from, &into, Posts::End).await?;
            Ok(
                json!({ "from": from.code, "into": into.code, "children": done.children, "members": done.members }),
            )
        }
    }
}

async fn tell(cx: &mut Cx, org: orgs::OrgId, code: &str, title: String, body: &str) -> Result<()> {
    let href = format!("/o/{code}/info");
    let message = Message { to: To::Org(org), kind: "org", title, body: body.to_owned(), href };
    messages::send(cx, message).await
}
