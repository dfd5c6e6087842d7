//! Judging changes of the rules: figures, columns of the provinces, rows of tables. What a change
//! affects is counted up to 1,000, taken from the counters, or estimated from a sample; which one is
//! said beside the number.

use super::{Judged, sql};
use crate::{
    Cx, Error, Result,
    clock::day,
    error::FieldError,
    people,
    rules::{
        Rules, changes,
        rows::{self, Cells, Change, Table},
    },
    stats,
};
use jiff::civil::Date;

/// A change of the rules as an act carries it.
pub(super) struct Dates<'a> {
    pub(super) from: &'a str,
    /// Last day; `None` or empty: until another change.
    pub(super) until: Option<&'a str>,
}

impl Dates<'_> {
    pub(super) fn until(&self) -> Option<&str> {
        self.until.map(str::trim).filter(|until| !until.is_empty())
    }
    fn read(&self, today: Date) -> Result<(Date, Option<Date>)> {
        let wrong =
            || Error::field("valid_from", "date", "请填写今天或以后的日期,例如 2026-09-01。");
        let from: Date = self.from.trim().parse().map_err(|_| wrong())?;
        if from < today {
            return Err(wrong());
        }
        let Some(until) = self.until() else { return Ok((from, None)) };
        let until: Option<Date> = until.parse().ok().filter(|until| *until >= from);
        let says = "请填写起始日期或以后的日期;不填就是一直有效。";
        Ok((from, Some(until.ok_or_else(|| Error::field("valid_until", "date", says))?)))
    }
    fn effects((from, until): (Date, Option<Date>)) -> Vec<(&'static str, String)> {
        let last = until.map_or("一直有效,直到再次修改".to_owned(), |until| {
            format!("到 {until} 为止,第二天恢复原来的规则")
        });
        vec![("生效日期", from.to_string()), ("有效期", last)]
    }
}

/// A figure, or a column of a province.
pub(super) async fn figure(
    cx: &mut Cx,
    name: &str,
    value: &str,
    dates: Dates<'_>,
) -> Result<Judged> {
    let rules = Rules::builtin();
    if name.starts_with("row.") {
        return Err(Error::NotFound);
    }
    if let Err(says) = changes::judge(rules, name, value) {
        return Err(Error::field("value", "value", says));
    }
    let today = day(cx.now());
    let days = dates.read(today)?;
    let from = days.0;
    let now = changes::value_in(rules, name).unwrap_or_default();
    if now == value && from == today && days.1.is_none() {
        return Err(Error::field("value", "same", "现在就是这个值,不用修改。"));
    }
    let mut effects = Dates::effects(days);
    let title = if let Some(figure) = changes::figure(name) {
        effects.push(("现在", format!("{now} {}", figure.unit)));
        effects.push(("改为", format!("{value} {}", figure.unit)));
        effects.push(("影响", figure.affects.clone()));
        if let Some((what, count)) = sql::touched(cx, name).await? {
            effects.push((what, many(count)));
        }
        if name.starts_with("completeness.") {
            effects.extend(everybody(cx).await?);
        }
        format!("“{}”从 {from} 起改为 {value} {}", figure.label, figure.unit)
    } else {
        let (code, column) = name["province.".len()..].split_once('.').unwrap_or_default();
        let row = rules.tree.province(code).map_or("", |p| p.short_name.as_str());
        let shown = |v: &str| match (column, v) {
            ("regional_system", "true") => "有自己的系统".to_owned(),
            ("regional_system", _) => "使用本系统".to_owned(),
            (_, "") => "没有并入其他组织".to_owned(),
            (_, code) => {
                let name = rules.tree.province(code).map_or(code, |p| p.short_name.as_str());
                format!("并入 {name}")
            }
        };
        effects.push(("现在", shown(&now)));
        effects.push(("改为", shown(value)));
        effects.push((
            "影响",
            "只改名录里的说明和转接时的提示;组织和人员不动。要把下级转过去,请用“组织合并”。".into(),
        ));
        format!("“{row}”从 {from} 起:{}", shown(value))
    };
    effects.push(("多久生效", SOON.into()));
    Ok(Judged { title, org: None, effects })
}

