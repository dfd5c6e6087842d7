//! Rows of the rule tables that can be changed while the program runs (decision 22): which tables,
//! with which fields, and what a change makes of them. A changed row is laid over the row of the
//! repository's file, and the result is read by the same reader as the file itself.

use super::{Needed, Rules, SOURCES, YearMonth, columns::Column, tree::Category};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use toml::Value;

/// The fields of a row as they are typed: several values for lists, none for an empty field.
pub type Cells = BTreeMap<String, Vec<String>>;

/// A table whose rows two operators may change.
#[derive(Debug, Deserialize)]
pub struct Table {
    /// `min_join_age`.
    pub name: String,
    pub label: String,
    file: String,
    array: String,
    /// Columns that name a row; the last one names new rows.
    key: Vec<String>,
    /// Whether rows may be added, or ended.
    #[serde(default)]
    pub add: bool,
    #[serde(default)]
    pub end: bool,
    /// New rows stand before the others, because the first that matches counts.
    #[serde(default)]
    first: bool,
    /// An ended row is kept for what names it already, and is offered no more.
    #[serde(default)]
    keeps: bool,
    /// Who is complete has to be judged anew (rows 151-154).
    #[serde(default)]
    pub rejudges: bool,
    /// What a change does and what it leaves alone.
    pub affects: String,
    #[serde(rename = "field")]
    pub fields: Vec<Field>,
}

/// A field of such a table.
#[derive(Debug, Deserialize)]
pub struct Field {
    pub name: String,
    pub label: String,
    pub kind: Kind,
    #[serde(default)]
    pub hint: String,
    #[serde(default)]
    pub optional: bool,
    /// Fixed once the row exists, because stored values depend on it.
    #[serde(default)]
    pub fixed: bool,
    /// What an absent value means in the file.
    #[serde(default)]
    absent: String,
    #[serde(default)]
    choices: Vec<(String, String)>,
    #[serde(default)]
    min: i64,
    #[serde(default)]
    max: i64,
}

/// How a field is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Text,
    Number,
    /// `2019-01`.
    Month,
    /// `07-01`.
    Day,
    /// Words, divided by 、.
    Words,
    /// Codes of provinces; none means everywhere.
    Regions,
    /// One province; none means everywhere.
    Region,
    /// One of several.
    One,
    /// One of several, each a list of codes joined by `+`.
    Group,
    /// Any of several.
    Many,
    /// Yes or no.
    Flag,
}

#[derive(Deserialize)]
struct File {
    table: Vec<Table>,
}

static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../rules/changeable.toml"))
        .expect("a test reads the embedded file");
    file.table
});

/// All tables whose rows can be changed, in the order of the page.
pub fn tables() -> &'static [Table] {
    &TABLES
}

/// The table of that name.
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|t| t.name == name)
}

/// What becomes of a row, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It has these fields from then on; a row of a new key begins.
    Set(Cells),
    /// It counts no more.
    End,
}

/// A row as pages show it.
#[derive(Clone, Debug)]
pub struct Row {
    pub key: String,
    pub cells: Cells,
    /// It counts no more.
    pub ended: bool,
}

/// Marks a row that counts no more, until the tables are written out.
const ENDED: &str = "ended by operators";

/// The name under which a change of a row is stored.
pub fn name_of(table: &Table, key: &str) -> String {
    format!("row.{}.{key}", table.name)
}

/// Table and key of such a name.
pub fn read_name(name: &str) -> Option<(&'static Table, &str)> {
    let (name, key) = name.strip_prefix("row.")?.split_once('.')?;
    Some((table(name)?, key))
}

impl Table {
    /// Whether changes of this table need a row of this key to exist.
    fn key_of(&self, row: &toml::Table) -> String {
        let part = |column: &String| match row.get(column) {
            None => "-".to_owned(),
            Some(value) => texts(value).join("+"),
        };
        self.key.iter().map(part).collect::<Vec<_>>().join(".")
    }

