//! Tickets: what a form of one's own has found is kept for a while behind a secret, which stands in
//! the address of the next page instead of a number. Only a hash of the secret is stored, and only
//! whoever made the ticket can open it.

use super::sql;
use crate::{Cx, Error, Permit, Result, clock::Millis};
use serde::{Serialize, de::DeserializeOwned};

/// Keeps what was found for `life` milliseconds; returns the secret. A ticket of one `purpose`
/// opens as no other.
pub async fn keep<T: Serialize + Sync>(
    cx: &mut Cx,
    permit: &Permit,
    purpose: &str,
    found: &T,
    life: Millis,
) -> Result<String> {
    let secret = cx.house().new_secret();
    let hash = cx.house().keys().code_hash(purpose, &secret);
    let payload = serde_json::to_string(found).map_err(|e| Error::Broken(e.to_string()))?;
    sql::store::ticket(cx, permit, (purpose, hash), &payload, cx.now() + life).await?;
    Ok(secret)
}

/// What stands behind one's own ticket; `None` when there is none or its time has run out.
pub async fn open<T: DeserializeOwned>(
    cx: &mut Cx,
    purpose: &str,
    secret: &str,
) -> Result<Option<T>> {
    let me = cx.visitor()?.person;
    let hash = cx.house().keys().code_hash(purpose, secret);
    let Some(payload) = sql::store::ticket_payload(cx, (purpose, hash), me).await? else {
        return Ok(None);
    };
    serde_json::from_str(&payload).map(Some).map_err(|e| Error::Broken(e.to_string()))
}
