//! The tree of the demonstration, from 团中央 down to branches, handed out one organisation after
//! the other (parents first, depth first), so that millions of them need no memory.

use super::{Scale, names, persons::Cohort};
use crate::{
    orgs::{Category, naming},
    rules::Rules,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// What an organisation is in the real world; decides what stands below it.
#[derive(Clone, Debug)]
enum Kind {
    Centre,
    Province,
    City(usize),
    County,
    University,
    College(usize),
    Grade { college: usize, entered: i16 },
    Senior,
    Vocational,
    Township,
    Street,
    Firm,
    Bureaus,
    Branch,
}

/// An organisation to be made.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    kind: Kind,
    pub(super) category: Category,
    pub(super) short: String,
    pub(super) full: String,
    pub(super) industry: Option<&'static str>,
    pub(super) province: String,
    pub(super) special: &'static str,
    pub(super) cohort: Cohort,
    /// How many branches stand below it.
    branches: u64,
    /// The name of the place or body, without 团委.
    unit: String,
    /// Whether the demonstration's people live on this way down.
    pub(super) star: bool,
}

/// What an organisation of that name is for.
pub(super) struct Grown {
    pub(super) seed: Seed,
    pub(super) path: String,
    /// Number among its siblings.
    pub(super) sort_no: i64,
    pub(super) children: i64,
}

/// The walk over the tree.
pub(super) struct Walk {
    scale: Scale,
    rng: StdRng,
    school_year: i16,
    /// What is still to be handed out: depth, number among the siblings, organisation.
    waiting: Vec<(usize, i64, Seed)>,
    /// Path of the organisation handed out last, by depth.
    paths: Vec<String>,
}

impl Walk {
    pub(super) fn new(scale: Scale, branches: u64, seed: u64, school_year: i16) -> Self {
        let centre = Seed {
            kind: Kind::Centre,
            category: Category::Lead,
            short: "团中央".into(),
            full: "中国共产主义青年团中央委员会".into(),
            industry: None,
            province: "00".into(),
            special: "NONE",
            cohort: Cohort::Working,
            branches,
            unit: String::new(),
            star: true,
        };
        Self {
            scale,
            rng: StdRng::seed_from_u64(seed),
            school_year,
            waiting: vec![(0, 0, centre)],
            paths: vec![],
        }
    }

    fn below(&mut self, seed: &Seed) -> Vec<Seed> {
        match seed.kind.clone() {
            Kind::Centre => self.provinces(seed),
            Kind::Province => self.cities(seed),
            Kind::City(number) => self.of_city(seed, number),
            Kind::County => self.of_county(seed),
            Kind::University => self.colleges(seed),
            Kind::College(college) => self.of_college(seed, college),
            Kind::Grade { college, entered } => self.classes(seed, college, entered),
            Kind::Senior => self.senior_classes(seed, &["高一", "高二", "高三"]),
            Kind::Vocational => self.senior_classes(seed, &["一年级", "二年级", "三年级"]),
            Kind::Township => numbered(seed, names::PLACES, |place| format!("{place}村团支部")),
            Kind::Street => self.communities(seed),
            Kind::Firm => numbered(seed, names::DEPARTMENTS, |name| format!("{name}团支部")),
            Kind::Bureaus => numbered(seed, names::BUREAUS, |name| format!("{name}团支部")),
            Kind::Branch => vec![],
        }
    }

    fn provinces(&self, centre: &Seed) -> Vec<Seed> {
        let rows = &Rules::builtin().tree.provinces;
        let lived: Vec<bool> = rows
            .iter()
            .map(|row| {
                row.code == "34"
                    || (matches!(self.scale, Scale::Nation(_))
                        && !names::cities(&row.code).is_empty())
            })
            .collect();
        let mut shares =
            shares(centre.branches, &lived.iter().map(|on| u64::from(*on)).collect::<Vec<_>>());
        shares.reverse();
        rows.iter()
            .map(|row| {
                let work = row.short_name.ends_with("团工委");
                Seed {
                    kind: Kind::Province,
                    category: if work { Category::Work } else { Category::Lead },
                    short: row.short_name.clone(),
                    full: row.full_name.clone(),
                    industry: work.then_some("organ"),
                    province: row.code.clone(),
                    branches: shares.pop().unwrap_or_default(),
                    unit: String::new(),
                    star: row.code == "34",
                    ..centre.clone()
                }
            })
            .collect()
    }