    /// The key of a new row; `mark` is the lower-case number of its proposal, so that no release
    /// will ever use it.
    pub fn new_key(&self, cells: &Cells, mark: &str) -> String {
        // Organisations of schools are found by the beginning of the code (index org_school).
        let school = self.name == "industry" && is(cells, "is_school", "true");
        let last = if school { format!("school_{mark}") } else { mark.to_owned() };
        let (_, before) = self.key.split_last().unwrap_or((&last, &[]));
        let part = |column: &String| {
            cells.get(column).filter(|v| !v.is_empty()).map_or("-".to_owned(), |v| v.join("+"))
        };
        before.iter().map(part).chain([last.clone()]).collect::<Vec<_>>().join(".")
    }

    /// What can be chosen in a field, with its words.
    pub fn choices(&self, field: &Field, rules: &Rules) -> Vec<(String, String)> {
        let provinces = || {
            let all = rules.tree.provinces.iter();
            all.map(|p| (p.code.clone(), p.area.clone())).collect::<Vec<_>>()
        };
        let distinct = |values: Vec<&String>| {
            let mut seen = BTreeSet::new();
            let new = values.into_iter().filter(|v| seen.insert((*v).clone()));
            new.map(|v| (v.clone(), v.clone())).collect::<Vec<_>>()
        };
        match (field.kind, self.name.as_str(), field.name.as_str()) {
            (Kind::Regions | Kind::Region, ..) => provinces(),
            (_, "range", "province") => provinces(),
            (_, "reason", "fields") => {
                let all = rules.transfer.fields.iter();
                all.map(|f| (f.code.clone(), f.label.clone())).collect()
            }
            (_, "industry", "sector") => {
                distinct(rules.tree.industries.iter().map(|r| &r.sector).collect())
            }
            (_, "industry", "communique_group") => {
                distinct(rules.tree.industries.iter().map(|r| &r.communique_group).collect())
            }
            (_, "length", "industries") => {
                let schools = rules.tree.industries.iter().filter(|r| r.graduation_markable);
                schools.map(|r| (r.code.clone(), r.level2.clone())).collect()
            }
            _ => field.choices.clone(),
        }
    }

    /// The words of a field's value.
    pub fn shown(&self, field: &Field, values: &[String], rules: &Rules) -> String {
        if values.is_empty() {
            return match field.kind {
                Kind::Regions | Kind::Region => "全国".into(),
                _ => "—".into(),
            };
        }
        if field.kind == Kind::Flag {
            return if values[0] == "true" { "是".into() } else { "否".into() };
        }
        let choices = self.choices(field, rules);
        let word = |v: &String| {
            choices.iter().find(|(code, _)| code == v).map_or_else(|| v.clone(), |(_, w)| w.clone())
        };
        if field.kind == Kind::Group {
            return word(&values.join("+"));
        }
        values.iter().map(word).collect::<Vec<_>>().join("、")
    }

    /// All rows in these rules, with those that were ended.
    pub fn rows(&self, rules: &Rules) -> Vec<Row> {
        let Ok(mut file) = source(&self.file).parse::<toml::Table>() else { return Vec::new() };
        for (name, value) in &rules.rows {
            if let Some((table, key)) = read_name(name).filter(|(t, _)| t.file == self.file) {
                apply(&mut file, table, key, value);
            }
        }
        let rows = array(&mut file, &self.array).map(std::mem::take).unwrap_or_default();
        let rows = rows.iter().filter_map(Value::as_table).filter(|row| self.shows(row));
        rows.map(|row| Row {
            key: self.key_of(row),
            cells: self.cells(row),
            ended: row.contains_key(ENDED),
        })
        .collect()
    }

    /// Of the columns only those that say something about a person alone; what decides who is
    /// entered at all, posts and numbers have rules of their own.
    fn shows(&self, row: &toml::Table) -> bool {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let own = ["ethnic", "political", "education", "mobile", "weibo", "qq", "email", "wechat"];
        let more = ["emergency_name", "emergency_phone", "address"];
        self.name != "need" || own.contains(&text("key")) || more.contains(&text("key"))
    }

