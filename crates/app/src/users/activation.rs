//! 首次登录激活 (2, 3; decision 5): whoever knew the initial password gives the name as the
//! organisation entered it and sets a password; only then does the account exist.

use super::{attempts, devices, password, sessions, sign_in::Signed, sql};
use crate::{
    Error, House, Refusal, Result, Who, act,
    events::Event,
    users::{attempts::Tried, sessions::Device},
};

/// What the activation form brings.
#[derive(Clone, Debug, Default)]
pub struct Activation {
    pub ticket: String,
    pub name: String,
    pub password: String,
    pub again: String,
}

/// Whether the ticket still opens the page.
pub async fn is_open(house: &House, ticket: &str) -> Result<bool> {
    let hash = house.keys().code_hash("activation", ticket);
    let mut cx = house.read(Who::Nobody).await?;
    Ok(sql::ticket(&mut cx, hash, "activation").await?.is_some())
}

/// Sets the password, opens the account and signs in.
pub async fn finish(house: &House, form: &Activation, device: &Device) -> Result<Signed> {
    let hash = house.keys().code_hash("activation", &form.ticket);
    let mut cx = house.read(Who::Nobody).await?;
    let ticket = sql::ticket(&mut cx, hash, "activation").await?;
    let Some((Some(person),)) = ticket else { return Err(closed()) };
    let known = sql::known_person(&mut cx, person).await?.ok_or_else(closed)?;
    drop(cx);
    let tried = Tried {
        account: format!("activation:{}", person.0),
        address: attempts::network(&device.address),
        device: None,
    };
    let tried_ref = &tried;
    // Counted before the name is compared.
    act!(house, Who::Nobody, |cx| attempts::begin(cx, tried_ref).await)?;
    if !same_name(&form.name, &known.name) {
        return Err(Error::field(
            "name",
            "activation_name",
            "与组织录入的姓名不一致。请核对生僻字和“·”；仍不行，请联系本支部管理员核对录入的姓名。",
        ));
    }
    act!(house, Who::Nobody, |cx| attempts::succeeded(cx, tried_ref).await)?;
    password::judge(house, &known, &form.password, &form.again)?;
    let fresh = password::hash(house, &form.password).await?;
    let fresh_ref = &fresh;
    let changed_at = house.now();
    let secret = act!(house, Who::Nobody, |cx| {
        if !sql::spend_ticket(cx, hash).await?
            || !sql::open_account(cx, person, fresh_ref, changed_at).await?
        {
            return Err(closed());
        }
        cx.note(Event::new("account.activated", "person", person.0).about(person)).await?;
        sessions::open(cx, person, device).await
    })?;
    let owner = devices::Owner { person, changed_at };
    Ok(Signed { secret, marks: devices::remember(house, &device.marks, owner) })
}

/// Names are compared without spaces and with every kind of dot taken as the same.
fn same_name(typed: &str, stored: &str) -> bool {
    let plain = |name: &str| crate::rules::fields::name_key(name).to_lowercase();
    plain(typed) == plain(stored)
}

fn closed() -> Error {
    Error::refused(
        Refusal::new(
            "activation_closed",
            "这个激活页面已经用过或超过 30 分钟。如果刚才已经设置好密码,请直接用新密码登录;还没有的话,请用证件号和初始密码重新开始。",
        )
        .way("去登录", "/login"),
    )
}
