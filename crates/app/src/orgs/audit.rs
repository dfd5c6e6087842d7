//! 组织操作记录 (A15): what was done in an organisation, by whom, when, to whom, from what to what;
//! read from the audit book, for those who may. The book keeps personal data only masked.

use super::{history::changes, sql};
use crate::{
    Action, Cx, Error, OrgRef, Result,
    clock::{Date, show_time, start_of_day},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;
use sheet::{Column, Kind, Layout, Value, Writer};

/// Lines of a page, and of a workbook.
const SIZE: i64 = 50;
const MOST: i64 = 5_000;

/// What a record is about: the choice on the page. `(code, words, beginnings of kinds)`.
pub const ABOUT: [(&str, &str, &[&str]); 7] = [
    ("org", "组织信息与架构", &["org.", "relocation.", "terms.", "completeness.", "health."]),
    ("people", "团员", &["member.", "members.", "person.", "graduation.", "exception."]),
    ("cadres", "团干部与换届", &["cadre.", "cadres.", "election."]),
    ("admins", "管理员、观察员与注册码", &["admin.", "observer.", "codes."]),
    ("transfers", "组织关系转接", &["transfer.", "transfers."]),
    ("imports", "导入与导出", &["import.", "imports.", "export.", "files."]),
    (
        "account",
        "账号与运营",
        &["account.", "proposal.", "keys.", "demo.", "job.", "letters.", "system."],
    ),
];

/// The words of each kind of record.
const WORDS: &[(&str, &str)] = &[
    ("account.activated", "激活账号"),
    ("account.password_changed", "修改密码"),
    ("account.signed_in", "登录"),
    ("account.signed_out", "退出登录"),
    ("account.token_made", "生成个人令牌"),
    ("account.tokens_ended", "停用个人令牌"),
    ("admin.appointed", "任命管理员"),
    ("admin.confirmation_asked", "提醒确认管理员"),
    ("admin.confirmed", "确认管理员"),
    ("admin.idle_looked", "检查长期未登录的管理员"),
    ("admin.idle_warned", "提醒长期未登录的管理员"),
    ("admin.resumed", "恢复管理员"),
    ("admin.revoked", "撤销管理员"),
    ("admin.suspended", "暂停管理员"),
    ("cadre.changed", "变更团干部职务"),
    ("cadre.ended", "免去团干部职务"),
    ("cadre.entered", "录入团干部"),
    ("cadre.refused", "录入团干部未通过"),
    ("cadres.exported", "下载团干部名单"),
    ("codes.issued", "生成管理员注册码"),
    ("codes.ordered", "批量生成管理员注册码"),
    ("codes.reminded", "提醒注册码将到期"),
    ("codes.revoked", "作废管理员注册码"),
    ("completeness.changed", "资料完善要求变化"),
    ("completeness.judged", "重新判断资料是否完善"),
    ("completeness.noted", "记录资料完善情况"),
    ("demo.made", "生成演示数据"),
    ("election.held", "完成换届"),
    ("election.judged", "核对换届"),
    ("exception.asked", "提出特殊情况录入"),
    ("exception.ended", "收回特殊情况"),
    ("exception.granted", "批准特殊情况录入"),
    ("exception.used", "按特殊情况录入"),
    ("export.asked", "申请导出完整号码"),
    ("export.decided", "审批导出完整号码"),
    ("export.made", "生成导出文件"),
    ("export.written", "导出完整号码的名单"),
    ("files.swept", "清除过期文件"),
    ("graduation.announced", "通知毕业转换"),
    ("graduation.told", "通知毕业团员"),
    ("health.exported", "下载组织体检名单"),
    ("import.applied", "批量修改导入名单"),
    ("import.committed", "开始导入"),
    ("import.discarded", "放弃导入"),
    ("import.ended", "结束导入"),
    ("import.chosen", "选择导入名单的联系方式"),
    ("import.finished", "完成导入"),
    ("import.fixed", "修改导入名单"),
    ("import.fixed_many", "修改导入名单"),
    ("import.handed_over", "导入行改为转入申请"),
    ("import.mapped", "对应导入的列"),
    ("import.rechecked", "重新校验导入名单"),
    ("import.skipped", "跳过导入行"),
    ("import.undone", "撤销导入"),
    ("import.uploaded", "上传导入名单"),
    ("imports.swept", "清除过期的导入"),
    ("keys.moved", "更换加密密钥"),
    ("job.dropped", "放弃一个没办成的后台任务"),
    ("job.retried", "让一个没办成的后台任务再办一次"),
    ("keys.put_in_use", "启用新的加密密钥"),
    ("letters.again", "重新发送没发出去的消息"),
    ("member.added", "录入团员"),
    ("member.brought_back", "恢复团员"),
    ("member.filled", "补充团员资料"),
    ("member.graduation_marked", "标记毕业团员"),
    ("member.held", "团员转入待接转团支部"),
    ("member.moved", "团员变更团支部"),
    ("members.added", "批量录入团员"),
    ("members.exported", "导出团员列表"),
    ("observer.appointed", "添加观察员"),
    ("observer.dismissed", "结束观察员"),
    ("observer.refused", "添加观察员未通过"),
    ("org.admin_registered", "用注册码成为管理员"),
    ("org.category_changed", "更改组织类别"),
    ("org.closed", "撤销组织"),
    ("org.closing_final", "撤销不能再恢复"),
    ("org.created", "创建组织"),
    ("org.edited", "修改组织信息"),
    ("org.renamed", "更正组织全称"),
    ("org.election_put_off", "批准延期换届"),
    ("org.first_admin", "成为第一位管理员"),
    ("org.graduated", "转为毕业生团组织"),
    ("org.graduation_corrected", "更正毕业时间"),
    ("org.graduation_marked", "标记毕业时间"),
    ("org.holding_reminded", "提醒待接转团支部"),
    ("org.made_special", "设为特殊团支部"),
    ("org.merged", "合并组织"),
    ("org.ordered", "调整下级组织顺序"),
    ("org.relocated", "迁移组织"),
    ("org.restored", "恢复组织"),
    ("org.school_code", "填写学校机构编号"),
    ("org.school_statement", "提交学校情况说明"),
    ("org.split", "拆分组织"),
    ("org.taken_back", "恢复已撤销的组织"),
    ("org.township", "更正乡镇街道团委标识"),
    ("person.edited", "修改人员资料"),
    ("person.exported", "导出完整号码"),
    ("person.looked_up", "按证件号查找"),
    ("person.made", "新建人员"),
    ("person.revealed", "查看完整号码"),
    ("proposal.done", "办理运营提议"),
    ("proposal.expired", "运营提议过期"),
    ("proposal.made", "提出运营办理"),
    ("proposal.refused", "不同意运营提议"),
    ("proposal.withdrawn", "撤回运营提议"),
    ("relocation.approved", "同意组织迁移"),
    ("relocation.cancelled", "组织迁移自动退回"),
    ("relocation.expired", "组织迁移超期退回"),
    ("relocation.reminded", "提醒办理组织迁移"),
    ("relocation.returned", "退回组织迁移"),
    ("relocation.submitted", "申请组织迁移"),
    ("relocation.urged", "催办组织迁移"),
    ("relocation.withdrawn", "撤销组织迁移"),
    ("system.restore_acknowledged", "确认数据库已从备份恢复"),
    ("terms.reminded", "提醒换届"),
    ("transfer.allocated", "分配团支部"),
    ("transfer.approved", "同意转接"),
    ("transfer.called", "查看对方管理员电话"),
    ("transfer.cancelled", "转接自动退回"),
    ("transfer.expired", "转接超期退回"),
    ("transfer.in_opened", "查找要转入的团员"),
    ("transfer.passed_on", "转交转接"),
    ("transfer.reminded", "提醒办理转接"),
    ("transfer.returned", "退回转接"),
    ("transfer.submitted", "申请转接"),
    ("transfer.undo_closed", "撤销审批的期限结束"),
    ("transfer.undone", "撤销转接审批"),
    ("transfer.urged", "催办转接"),
    ("transfer.withdrawn", "撤销转接申请"),
    ("transfers.decided", "批量办理转接"),
];

/// Which records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// One of [`ABOUT`]; all when there is no such.
    pub about: &'a str,
    pub since: Option<Date>,
    /// The last day.
    pub until: Option<Date>,
    /// Mark of the page.
    pub before: Option<i64>,
}