    fn cells(&self, row: &toml::Table) -> Cells {
        let cell = |field: &Field| {
            let values = match row.get(&field.name) {
                Some(value) => texts(value),
                None if field.kind == Kind::Flag => vec!["false".into()],
                None if field.absent.is_empty() => Vec::new(),
                None => vec![field.absent.clone()],
            };
            (field.name.clone(), values)
        };
        self.fields.iter().map(cell).collect()
    }

    /// What was typed, tidied; or what is wrong, by field.
    pub fn judge(
        &self,
        typed: &Cells,
        before: Option<&Row>,
        rules: &Rules,
    ) -> Result<Cells, Vec<(String, String)>> {
        let (mut cells, mut wrong) = (Cells::new(), Vec::new());
        for field in &self.fields {
            if let Some(row) = before.filter(|_| field.fixed) {
                cells.insert(field.name.clone(), row.cells[&field.name].clone());
                continue;
            }
            let given = typed.get(&field.name).map(Vec::as_slice).unwrap_or_default();
            match self.judge_field(field, given, rules) {
                Ok(values) => drop(cells.insert(field.name.clone(), values)),
                Err(says) => wrong.push((field.name.clone(), says)),
            }
        }
        if wrong.is_empty() { Ok(cells) } else { Err(wrong) }
    }

    fn judge_field(
        &self,
        field: &Field,
        given: &[String],
        rules: &Rules,
    ) -> Result<Vec<String>, String> {
        let given: Vec<String> =
            given.iter().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).collect();
        if given.is_empty() {
            return match field.kind {
                Kind::Flag => Ok(vec!["false".into()]),
                Kind::Regions | Kind::Region => Ok(Vec::new()),
                _ if field.optional => Ok(Vec::new()),
                Kind::One | Kind::Group | Kind::Many => Err(format!("请选择“{}”。", field.label)),
                _ => Err(format!("请填写“{}”。", field.label)),
            };
        }
        let one = given[0].as_str();
        let known = |v: &String| self.choices(field, rules).iter().any(|(code, _)| code == v);
        match field.kind {
            Kind::Text => {
                let most = field.most();
                let length = i64::try_from(one.chars().count()).unwrap_or(i64::MAX);
                if length > most || one.chars().any(char::is_control) {
                    return Err(format!("“{}”最多 {most} 个字,不能有换行。", field.label));
                }
                Ok(vec![one.to_owned()])
            }
            Kind::Number => match one.parse::<i64>() {
                Ok(n) if (field.min..=field.max).contains(&n) => Ok(vec![n.to_string()]),
                _ => Err(format!("请填写 {} 到 {} 之间的整数。", field.min, field.max)),
            },
            Kind::Month => match one.parse::<YearMonth>() {
                Ok(month) => Ok(vec![month.to_string()]),
                Err(_) => Err("请填写年月,例如 2019-01。".into()),
            },
            Kind::Day => {
                let day = format!("2001-{one}").parse::<jiff::civil::Date>();
                day.map(|d| vec![d.strftime("%m-%d").to_string()])
                    .map_err(|_| "请填写月日,例如 07-01。".into())
            }
            Kind::Words => {
                let parts = given.iter().flat_map(|v| v.split(['、', ',', ',', ';', ';', '\n']));
                let parts = parts.map(str::trim).filter(|w| !w.is_empty());
                let words: Vec<String> = parts.map(str::to_owned).collect();
                if words.len() > 60 || words.iter().any(|w| w.chars().count() > 30) {
                    return Err("最多 60 个词,每个最多 30 个字,用顿号分开。".into());
                }
                Ok(words)
            }
            Kind::Flag => Ok(vec![matches!(one, "true" | "1").to_string()]),
            Kind::One | Kind::Region if known(&given[0]) => Ok(vec![one.to_owned()]),
            Kind::Group if known(&given.join("+")) => {
                Ok(given.join("+").split('+').map(str::to_owned).collect())
            }
            Kind::Many | Kind::Regions if given.iter().all(known) => {
                let chosen: BTreeSet<&String> = given.iter().collect();
                let all = self.choices(field, rules).into_iter().map(|(code, _)| code);
                Ok(all.filter(|code| chosen.contains(code)).collect())
            }
            _ => Err(format!("“{}”里没有这个选项,请重新选择。", field.label)),
        }
    }
}

