//! The conversion of a day rehearsed for the whole nation (row 123), by province and school, for the
//! command line. Reads only, in pieces along the indexes of the conversion itself.

use super::sql;
use crate::{
    Cx, House, OrgRef, Result, Who,
    rules::{Rules, tree::ProvinceRow},
    schools,
};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Branches that are read at once.
const PIECE: i64 = 2000;

/// What would happen in a school, in a province or in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Branches that would turn into 毕业生团组织.
    pub branches: i64,
    /// Members who would be flagged, as last folded.
    pub members: i64,
    /// Branches without a mark, to which nothing would happen.
    pub unmarked: i64,
}
impl Sum {
    fn add(&mut self, other: Self) {
        self.branches += other.branches;
        self.members += other.members;
        self.unmarked += other.unmarked;
    }
}

/// One line of the rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Code and name of the province.
    pub province: String,
    pub province_name: String,
    /// 组织码 and name of the school; absent in the sum of a province.
    pub school: Option<String>,
    pub name: Option<String>,
    #[serde(flatten)]
    pub sum: Sum,
}

/// What a conversion on the day `on` would do: each province's schools in organisation order, then
/// the province's sum. `tell` gets the lines as they are ready; the sum of all is returned. Nothing is
/// written.
pub async fn rehearse_all(
    house: &House,
    on: Date,
    tell: &mut (dyn FnMut(&Count) + Send),
) -> Result<Sum> {
    let mut unmarked = unmarked_by_school(house).await?;
    let mut all = Sum::default();
    let of_the_centre = ("00", "中央");
    let named = |row: &'static ProvinceRow| (row.code.as_str(), row.area.as_str());
    for (code, name) in Rules::builtin().tree.provinces.iter().map(named).chain([of_the_centre]) {
        let mut schools = unmarked.remove(code).unwrap_or_default();
        turning(house, code, on, &mut schools).await?;
        let mut sum = Sum::default();
        for (school, here) in schools.values() {
            sum.add(*here);
            tell(&Count {
                province: code.into(),
                province_name: name.into(),
                school: school.as_ref().map(|s| s.code.clone()),
                name: Some(school.as_ref().map_or("不在学校里", |s| &s.short_name).into()),
                sum: *here,
            });
        }
        if sum != Sum::default() {
            let (province, province_name) = (code.into(), name.into());
            tell(&Count { province, province_name, school: None, name: None, sum });
        }
        all.add(sum);
    }
    Ok(all)
}

/// Sums by the school's path; an empty path where a branch stands in no school any more.
type Schools = BTreeMap<String, (Option<OrgRef>, Sum)>;

async fn turning(house: &House, province: &str, on: Date, into: &mut Schools) -> Result<()> {
    let year = Rules::builtin().graduation.turned_year(province, on);
    let before = super::conversion::before(year);
    let mut after = (String::new(), String::new());
    loop {
        let mut cx = house.read(Who::System("graduation")).await?;
        let found = sql::ahead(&mut cx, province, &before, (&after.0, &after.1), PIECE).await?;
        let one = |row: &sql::Ahead| Sum { branches: 1, members: row.members, unmarked: 0 };
        let rows = found.iter().map(|row| (row.path.as_str(), one(row))).collect();
        add(&mut cx, rows, into).await?;
        match found.into_iter().last() {
            Some(last) => after = (last.graduates, last.path),
            None => return Ok(()),
        }
    }
}

async fn unmarked_by_school(house: &House) -> Result<HashMap<String, Schools>> {
    let mut by_province: HashMap<String, Schools> = HashMap::new();
    let mut after = String::new();
    loop {
        let mut cx = house.read(Who::System("graduation")).await?;
        let found = sql::unmarked_after(&mut cx, &after, PIECE).await?;
        let mut pieces: HashMap<&str, Vec<(&str, Sum)>> = HashMap::new();
        for (path, province) in &found {
            let one = Sum { unmarked: 1, ..Sum::default() };
            pieces.entry(province).or_default().push((path, one));
        }
        for (province, rows) in pieces {
            add(&mut cx, rows, by_province.entry(province.to_owned()).or_default()).await?;
        }
        match found.into_iter().last() {
            Some((path, _)) => after = path,
            None => return Ok(by_province),
        }
    }
}

async fn add(cx: &mut Cx, rows: Vec<(&str, Sum)>, into: &mut Schools) -> Result<()> {
    let paths: Vec<&str> = rows.iter().map(|(path, _)| *path).collect();
    let schools = schools::schools_of(cx, &paths).await?;
    for (path, sum) in rows {
        let school = schools.get(path);
        let key = school.map(|s| s.path.clone()).unwrap_or_default();
        into.entry(key).or_insert_with(|| (school.cloned(), Sum::default())).1.add(sum);
    }
    Ok(())
}
