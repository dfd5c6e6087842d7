//! 下载团干部录入情况 (row 91): the list of cadres that the page shows, as a workbook with its sheet
//! 说明; every one is in the book. Names and posts only: telephone and ID numbers are not in it.

use super::{
    Line, Whose,
    list::{self, MOST_TAKEN},
};
use crate::{
    Action, Error, House, OrgRef, Origin, Refusal, Result, Who,
    clock::{show_day, show_time},
    events::Event,
};
use serde_json::json;
use sheet::{Column, Kind, Layout, Value, WriteError, Writer};

/// The cadres of an organisation, or of its direct children, as a workbook: its name and its bytes.
/// Opens its own transactions, so that it is written while none is open. Refused `too_many` above
/// 5,000 rows.
pub async fn export(
    house: &House,
    who: Who,
    origin: Origin,
    org: &OrgRef,
    children: bool,
) -> Result<(String, Vec<u8>)> {
    let mut cx = house.enter(who.clone(), false, origin.clone()).await?;
    let whose = if children { Whose::Children(org) } else { Whose::Of(org) };
    let lines = list::all(&mut cx, whose).await?;
    let maker = cx.actor_name().to_owned();
    drop(cx);
    if lines.len() > MOST_TAKEN {
        let says = format!(
            "{}的直属下级团干部超过 {MOST_TAKEN} 人,一张表放不下。请在团干部列表里选一个下级组织,分开下载。",
            org.short_name
        );
        return Err(Error::refused(Refusal::new("too_many", says)));
    }
    let what = if children { "直属下级团干部" } else { "团干部" };
    let notes = [
        format!("内容:{}的{what}录入情况", org.short_name),
        format!("截至时间:{}(北京时间)", show_time(house.now())),
        format!("人次:{}", lines.len()),
        format!("其中资料完整:{}", lines.iter().filter(|l| l.complete).count()),
        "资料完整:必填的个人资料都已填写,与身份校验无关。手机号码和证件号不在表里。".to_owned(),
        format!("操作人:{maker}"),
    ];
    let bytes = workbook(&lines, &notes).map_err(|e| Error::Broken(e.to_string()))?;
    let mut cx = house.enter(who, true, origin).await?;
    let permit = cx.permit(Action::SeeCadres, org)?;
    let detail = json!({ "rows": lines.len(), "children": children });
    let event = Event::new("cadres.exported", "org", org.id.0).at(&org.path).detail(detail);
    cx.record(permit, event).await?;
    cx.commit().await?;
    let safe: String = org.short_name.chars().filter(|c| c.is_alphanumeric()).take(40).collect();
    Ok((format!("{what}录入情况-{safe}-{}.xlsx", show_day(house.now())), bytes))
}

const TITLES: [(&str, f64); 9] = [
    ("姓名", 12.0),
    ("团组织", 34.0),
    ("组织码", 14.0),
    ("职务", 14.0),
    ("任现职年月", 14.0),
    ("团干部性质", 12.0),
    ("管理员", 10.0),
    ("手机号码", 10.0),
    ("资料", 10.0),
];

fn workbook(lines: &[Line], notes: &[String; 6]) -> std::result::Result<Vec<u8>, WriteError> {
    let column = |(title, width)| Column::new(title, width, Kind::Text);
    let layout = Layout {
        name: "团干部录入情况".into(),
        columns: TITLES.into_iter().map(column).collect(),
        ..Layout::default()
    };
    let mut writer = Writer::new();
    let mut page = writer.sheet(&layout)?;
    let yes = |on, yes, no| if on { yes } else { no };
    for line in lines {
        let cells = [
            line.name.as_str(),
            &line.org_name,
            &line.org_code,
            &line.post,
            line.since.as_deref().unwrap_or_default(),
            line.nature.as_deref().unwrap_or_default(),
            yes(line.admin, "是", ""),
            yes(line.has_mobile, "已填", "未填"),
            yes(line.complete, "完整", "未完善"),
        ];
        page.row(&cells.map(Value::from))?;
    }
    writer.notes("说明", &notes.iter().map(String::as_str).collect::<Vec<_>>())?;
    writer.finish()
}