impl Field {
    /// Most characters of a text.
    pub fn most(&self) -> i64 {
        match (self.kind, self.max) {
            (Kind::Words, _) => 600,
            (_, 0) => 100,
            (_, max) => max,
        }
    }

    /// What a select of several is typed as.
    pub fn typed(&self, values: &[String]) -> String {
        match self.kind {
            Kind::Words => values.join("、"),
            Kind::Group => values.join("+"),
            _ => values.first().cloned().unwrap_or_default(),
        }
    }

    fn value(&self, values: &[String]) -> Option<Value> {
        let one = values.first()?;
        let list = || Value::Array(values.iter().map(|v| Value::String(v.clone())).collect());
        Some(match self.kind {
            Kind::Number => Value::Integer(one.parse().ok()?),
            Kind::Flag => Value::Boolean(one == "true"),
            Kind::Words | Kind::Regions | Kind::Group | Kind::Many => list(),
            Kind::Text | Kind::Month | Kind::Day | Kind::Region | Kind::One => {
                Value::String(one.clone())
            }
        })
    }

    fn is_list(&self) -> bool {
        matches!(self.kind, Kind::Words | Kind::Regions | Kind::Group | Kind::Many)
    }
}

fn is(cells: &Cells, name: &str, value: &str) -> bool {
    cells.get(name).is_some_and(|v| v.first().is_some_and(|v| v == value))
}

fn source(file: &str) -> &'static str {
    SOURCES.iter().find(|(name, _)| *name == file).map_or("", |(_, text)| *text)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

fn array<'a>(file: &'a mut toml::Table, name: &str) -> Option<&'a mut Vec<Value>> {
    let entry = file.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
    entry.as_array_mut()
}

/// Lays one change over a file; `None` when it has no place there any more.
fn apply(file: &mut toml::Table, table: &Table, key: &str, change: &str) -> Option<()> {
    let change: Change = serde_json::from_str(change).ok()?;
    let rows = array(file, &table.array)?;
    let there = rows.iter().position(|r| r.as_table().is_some_and(|r| table.key_of(r) == key));
    match (change, there) {
        (Change::End, Some(at)) => {
            let row = rows[at].as_table_mut()?;
            row.insert(ENDED.into(), Value::Boolean(true));
        }
        (Change::End, None) => return None,
        (Change::Set(cells), there) => {
            let at = match there {
                Some(at) => at,
                None if table.first => {
                    rows.insert(0, Value::Table(toml::Table::new()));
                    0
                }
                None => {
                    rows.push(Value::Table(toml::Table::new()));
                    rows.len() - 1
                }
            };
            let row = rows[at].as_table_mut()?;
            row.remove(ENDED);
            for field in &table.fields {
                let Some(values) = cells.get(&field.name) else { continue };
                match field.value(values) {
                    Some(value) => drop(row.insert(field.name.clone(), value)),
                    None if field.is_list() => {
                        row.insert(field.name.clone(), Value::Array(Vec::new()));
                    }
                    None => drop(row.remove(&field.name)),
                }
            }
            if there.is_none() {
                let code = key.rsplit('.').next()?.to_owned();
                row.insert(table.key.last()?.clone(), Value::String(code));
            }
        }
    }
    Some(())
}

