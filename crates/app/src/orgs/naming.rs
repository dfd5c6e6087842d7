//! What an organisation is called in full (组织全称): one pure function for the suggestion, for what is
//! made singly, by workbook and by splitting, and for the demonstration. What the superior's name says
//! already is not said again.

use super::Category;
use crate::rules::Rules;

const LEAGUE: &str = "中国共产主义青年团";
const PREFIXES: [&str; 3] = [LEAGUE, "共产主义青年团", "共青团"];
/// Endings of full names, longest first.
const FULL: [&str; 16] = [
    "总支部委员会",
    "团支部委员会",
    "支部委员会",
    "团工作委员会",
    "工作委员会",
    "总支委员会",
    "团委员会",
    "委员会",
    "团总支部",
    "总支部",
    "团总支",
    "总支",
    "团支部",
    "支部",
    "团工委",
    "团委",
];
/// Endings that only short names have.
const SHORT: [&str; 2] = ["工委", "委"];
/// What says which level of a leading organ stands between 团 and 委.
const LEVELS: [&str; 8] = ["省", "市", "区", "县", "州", "旗", "盟", "镇"];
/// Where a part of a name ends.
const UNITS: [&str; 34] = [
    "自治区",
    "自治州",
    "自治县",
    "大学",
    "学院",
    "学校",
    "中学",
    "小学",
    "书院",
    "医院",
    "研究院",
    "研究所",
    "街道",
    "社区",
    "公司",
    "集团",
    "银行",
    "级",
    "届",
    "省",
    "市",
    "区",
    "县",
    "旗",
    "州",
    "盟",
    "乡",
    "镇",
    "村",
    "系",
    "部",
    "厂",
    "局",
    "院",
];

/// The full name of a child by the superior's full name and its own short one; empty for an empty one.
pub fn full_name(parent_full: &str, parent: Category, short: &str, category: Category) -> String {
    let own = own_stem(short, category);
    let short = short.trim();
    if short.is_empty() {
        return String::new();
    }
    let above = match parent {
        Category::Lead if !own.is_empty() && !is_district(&own) => "",
        _ => full_stem(parent_full),
    };
    let ending = match category {
        Category::Work => "工作委员会",
        Category::General => "总支部委员会",
        Category::Branch | Category::Graduate | Category::Holding => "支部",
        Category::Lead | Category::Committee => "委员会",
    };
    let name = format!("{LEAGUE}{}{ending}", joined(above, &own));
    let most = Rules::builtin().tree.full_name_max();
    if name.chars().count() > most && !own.is_empty() {
        format!("{LEAGUE}{own}{ending}")
    } else {
        name
    }
}

/// Whether a full name says a part twice, one after the other. What is shorter than a unit of its own
/// may come about by chance: 宝山区南山区南岗镇.
pub fn says_twice(full: &str) -> bool {
    let signs: Vec<char> = full.chars().collect();
    let twice = |at: usize, n: usize| {
        let part = &signs[at..at + n];
        let word: String = part.iter().collect();
        part == &signs[at + n..at + 2 * n]
            && (n > 3 || UNITS.iter().any(|unit| word.ends_with(unit)))
    };
    (3..=signs.len() / 2).any(|n| (0..=signs.len() - 2 * n).any(|at| twice(at, n)))
}

/// Parts of a district, which stand behind the name of their city.
fn is_district(own: &str) -> bool {
    ["区", "街道", "镇", "乡", "社区", "村"].iter().any(|e| own.ends_with(e))
        && !own.ends_with("自治区")
}

fn full_stem(full: &str) -> &str {
    let name = without_prefix(full.trim());
    let fits = |e: &&&str| {
        name.strip_suffix(**e).is_some_and(|stem| !(e.starts_with('团') && ends_in_group(stem)))
    };
    let ending = FULL.iter().find(fits);
    ending.map_or(name, |e| &name[..name.len() - e.len()])
}

/// 蓝天集团委员会 is the 委员会 of a 集团: such a 团 is no part of the ending.
fn ends_in_group(stem: &str) -> bool {
    ["集", "兵", "剧", "文工", "歌舞"].iter().any(|word| stem.ends_with(word))
}

fn without_prefix(name: &str) -> &str {
    PREFIXES.iter().find_map(|p| name.strip_prefix(p)).unwrap_or(name)
}