const SOON: &str = "到了生效日期,所有服务器在几秒内使用新的规则。";

pub(super) fn many(count: i64) -> String {
    if count >= 1000 { "1000 个以上".into() } else { format!("{count} 个") }
}

/// A row of a table as two operators want it; `cells` is `None` for one that ends, `key` empty for
/// a new one.
pub(super) struct RowAct<'a> {
    pub(super) table: &'a str,
    pub(super) key: &'a str,
    pub(super) cells: Option<&'a Cells>,
}

/// Table, row and change of an act, tidied. Errors: `Invalid` by the fields of the table.
pub(super) fn change_of(act: &RowAct<'_>) -> Result<(&'static Table, Option<rows::Row>, Change)> {
    let rules = Rules::builtin();
    let table = rows::table(act.table).ok_or(Error::NotFound)?;
    let before = match act.key {
        "" => None,
        key => {
            let found = table.rows(rules).into_iter().find(|row| row.key == key);
            Some(found.ok_or_else(|| Error::field("row", "row_gone", "这一行已经不在规则表里。"))?)
        }
    };
    if before.is_none() && !table.add {
        return Err(Error::field("row", "row_gone", "这个表不能新增。"));
    }
    let Some(cells) = act.cells else {
        let row = before.filter(|_| table.end).ok_or(Error::NotFound)?;
        if row.ended {
            return Err(Error::field("row", "same", "这一行已经停用。"));
        }
        return Ok((table, Some(row), Change::End));
    };
    let cells = table.judge(cells, before.as_ref(), rules).map_err(|wrong| {
        let error =
            |(field, says): (String, String)| FieldError::new(&format!("c_{field}"), "value", says);
        Error::Invalid(wrong.into_iter().map(error).collect())
    })?;
    Ok((table, before, Change::Set(cells)))
}

/// The name under which the change is stored; new rows are named by their proposal.
pub(super) fn name_of(table: &Table, key: &str, change: &Change, no: &str) -> String {
    match (key, change) {
        ("", Change::Set(cells)) => {
            let mark = no.to_lowercase().replace('-', "_");
            rows::name_of(table, &table.new_key(cells, &mark))
        }
        _ => rows::name_of(table, key),
    }
}

pub(super) async fn row(cx: &mut Cx, act: RowAct<'_>, dates: Dates<'_>) -> Result<Judged> {
    let rules = Rules::builtin();
    let (table, before, change) = change_of(&act)?;
    let today = day(cx.now());
    let days = dates.read(today)?;
    let name = name_of(table, act.key, &change, "YW0");
    let then = rules.with_row(&name, &change);
    let then = then.map_err(|says| Error::field("row", "unsound", says))?;
    let mut effects = Dates::effects(days);
    let mut differs = before.is_none() || change == Change::End;
    let empty = Cells::new();
    let (old, new) = match (&before, &change) {
        (Some(row), Change::Set(cells)) => (Some(&row.cells), cells),
        (Some(row), Change::End) => (None, &row.cells),
        (None, Change::Set(cells)) => (None, cells),
        (None, Change::End) => (None, &empty),
    };
    for field in &table.fields {
        let words = |cells: &Cells| {
            let values = cells.get(&field.name).map(Vec::as_slice).unwrap_or_default();
            table.shown(field, values, rules)
        };
        let (was, is) = (old.map(words), words(new));
        match was {
            Some(was) if was != is => {
                differs = true;
                effects.push((field.label.as_str(), format!("{was} → {is}")));
            }
            Some(_) => effects.push((field.label.as_str(), format!("{is}(不变)"))),
            None => effects.push((field.label.as_str(), is)),
        }
    }
    let revives = before.as_ref().is_some_and(|row| row.ended);
    if !(differs || revives) && days.1.is_none() {
        return Err(Error::field("row", "same", "没有改动。"));
    }
    effects.push(("影响", table.affects.clone()));
    effects.extend(touched(cx, table, new, &then).await?);
    effects.push(("多久生效", SOON.into()));
    let what = match (&before, &change) {
        (None, _) => "新增",
        (_, Change::End) => "停用",
        _ if revives => "恢复使用",
        _ => "修改",
    };
    let title = format!("{}:从 {} 起{what}“{}”", table.label, days.0, called(table, new, rules));
    Ok(Judged { title, org: None, effects })
}

