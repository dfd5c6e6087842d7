//! 组织迁移 (A13): the list, and what the pages of this room share. Beginning one is in `start.rs`,
//! the page of one and its decisions in `show.rs`.

/// 合并 and 拆分.
pub mod reshape;
pub mod show;
pub mod start;

use crate::{
    answer::Answer,
    business::{Row, row},
    error::Failure,
    form::Query,
    frame::Frame,
    page,
    visit::Visit,
};
use app::{
    Action,
    relocations::{self, Effect},
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lines of a page.
const SIZE: i64 = 50;

/// One figure of the effect: what, how many, and what it means.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Going {
    pub what: &'static str,
    pub count: String,
    pub note: &'static str,
}

/// What goes along, line by line.
pub(crate) fn going(effect: &Effect) -> Vec<Going> {
    let many = |n: i64| if n >= 1000 { "1000 以上".to_owned() } else { n.to_string() };
    let line = |what, count: String, note| Going { what, count, note };
    let mut lines = vec![
        line("组织", effect.orgs.to_string(), "含本组织和全部下级,层级关系不变"),
        line("其中团支部", effect.branches.to_string(), ""),
        line("团员", effect.members.to_string(), "组织关系不变,不用办理转接"),
        line("团干部", effect.cadres.to_string(), "职务不变"),
        line("管理员", effect.administrators.to_string(), "权限不变,不用重新登录"),
    ];
    for (what, n, note) in [
        ("在办的转出", effect.transfers_out, "继续办理,不受影响"),
        ("待审批的转入", effect.transfers_in, "继续办理,不受影响"),
        ("没有完成的导入", effect.imports, "继续办理,不受影响"),
    ] {
        if n > 0 {
            lines.push(line(what, many(n), note));
        }
    }
    if effect.codes > 0 {
        let note = "作废,迁移后由新上级重新生成";
        lines.push(line("没有使用的管理员注册码", effect.codes.to_string(), note));
    }
    lines
}

/// 组织迁移.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "relocations/list.html")]
pub struct List {
    #[serde(skip)]
    frame: Frame,
    rows: Vec<Row>,
    /// Address of the next page.
    next: Option<String>,
    #[serde(skip)]
    may_start: bool,
    #[serde(skip)]
    base: String,
}
page!(List);

/// What the address chooses.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Choice {
    /// Mark of the page.
    from: Option<String>,
}

/// `GET /o/{org}/relocations`.
pub async fn list(mut v: Visit, Query(q): Query<Choice>) -> Result<Answer, Failure> {
    let base = v.base()?;
    let org = v.cx.org()?.clone();
    let found = relocations::list(&mut v.cx, q.from.as_deref(), SIZE).await?;
    let frame = v.frame("组织迁移", "/relocations").await?;
    let page = List {
        frame,
        rows: found.lines.into_iter().map(|line| row(line, &base)).collect(),
        next: found.next.map(|mark| format!("{base}/relocations?from={mark}")),
        may_start: v.cx.may(Action::StartRelocation, &org.path),
        base,
    };
    v.show(page).await
}