    fn cities(&self, province: &Seed) -> Vec<Seed> {
        if province.branches == 0 {
            return vec![];
        }
        let mut cities = names::cities(&province.province);
        if matches!(self.scale, Scale::School | Scale::City) {
            cities.truncate(1);
        }
        // The first city is the capital: it has more than its share.
        let weights: Vec<u64> = (0..cities.len()).map(|n| if n == 0 { 3 } else { 2 }).collect();
        let shares = shares(province.branches, &weights);
        let seed = |(number, city): (usize, names::City)| Seed {
            kind: Kind::City(number),
            short: format!("团{}委", city.name),
            full: format!("中国共产主义青年团{}委员会", city.name),
            branches: shares[number],
            unit: city.name.to_owned(),
            star: province.star && number == 0,
            ..province.clone()
        };
        cities.into_iter().enumerate().map(seed).collect()
    }

    fn of_city(&mut self, city: &Seed, number: usize) -> Vec<Seed> {
        let mut counties: Vec<&str> = names::cities(&city.province)
            .into_iter()
            .nth(number)
            .map(|c| c.counties.into_iter().map(|(_, name)| name).collect())
            .unwrap_or_default();
        if self.scale == Scale::School {
            counties = vec!["蜀山区"];
        }
        let students = city.branches / 2;
        let universities = (students / 400).max(1);
        let county_shares = shares(city.branches - students, &vec![1; counties.len()]);
        let mut found: Vec<Seed> = counties
            .iter()
            .enumerate()
            .map(|(n, name)| Seed {
                kind: Kind::County,
                short: format!("团{name}委"),
                full: format!("中国共产主义青年团{}{name}委员会", city.unit),
                branches: county_shares[n],
                unit: format!("{}{name}", city.unit),
                star: city.star && *name == "蜀山区",
                ..city.clone()
            })
            .collect();
        for (n, share) in shares(students, &vec![1; universities as usize]).into_iter().enumerate()
        {
            let (name, industry) = names::university(&city.unit, n);
            found.push(committee(
                city,
                Kind::University,
                &name,
                industry,
                share,
                city.star && n == 0,
            ));
        }
        found
    }

    fn of_county(&mut self, county: &Seed) -> Vec<Seed> {
        let mut left = county.branches;
        let small = (county.branches / 4).max(1);
        let mut found = vec![];
        let mut turn = 0_usize;
        while left > 0 {
            let take = |most: u64, rng: &mut StdRng| {
                rng.random_range(most / 2..=most).min(small).max(1).min(left)
            };
            let round = turn / 6;
            let (seed, size) = match turn % 6 {
                0 => {
                    let size = take(48, &mut self.rng);
                    let name = format!("{}第{}中学", county_word(&county.unit), chinese(round + 1));
                    (committee(county, Kind::Senior, &name, "school_senior", size, false), size)
                }
                1 => {
                    let size = take(16, &mut self.rng);
                    let name = nth_name(names::TOWNS, round);
                    (committee(county, Kind::Township, &name, "rural_township", size, false), size)
                }
                2 => {
                    let size = take(14, &mut self.rng);
                    let name = format!("{}街道", nth_name(names::STREETS, round));
                    let mut seed =
                        committee(county, Kind::Street, &name, "city_street", size, false);
                    seed.category = Category::Work;
                    seed.short = format!("{name}团工委");
                    seed.full = format!("中国共产主义青年团{}工作委员会", seed.unit);
                    (seed, size)
                }
                3 => {
                    let size = take(10, &mut self.rng);
                    let (firm, industry) = names::FIRMS[round % names::FIRMS.len()];
                    let name = format!("{}{firm}", county_word(&county.unit));
                    let name = again(&name, round / names::FIRMS.len());
                    (committee(county, Kind::Firm, &name, industry, size, false), size)
                }
                4 => {
                    let size = take(15, &mut self.rng);
                    let name = again("区直机关", round);
                    (committee(county, Kind::Bureaus, &name, "organ", size, false), size)
                }
                _ => {
                    let size = take(30, &mut self.rng);
                    let name =
                        format!("{}第{}职业学校", county_word(&county.unit), chinese(round + 1));
                    (
                        committee(
                            county,
                            Kind::Vocational,
                            &name,
                            "school_secondary_vocational",
                            size,
                            false,
                        ),
                        size,
                    )
                }
            };
            left -= size;
            turn += 1;
            found.push(seed);
        }
        found
    }