/// What a row is called: its names, or the first fields that say something.
pub(super) fn called(table: &Table, cells: &Cells, rules: &Rules) -> String {
    let of = |name: &str| {
        let field = table.fields.iter().find(|f| f.name == name)?;
        cells.get(name).filter(|v| !v.is_empty()).map(|v| table.shown(field, v, rules))
    };
    let named = ["says", "name", "level2", "header", "who"];
    if let Some(name) = named.iter().find_map(|name| of(name)) {
        return name;
    }
    let parts = table.fields.iter().filter_map(|f| {
        let words = of(&f.name)?;
        Some(if words.chars().count() > 24 { words.chars().take(24).collect() } else { words })
    });
    parts.take(3).collect::<Vec<_>>().join(" ")
}

/// What a change of a row touches, with how the number came about.
async fn touched(
    cx: &mut Cx,
    table: &Table,
    cells: &Cells,
    then: &Rules,
) -> Result<Vec<(&'static str, String)>> {
    let one = |name: &str| {
        cells.get(name).and_then(|v| v.first()).map(String::as_str).unwrap_or_default()
    };
    let mut found = Vec::new();
    match table.name.as_str() {
        "min_join_age" | "entry_age" | "dev_number" | "range" => {
            let count = sql::open_imports(cx).await?;
            found.push(("没有完成的导入(再次核对时按新规则)", many(count)));
        }
        "reason" => {
            let count = sql::open_transfers(cx).await?;
            found.push(("正在办理的转接(所有原因,照旧办理)", many(count)));
        }
        _ => {}
    }
    if table.name == "range" {
        let prefix = format!("{}{}", one("year"), one("province"));
        let (all, outside) = sql::numbers_of(cx, &prefix, (one("from"), one("to"))).await?;
        found.push((
            "已有的同年同省编号(最多看 1000 个)",
            format!("{all} 个,其中不在这个号段里的 {outside} 个;都保留"),
        ));
    }
    if table.name == "post" {
        let (looked, holders) = sql::holders(cx, one("name")).await?;
        found.push(("现在担任的人(按最近登记的任职查看)", seen(looked, holders)));
    }
    if table.name == "industry" && !one("level2").is_empty() {
        let code = then
            .tree
            .industries
            .iter()
            .find(|r| r.level1 == one("level1") && r.level2 == one("level2"));
        if let Some(row) = code {
            let (looked, orgs) = sql::of_industry(cx, &row.code).await?;
            found.push(("选了这个类别的组织(按最近建立的组织查看)", seen(looked, orgs)));
        }
    }
    let rejudged = then.mark_of_completeness() != Rules::builtin().mark_of_completeness();
    if table.rejudges && rejudged {
        let sample = people::sample(cx, then).await?;
        let words = if sample.all {
            format!("未完善的人:现在 {} 人,修改后 {} 人", sample.now, sample.then)
        } else {
            format!(
                "在登记册各处抽查 {} 人:未完善的现在 {} 人,修改后 {} 人;这是估计,准确的数字在重新判断以后看统计",
                sample.looked, sample.now, sample.then
            )
        };
        found.push(("资料完善情况", words));
        found.extend(everybody(cx).await?);
    } else if table.rejudges {
        found.push(("资料完善情况", "这样修改不影响谁的资料算完善。".into()));
    }
    Ok(found)
}

/// Of the newest rows so many.
fn seen(looked: i64, found: i64) -> String {
    match looked {
        0..1000 => format!("{found} 个"),
        _ => format!("最近 {looked} 个里有 {found} 个"),
    }
}

/// How many have to be judged anew, by the live counters.
async fn everybody(cx: &mut Cx) -> Result<Vec<(&'static str, String)>> {
    let org = cx.org()?.clone();
    let all = stats::of(cx, &org).await?.subtree;
    let minutes = people::minutes_for(all.members + all.cadres);
    let words = format!(
        "{} 个组织、{} 名团员、{} 个团干部职务(按实时统计);后台办理,大约 {minutes} 分钟,期间可以照常工作",
        all.orgs, all.members, all.cadres
    );
    Ok(vec![("重新判断", words)])
}
