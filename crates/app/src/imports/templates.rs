//! The two official templates (C4, 70) and the one of organisations (37) as workbooks: text cells, drop-down lists, an example row
//! that is recognised and skipped, and a sheet 填写说明.

use crate::{
    Error, Result,
    rules::{
        Column, Needed, Rules, SheetKind,
        lists::CodeRow,
        tree::{Category, IndustryRow},
    },
};
use sheet::{Kind, Layout, Writer};

/// Which template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// Members and branch cadres of a branch.
    Members,
    /// Cadres of a non-branch organisation.
    Cadres,
    /// Organisations to be made, with levels below.
    Orgs,
}
impl Template {
    /// From the address.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "members" => Some(Self::Members),
            "cadres" => Some(Self::Cadres),
            "orgs" => Some(Self::Orgs),
            _ => None,
        }
    }
    /// The file's name.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Members => "智慧团建导入团员团干部数据模板.xlsx",
            Self::Cadres => "智慧团建导入本级团干部数据模板.xlsx",
            Self::Orgs => "智慧团建批量创建下级组织模板.xlsx",
        }
    }
    fn kind(self) -> SheetKind {
        match self {
            Self::Members => SheetKind::Members,
            Self::Cadres => SheetKind::Cadres,
            Self::Orgs => SheetKind::Orgs,
        }
    }
    /// Whose posts the drop-down offers; other categories have more, which may be typed.
    fn category(self) -> Category {
        match self {
            Self::Members => Category::Branch,
            Self::Cadres | Self::Orgs => Category::Committee,
        }
    }
}

/// Rows that offer drop-down lists.
const CHOICE_ROWS: u32 = 2_000;

/// The workbook.
pub fn workbook(template: Template) -> Result<Vec<u8>> {
    let broken = |e: sheet::WriteError| Error::Broken(e.to_string());
    let rules = Rules::builtin();
    let kind = template.kind();
    let columns = rules.columns.template(kind);
    let layout = Layout {
        name: match template {
            Template::Members => "团员团干部".into(),
            Template::Cadres => "本级团干部".into(),
            Template::Orgs => "下级组织".into(),
        },
        columns: columns.iter().map(|c| column(*c, template)).collect(),
        example: true,
        choice_rows: CHOICE_ROWS,
        ..Layout::default()
    };
    let mut writer = Writer::new();
    writer.sheet(&layout).map_err(broken)?;
    let lines = instructions(template, &columns);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    writer.notes("填写说明", &lines).map_err(broken)?;
    writer.finish().map_err(broken)
}

fn column(column: Column, template: Template) -> sheet::Column {
    let rules = Rules::builtin();
    let need = rules.columns.needed(column, template.kind(), None);
    sheet::Column {
        title: column.label().to_owned(),
        width: match column {
            Column::IdNumber => 22.0,
            Column::OrgShortName | Column::OrgParent => 32.0,
            Column::OrgFullName => 48.0,
            Column::OrgIndustry => 28.0,
            _ => 16.0,
        },
        kind: Kind::Text,
        required: need == Needed::Entry,
        choices: choices_of(column, template.category()),
        prompt: Some((column.label().to_owned(), prompt(column).to_owned())),
        example: example(column, template).to_owned(),
    }
}

/// What a cell of an organisation's column may say; none for other columns.
pub fn choices(column: Column) -> Vec<String> {
    match column {
        Column::OrgCategory | Column::OrgIndustry => choices_of(column, Category::Committee),
        _ => Vec::new(),
    }
}

fn choices_of(column: Column, category: Category) -> Vec<String> {
    let rules = Rules::builtin();
    let listed = |rows: &[CodeRow]| {
        rows.iter().filter(|r| r.listed).map(|r| r.name.clone()).collect::<Vec<_>>()
    };
    match column {
        Column::Political => listed(&rules.codes.political),
        Column::Ethnic => listed(&rules.codes.ethnic),
        Column::Education => listed(&rules.codes.education),
        Column::PostNature => listed(&rules.codes.post_nature),
        Column::IsCadre | Column::InPartyCommittee => vec!["是".into(), "否".into()],
        Column::OrgCategory => {
            let made = |c: &&Category| rules.tree.category(**c).creatable;
            let rest = Category::ALL.iter().filter(made);
            rest.map(|c| c.label().to_owned()).collect()
        }
        Column::OrgIndustry => {
            let word = |row: &IndustryRow| match row.level1 == row.level2 {
                true => row.level2.clone(),
                false => format!("{}/{}", row.level1, row.level2),
            };
            rules.tree.industries.iter().filter(|row| row.listed).map(word).collect()
        }
        Column::Post => rules.tree.posts_of(category).map(|p| p.name.clone()).collect(),
        _ => Vec::new(),
    }
}

