//! Personal tokens for programs (decision 14): the person's own rights, nothing more.

use super::sql;
use crate::Cx;
use crate::{
    Error, House, Result, Who, act,
    clock::{DAY, day},
    events::Event,
    people::PersonId,
    rules::id_number,
};

/// Every token begins so, which lets people (and scanners) recognise one that lies about.
const PREFIX: &str = "tjt_";

pub(super) async fn find(
    cx: &mut Cx,
    token: &str,
) -> Result<Option<(PersonId, String, Option<i64>)>> {
    let hash = cx.house().keys().code_hash("token", token.trim());
    Ok(sql::token(cx, hash).await?.map(|(person, name)| (person, name, None)))
}

/// Makes a token for a person whose account is claimed; lives `days` days. Shown once.
pub async fn make(house: &House, person: PersonId, label: &str, days: i64) -> Result<String> {
    let token = format!("{PREFIX}{}", house.new_secret());
    let hash = house.keys().code_hash("token", &token);
    let until = house.now() + days * DAY;
    act!(house, Who::System("token"), |cx| {
        let id = sql::insert_token(cx, hash, person, label, until).await?;
        cx.note(Event::new("account.token_made", "token", id).about(person)).await
    })?;
    Ok(token)
}

/// As [`make`], for the command line: the person is named by ID number.
pub async fn make_for(house: &House, id: &str, label: &str, days: i64) -> Result<String> {
    let id = id_number::parse(id, day(house.now()))
        .map_err(|p| Error::field("id_number", p.code, p.message))?;
    let mut cx = house.read(Who::System("token")).await?;
    let indexes = house.keys().indexes("person.id", id.reveal());
    let known = sql::known(&mut cx, indexes).await?.filter(|k| k.password_hash.is_some());
    drop(cx);
    let known = known.ok_or_else(|| {
        Error::field(
            "id_number",
            "no_account",
            "没有这个证件号的已激活账号。请先登录激活,再生成令牌。",
        )
    })?;
    make(house, known.person, label, days).await
}