/// The files of the repository with these changes of rows laid over; what has no place any more
/// is passed over.
fn laid_over(changes: &[(String, String)]) -> Result<[String; 8], String> {
    let mut texts = SOURCES.map(|(_, text)| text.to_owned());
    for ((name, text), out) in SOURCES.iter().zip(&mut texts) {
        let of_file = |(n, v): &&(String, String)| {
            let _ = v;
            read_name(n).is_some_and(|(table, _)| table.file == *name)
        };
        let here: Vec<&(String, String)> = changes.iter().filter(of_file).collect();
        if here.is_empty() {
            continue;
        }
        let mut file: toml::Table = text.parse().map_err(|e| format!("{name}: {e}"))?;
        for (change, value) in here {
            if let Some((table, key)) = read_name(change) {
                apply(&mut file, table, key, value);
            }
        }
        settle_ended(&mut file, name);
        *out = toml::to_string(&file).map_err(|e| format!("{name}: {e}"))?;
    }
    Ok(texts)
}

/// Ended rows leave the table, or stay unlisted.
fn settle_ended(file: &mut toml::Table, name: &str) {
    for table in TABLES.iter().filter(|t| t.file == name) {
        let Some(rows) = array(file, &table.array) else { continue };
        rows.retain(|row| table.keeps || row.get(ENDED).is_none());
        for row in rows.iter_mut().filter_map(Value::as_table_mut) {
            if row.remove(ENDED).is_some() {
                row.insert("listed".into(), Value::Boolean(false));
            }
        }
        if rows.is_empty() {
            file.remove(&table.array);
        }
    }
}

impl Rules {
    /// The rules of the repository with these changes of rows. What a later release can't read any
    /// more is left out, one by one.
    pub(super) fn with_rows(changes: &[(String, String)]) -> Result<Rules, String> {
        let read = |changes: &[(String, String)]| {
            let texts = laid_over(changes)?;
            let mut rules = Rules::from_sources(texts.each_ref().map(String::as_str))?;
            rules.rows = changes.to_vec();
            sound(&rules)?;
            Ok::<_, String>(rules)
        };
        if let Ok(rules) = read(changes) {
            return Ok(rules);
        }
        let mut kept: Vec<(String, String)> = Vec::new();
        for change in changes {
            kept.push(change.clone());
            if read(&kept).is_err() {
                kept.pop();
            }
        }
        read(&kept)
    }

    /// These rules with one more change of a row; or why they would not hold together.
    pub fn with_row(&self, name: &str, change: &Change) -> Result<Rules, String> {
        let mut changes = self.rows.clone();
        changes.push((name.to_owned(), serde_json::to_string(change).map_err(|e| e.to_string())?));
        let texts = laid_over(&changes)?;
        let mut rules = Rules::from_sources(texts.each_ref().map(String::as_str))
            .map_err(|e| format!("这样修改以后规则表读不通,请核对:{e}"))?;
        rules.rows = changes;
        sound(&rules)?;
        Ok(rules)
    }
}

/// What must hold whatever is changed: the program relies on it.
fn sound(rules: &Rules) -> Result<(), String> {
    use super::SheetKind::{Cadres, Members};
    for kind in [Members, Cadres] {
        for column in [Column::Name, Column::IdNumber] {
            if rules.columns.needed(column, kind, None) != Needed::Entry {
                return Err("姓名和身份证号码必须是“没有就不能录入”。".into());
            }
        }
    }
    if rules.columns.needed(Column::Joined, Members, Some("03")) != Needed::Entry {
        return Err("团员的入团年月必须是“没有就不能录入”。".into());
    }
    for column in Column::ALL.iter().filter(|c| rules.columns.row(**c).form_only) {
        if [Members, Cadres]
            .iter()
            .any(|k| rules.columns.needed(*column, *k, None) == Needed::Entry)
        {
            let label = column.label();
            return Err(format!("“{label}”不在导入模板里,不能要求“没有就不能录入”。"));
        }
    }
    let ordered = |from: Option<YearMonth>, to: Option<YearMonth>| {
        from.zip(to).is_none_or(|(from, to)| from <= to)
    };
    let ages = rules.age.min_join_age.iter().map(|r| (r.join_from, r.join_to));
    let numbers = rules.dev_number.rows.iter().map(|r| (r.join_from, r.join_to));
    if ages.chain(numbers).any(|(from, to)| !ordered(from, to)) {
        return Err("起始年月不能晚于截止年月。".into());
    }
    if rules.age.entry_age.iter().any(|r| r.below.is_some_and(|below| below <= r.from)) {
        return Err("上限要大于下限。".into());
    }
    ranges(rules)?;
    posts(rules)?;
    for r in &rules.tree.industries {
        let same = |o: &&super::tree::IndustryRow| o.level1 == r.level1 && o.level2 == r.level2;
        if rules.tree.industries.iter().filter(same).count() > 1 {
            return Err(format!("“{} / {}”已经有了,请换一个名称。", r.level1, r.level2));
        }
    }
    reasons(rules)
}