/// What a short name says of its own: 2025级团总支 → 2025级, 合肥团市委 → 合肥市.
fn own_stem(short: &str, category: Category) -> String {
    let name = without_prefix(short.trim());
    if category == Category::Lead {
        for level in LEVELS {
            if let Some(area) = name.strip_suffix(&format!("团{level}委")) {
                return format!("{area}{level}");
            }
        }
    }
    let lead = category == Category::Lead && !name.starts_with("团风");
    let name = name.strip_prefix('团').filter(|_| lead && !name.ends_with("团委")).unwrap_or(name);
    let Some(ending) = FULL.iter().chain(&SHORT).find(|e| name.ends_with(*e)) else {
        return name.to_owned();
    };
    let mut stem = name[..name.len() - ending.len()].to_owned();
    // 蓝天集团支部 is the 支部 of a 集团.
    if ending.starts_with('团') && ends_in_group(&stem) {
        stem.push('团');
    }
    if stem == "团" { String::new() } else { stem }
}

/// The superior's name and the own one, without what both say.
fn joined(above: &str, own: &str) -> String {
    let signs: Vec<(usize, char)> = own.char_indices().collect();
    for n in (2..=signs.len()).rev() {
        let end = signs.get(n).map_or(own.len(), |(at, _)| *at);
        let part = &own[..end];
        let Some(at) = above.rfind(part) else { continue };
        let last = at + part.len() == above.len();
        let begins = at == 0 || begins_a_part(&above[..at], part);
        let ends = last || UNITS.iter().any(|unit| part.ends_with(unit));
        if ends && (begins || (last && n >= 4)) {
            return format!("{}{own}", &above[..at]);
        }
    }
    format!("{above}{own}")
}

fn begins_a_part(before: &str, part: &str) -> bool {
    let areas = &Rules::builtin().tree.provinces;
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    UNITS.iter().any(|unit| before.ends_with(unit))
        || areas.iter().any(|row| before == row.area)
        || (digit(part.chars().next()) && !digit(before.chars().next_back()))
}

