//! What people really have in their workbooks: merged, hidden and struck-out cells, two columns for
//! one field, rows that are nobody. Each case makes its own file and goes through the import.

#![expect(clippy::unwrap_used, reason = "the functions of a test are part of it")]

#[expect(dead_code, reason = "the tests of `sheet` use more of it")]
#[path = "../../sheet/tests/craft/made.rs"]
mod craft;

use app::{
    Result, Who, act,
    imports::{self, Import, ImportId, Kind, Line, RowState, Show, Source, fix, mapping, review},
    rules::Column,
    testkit::{Lab, Tree, fresh},
};
use craft::{sheet, xlsx_parts};
use std::fmt::Write as _;

struct Desk {
    lab: Lab,
    tree: Tree,
    who: Who,
}

async fn desk() -> Desk {
    let lab = fresh().await;
    let tree = lab.tree().await;
    let who = lab.admin(&tree.branch, "王老师").await;
    Desk { lab, tree, who }
}

impl Desk {
    async fn read(&self, name: &str, bytes: &[u8]) -> Result<imports::upload::Upload> {
        let path = self.lab.folder().join(name);
        std::fs::write(&path, bytes).unwrap();
        imports::read(&self.lab.house, Source::File { path, name: name.into() }).await
    }
    async fn import(&self, name: &str, bytes: &[u8]) -> Import {
        let read = self.read(name, bytes).await.unwrap();
        act!(&self.lab.house, self.who.clone(), |cx| {
            imports::stage(cx, &self.tree.branch, &read).await
        })
        .unwrap()
    }
    async fn workbook(&self, rows: &[&[&str]], more: Shape) -> Import {
        self.import("名单.xlsx", &made(rows, &more)).await
    }
    async fn text(&self, text: &str) -> Import {
        self.import("名单.csv", text.as_bytes()).await
    }
    async fn lines(&self, id: ImportId) -> Vec<Line> {
        let mut cx = self.lab.house.read(self.who.clone()).await.unwrap();
        review::page(&mut cx, id, Show::All, 0, 1_000).await.unwrap().lines
    }
    async fn settle(&self, id: ImportId, keys: &[&str]) -> Result<()> {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        act!(&self.lab.house, self.who.clone(), |cx| mapping::settle(cx, id, &keys).await)
    }
    async fn find(&self, id: ImportId) -> Import {
        let mut cx = self.lab.house.read(self.who.clone()).await.unwrap();
        imports::find(&mut cx, id).await.unwrap().0
    }
    fn ids<const N: usize>(&self) -> [String; N] {
        std::array::from_fn(|_| self.lab.next_id_number())
    }
}

/// What a workbook has besides texts.
#[derive(Default)]
struct Shape {
    merges: Vec<&'static str>,
    hidden_rows: Vec<usize>,
    hidden_columns: Vec<usize>,
    struck_rows: Vec<usize>,
}

/// A workbook of texts; a cell that begins with `=` is a formula without a result, `#` an error.
fn made(rows: &[&[&str]], shape: &Shape) -> Vec<u8> {
    let mut data = String::new();
    for (at, row) in rows.iter().enumerate() {
        let number = at + 1;
        let hidden = if shape.hidden_rows.contains(&number) { " hidden=\"1\"" } else { "" };
        let style = if shape.struck_rows.contains(&number) { " s=\"1\"" } else { "" };
        write!(data, "<row r=\"{number}\"{hidden}>").unwrap();
        for (letter, text) in ('A'..).zip(row.iter()) {
            let cell = format!("<c r=\"{letter}{number}\"{style}");
            match text.chars().next() {
                None => {}
                Some('=') => write!(data, "{cell}><f>{}</f></c>", &text[1..]).unwrap(),
                Some('#') => write!(data, "{cell} t=\"e\"><f>X</f><v>{text}</v></c>").unwrap(),
                _ => write!(data, "{cell} t=\"inlineStr\"><is><t>{text}</t></is></c>").unwrap(),
            }
        }
        data += "</row>";
    }
    let columns: String = shape.hidden_columns.iter().fold(String::new(), |text, column| {
        format!("{text}<col min=\"{column}\" max=\"{column}\" hidden=\"1\"/>")
    });
    let columns = if columns.is_empty() { columns } else { format!("<cols>{columns}</cols>") };
    let merges: String =
        shape.merges.iter().map(|range| format!("<mergeCell ref=\"{range}\"/>")).collect();
    let xml = sheet(&data)
        .replace("<sheetData>", &format!("{columns}<sheetData>"))
        .replace("</worksheet>", &format!("<mergeCells>{merges}</mergeCells></worksheet>"));
    let styles = "<styleSheet><fonts><font/><font><strike/></font></fonts><cellXfs><xf/>\
        <xf fontId=\"1\"/></cellXfs></styleSheet>";
    xlsx_parts(&xml, "", styles)
}

