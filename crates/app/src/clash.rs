//! What it means to a person when a constraint of the schema refuses a change. Use-cases look before
//! they write and say it better; this speaks where a twin was faster than the look, or where a
//! repeated action meets what it has made itself. A test compares the list with the schema.

use crate::error::Error;

/// A constraint that something at the same moment, or a repeated action, can run into.
#[derive(Debug, PartialEq, Eq)]
pub struct Clash {
    /// Its table.
    pub table: &'static str,
    /// Its name on PostgreSQL; of a CHECK on both engines.
    pub name: &'static str,
    /// The columns of a unique index, as SQLite names them.
    pub columns: &'static str,
    /// The code of the refusal.
    pub code: &'static str,
    /// What it means; `None` where it can only be a mistake of ours.
    pub says: Option<&'static str>,
}

const fn unique(
    table: &'static str,
    name: &'static str,
    columns: &'static str,
    (code, says): (&'static str, &'static str),
) -> Clash {
    Clash { table, name, columns, code, says: Some(says) }
}

const fn check(name: &'static str, (code, says): (&'static str, &'static str)) -> Clash {
    Clash { table: "", name, columns: "", code, says: Some(says) }
}

/// Unique indexes that mean something to people.
#[rustfmt::skip]
pub const UNIQUE: &[Clash] = &[
    unique("account", "account_pkey", "person_id",
        ("E03", "这个账号刚刚已经激活，不用再办理。请直接登录。")),
    unique("admin_seat", "admin_seat_cadre_id_key", "cadre_id",
        ("already_admin", "此人已经是这个组织的管理员，不用再办理。")),
    unique("admin_seat", "admin_seat_org_id_person_id_key", "org_id, person_id",
        ("already_admin", "此人已经是这个组织的管理员，不用再办理。")),
    unique("admin_seat", "admin_seat_pkey", "org_id, slot",
        ("seats_full", "管理员名额刚刚已由其他人占用，你的操作没有生效。请刷新后看现任管理员，再决定怎么办。")),
    unique("business", "business_open_path_key", "open_path",
        ("relocation_open", "这个组织已有一件组织迁移正在办理，不能再申请。请等它办完，或先撤回。")),
    unique("business", "transfer_open", "person_id",
        ("E04", "此人已有一笔转接正在办理，不能同时办两笔。请先办完或撤回那一笔。")),
    unique("business_step", "business_step_pkey", "business_id, no",
        ("E22", "这一件刚刚已由其他人办理，你的操作没有生效。请刷新后看结果。")),
    unique("cadre", "cadre_one_post", "person_id, org_id",
        ("already_here", "此人在这个组织已有职务，不能再登记一个。需要改的，请办理职务变更。")),
    unique("cadre", "cadre_one_secretary", "org_id",
        ("secretary_taken", "这个组织刚刚已有书记，一个组织只能有一位书记。请先办理现任书记的职务变更。")),
    unique("closing", "closing_open", "org_id",
        ("org_closed", "这个组织刚刚已经撤销，不用再办理。")),
    unique("import", "import_one_draft", "org_id, kind, digest, beside",
        ("E22", "同一个文件刚刚已经上传，正在办理。请刷新“导入记录”，从那一份继续。")),
    unique("member", "member_dev_number_key", "dev_number",
        ("E08", "这个发展团员编号刚刚已由另一位团员使用，没有保存。请核对编号。")),
    unique("member", "member_pkey", "person_id",
        ("E03a", "此人刚刚已由别人录入为团员，不能重复录入。请刷新后再看；在其他团支部的，请办理转入。")),
    unique("operator", "operator_pkey", "person_id",
        ("E22", "此人已经是系统运营，不用再办理。")),
    unique("org", "org_one_holding", "parent_id",
        ("E22", "待接转团支部刚刚由别人同时建立，你的操作没有生效。请再办理一次。")),
    unique("org", "org_school_code_key", "school_code",
        ("school_code_taken", "这个学校机构编号刚刚已由另一个组织填写，没有保存。请核对编号。")),
    unique("org", "org_sibling", "parent_id, name_key",
        ("org_name_taken", "同一上级下刚刚有了同名的组织，没有保存（全角半角、括号、繁简、空格不同也算同名）。请刷新后查看，或换一个简称。")),
    unique("person", "person_id_bi_id_bi_ver_key", "id_bi, id_bi_ver",
        ("E22", "这个身份证号码刚刚已由别人录入，没有重复录入。请重新查找此人，再接着办理。")),
    unique("proposal", "proposal_no_key", "no",
        ("E22", "这一件刚刚已由其他人办理，你的操作没有生效。请刷新后看结果。")),
    unique("reg_code", "reg_code_one", "org_id",
        ("E22", "这个组织刚刚已有一个有效的注册码，没有再生成。请刷新后查看，或先作废那一个。")),
    unique("transfer_undo", "transfer_undo_pkey", "transfer_id",
        ("E22", "这一件刚刚已由其他人办理，你的操作没有生效。请刷新后看结果。")),
];

