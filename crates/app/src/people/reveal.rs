//! Showing a masked value in full (A17): for those who handle the person, with a reason, counted
//! and written into the book in the same transaction that reads it.

use super::{person, quota};
use crate::{Action, Cx, Error, Result, events::Event, rules::Column};
use serde_json::json;

/// What pages show masked and may show in full.
pub const SEALED: [Column; 9] = [
    Column::IdNumber,
    Column::Mobile,
    Column::Weibo,
    Column::Qq,
    Column::Email,
    Column::Wechat,
    Column::EmergencyName,
    Column::EmergencyPhone,
    Column::Address,
];

/// The value of one column in full. `reason` is a sentence of at least two characters.
pub async fn reveal(cx: &mut Cx, code: &str, column: Column, reason: &str) -> Result<String> {
    let person = person::card(cx, code).await?;
    let home = person.home().cloned().ok_or(Error::NotFound)?;
    let permit = cx.permit(Action::RevealPerson, &home)?;
    let reason = reason.trim();
    if !SEALED.contains(&column) {
        return Err(Error::NotFound);
    }
    if !(2..=100).contains(&reason.chars().count()) {
        return Err(Error::field(
            "reason",
            "required",
            "请填写查看原因(2 至 100 个字),会记入操作记录。",
        ));
    }
    quota::take(cx, &permit, quota::REVEALS).await?;
    let value = match column {
        Column::IdNumber => Some(person.id_number.reveal().to_owned()),
        other => person.in_full(other),
    };
    let event = Event::new("person.revealed", "person", person.id.0).about(person.id);
    let detail = json!({ "field": column.key(), "reason": without_digits(reason) });
    cx.record(permit, event.detail(detail)).await?;
    value.ok_or(Error::NotFound)
}

/// A reason is free text and somebody may put the number itself into it: long runs of digits are
/// not written into the book.
pub(super) fn without_digits(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_numeric() || (!run.is_empty() && matches!(c, 'x' | 'X')) {
            run.push(c);
            continue;
        }
        if run.chars().count() > 6 {
            out.push_str("***")
        } else {
            out.push_str(&run)
        }
        run.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::without_digits;

    #[test]
    fn a_number_in_a_reason_does_not_come_into_the_book() {
        assert_eq!(without_digits("核对11010519491231002X的表"), "核对***的表");
        assert_eq!(without_digits("2026年核对"), "2026年核对");
        assert_eq!(without_digits("电话13812346021"), "电话***");
    }
}