fn ranges(rules: &Rules) -> Result<(), String> {
    let all = &rules.dev_number.ranges;
    for (i, a) in all.iter().enumerate() {
        if a.from > a.to {
            return Err("号段的起始序号不能大于截止序号。".into());
        }
        let meets = |b: &&super::dev_number::Range| {
            a.year == b.year && a.province == b.province && a.from <= b.to && b.from <= a.to
        };
        if let Some(b) = all[i + 1..].iter().find(meets) {
            let says = format!("与已有的号段 {:06} 到 {:06} 重叠。", b.from, b.to);
            return Err(says);
        }
    }
    Ok(())
}

fn posts(rules: &Rules) -> Result<(), String> {
    for category in Category::ALL {
        let all: Vec<_> = rules.tree.posts_of(category).collect();
        if category != Category::Holding && all.iter().filter(|p| p.is_secretary).count() != 1 {
            return Err(format!("{}必须有并且只有一个“书记”。", category.label()));
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = all.iter().find(|p| !names.insert(p.name.as_str())) {
            return Err(format!("“{}”已经有了,请换一个名称。", twice.name));
        }
    }
    Ok(())
}

fn reasons(rules: &Rules) -> Result<(), String> {
    use super::transfer::Audience;
    let listed: Vec<_> = rules.transfer.reasons.iter().filter(|r| r.listed).collect();
    for audience in [Audience::Graduate, Audience::Other] {
        let of =
            |r: &&&super::transfer::Reason| r.audience == audience || r.audience == Audience::Both;
        if listed.iter().filter(of).count() == 0 {
            return Err("毕业生和其他团员都至少要有一个转接原因。".into());
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = listed.iter().filter(of).find(|r| !names.insert(r.name.as_str())) {
            return Err(format!("“{}”已经有了,请换一个名称。", twice.name));
        }
    }
    if !rules.transfer.return_reasons.iter().any(|r| r.listed) {
        return Err("至少要保留一个退回原因。".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Change {
        let one = |(k, v): &(&str, &str)| {
            let values = v.split('|').filter(|v| !v.is_empty()).map(str::to_owned).collect();
            ((*k).to_owned(), values)
        };
        Change::Set(pairs.iter().map(one).collect())
    }

    fn rules() -> Rules {
        Rules::with(&[]).expect("reads")
    }

    #[test]
    fn every_row_of_every_table_can_be_written_back_as_it_is() {
        let rules = rules();
        for table in tables() {
            let rows = table.rows(&rules);
            assert!(!rows.is_empty() || table.add, "{}", table.name);
            let keys: BTreeSet<&String> = rows.iter().map(|r| &r.key).collect();
            assert_eq!(keys.len(), rows.len(), "keys of {} are unique", table.name);
            for row in rows {
                let cells = table.judge(&row.cells, Some(&row), &rules);
                let cells = cells.unwrap_or_else(|e| panic!("{} {}: {e:?}", table.name, row.key));
                assert_eq!(cells, row.cells, "{} {}", table.name, row.key);
                let name = name_of(table, &row.key);
                let changed = rules.with_row(&name, &Change::Set(cells)).expect("reads");
                let again = table.rows(&changed);
                let again = again.iter().find(|r| r.key == row.key).expect("still there");
                assert_eq!(again.cells, row.cells);
                assert_eq!(
                    (changed.mark_of_completeness(), changed.tree.industries.len()),
                    (rules.mark_of_completeness(), rules.tree.industries.len())
                );
            }
        }
    }

    #[test]
    fn an_age_is_lowered_for_a_province_and_ended_again() {
        let age = |rules: &Rules| {
            let joined = "2027-01".parse().expect("a month");
            super::super::age::min_join_age(joined, "65", jiff::civil::date(2027, 1, 1), rules)
        };
        let table = table("min_join_age").expect("exists");
        let row = set(&[
            ("region", "65"),
            ("join_from", "2027-01"),
            ("join_to", ""),
            ("years", "15"),
            ("says", "新疆 2027 年起入团须满 15 周岁"),
        ]);
        let name = name_of(table, &table.new_key(&Cells::new(), "yw1"));
        let stored = serde_json::to_string(&row).expect("json");
        let end = serde_json::to_string(&Change::End).expect("json");
        let with = Rules::with(&[(name.clone(), stored.clone())]).expect("reads");
        assert_eq!((age(&rules()), age(&with)), (Some(14), Some(15)));
        let ended = Rules::with(&[(name.clone(), stored), (name, end)]).expect("reads");
        assert_eq!(age(&ended), Some(14));
        assert!(table.rows(&ended).iter().any(|r| r.key == "yw1" && r.ended));
    }

    #[test]
    fn ended_posts_are_offered_no_more_and_the_secretary_stays() {
        let rules = rules();
        let ended = rules.with_row("row.post.BRANCH+GRADUATE.production", &Change::End);
        let ended = ended.expect("may end");
        let names = |r: &Rules| {
            r.tree.posts_of(Category::Branch).map(|p| p.name.clone()).collect::<Vec<_>>()
        };
        assert!(names(&rules).contains(&"生产委员".to_owned()));
        assert!(!names(&ended).contains(&"生产委员".to_owned()));
        let says = rules.with_row("row.post.BRANCH+GRADUATE.secretary", &Change::End);
        assert!(says.expect_err("must not").contains("书记"));
        let post = set(&[("categories", "BRANCH|GRADUATE"), ("name", "实践委员"), ("aliases", "")]);
        let Change::Set(cells) = &post else { unreachable!() };
        let key = table("post").expect("exists").new_key(cells, "yw2");
        assert_eq!(key, "BRANCH+GRADUATE.yw2");
        let more = rules.with_row(&format!("row.post.{key}"), &post).expect("reads");
        assert_eq!(more.tree.find_post(Category::Branch, "实践委员").expect("there").code, "yw2");
    }

    #[test]
    fn overlapping_ranges_and_missing_needs_are_refused_and_unreadable_rows_are_left_out() {
        let rules = rules();
        let range = |from: &str, to: &str| {
            set(&[("year", "2027"), ("province", "44"), ("from", from), ("to", to)])
        };
        let first = rules.with_row("row.range.a", &range("1", "500")).expect("reads");
        assert!(first.with_row("row.range.b", &range("500", "900")).is_err());
        assert!(first.with_row("row.range.b", &range("501", "900")).is_ok());
        assert!(rules.with_row("row.range.b", &range("9", "1")).is_err());
        let need = set(&[("members", "complete"), ("cadres", "entry")]);
        assert!(rules.with_row("row.need.name", &need).is_err());
        let bad = ("row.min_join_age.x".to_owned(), r#"{"set":{"years":["many"]}}"#.to_owned());
        let good = ("codes.registration_days".to_owned(), "30".to_owned());
        let with = Rules::with(&[bad, good]).expect("reads");
        assert_eq!((with.policy.codes.registration_days, with.rows.len()), (30, 0));
    }
}
