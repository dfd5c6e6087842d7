//! Finding people by number or name.

use super::{super::profile::ContactCard, org_of};
use crate::{Cx, OrgRef, Result, Scope, people::PersonId};
use db::{Value, args, sql};

/// The person with one of these blind indexes.
pub(in crate::people) async fn by_id_number(
    cx: &mut Cx,
    indexes: &[(Vec<u8>, i64)],
) -> Result<Option<PersonId>> {
    for (index, version) in indexes {
        let row: Option<(PersonId,)> = cx
            .tx
            .opt(
                sql!("SELECT id FROM person WHERE id_bi = $1 AND id_bi_ver = $2"),
                args![index.as_slice(), *version],
            )
            .await?;
        if let Some((id,)) = row {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

db::row! {
    /// A person with her branch, if she is in one.
    pub(in crate::people) struct Placed {
        pub(in crate::people) id: PersonId,
        pub(in crate::people) code: String,
        pub(in crate::people) name: String,
        org_id: Option<i64>,
        org_code: Option<String>,
        org_path: Option<String>,
        org_name: Option<String>,
        org_category: Option<String>,
        org_province: Option<String>,
    }
}
impl Placed {
    /// The branch.
    pub(in crate::people) fn branch(&self) -> Option<OrgRef> {
        org_of(
            self.org_id,
            self.org_code.as_deref(),
            self.org_path.as_deref(),
            self.org_name.as_deref(),
            self.org_category.as_deref(),
            self.org_province.as_deref(),
        )
    }
}

/// The person with one of these blind indexes and where she is, in one statement.
pub(in crate::people) async fn placed(
    cx: &mut Cx,
    indexes: &[(Vec<u8>, i64)],
) -> Result<Option<Placed>> {
    for (index, version) in indexes {
        let found = cx
            .tx
            .opt(
                sql!("SELECT p.id, p.code, p.name, o.id, o.code, o.path, o.short_name, o.category, o.province FROM person p LEFT JOIN member m ON m.person_id = p.id LEFT JOIN org o ON o.id = m.org_id WHERE p.id_bi = $1 AND p.id_bi_ver = $2"),
                args![index.as_slice(), *version],
            )
            .await?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The persons with this mobile number; at most fifty.
pub(in crate::people) async fn by_mobile(
    cx: &mut Cx,
    indexes: &[(Vec<u8>, i64)],
) -> Result<Vec<PersonId>> {
    let mut found = Vec::new();
    for (index, _) in indexes {
        let rows: Vec<(PersonId,)> = cx
            .tx
            .all(
                sql!("SELECT id FROM person WHERE mobile_bi = $1 ORDER BY id LIMIT 50"),
                args![index.as_slice()],
            )
            .await?;
        found.extend(rows.into_iter().map(|(id,)| id));
    }
    Ok(found)
}

/// The member with this development number.
pub(in crate::people) async fn by_dev_number(
    cx: &mut Cx,
    number: &str,
) -> Result<Option<PersonId>> {
    let row: Option<(PersonId,)> = cx
        .tx
        .opt(sql!("SELECT person_id FROM member WHERE dev_number = $1"), args![number])
        .await?;
    Ok(row.map(|(id,)| id))
}

db::row! {
    /// A hit as stored.
    pub(in crate::people) struct Hit {
        pub(in crate::people) person: i64,
        pub(in crate::people) code: String,
        pub(in crate::people) name: String,
        pub(in crate::people) sex: String,
        pub(in crate::people) birth_ym: String,
        pub(in crate::people) org_path: String,
        pub(in crate::people) post: Option<String>,
        pub(in crate::people) moving: bool,
        pub(in crate::people) complete: bool,
    }
}

/// Members and cadres whose name (or pinyin initials) lies in `[from, to)`, inside a subtree; a
/// cadre who is a member as well comes twice.
pub(in crate::people) async fn by_name(
    cx: &mut Cx,
    pinyin: bool,
    range: (&str, &str),
    scope: &Scope,
    limit: i64,
) -> Result<Vec<Hit>> {
    let args: [Value; 5] =
        [range.0.into(), range.1.into(), (&scope.lo).into(), (&scope.hi).into(), limit.into()];
    let members = if pinyin {
        sql!(
            "SELECT m.person_id, p.code, m.name, p.sex, p.birth_ym, m.org_path, CAST(NULL AS TEXT), m.status = 'moving', m.complete FROM member m CROSS JOIN person p WHERE p.id = m.person_id AND m.name_py >= $1 AND m.name_py < $2 AND m.org_path >= $3 AND m.org_path < $4 ORDER BY m.name_py, m.org_path, m.person_id LIMIT $5"
        )
    } else {
        sql!(
            "SELECT m.person_id, p.code, m.name, p.sex, p.birth_ym, m.org_path, CAST(NULL AS TEXT), m.status = 'moving', m.complete FROM member m CROSS JOIN person p WHERE p.id = m.person_id AND m.name >= $1 AND m.name < $2 AND m.org_path >= $3 AND m.org_path < $4 ORDER BY m.name, m.org_path, m.person_id LIMIT $5"
        )
    };
    let cadres = if pinyin {
        sql!(
            "SELECT c.person_id, p.code, c.name, p.sex, p.birth_ym, c.org_path, c.post, false, c.complete FROM cadre c CROSS JOIN person p WHERE p.id = c.person_id AND c.ended_at IS NULL AND c.name_py >= $1 AND c.name_py < $2 AND c.org_path >= $3 AND c.org_path < $4 ORDER BY c.name_py, c.org_path, c.id LIMIT $5"
        )
    } else {
        sql!(
            "SELECT c.person_id, p.code, c.name, p.sex, p.birth_ym, c.org_path, c.post, false, c.complete FROM cadre c CROSS JOIN person p WHERE p.id = c.person_id AND c.ended_at IS NULL AND c.name >= $1 AND c.name < $2 AND c.org_path >= $3 AND c.org_path < $4 ORDER BY c.name, c.org_path, c.id LIMIT $5"
        )
    };
    let mut hits: Vec<Hit> = cx.tx.all(members, &args).await?;
    hits.extend(cx.tx.all::<Hit>(cadres, &args).await?);
    Ok(hits)
}

/// How many of the first two thousand members with such a name stand below each direct child:
/// where to narrow a search that found too many. Bounded whatever the size of the subtree.
pub(in crate::people) async fn spread(
    cx: &mut Cx,
    pinyin: bool,
    range: (&str, &str),
    scope: &Scope,
    child_path_length: i64,
) -> Result<Vec<(String, i64)>> {
    let args: [Value; 5] = [
        range.0.into(),
        range.1.into(),
        (&scope.lo).into(),
        (&scope.hi).into(),
        child_path_length.into(),
    ];
    let statement = if pinyin {
        sql!(
            "SELECT SUBSTR(org_path, 1, CAST($5 AS INTEGER)), CAST(COUNT(*) AS BIGINT) FROM (SELECT org_path FROM member WHERE name_py >= $1 AND name_py < $2 AND org_path >= $3 AND org_path < $4 ORDER BY name_py, org_path, person_id LIMIT 2000) AS f GROUP BY 1 ORDER BY 1 LIMIT 60"
        )
    } else {
        sql!(
            "SELECT SUBSTR(org_path, 1, CAST($5 AS INTEGER)), CAST(COUNT(*) AS BIGINT) FROM (SELECT org_path FROM member WHERE name >= $1 AND name < $2 AND org_path >= $3 AND org_path < $4 ORDER BY name, org_path, person_id LIMIT 2000) AS f GROUP BY 1 ORDER BY 1 LIMIT 60"
        )
    };
    Ok(cx.tx.all(statement, &args).await?)
}

/// Code, path and short name of the organisations with these paths.
pub(in crate::people) async fn org_names(
    cx: &mut Cx,
    paths: Vec<String>,
) -> Result<Vec<(String, String, String)>> {
    let rows = paths.into_iter().map(|p| vec![p.into()]).collect();
    Ok(cx
        .tx
        .all_of(
            sql!("SELECT o.path, o.code, o.short_name FROM {rows: path text} AS v JOIN org o ON o.path = v.path ORDER BY o.path"),
            &[],
            rows,
        )
        .await?)
}

/// Who runs an organisation.
pub(in crate::people) async fn administrators(cx: &mut Cx, org: &OrgRef) -> Result<Vec<PersonId>> {
    let found: Vec<(PersonId,)> = cx
        .tx
        .all(
            sql!("SELECT person_id FROM admin_seat WHERE org_id = $1 ORDER BY slot LIMIT 10"),
            args![org.id],
        )
        .await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Who runs an organisation and how it is reached; `None` when nothing is known of either.
pub(in crate::people) async fn contact_card(
    cx: &mut Cx,
    org: &OrgRef,
) -> Result<Option<ContactCard>> {
    let names: Vec<(String,)> = cx
        .tx
        .all(
            sql!("SELECT p.name FROM admin_seat s JOIN person p ON p.id = s.person_id WHERE s.org_id = $1 ORDER BY s.slot"),
            args![org.id],
        )
        .await?;
    let (phone, email): (Option<String>, Option<String>) =
        cx.tx.one(sql!("SELECT phone, email FROM org WHERE id = $1"), args![org.id]).await?;
    let card = ContactCard {
        org: org.short_name.clone(),
        names: names.into_iter().map(|(name,)| name).collect(),
        phone,
        email,
    };
    let empty = card.names.is_empty() && card.phone.is_none() && card.email.is_none();
    Ok((!empty).then_some(card))
}