const HEAD: [&str; 7] = ["姓名", "身份证号码", "民族", "政治面貌", "学历", "入团年月", "手机号码"];

fn person<'t>(name: &'t str, id: &'t str, mobile: &'t str) -> [&'t str; 7] {
    [name, id, "汉族", "共青团员", "大学本科", "2016-05", mobile]
}

fn states(lines: &[Line]) -> Vec<(i64, RowState)> {
    lines.iter().map(|line| (line.row, line.state)).collect()
}

fn codes(line: &Line) -> Vec<&str> {
    line.problems.iter().map(|p| p.code.as_str()).collect()
}

fn notes(import: &Import) -> String {
    let notes = import.notes();
    [notes.file, notes.asks].concat().join("\n")
}

#[tokio::test]
async fn cells_merged_downwards_count_for_every_row() {
    let d = desk().await;
    let [a, b, c] = d.ids();
    let import = d
        .workbook(
            &[
                &HEAD,
                &person("赵伟", &a, "13812346021"),
                &["钱敏", &b, "", "", "", "", "13812346022"],
                &["孙芳", &c, "", "", "", "", "13812346023"],
            ],
            Shape { merges: vec!["C2:C4", "D2:D4", "E2:E4", "F2:F4"], ..Shape::default() },
        )
        .await;
    let lines = d.lines(import.id).await;
    assert_eq!(states(&lines), [2, 3, 4].map(|row| (row, RowState::Ready)), "{lines:?}");
    assert!(lines.iter().all(|line| line.joined == "2016-05"));
}

#[tokio::test]
async fn classes_below_a_merged_college_hang_under_it() {
    let d = desk().await;
    let who = d.lab.admin(&d.tree.committee, "李老师").await;
    let head = ["上级组织", "组织简称", "组织类别"];
    let bytes = made(
        &[
            &head,
            &["", "软件学院团委", "团委"],
            &["软件学院团委", "2025级软工1班团支部", "团支部"],
            &["", "2025级软工2班团支部", "团支部"],
        ],
        &Shape { merges: vec!["A3:A4"], ..Shape::default() },
    );
    let read = d.read("组织.xlsx", &bytes).await.unwrap();
    let import = act!(&d.lab.house, who.clone(), |cx| {
        imports::stage_orgs(cx, &d.tree.committee, &read).await
    })
    .unwrap();
    assert_eq!(import.kind(), Kind::Orgs);
    let mut cx = d.lab.house.read(who).await.unwrap();
    let lines = review::page(&mut cx, import.id, Show::All, 0, 10).await.unwrap().lines;
    let above: Vec<&str> = lines.iter().map(|line| line.parent.as_str()).collect();
    assert_eq!(above, ["", "软件学院团委", "软件学院团委"]);
}

#[tokio::test]
async fn hidden_and_struck_out_rows_are_named_and_left_out_until_they_are_taken_in() {
    let d = desk().await;
    let [a, b, c, e] = d.ids();
    let import = d
        .workbook(
            &[
                &HEAD,
                &person("赵伟", &a, "13812346021"),
                &person("钱敏", &b, "13812346022"),
                &person("孙芳", &c, "13812346023"),
                &person("李强", &e, "13812346024"),
            ],
            Shape { hidden_rows: vec![3], struck_rows: vec![4], ..Shape::default() },
        )
        .await;
    assert_eq!((import.rows, import.ready, import.skipped), (4, 2, 2));
    let lines = d.lines(import.id).await;
    assert_eq!((codes(&lines[1]), codes(&lines[2])), (vec!["row_hidden"], vec!["row_struck"]));
    let said = notes(&import);
    assert!(said.contains("第 3 行在表格里是隐藏的"), "{said}");
    assert!(said.contains("第 4 行在表格里画了删除线"), "{said}");
    let taken = act!(&d.lab.house, d.who.clone(), |cx| fix::take_up(cx, import.id).await).unwrap();
    assert_eq!((taken, d.find(import.id).await.ready), (2, 4));
}

