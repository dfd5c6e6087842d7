//! Accounts: signing in, activation, passwords, sign-ins, tokens. A person without an account row
//! is unclaimed: the initial password opens the activation page and nothing else (decision 5).

pub mod activation;
pub mod attempts;
pub mod captcha;
mod devices;
pub mod first;
pub mod password;
pub mod registration;
pub mod sessions;
pub mod sign_in;
mod sql;
pub mod tokens;

use crate::{
    Cx, Grant, OrgRef, Pass, Result, Role, Visitor, Who, access::admin_role, orgs::OrgId,
    people::PersonId,
};
use std::sync::Arc;

/// What a visit brought to prove who it is.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// The session's secret, from the cookie.
    pub session: Option<String>,
    /// A personal token, from `Authorization: Bearer`.
    pub token: Option<String>,
}

/// Finds out who is there and which rights she has, in one look-up of the proof and one of the
/// rights, and lets her stand in the organisation `org_code` of the page's address.
/// Unknown, ended or expired proofs are [`Who::Nobody`]; an organisation where she has no right
/// leaves `acting` empty.
pub async fn recognise(cx: &mut Cx, proof: &Proof, org_code: Option<&str>) -> Result<Who> {
    // A backup brought sign-ins and tokens back that were ended since.
    if cx.house().is_restored() {
        return Ok(Who::Nobody);
    }
    if let Some(token) = &proof.token {
        let Some(t) = tokens::find(cx, token).await? else { return Ok(Who::Nobody) };
        let mut grants = grants_of(cx, t.person).await?;
        if let Some(only) = t.org {
            grants.retain(|g| g.org.id == only);
        }
        let acting = org_code.and_then(|code| grants.iter().find(|g| g.org.code == code).cloned());
        let pass = Some(Pass { writes: t.writes, one_org: t.org.is_some() });
        let (person, name) = (t.person, t.name);
        let visitor = Visitor { person, name, session: None, token: pass, grants, acting };
        return Ok(Who::Person(Arc::new(visitor)));
    }
    let Some(session) = &proof.session else { return Ok(Who::Nobody) };
    let Some((person, name, session)) = sessions::find(cx, session).await? else {
        return Ok(Who::Nobody);
    };
    let grants = grants_of(cx, person).await?;
    let acting = org_code.and_then(|code| grants.iter().find(|g| g.org.code == code).cloned());
    Ok(Who::Person(Arc::new(Visitor { person, name, session, token: None, grants, acting })))
}

/// Who operates the system.
pub(crate) async fn operators(cx: &mut Cx) -> Result<Vec<PersonId>> {
    Ok(sql::operators(cx).await?.into_iter().map(|(person,)| person).collect())
}

/// Every right of a person, in organisation order; read anew with each visit, so that a right that
/// ends is gone with the next click.
pub async fn grants_of(cx: &mut Cx, person: PersonId) -> Result<Vec<Grant>> {
    let rows = sql::grants(cx, person).await?;
    let grant = |row: sql::GrantRow| {
        let category = crate::orgs::Category::from_code(&row.category)?;
        let org = OrgRef {
            id: OrgId(row.id),
            code: row.code,
            path: row.path,
            short_name: row.short_name,
            category,
            province: row.province,
        };
        let role = match row.kind.as_str() {
            "admin" => admin_role(category, org.depth()),
            "observer" => Role::Observer,
            "seatless" => Role::Cadre,
            _ => Role::Operator,
        };
        Some(Grant { org, role })
    };
    let mut grants: Vec<Grant> = rows.into_iter().filter_map(grant).collect();
    // In the order of the rows a post comes last: it adds nothing to another right there.
    let mut seen = std::collections::HashSet::new();
    grants.retain(|g| seen.insert(g.org.id) || g.role != Role::Cadre);
    Ok(grants)
}
