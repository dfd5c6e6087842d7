//! One row of a list of organisations as typed, and what can be read from it alone.

use super::finding;
use crate::{
    FieldError,
    imports::{Finding, Mapping, rows::Cells},
    orgs::{self, Category, New},
    rules::{Column, Rules, Severity},
};

/// The cells of a row by their meaning.
#[derive(Clone, Debug, Default)]
pub(super) struct Raw {
    /// Tidied.
    pub(super) name: String,
    /// Blanks before the name: deeper ones stand below.
    pub(super) indent: usize,
    category: String,
    industry: String,
    full: String,
    pub(super) parent: String,
    /// A level by number; `Some(0)` when the cell can't be read.
    pub(super) level: Option<usize>,
}

/// What a row says, read.
pub(super) struct Read {
    pub(super) new: New,
    /// What was filled in without asking.
    pub(super) notes: Vec<&'static str>,
}

impl Raw {
    pub(super) fn of(cells: &Cells, mapping: &Mapping) -> Self {
        let text = |column| cells.in_column(mapping, column);
        let name = text(Column::OrgShortName);
        let level = text(Column::OrgLevel).trim();
        Self {
            name: orgs::tidy(name),
            indent: indent(name),
            category: text(Column::OrgCategory).trim().to_owned(),
            industry: text(Column::OrgIndustry).trim().to_owned(),
            full: text(Column::OrgFullName).trim().to_owned(),
            parent: text(Column::OrgParent).trim().to_owned(),
            level: (!level.is_empty()).then(|| read_level(level)),
        }
    }

    /// The category, as typed or as the name says it.
    pub(super) fn category(&self) -> Option<Category> {
        let tree = &Rules::builtin().tree;
        if self.category.is_empty() {
            by_name(&self.name)
        } else {
            tree.find_category(&self.category)
        }
    }

    /// The row for a superior of that category and industry. What is wrong with it alone; names and
    /// nesting are judged by the room `orgs`.
    pub(super) fn read(
        &self,
        above: Category,
        above_industry: Option<&str>,
    ) -> Result<Read, Vec<Finding>> {
        let (mut wrong, mut notes) = (Vec::new(), Vec::new());
        let category = self.category();
        match category {
            None => wrong.push(self.no_category()),
            Some(_) if self.category.is_empty() => notes.push("组织类别留空,已按名称判断"),
            Some(_) => {}
        }
        let typed = Rules::builtin().tree.find_industry(&self.industry).filter(|r| r.listed);
        let mut industry = typed.map(|row| row.code.clone());
        if self.industry.is_empty() {
            if category != Some(Category::Lead) && above != Category::Lead {
                let known = |code: &&str| Rules::builtin().tree.industry(code).is_some();
                industry = above_industry.filter(known).map(str::to_owned);
                notes.extend(industry.is_some().then_some("行业类别留空,已按上级组织填写"));
            }
        } else if typed.is_none() {
            let message = format!(
                "“{}”不在行业类别表里。请从列表中选择,例如“普通高等院校”“学校/普通高中”。",
                self.industry
            );
            let error = FieldError::new("industry", "org_industry", message);
            wrong.push(finding(error, Severity::Fix, None));
        }
        if self.full.is_empty() {
            notes.push("组织全称留空,已按上级全称生成");
        }
        let Some(category) = category.filter(|_| wrong.is_empty()) else { return Err(wrong) };
        let new = New {
            short_name: self.name.clone(),
            full_name: (!self.full.is_empty()).then(|| self.full.clone()),
            category,
            industry,
        };
        Ok(Read { new, notes })
    }

    fn no_category(&self) -> Finding {
        let message = if self.category.is_empty() {
            "请填写“组织类别”:团委、团工委、团总支或团支部。".to_owned()
        } else {
            format!(
                "“{}”不是可以创建的组织类别。请填:团委、团工委、团总支、团支部(市县级机关填“团的领导机关”)。",
                self.category
            )
        };
        finding(FieldError::new("category", "org_category", message), Severity::Fix, None)
    }
}

/// What the ending of a name says of the category, when nothing else was said.
fn by_name(name: &str) -> Option<Category> {
    let ends = |words: &[&str]| words.iter().any(|word| name.ends_with(word));
    if ends(&["团总支", "总支部", "总支部委员会"]) {
        Some(Category::General)
    } else if ends(&["团支部", "支部", "支部委员会"]) {
        Some(Category::Branch)
    } else if ends(&["团工委", "工作委员会"]) {
        Some(Category::Work)
    } else {
        ends(&["团委"]).then_some(Category::Committee)
    }
}

/// Blanks before the text; a full-width one takes the room of two.
fn indent(text: &str) -> usize {
    let width = |c: char| match c {
        '\u{3000}' => 2,
        '\t' => 4,
        _ => 1,
    };
    text.chars().take_while(|c| c.is_whitespace()).map(width).sum()
}

/// `2`, `第二级`, `二级`.
fn read_level(text: &str) -> usize {
    let bare: String = text.chars().filter(|c| !"第级层 ".contains(*c)).collect();
    let bare = bare.strip_suffix(".0").unwrap_or(&bare);
    match "零一二三四五六七八九".chars().position(|c| bare == c.to_string()) {
        Some(n) => n,
        None => bare.parse().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_a_name_says_the_category() {
        assert_eq!(by_name("2022级软工1班团支部"), Some(Category::Branch));
        assert_eq!(by_name("高一年级团总支"), Some(Category::General));
        assert_eq!(by_name("机械学院团委"), Some(Category::Committee));
        assert_eq!(by_name("开发区团工委"), Some(Category::Work));
        assert_eq!(by_name("机械学院"), None);
    }

    #[test]
    fn levels_and_blanks_are_read_as_people_write_them() {
        assert_eq!(["2", "二级", "第三级", "1.0", "甲"].map(read_level), [2, 2, 3, 1, 0]);
        assert_eq!(["甲", " 甲", "\u{3000}甲", "\u{3000}\u{3000}甲"].map(indent), [0, 1, 2, 4]);
    }
}