    fn colleges(&self, university: &Seed) -> Vec<Seed> {
        let many = (university.branches / 40).clamp(2, 40).min(university.branches.max(1));
        // The first college is the demonstration's own and has a little more.
        let weights: Vec<u64> = (0..many).map(|n| if n == 0 { 3 } else { 2 }).collect();
        let shares = shares(university.branches, &weights);
        let seed = |n: usize| {
            let (name, _) = names::COLLEGES[n % names::COLLEGES.len()];
            let name = again(name, n / names::COLLEGES.len());
            let mut seed = committee(
                university,
                Kind::College(n % names::COLLEGES.len()),
                &name,
                university.industry.unwrap_or("school_university"),
                shares[n],
                university.star && n == 0,
            );
            if university.star && n == 1 {
                // The longest name that one meets: forty Chinese characters in all.
                seed.full =
                    format!("中国共产主义青年团{}{LONGEST}现代产业示范学院委员会", university.unit);
                let missing = 40_usize.saturating_sub(seed.full.chars().count());
                let filling: String =
                    "与高端装备协同创新产教融合联合培养".chars().take(missing).collect();
                seed.full = seed.full.replace("现代产业", &format!("现代产业{filling}"));
            }
            seed
        };
        (0..many as usize).map(seed).collect()
    }

    fn of_college(&mut self, college: &Seed, number: usize) -> Vec<Seed> {
        if college.branches < 6 {
            return self.classes(college, number, self.school_year - 1);
        }
        let mut teachers = branch(college, "教工团支部", "教工", Cohort::Working);
        teachers.special = "NONE";
        let mut found = vec![];
        for (age, share) in shares(college.branches - 1, &[1, 1, 1, 1]).into_iter().enumerate() {
            // The second year first: the demonstration's class is in it.
            let entered = self.school_year - [1, 0, 2, 3][age];
            let mut seed = committee(
                college,
                Kind::Grade { college: number, entered },
                &format!("{entered}级"),
                college.industry.unwrap_or("school_university"),
                share,
                college.star && age == 0,
            );
            seed.category = Category::General;
            seed.short = format!("{entered}级团总支");
            seed.full = format!("中国共产主义青年团{}总支部委员会", seed.unit);
            found.push(seed);
        }
        found.push(teachers);
        found
    }

    fn classes(&mut self, above: &Seed, college: usize, entered: i16) -> Vec<Seed> {
        let (_, programmes) = names::COLLEGES[college];
        let cohort = Cohort::University(entered);
        (0..above.branches as usize)
            .map(|n| {
                // Two classes of a programme, then the next programme; a second round goes on with 3.
                let (programme, class) =
                    (n / 2 % programmes.len(), n / 2 / programmes.len() * 2 + n % 2 + 1);
                let class = format!("{entered}级{}{class}班", programmes[programme]);
                let own = if matches!(above.kind, Kind::Grade { .. }) {
                    class.trim_start_matches(&format!("{entered}级"))
                } else {
                    &class
                };
                let mut seed = branch(above, &format!("{class}团支部"), own, cohort);
                seed.star = above.star && n == 0;
                seed
            })
            .collect()
    }

    fn senior_classes(&mut self, school: &Seed, years: &[&str]) -> Vec<Seed> {
        shares(school.branches, &vec![1; years.len()])
            .into_iter()
            .zip(years)
            .enumerate()
            .flat_map(|(age, (share, year))| {
                let cohort = Cohort::Senior(self.school_year - age as i16);
                (1..=share).map(move |class| {
                    let name = format!("{year}({class})班");
                    branch(school, &format!("{name}团支部"), &name.replace(['(', ')'], ""), cohort)
                })
            })
            .collect()
    }

    fn communities(&self, street: &Seed) -> Vec<Seed> {
        let mut found = numbered(street, names::PLACES, |place| format!("{place}社区团支部"));
        if let Some(last) = found.last_mut() {
            // Where people without an employer's organisation go.
            last.special = "RECEIVING";
            last.short = "流动团员团支部".into();
            last.full = format!("中国共产主义青年团{}流动团员支部", street.unit);
        }
        found
    }
}

impl Iterator for Walk {
    type Item = Grown;