/// One record.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Record {
    /// Beijing time.
    pub at: String,
    pub who: String,
    /// The organisation that she acted for.
    pub acting: Option<String>,
    pub what: String,
    /// The organisation where it was done.
    pub place: Option<String>,
    /// Whom it concerns.
    pub person: Option<String>,
    /// Field, before, after.
    pub changes: Vec<(String, String, String)>,
}

/// A page of records, newest first.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Audit {
    pub records: Vec<Record>,
    /// Mark of the next page.
    pub next: Option<String>,
}

/// What was done in the organisation, newest first. Errors: `NotFound`, `Forbidden`.
pub async fn audit(cx: &mut Cx, org: &OrgRef, ask: Ask<'_>) -> Result<Audit> {
    let mut found = read(cx, org, ask, SIZE + 1).await?;
    let more = found.len() as i64 > SIZE;
    found.truncate(usize::try_from(SIZE).unwrap_or(50));
    let next = found.last().filter(|_| more).map(|told| told.id.to_string());
    Ok(Audit { records: found.into_iter().map(|told| record(org, told)).collect(), next })
}

/// The same as a workbook, the newest 5,000.
pub async fn audit_workbook(cx: &mut Cx, org: &OrgRef, ask: Ask<'_>) -> Result<Vec<u8>> {
    let found = read(cx, org, Ask { before: None, ..ask }, MOST).await?;
    let note = format!(
        "{}的操作记录，截至{}，最近的在前，最多{MOST}条。",
        org.short_name,
        show_time(cx.now())
    );
    let records: Vec<Record> = found.into_iter().map(|told| record(org, told)).collect();
    write(&records, note).map_err(|e| Error::Broken(e.to_string()))
}