fn prompt(column: Column) -> &'static str {
    match column {
        Column::Name => "与身份证一致。少数民族姓名中间用“·”。",
        Column::IdNumber => "18 位,末位 X 大写。本列是文本格式,请勿改成数字。",
        Column::Joined => "写到月,例如 2019-05。",
        Column::DevNumber => "2017 年起入团的须填,12 位,前 4 位是入团年份。",
        Column::Mobile => "11 位手机号。",
        Column::IsCadre => "是或否。",
        Column::Post => "从列表中选;没有职务的留空。",
        Column::PostSince => "写到月,例如 2024-09。",
        Column::PostNature => "专职、兼职或挂职。",
        Column::OrgShortName => {
            "最多 25 个字,同一上级下不重名。团支部请写全:年级+专业+班级+团支部。"
        }
        Column::OrgCategory => "团委、团工委、团总支或团支部。",
        Column::OrgIndustry => "留空则与上级组织相同。",
        Column::OrgFullName => "与批复一致;留空则按上级全称自动生成。",
        Column::OrgParent => {
            "直属本级的留空;再下一级的填本表里的上级简称,或已有组织的简称、组织码。"
        }
        _ => "请从列表中选择或按说明填写。",
    }
}

fn example(column: Column, template: Template) -> &'static str {
    match column {
        Column::Name => "张三(示例)",
        Column::IdNumber => "440106200503140016",
        Column::Ethnic => "汉族",
        Column::Political => "共青团员",
        Column::Education => "普通高中",
        Column::Joined => "2019-05",
        Column::DevNumber => "201934000123",
        Column::Mobile => "13800000000",
        Column::IsCadre => "是",
        Column::Post if template == Template::Members => "组织委员",
        Column::Post => "副书记",
        Column::PostSince => "2024-09",
        Column::PostNature => "兼职",
        Column::InPartyCommittee => "否",
        Column::OrgShortName => "计算机学院团委(示例)",
        Column::OrgCategory => "团委",
        Column::OrgIndustry => "学校/普通高等院校",
        _ => "",
    }
}

fn org_instructions(columns: &[Column]) -> Vec<String> {
    let mut lines: Vec<String> = [
        "本表用于一次创建许多下级组织,可以连同再下面的各级一起创建。",
        "一个组织一行,从表头下面开始填写;示例行可以留着,上传时会自动跳过。",
        "红色表头必填;其余可以留空。",
        "只录入真实成立的团组织;青工委、青年部、群团部等不是团组织,不能录入。",
        "直属本级的组织“上级组织”留空;再下一级的填上级的简称,例如先写一行“计算机学院团委”,再写一行“2025级软件工程1班团支部”,上级组织填“计算机学院团委”。上级写在前面或后面都可以。",
        "上级已经在系统里的,填它的简称;不是直属下级的,填组织码,或写成“学院团委/年级团总支”。",
        "也可以不填上级组织,而在简称前面用空格缩进表示下一级,或者加一列“层级”填 1、2、3。",
        "团委、团工委下面可以设团委、团工委、团总支、团支部;团总支下面只能设团支部;团支部下面不能再设组织。",
        "上传后先核对,再创建;创建后 24 小时内可以整批撤销还没有使用过的组织。",
        "",
    ]
    .map(str::to_owned)
    .to_vec();
    for column in columns {
        let needed = match Rules::builtin().columns.needed(*column, SheetKind::Orgs, None) {
            Needed::Entry => "必填",
            _ => "选填",
        };
        lines.push(format!("{}({needed}):{}", column.label(), prompt(*column)));
    }
    lines
}

fn instructions(template: Template, columns: &[Column]) -> Vec<String> {
    let rules = Rules::builtin();
    let mut lines = vec![
        match template {
            Template::Members => "本表用于导入团支部的团员和支部团干部。",
            Template::Cadres => "本表用于录入非支部组织的本级团干部,不能用来导入团员。",
            Template::Orgs => return org_instructions(columns),
        }
        .to_owned(),
        "一人一行,从表头下面开始填写;示例行可以留着,导入时会自动跳过。".to_owned(),
        "红色表头必填;其余可以先空着,以后再补(补齐前资料为“未完善”)。".to_owned(),
        "身份证号码、手机号码、发展团员编号请按文本填写,不要让表格变成科学计数(如 3.40E+17),否则末尾几位会丢失。".to_owned(),
        "列的顺序可以调整,也可以增加自己的列(导入时忽略)。".to_owned(),
        String::new(),
    ];
    for column in columns {
        let needed = match rules.columns.needed(*column, template.kind(), None) {
            Needed::Entry => "必填",
            Needed::Complete => "完善资料需要",
            _ => "选填",
        };
        lines.push(format!("{}({needed}):{}", column.label(), prompt(*column)));
    }
    lines
}