/// The name as it was made before 2026-12: kept to know what was made wrong ([`super::renaming`]).
pub(super) fn before_2026_12(
    parent_full: &str,
    parent: Category,
    short: &str,
    category: Category,
) -> String {
    use super::grams::stem;
    let own = stem(short).trim_start_matches('团');
    if own.is_empty() {
        return String::new();
    }
    let ending = match category {
        Category::Work => "工作委员会",
        Category::General => "总支部委员会",
        Category::Branch | Category::Graduate | Category::Holding => "支部",
        Category::Lead | Category::Committee => "委员会",
    };
    let bare = matches!(own, "支部" | "总支" | "工委" | "委");
    let own = if bare { "" } else { own };
    let above = match parent {
        Category::Lead if !bare => LEAGUE,
        _ => stem(parent_full),
    };
    let said = above.trim_start_matches(LEAGUE);
    let above = if !said.is_empty() && own.starts_with(said) { LEAGUE } else { above };
    let name = format!("{above}{own}{ending}");
    if name.chars().count() > 60 { format!("{LEAGUE}{own}{ending}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::{Category::*, *};

    #[test]
    fn a_full_name_says_every_part_once_at_every_place_of_the_tree() {
        let school = "中国共产主义青年团合肥工业大学";
        // superior in full, its category, own short name, own category, what it is called.
        let table: &[(&str, Category, &str, Category, &str)] = &[
            ("中国共产主义青年团中央委员会", Lead, "安徽团省委", Lead, "安徽省委员会"),
            ("中国共产主义青年团中央委员会", Lead, "团安徽省委", Lead, "安徽省委员会"),
            ("中国共产主义青年团安徽省委员会", Lead, "合肥团市委", Lead, "合肥市委员会"),
            ("中国共产主义青年团合肥市委员会", Lead, "蜀山团区委", Lead, "合肥市蜀山区委员会"),
            (
                "中国共产主义青年团合肥市委员会",
                Lead,
                "合肥市蜀山区团委",
                Lead,
                "合肥市蜀山区委员会",
            ),
            (
                "中国共产主义青年团合肥市蜀山区委员会",
                Lead,
                "三里庵街道团工委",
                Work,
                "合肥市蜀山区三里庵街道工作委员会",
            ),
            ("中国共产主义青年团合肥市蜀山区委员会", Lead, "团支部", Branch, "合肥市蜀山区支部"),
            ("中国共产主义青年团黄冈市委员会", Lead, "团风县团委", Lead, "团风县委员会"),
            (
                "中国共产主义青年团安徽省委员会",
                Lead,
                "合肥工业大学团委",
                Committee,
                "合肥工业大学委员会",
            ),
            ("中国共产主义青年团安徽省委员会", Lead, "省直团工委", Work, "省直工作委员会"),
            ("中国共产主义青年团安徽省委员会", Lead, "蓝天集团团委", Committee, "蓝天集团委员会"),
            (
                "中国共产主义青年团蓝天集团委员会",
                Committee,
                "研发部团支部",
                Branch,
                "蓝天集团研发部支部",
            ),
            ("中国共产主义青年团蓝天集团委员会", Committee, "蓝天集团支部", Branch, "蓝天集团支部"),
            (
                "中国共产主义青年团合肥工业大学委员会",
                Committee,
                "机械工程学院团委",
                Committee,
                "合肥工业大学机械工程学院委员会",
            ),
            (
                "中国共产主义青年团合肥工业大学委员会",
                Committee,
                "合肥工业大学后勤团总支",
                General,
                "合肥工业大学后勤总支部委员会",
            ),
            (
                "中国共产主义青年团合肥工业大学委员会",
                Committee,
                "软件学院团总支",
                General,
                "合肥工业大学软件学院总支部委员会",
            ),
            (
                "中国共产主义青年团合肥工业大学软件学院委员会",
                Committee,
                "2025级团总支",
                General,
                "合肥工业大学软件学院2025级总支部委员会",
            ),
            (
                "中国共产主义青年团合肥工业大学软件学院2025级总支部委员会",
                General,
                "2025级网络工程1班团支部",
                Branch,
                "合肥工业大学软件学院2025级网络工程1班支部",
            ),
            (
                "中国共产主义青年团合肥工业大学软件学院2025级总支部委员会",
                General,
                "网络工程1班团支部",
                Branch,
                "合肥工业大学软件学院2025级网络工程1班支部",
            ),
            (
                "中国共产主义青年团合肥工业大学软件学院2025级总支部委员会",
                General,
                "软件学院2025级1班团支部",
                Branch,
                "合肥工业大学软件学院2025级1班支部",
            ),
            (
                "中国共产主义青年团合肥工业大学未来技术学院委员会",
                Committee,
                "未来技术学院2025级团总支",
                General,
                "合肥工业大学未来技术学院2025级总支部委员会",
            ),
            (
                "中国共产主义青年团合肥工业大学未来技术学院总支部委员会",
                General,
                "未来技术学院团支部",
                Branch,
                "合肥工业大学未来技术学院支部",
            ),
            (
                "中国共产主义青年团合肥工业大学软件学院总支部",
                General,
                "教工团支部",
                Branch,
                "合肥工业大学软件学院教工支部",
            ),
            (
                "共青团合肥工业大学委员会",
                Committee,
                "共青团合肥工业大学图书馆支部",
                Branch,
                "合肥工业大学图书馆支部",
            ),
            (
                "中国共产主义青年团合肥工业大学机械工程委员会",
                Committee,
                "工程管理1班团支部",
                Branch,
                "合肥工业大学机械工程工程管理1班支部",
            ),
            (
                "中国共产主义青年团合肥市蜀山区三里庵街道工作委员会",
                Work,
                "龙居社区团支部",
                Branch,
                "合肥市蜀山区三里庵街道龙居社区支部",
            ),
            (
                "中国共产主义青年团合肥市蜀山区三里庵街道工作委员会",
                Work,
                "三里庵街道机关团支部",
                Branch,
                "合肥市蜀山区三里庵街道机关支部",
            ),
            (
                "中国共产主义青年团安徽省直属机关工作委员会",
                Work,
                "省教育厅团委",
                Committee,
                "安徽省直属机关省教育厅委员会",
            ),
            (
                "中国共产主义青年团合肥工业大学软件学院委员会",
                Committee,
                "2025级工业设计1班团支部",
                Branch,
                "合肥工业大学软件学院2025级工业设计1班支部",
            ),
        ];
        for (above, parent, short, category, right) in table {
            let made = full_name(above, *parent, short, *category);
            assert_eq!(made, format!("{LEAGUE}{right}"), "{short} below {above}");
            assert!(!says_twice(&made), "{made}");
        }
        assert_eq!(full_name(&format!("{school}委员会"), Committee, "", Branch), "");
    }

    #[test]
    fn what_is_said_twice_is_seen() {
        assert!(says_twice("中国共产主义青年团未来技术学院未来技术学院总支部委员会"));
        assert!(!says_twice("中国共产主义青年团合肥工业大学委员会"));
    }
}
