//! One form, one effect: the answer to a form is kept with what it changed, so that a double
//! click, a reload or a retry gets the first answer again (I18).

use crate::{Cx, Result};
use db::{args, sql};

/// The kept answer to a form of this actor, if it was carried out already.
pub async fn find(cx: &mut Cx, actor: &str, key: &str) -> Result<Option<String>> {
    let row: Option<(String,)> = cx
        .tx
        .opt(sql!("SELECT answer FROM idem WHERE actor = $1 AND key = $2"), args![actor, key])
        .await?;
    Ok(row.map(|(answer,)| answer))
}

/// Keeps the answer, in the transaction of the change. When a twin was faster this fails with
/// `Retry`, nothing is changed, and the next turn finds the twin's answer.
pub async fn keep(cx: &mut Cx, actor: &str, key: &str, answer: &str) -> Result<()> {
    cx.tx
        .run(
            sql!("INSERT INTO idem (actor, key, answer, created_at) VALUES ($1, $2, $3, $4)"),
            args![actor, key, answer, cx.now()],
        )
        .await?;
    Ok(())
}