#[tokio::test]
async fn a_hidden_column_loses_against_a_visible_one() {
    let d = desk().await;
    let [a] = d.ids();
    let head = ["姓名", "身份证号码", "手机号", "民族", "政治面貌", "学历", "入团年月", "手机号码"];
    let row = ["赵伟", &a, "13900000001", "汉族", "共青团员", "大学本科", "2016-05", "13812346021"];
    let shape = Shape { hidden_columns: vec![3], ..Shape::default() };
    let import = d.workbook(&[&head, &row], shape).await;
    assert_eq!(import.state, "review");
    assert_eq!((import.columns()[2], import.columns()[7]), (None, Some(Column::Mobile)));
    assert!(notes(&import).contains("“手机号”（第 C 列）是隐藏的列，没有用"), "{}", notes(&import));
}

#[tokio::test]
async fn two_columns_of_one_field_are_asked_about_and_fill_each_other() {
    let d = desk().await;
    let [a, b, c] = d.ids();
    let text = format!(
        "姓名,身份证号,证件号码,民族,政治面貌,学历,入团年月,手机号码\n\
         赵伟,{a},,汉族,共青团员,大学本科,2016-05,13812346021\n\
         钱敏,,{b},汉族,共青团员,大学本科,2016-05,13812346022\n\
         孙芳,{c},{a},汉族,共青团员,大学本科,2016-05,13812346023\n"
    );
    let import = d.text(&text).await;
    assert_eq!(import.state, "mapping");
    assert!(notes(&import).contains("有 2 列都像“身份证号码”"), "{}", notes(&import));
    let id = import.id;
    let keys: Vec<&str> = import.columns().iter().map(|c| c.map_or("", Column::key)).collect();
    d.settle(id, &keys).await.unwrap();
    let lines = d.lines(id).await;
    assert_eq!(
        states(&lines),
        [(2, RowState::Ready), (3, RowState::Ready), (4, RowState::ToFix)],
        "{lines:?}"
    );
    assert_eq!(codes(&lines[2]), ["columns_differ"]);
    let cell = &lines[2].cells[0];
    assert_eq!((cell.value.as_str(), &cell.either), ("", &vec![c.clone(), a.clone()]));
    let change = fix::Change {
        row: 4,
        version: lines[2].version,
        cells: vec![(Column::IdNumber, c.clone())],
    };
    act!(&d.lab.house, d.who.clone(), |cx| fix::fix(cx, id, std::slice::from_ref(&change)).await)
        .unwrap();
    // Typed as it stands in the first of the two: that settles it.
    assert_eq!(states(&d.lines(id).await)[2], (4, RowState::Ready));
}

#[tokio::test]
async fn a_parents_number_never_becomes_the_members() {
    let d = desk().await;
    let [a] = d.ids();
    let text = format!(
        "姓名,身份证号码,联系电话（家长）,监护人手机,民族,政治面貌,学历,入团年月,手机号码\n\
         赵伟,{a},13900000001,13900000002,汉族,共青团员,大学本科,2016-05,13812346021\n"
    );
    let import = d.text(&text).await;
    assert_eq!((import.state.as_str(), import.ready), ("review", 1));
    assert_eq!(import.columns()[2..4], [None, None]);
    assert!(notes(&import).contains("没有用到的列：联系电话（家长）"), "{}", notes(&import));
}

#[tokio::test]
async fn a_formula_without_a_result_is_said_at_its_cell() {
    let d = desk().await;
    let [a] = d.ids();
    let import = d
        .workbook(
            &[
                &HEAD,
                &["赵伟", "=X1", "汉族", "共青团员", "大学本科", "2016-05", "13812346021"],
                &["钱敏", "#N/A", "汉族", "共青团员", "大学本科", "2016-05", "13812346022"],
                &["孙芳", &a, "汉族", "共青团员", "#REF!", "2016-05", "13812346023"],
            ],
            Shape::default(),
        )
        .await;
    let lines = d.lines(import.id).await;
    let expected = [(2, RowState::ToFix), (3, RowState::ToFix), (4, RowState::Warned)];
    assert_eq!(states(&lines), expected, "{lines:?}");
    for line in &lines {
        assert_eq!(codes(line), ["formula"]);
        assert!(line.problems[0].message.contains("公式"));
    }
}

#[tokio::test]
async fn a_column_without_a_title_is_named_with_what_it_looks_like() {
    let d = desk().await;
    let [a, b] = d.ids();
    let text = format!(
        "姓名,身份证号码,民族,政治面貌,学历,入团年月,,\n\
         赵伟,{a},汉族,共青团员,大学本科,2016-05,13812346021,x\n\
         钱敏,{b},汉族,共青团员,大学本科,2016-05,13812346022,\n"
    );
    let import = d.text(&text).await;
    let said = notes(&import);
    assert_eq!(import.state, "mapping", "{said} {}", import.header);
    assert!(said.contains("第 G 列没有标题，里面像是手机号码"), "{said}");
    assert!(said.contains("第 H 列没有标题，没有读取"), "{said}");
    assert!(import.notes().must_ask);
}