    fn next(&mut self) -> Option<Grown> {
        let (depth, sort_no, seed) = self.waiting.pop()?;
        let path =
            format!("{}{}", depth.checked_sub(1).map_or("", |d| &self.paths[d]), level(sort_no));
        self.paths.truncate(depth);
        self.paths.push(path.clone());
        let children = self.below(&seed);
        let count = children.len() as i64;
        for (n, mut child) in children.into_iter().enumerate().rev() {
            // As the product itself would call it; the organs below the centre are told by a list.
            if !matches!(child.kind, Kind::Province) && !child.full.contains(LONGEST) {
                let (above, over) = (&seed.full, seed.category);
                child.full = naming::full_name(above, over, &child.short, child.category);
            }
            self.waiting.push((depth + 1, n as i64, child));
        }
        Some(Grown { seed, path, sort_no, children: count })
    }
}

/// Begins the own part of the longest name, which nobody would suggest.
const LONGEST: &str = "国家级智能制造";

/// A committee below `above`.
fn committee(
    above: &Seed,
    kind: Kind,
    name: &str,
    industry: &'static str,
    branches: u64,
    star: bool,
) -> Seed {
    // A committee of a city or county carries no place in its own unit: its name has one.
    let unit = match above.kind {
        Kind::City(_) => name.to_owned(),
        _ => format!("{}{name}", above.unit.trim_start_matches(city_word(&above.unit))),
    };
    Seed {
        kind,
        category: Category::Committee,
        short: format!("{name}团委"),
        full: format!("中国共产主义青年团{unit}委员会"),
        industry: Some(industry),
        branches,
        unit,
        star,
        ..above.clone()
    }
}

fn branch(above: &Seed, short: &str, own: &str, cohort: Cohort) -> Seed {
    Seed {
        kind: Kind::Branch,
        category: Category::Branch,
        short: short.to_owned(),
        full: format!("中国共产主义青年团{}{own}支部委员会", above.unit),
        industry: above.industry.map(|industry| match industry {
            "rural_township" => "rural_village",
            "city_street" => "city_community",
            same => same,
        }),
        branches: 0,
        star: false,
        cohort,
        ..above.clone()
    }
}

/// As many branches as `above` is to have, with names from a list.
fn numbered(above: &Seed, names: &[&'static str], short: impl Fn(&str) -> String) -> Vec<Seed> {
    (0..above.branches as usize)
        .map(|n| {
            let name = again(names[n % names.len()], n / names.len());
            let short = short(&name);
            let own = short.trim_end_matches("团支部").to_owned();
            branch(above, &short, &own, Cohort::Working)
        })
        .collect()
}

/// Divides `whole` by weights without losing one; the first get what is left over.
fn shares(whole: u64, weights: &[u64]) -> Vec<u64> {
    let total: u64 = weights.iter().sum::<u64>().max(1);
    let mut parts: Vec<u64> = weights.iter().map(|w| whole * w / total).collect();
    let mut left = whole - parts.iter().sum::<u64>();
    for (part, _) in parts.iter_mut().zip(weights).filter(|(_, w)| **w > 0) {
        if left == 0 {
            break;
        }
        *part += 1;
        left -= 1;
    }
    parts
}

/// One level of a path: three characters of base 36.
fn level(number: i64) -> String {
    let digit = |n: i64| char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[(n % 36) as usize]);
    [digit(number / 1296), digit(number / 36), digit(number)].iter().collect()
}

/// The n-th name of a list; after its end with 新, then 东 and so on before it.
fn nth_name(names: &[&str], n: usize) -> String {
    again(names[n % names.len()], n / names.len())
}

fn again(name: &str, round: usize) -> String {
    const FIRST: [&str; 10] = ["", "新", "东", "西", "南", "北", "大", "小", "上", "下"];
    match (FIRST.get(round), round) {
        (Some(first), _) => format!("{first}{name}"),
        (None, round) => format!("{}{name}", chinese(round)),
    }
}

/// The county's own word of a unit such as 合肥市蜀山区.
fn county_word(unit: &str) -> &str {
    unit.trim_start_matches(city_word(unit))
}
fn city_word(unit: &str) -> &str {
    unit.find('市').filter(|at| at + 3 < unit.len()).map_or("", |at| &unit[..at + 3])
}

