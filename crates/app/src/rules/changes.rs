//! Figures that can be changed while the program runs (decision 17): which ones, between which
//! bounds, and the rules with such changes made. Typed, so that a name leads to a field or nowhere.

use super::{Rules, tree::ProvinceRow};
use serde::Deserialize;
use std::sync::LazyLock;

/// A figure that two operators may change.
#[derive(Debug, Deserialize)]
pub struct Figure {
    /// `codes.registration_days`.
    pub name: String,
    pub label: String,
    pub unit: String,
    pub min: i64,
    pub max: i64,
    /// What a change does and what it leaves alone.
    pub affects: String,
}

#[derive(Deserialize)]
struct File {
    figure: Vec<Figure>,
}

static FIGURES: LazyLock<Vec<Figure>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("../../rules/changeable.toml"))
        .expect("a test reads the embedded file");
    file.figure
});

/// All figures that can be changed, in the order of the page.
pub fn figures() -> &'static [Figure] {
    &FIGURES
}

/// The figure of that name.
pub fn figure(name: &str) -> Option<&'static Figure> {
    FIGURES.iter().find(|f| f.name == name)
}

macro_rules! fields {
    ($($name:literal => $($field:ident).+;)+) => {
        fn read(rules: &Rules, name: &str) -> Option<String> {
            match name {
                $($name => Some(rules.$($field).+.to_string()),)+
                _ => None,
            }
        }
        fn write(rules: &mut Rules, name: &str, value: &str) -> Option<()> {
            match name {
                $($name => rules.$($field).+ = value.parse().ok()?,)+
                _ => return None,
            }
            Some(())
        }
    };
}
fields! {
    "transfer.batch_size" => transfer.batch_size;
    "codes.registration_days" => policy.codes.registration_days;
    "codes.reset_days" => policy.codes.reset_days;
    "session.idle_minutes" => policy.session.idle_minutes;
    "session.absolute_hours" => policy.session.absolute_hours;
    "sign_in.captcha_after" => policy.sign_in.captcha_after;
    "sign_in.lock_minutes" => policy.sign_in.lock_minutes;
    "imports.undo_hours" => policy.imports.undo_hours;
    "imports.draft_days" => policy.imports.draft_days;
    "imports.max_rows" => policy.imports.max_rows;
    "exports.job_above" => policy.exports.job_above;
    "exports.second_person_above" => policy.exports.second_person_above;
    "guide.branch_min" => policy.guide.branch_min;
    "guide.branch_max" => policy.guide.branch_max;
    "guide.general_min" => policy.guide.general_min;
    "guide.committee_min" => policy.guide.committee_min;
    "completeness.branch_members" => policy.completeness.branch_members;
    "completeness.cadres" => policy.completeness.cadres;
    "completeness.leading_cadres" => policy.completeness.leading_cadres;
    "guide.holding_days" => policy.guide.holding_days;
    "cadres.confirm_days" => policy.cadres.confirm_days;
    "cadres.idle_days" => policy.cadres.idle_days;
    "cadres.idle_notice_days" => policy.cadres.idle_notice_days;
    "cadres.term_notice_days" => policy.cadres.term_notice_days;
    "cadres.observer_max_days" => policy.cadres.observer_max_days;
    "quotas.reveals_per_day" => policy.quotas.reveals_per_day;
    "quotas.lookups_per_day" => policy.quotas.lookups_per_day;
    "retention.school_mobile_months" => policy.retention.school_mobile_months;
    "retention.messages_days" => policy.retention.messages_days;
    "retention.deleted_days" => policy.retention.deleted_days;
    "operations.proposal_days" => policy.operations.proposal_days;
}

/// The step of `step.target.days`.
fn step_of(name: &str) -> Option<&str> {
    name.strip_prefix("step.")?.strip_suffix(".days")
}

/// Code and column of `province.53.regional_system`.
fn province_of(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("province.")?.split_once('.')
}

/// The value that a name has in these rules; `None` when nothing of that name can be changed.
pub fn value_in(rules: &Rules, name: &str) -> Option<String> {
    if let Some(code) = step_of(name) {
        return rules.transfer.step(code).map(|s| s.days.to_string());
    }
    if let Some((code, column)) = province_of(name) {
        let row = rules.tree.province(code)?;
        return match column {
            "regional_system" => Some(row.regional_system.to_string()),
            "merged_into" => Some(row.merged_into.clone().unwrap_or_default()),
            _ => None,
        };
    }
    read(rules, name)
}