#[tokio::test]
async fn titles_of_a_survey_and_of_two_lines_are_understood() {
    let d = desk().await;
    let [a, b] = d.ids();
    let survey = format!(
        "序号,提交答卷时间,1、您的姓名：,2、您的身份证号码,3、民族,4、政治面貌,5、学历,6、入团年月,7、您的手机号\n\
         1,2026/1/2 10:00,赵伟,{a},汉族,共青团员,大学本科,2016-05,13812346021\n"
    );
    let import = d.text(&survey).await;
    assert_eq!((import.state.as_str(), import.ready), ("review", 1), "{}", notes(&import));
    let import = d
        .workbook(
            &[
                &["基本信息", "", "", "团籍", "", "", "", "父亲", ""],
                &[
                    "姓名",
                    "身份证号码",
                    "民族",
                    "政治面貌",
                    "学历",
                    "入团年月",
                    "",
                    "姓名",
                    "手机号码",
                ],
                &["", "", "", "", "", "年", "月", "", ""],
                &["钱敏", &b, "汉族", "共青团员", "大学本科", "2016", "5", "钱大", "13900000001"],
            ],
            Shape {
                merges: vec!["A1:C1", "D1:G1", "H1:I1", "F2:G2", "A2:A3", "B2:B3"],
                ..Shape::default()
            },
        )
        .await;
    let lines = d.lines(import.id).await;
    assert_eq!(
        (lines.len(), lines[0].joined.as_str()),
        (1, "2016-05"),
        "{} {} {}",
        notes(&import),
        import.header,
        import.mapping
    );
    assert_eq!(lines[0].name, "钱敏");
    let mobile = import.columns().iter().position(|c| *c == Some(Column::Mobile));
    assert!(mobile.is_none_or(|at| at >= 9), "the father's number is his");
}

#[tokio::test]
async fn separated_text_is_read_under_any_name_and_broken_characters_are_named() {
    let d = desk().await;
    for (separator, name) in
        [("，", "记事本.txt"), ("|", "导出.csv"), (",", "名单.xls"), (";", "a.csv")]
    {
        let [a] = d.ids();
        let line = |cells: &[&str]| cells.join(separator);
        let text = format!("{}\n{}\n", line(&HEAD), line(&person("赵伟", &a, "13812346021")));
        let import = d.import(name, text.as_bytes()).await;
        assert_eq!((import.state.as_str(), import.ready), ("review", 1), "{name}");
    }
    let [a] = d.ids();
    let kept = format!(
        "{}\n赵伟,=\"{a}\",汉族,共青团员,大学本科,2016-05,=\"13812346021\"\n",
        HEAD.join(",")
    );
    assert_eq!(d.text(&kept).await.ready, 1);
    let mut broken = kept.replace("赵伟", "赵伟伟").into_bytes();
    let at = broken.len() - 60;
    let cut = (0..at).rev().find(|at| broken[*at] >= 0xE0).unwrap();
    broken.remove(cut + 1);
    let error = d.read("坏字.csv", &broken).await.unwrap_err();
    assert!(format!("{error:?}").contains("第 2 行附近有一个字是坏的"), "{error:?}");
}

#[tokio::test]
async fn counts_of_a_sheet_with_everything_add_up() {
    let d = desk().await;
    let [a, b, c] = d.ids();
    let import = d
        .workbook(
            &[
                &["2025级团员名册"],
                &HEAD,
                &["软件工程1班"],
                &person("赵伟", &a, "13812346021"),
                &person("钱敏", &b, "13812346022"),
                &["孙芳"],
                &["小计：3人"],
                &HEAD,
                &person("李强", &c, "13812346024"),
                &["填表人：王老师"],
            ],
            Shape { hidden_rows: vec![5], ..Shape::default() },
        )
        .await;
    let left_out = import.notes().left_out;
    assert_eq!((import.rows, import.ready, import.to_fix, import.skipped), (4, 2, 1, 1));
    assert_eq!(left_out, 4, "{}", notes(&import));
    // Rows 3 to 10 of the sheet are either in the list or said to be nobody.
    assert_eq!(import.rows + left_out, 8);
}