/// 一, 二 … 九十九.
fn chinese(n: usize) -> String {
    const DIGITS: [&str; 10] = ["", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    match n {
        0..10 => DIGITS[n].to_owned(),
        10..20 => format!("十{}", DIGITS[n % 10]),
        20..100 => format!("{}十{}", DIGITS[n / 10], DIGITS[n % 10]),
        _ => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tree::{Category as RuleCategory, judge_org_name};
    use std::collections::{HashMap, HashSet};

    fn walk(scale: Scale, branches: u64) -> Vec<Grown> {
        Walk::new(scale, branches, 1, 2026).collect()
    }

    #[test]
    fn every_scale_has_exactly_the_branches_it_was_asked_for() {
        for (scale, branches) in [
            (Scale::School, 40),
            (Scale::City, 4_000),
            (Scale::Province, 9_000),
            (Scale::Nation(0), 20_000),
        ] {
            let grown = walk(scale, branches);
            let found = grown.iter().filter(|g| g.seed.category == Category::Branch).count();
            assert_eq!(found as u64, branches, "{scale:?}");
            let provinces = grown.iter().filter(|g| g.path.len() == 6).count();
            assert_eq!(provinces, 38);
        }
    }

    #[test]
    fn the_tree_keeps_the_rules_of_names_and_neighbours() {
        for (scale, branches) in
            [(Scale::School, 40), (Scale::City, 6_000), (Scale::Nation(0), 30_000)]
        {
            let grown = walk(scale, branches);
            let rules = Rules::builtin();
            let mut by_path: HashMap<&str, &Grown> = HashMap::new();
            let mut siblings: HashSet<(&str, String)> = HashSet::new();
            for g in &grown {
                let category = RuleCategory::from_code(g.seed.category.code()).unwrap();
                let problems = judge_org_name(&g.seed.short, &g.seed.full, category, rules);
                assert!(problems.iter().all(|p| !p.forbids()), "{} {problems:?}", g.seed.full);
                assert!(g.seed.industry.is_none_or(|i| rules.tree.industry(i).is_some()));
                if g.path.len() > 3 {
                    let above = &g.path[..g.path.len() - 3];
                    let parent = by_path[above];
                    let over = RuleCategory::from_code(parent.seed.category.code()).unwrap();
                    assert!(
                        rules.tree.can_contain(over, category),
                        "{} in {}",
                        g.seed.short,
                        parent.seed.short
                    );
                    let key = db::fold(&g.seed.short);
                    assert!(siblings.insert((above, key)), "twice: {}", g.seed.short);
                    assert!(!naming::says_twice(&g.seed.full), "{}", g.seed.full);
                    assert!(!place_twice(&g.seed.full), "{}", g.seed.full);
                    assert!(!place_twice(&g.seed.short), "{}", g.seed.short);
                }
                by_path.insert(&g.path, g);
            }
        }
    }

    #[test]
    fn the_demonstrations_way_down_has_one_of_every_kind() {
        for scale in [Scale::School, Scale::City, Scale::Nation(0)] {
            let stars: Vec<Grown> =
                walk(scale, 8_000_u64.min(if scale == Scale::School { 40 } else { 8_000 }))
                    .into_iter()
                    .filter(|g| g.seed.star)
                    .collect();
            let categories: Vec<&str> = stars.iter().map(|g| g.seed.category.code()).collect();
            assert_eq!(
                categories,
                ["LEAD", "LEAD", "LEAD", "LEAD", "COMMITTEE", "COMMITTEE", "GENERAL", "BRANCH"]
            );
            assert_eq!(stars[7].seed.short, "2025级软件工程1班团支部");
        }
    }

    /// 庐州市庐州…: a place with its level, and again without.
    fn place_twice(name: &str) -> bool {
        let signs: Vec<char> = name.chars().collect();
        (2..=4).any(|n| {
            (0..signs.len().saturating_sub(2 * n)).any(|at| {
                "市区县".contains(signs[at + n])
                    && signs[at..at + n] == signs[at + n + 1..at + 2 * n + 1]
                    // 黄山市黄山区 is a place.
                    && !signs.get(at + 2 * n + 1).is_some_and(|c| "市区县".contains(*c))
            })
        })
    }

    #[test]
    fn one_full_name_has_forty_characters() {
        let grown = walk(Scale::School, 40);
        assert!(grown.iter().any(|g| g.seed.full.chars().count() == 40));
    }
}