/// Whether a value may be given; otherwise what is wrong with it.
pub fn judge(rules: &Rules, name: &str, value: &str) -> Result<(), String> {
    if let Some((code, column)) = province_of(name) {
        return match (rules.tree.province(code), column) {
            (Some(_), "regional_system") if ["true", "false"].contains(&value) => Ok(()),
            (Some(_), "merged_into") if value.is_empty() => Ok(()),
            (Some(row), "merged_into") => match rules.tree.province(value) {
                Some(other) if other.code != row.code && other.merged_into.is_none() => Ok(()),
                _ => Err("请选择另一个没有并出的省级组织。".into()),
            },
            _ => Err("没有这一项。".into()),
        };
    }
    let Some(figure) = figure(name) else { return Err("这一项不能在这里修改。".into()) };
    match value.parse::<i64>() {
        Ok(n) if (figure.min..=figure.max).contains(&n) => Ok(()),
        _ => Err(format!("请填写 {} 到 {} 之间的整数。", figure.min, figure.max)),
    }
}

impl Rules {
    /// The rules of the repository with these changes made, in their order; what has no place any
    /// more is passed over.
    pub fn with(changes: &[(String, String)]) -> Result<Rules, String> {
        let of_rows = |(name, _): &&(String, String)| name.starts_with("row.");
        let rows: Vec<(String, String)> = changes.iter().filter(of_rows).cloned().collect();
        let mut rules = Rules::with_rows(&rows)?;
        for (name, value) in changes {
            if judge(&rules, name, value).is_ok() {
                make(&mut rules, name, value);
            }
        }
        Ok(rules)
    }
}

fn make(rules: &mut Rules, name: &str, value: &str) -> Option<()> {
    if let Some(code) = step_of(name) {
        let step = rules.transfer.steps.iter_mut().find(|s| s.code == code)?;
        step.days = value.parse().ok()?;
        step.reminders.retain(|day| *day < step.days);
        return Some(());
    }
    if let Some((code, column)) = province_of(name) {
        let row: &mut ProvinceRow = rules.tree.provinces.iter_mut().find(|p| p.code == code)?;
        match column {
            "regional_system" => row.regional_system = value == "true",
            _ => row.merged_into = (!value.is_empty()).then(|| value.to_owned()),
        }
        return Some(());
    }
    write(rules, name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_its_field_and_its_present_value_lies_within_the_bounds() {
        let rules = Rules::with(&[]).expect("the files are read");
        for figure in figures() {
            let now = value_in(&rules, &figure.name).expect("a field");
            assert_eq!(judge(&rules, &figure.name, &now), Ok(()), "{}", figure.name);
            let other = figure.max.to_string();
            let changed = Rules::with(&[(figure.name.clone(), other.clone())]).expect("reads");
            assert_eq!(value_in(&changed, &figure.name), Some(other), "{}", figure.name);
        }
    }

    #[test]
    fn a_shorter_step_is_not_reminded_of_after_its_end() {
        let changed = Rules::with(&[("step.target.days".into(), "5".into())]).expect("reads");
        let step = changed.transfer.step("target").expect("exists");
        assert_eq!((step.days, step.reminders.as_slice()), (5, [3].as_slice()));
    }

    #[test]
    fn provinces_are_merged_and_marked_but_not_into_themselves() {
        let rules = Rules::with(&[]).expect("reads");
        let free: Vec<&str> = rules
            .tree
            .provinces
            .iter()
            .filter(|p| p.merged_into.is_none())
            .map(|p| p.code.as_str())
            .collect();
        let name = format!("province.{}.merged_into", free[0]);
        assert!(judge(&rules, &name, free[0]).is_err() && judge(&rules, &name, "99x").is_err());
        let changed = Rules::with(&[(name.clone(), free[1].to_owned())]).expect("reads");
        assert_eq!(value_in(&changed, &name).as_deref(), Some(free[1]));
        assert!(judge(&rules, "policy.password.min", "1").is_err());
    }

    #[test]
    fn every_figure_that_is_offered_is_read_by_the_program() {
        let mut all = String::new();
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/src/rules");
        let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/src");
        let mut open = vec![concat!(env!("CARGO_MANIFEST_DIR"), "/src").into(), web.into()];
        while let Some(at) = open.pop() {
            let at: std::path::PathBuf = at;
            for entry in std::fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.starts_with(rules) {
                    open.push(path);
                } else if path.is_file() {
                    all.push_str(&std::fs::read_to_string(&path).unwrap_or_default());
                }
            }
        }
        for figure in figures().iter().filter(|f| step_of(&f.name).is_none()) {
            let field = figure.name.rsplit('.').next().unwrap_or_default();
            assert!(all.contains(&format!(".{field}")), "{} changes nothing", figure.name);
        }
    }
}
