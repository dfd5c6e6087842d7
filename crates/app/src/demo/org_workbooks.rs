//! Sample workbooks of organisations (row 37): two new colleges down to their classes, and one row
//! of every kind that has to be put right. For the committee of the demonstration.

use super::Made;
use crate::{
    Error, Result,
    rules::{Rules, SheetKind},
};
use sheet::{Kind, Layout, Writer};
use std::path::{Path, PathBuf};

/// 组织简称, 组织类别, 行业, 组织全称, 上级组织, and what the row shows.
type Row = [String; 6];

/// Writes both workbooks into `dir` and returns their paths.
pub(super) fn write(dir: &Path, made: &Made) -> Result<Vec<PathBuf>> {
    let good = dir.join("下级组织(两个学院到班级).xlsx");
    save(&good, &colleges(), false)?;
    let faulty = dir.join("下级组织各种问题(示例).xlsx");
    let code = made.sign_ins.iter().find(|s| s.role == "general-branch").map(|s| s.org.as_str());
    save(&faulty, &every_fault(code, &made.samples.branch.1), true)?;
    Ok(vec![good, faulty])
}

const SCHOOL: &str = "学校/普通高等院校";

fn row(name: &str, category: &str, industry: &str, parent: &str) -> Row {
    [name, category, industry, "", parent, ""].map(str::to_owned)
}

/// 20 rows on three levels, all of them good.
fn colleges() -> Vec<Row> {
    let mut rows = Vec::new();
    for (college, course) in [("未来技术学院", "人工智能"), ("集成电路学院", "微电子")]
    {
        let top = format!("{college}团委");
        rows.push(row(&top, "团委", SCHOOL, ""));
        for year in [2025, 2026] {
            let middle = format!("{college}{year}级团总支");
            rows.push(row(&middle, "团总支", "", &top));
            for class in 1..=3 {
                let name = format!("{year}级{course}{class}班团支部");
                rows.push(row(&name, "团支部", "", &middle));
            }
        }
        rows.push(row(&format!("{college}教工团支部"), "团支部", "", &top));
    }
    rows
}

/// One row of every kind; the last column says which.
fn every_fault(general: Option<&str>, branch: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut put = |what: &str, mut row: Row| {
        row[5] = what.into();
        rows.push(row);
    };
    put("正常", row("量子信息学院团委", "团委", SCHOOL, ""));
    put("正常,建在上一行下面", row("2026级量子1班团支部", "团支部", "", "量子信息学院团委"));
    put("类别留空(按名称判断)", row("2026级量子2班团支部", "", "", "量子信息学院团委"));
    put("文件内重名", row("2026级量子1班团支部", "团支部", "", "量子信息学院团委"));
    put("不是团组织", row("后勤集团青工委", "团工委", SCHOOL, ""));
    put("类别不对", row("海洋学院团支部", "学生会", SCHOOL, ""));
    put("行业不对", row("天文学院团支部", "团支部", "外星产业", ""));
    put("上级找不到", row("2026级考古1班团支部", "团支部", SCHOOL, "考古学院团委"));
    put("团支部下面不能再设组织", row("第一团小组团支部", "团支部", "", "2026级量子2班团支部"));
    put("互为上级", row("甲学院团委", "团委", SCHOOL, "乙学院团委"));
    put("互为上级", row("乙学院团委", "团委", SCHOOL, "甲学院团委"));
    put("简称太长", row(&format!("{}团委", "很长的名字".repeat(6)), "团委", SCHOOL, ""));
    put("没有简称", row("", "团支部", SCHOOL, ""));
    put("上级没有改好", row("2026级海洋1班团支部", "团支部", "", "海洋学院青年部"));
    put("不是团组织(下级等它改好)", row("海洋学院青年部", "团委", SCHOOL, ""));
    put("名称不完整(提醒)", row("团支部", "团支部", SCHOOL, "量子信息学院团委"));
    if let Some(code) = general {
        put("建在已有的组织下面(组织码)", row("新增1班团支部", "团支部", "", code));
        put("已经有了", row(branch, "团支部", "", code));
    }
    rows
}

fn save(path: &Path, rows: &[Row], explained: bool) -> Result<()> {
    let broken = |e: sheet::WriteError| Error::Broken(format!("sample workbook: {e}"));
    let column = |title, width| sheet::Column::new(title, width, Kind::Text);
    let template = Rules::builtin().columns.template(SheetKind::Orgs);
    let mut columns: Vec<sheet::Column> =
        template.into_iter().map(|c| column(c.label(), 26.0)).collect();
    if explained {
        columns.push(column("说明", 32.0));
    }
    let wide = columns.len();
    let layout = Layout { name: "下级组织".into(), columns, ..Layout::default() };
    let mut writer = Writer::new();
    let mut page = writer.sheet(&layout).map_err(broken)?;
    for row in rows {
        let values: Vec<sheet::Value<'_>> =
            row.iter().take(wide).map(|text| text.as_str().into()).collect();
        page.row(&values).map_err(broken)?;
    }
    writer.save(path).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_stand_in_the_template_s_order() {
        use crate::rules::Column as C;
        let template = Rules::builtin().columns.template(SheetKind::Orgs);
        let meant = [C::OrgShortName, C::OrgCategory, C::OrgIndustry, C::OrgFullName, C::OrgParent];
        assert_eq!(template, meant);
        assert_eq!(colleges().len(), 20);
    }
}