async fn read(cx: &mut Cx, org: &OrgRef, ask: Ask<'_>, limit: i64) -> Result<Vec<sql::AuditRow>> {
    if !cx.may(Action::SeeOrg, &org.path) {
        return Err(Error::NotFound);
    }
    if !cx.may(Action::SeeEvents, &org.path) {
        return Err(crate::access::forbidden(Action::SeeEvents));
    }
    let kinds: Vec<&str> = WORDS.iter().map(|(kind, _)| *kind).collect();
    let about = ABOUT.iter().find(|(code, ..)| *code == ask.about);
    let wanted: Vec<String> = match about {
        Some((_, _, starts)) => kinds
            .into_iter()
            .filter(|kind| starts.iter().any(|start| kind.starts_with(start)))
            .map(str::to_owned)
            .collect(),
        None => Vec::new(),
    };
    let since = ask.since.map_or(i64::MIN, start_of_day);
    let until = match ask.until.and_then(|day| day.tomorrow().ok()) {
        Some(day) => start_of_day(day),
        None => i64::MAX,
    };
    let before = ask.before.unwrap_or(i64::MAX);
    sql::audit(cx, org, wanted, (since, until), before, limit).await
}

fn record(org: &OrgRef, told: sql::AuditRow) -> Record {
    let detail: Json = serde_json::from_str(&told.detail).unwrap_or_default();
    let word = WORDS.iter().find(|(kind, _)| *kind == told.kind).map(|(_, words)| *words);
    let what = match (word.unwrap_or("办理"), detail["no"].as_str()) {
        (word, Some(no)) => format!("{word}（{no}）"),
        (word, None) => word.to_owned(),
    };
    Record {
        at: show_time(told.at),
        // A job writes its own name, in English, for those who look after the program.
        who: if told.by_person { told.actor } else { "系统".into() },
        acting: told.acting,
        what,
        // Where somebody was asked for is not told to whoever asked (security a-2).
        place: told.place.filter(|_| org.covers(&told.path)),
        person: told.person,
        changes: changes(&detail),
    }
}

fn write(records: &[Record], note: String) -> std::result::Result<Vec<u8>, sheet::WriteError> {
    let layout = Layout {
        name: "组织操作记录".into(),
        columns: vec![
            Column::new("时间", 20.0, Kind::Text),
            Column::new("办理人", 14.0, Kind::Text),
            Column::new("代表的组织", 28.0, Kind::Text),
            Column::new("办理事项", 28.0, Kind::Text),
            Column::new("涉及的组织", 28.0, Kind::Text),
            Column::new("涉及人员", 14.0, Kind::Text),
            Column::new("变更内容", 60.0, Kind::Text),
        ],
        note,
        ..Layout::default()
    };
    let told: Vec<String> = records.iter().map(Record::told).collect();
    Writer::table(
        &layout,
        records.iter().zip(&told).map(|(r, told)| {
            [
                Value::from(r.at.as_str()),
                Value::from(r.who.as_str()),
                Value::from(r.acting.as_deref().unwrap_or_default()),
                Value::from(r.what.as_str()),
                Value::from(r.place.as_deref().unwrap_or_default()),
                Value::from(r.person.as_deref().unwrap_or_default()),
                Value::from(told.as_str()),
            ]
        }),
    )
}

impl Record {
    /// The changes in one line.
    fn told(&self) -> String {
        let one = |(field, before, after): &(String, String, String)| {
            let word = |v: &str| if v.is_empty() { "（空）".to_owned() } else { v.to_owned() };
            format!("{field}：{}→{}", word(before), word(after))
        };
        self.changes.iter().map(one).collect::<Vec<_>>().join("；")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_record_has_its_words_and_its_choice() {
        let known = |kind: &str| WORDS.iter().any(|(k, _)| *k == kind);
        let mut unknown = Vec::new();
        let mut open = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(at) = open.pop() {
            for entry in std::fs::read_dir(at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let text = std::fs::read_to_string(&path).unwrap_or_default();
                    for rest in text.split("Event::new(\"").skip(1) {
                        let kind = rest.split('"').next().unwrap_or_default();
                        let is_kind = kind.contains('.') && !path.ends_with("events.rs");
                        if is_kind && !known(kind) {
                            unknown.push(kind.to_owned());
                        }
                    }
                }
            }
        }
        assert!(unknown.is_empty(), "no words for {unknown:?}");
        for (kind, _) in WORDS {
            let here = |(_, _, starts): &&(&str, &str, &[&str])| {
                starts.iter().any(|start| kind.starts_with(start))
            };
            assert_eq!(ABOUT.iter().filter(here).count(), 1, "{kind}");
        }
    }
}