/// CHECKs that something at the same moment, or a repeated action, can run into. They have names, so
/// that both engines say which it was.
#[rustfmt::skip]
pub const CHECKS: &[Clash] = &[
    check("admin_seat_slots",
        ("seats_full", "管理员名额已满，或者这个组织的类别刚刚改过，没有办理。请刷新后再看。")),
    check("closing_holds_its_people",
        ("E22", "办理时，这个组织的团员刚刚有了变化，没有撤销。请刷新后重新核对名单。")),
    check("member_in_branch",
        ("org_nesting", "这个组织的类别刚刚改过，不能直接有团员。请选择一个团支部。")),
    check("org_graduates_as_branch",
        ("E22", "这个组织的类别刚刚改过，只有团支部才有毕业时间。请刷新后再看。")),
    check("proposal_two_people",
        ("E22", "提出这件事的人不能自己审批，请另一位系统运营办理。")),
    check("tally_not_below_zero",
        ("E22", "统计数字正在重新计算，请稍后再试。")),
];

/// Something that the row refers to was removed at this moment, or got a reference.
pub const REFERENCE: Clash = Clash {
    table: "",
    name: "reference",
    columns: "",
    code: "E22",
    says: Some("办理时，相关的人员或组织刚刚被别人改动或删除，你的操作没有生效。请刷新后再看。"),
};

/// Any other CHECK: looked at again, because what was read may have changed, then a mistake of ours.
pub const OURS: Clash = Clash { table: "", name: "check", columns: "", code: "E25", says: None };

/// A unique index refused a row. What is not in the list is drawn by chance or counted (ids, codes,
/// numbers): another turn draws another one.
pub(crate) fn of_unique(on: &str) -> Error {
    match UNIQUE.iter().find(|clash| clash.refused(on)) {
        Some(clash) => Error::Clash(clash),
        None => Error::Retry,
    }
}

/// A CHECK refused a row.
pub(crate) fn of_check(on: &str) -> Error {
    let is = |clash: &&Clash| on.split([' ', ':']).any(|word| word == clash.name);
    Error::Clash(CHECKS.iter().find(is).unwrap_or(&OURS))
}

impl Clash {
    /// Whether the engine's words mean this index: `table name` on PostgreSQL,
    /// `UNIQUE constraint failed: table.column, table.column` on SQLite.
    fn refused(&self, on: &str) -> bool {
        if on == format!("{} {}", self.table, self.name) {
            return true;
        }
        let columns: Vec<String> =
            self.columns.split(", ").map(|c| format!("{}.{c}", self.table)).collect();
        on.rsplit(" failed: ").next() == Some(columns.join(", ").as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_words_for_an_index_mean_the_same_to_people() {
        for on in ["business transfer_open", "UNIQUE constraint failed: business.person_id"] {
            let Error::Clash(clash) = of_unique(on) else { panic!("{on}") };
            assert_eq!(clash.code, "E04");
        }
        for on in [
            "admin_seat admin_seat_slots",
            "CHECK constraint failed: admin_seat_slots",
            "UNIQUE constraint failed: admin_seat.org_id, admin_seat.slot",
        ] {
            let of = if on.starts_with("UNIQUE") { of_unique(on) } else { of_check(on) };
            let Error::Clash(clash) = of else { panic!("{on}") };
            assert_eq!(clash.code, "seats_full");
        }
    }

    #[test]
    fn what_is_drawn_by_chance_is_drawn_again_and_an_unknown_check_is_ours() {
        assert!(matches!(of_unique("org org_code_key"), Error::Retry));
        assert!(matches!(of_check("org org_check3"), Error::Clash(c) if c.says.is_none()));
    }

    #[test]
    fn a_clash_is_looked_at_again_some_times_and_then_said() {
        let clash = of_unique("business transfer_open");
        let turns: Vec<bool> = (0..5).map(|turn| clash.is_worth_another_turn(turn)).collect();
        assert_eq!(turns, [true, true, true, false, false]);
        assert!(Error::Retry.is_worth_another_turn(9) && !Error::Busy.is_worth_another_turn(0));
    }
}
