//! Every unique index and CHECK of the schema against what the house says about it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{clash, testkit};
use db::{Engine, Sql};
use std::collections::BTreeSet;

/// Unique indexes whose twins draw another id, code or number, or that are written with ON CONFLICT
/// or under the lock of their owner alone: running again is all that there is to say.
const DRAWN_ANEW: &[&str] = &[
    "attempt.key",
    "business.no",
    "captcha.id",
    "closing_person.closing_id, closing_person.person_id",
    "file_piece.file_id, file_piece.no",
    "holding.org_id",
    "idem.actor, idem.key",
    "import_place.import_id, import_place.row_no",
    "import_row.import_id, import_row.row_no",
    "job.unique_key",
    "key_node.node",
    "lease.name",
    "observer.person_id, observer.org_id",
    "org.code",
    "org.id, org.category",
    "org.path",
    "org_gram.gram, org_gram.depth, org_gram.path",
    "person.code",
    "reg_code.hash",
    "seal.event_id",
    "seal.seq",
    "session.token_hash",
    "setting.name",
    "tally.org_path, tally.scope",
    "tally_hour.org_path, tally_hour.scope, tally_hour.hour",
    "term_notice.org_id, term_notice.elected_on, term_notice.kind",
    "ticket.hash",
    "token.token_hash",
    "event_unsealed.event_id",
    "export_request.no",
    "row_mark.kind, row_mark.id, row_mark.no",
    "channel.name",
    "graduation_notice.org_id",
];

/// All unique indexes but those on a drawn `id`, as `table name` and `table.column, table.column`.
async fn indexes(lab: &testkit::Lab) -> Vec<(String, String)> {
    let mut tx = lab.house.db().read().await.unwrap();
    let found: Vec<(String, String, String)> = match lab.house.db().engine() {
        Engine::Postgres => {
            let text = "SELECT t.relname::text, i.relname::text, (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(x.indkey) WITH ORDINALITY AS k (no, n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.no) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace s ON s.oid = t.relnamespace WHERE x.indisunique AND s.nspname = 'public'";
            tx.all(Sql::built(text.into()), &[]).await.unwrap()
        }
        Engine::Sqlite => {
            let text = "SELECT m.name, COALESCE(i.name, ''), (SELECT group_concat(c.name, ',') FROM pragma_index_info(i.name) c) FROM sqlite_master m JOIN pragma_index_list(m.name) i WHERE m.type = 'table' AND i.\"unique\" = 1";
            tx.all(Sql::built(text.into()), &[]).await.unwrap()
        }
    };
    found
        .into_iter()
        .filter(|(table, _, columns)| columns != "id" && table != "migration")
        .map(|(table, name, columns)| {
            let columns: Vec<String> = columns.split(',').map(|c| format!("{table}.{c}")).collect();
            (format!("{table} {name}"), columns.join(", "))
        })
        .collect()
}

#[tokio::test]
async fn of_every_unique_index_it_is_decided_what_it_means_to_people() {
    let lab = testkit::fresh().await;
    let found = indexes(&lab).await;
    let columns_of = |c: &clash::Clash| {
        let columns: Vec<String> =
            c.columns.split(", ").map(|column| format!("{}.{column}", c.table)).collect();
        columns.join(", ")
    };
    let said: BTreeSet<String> = clash::UNIQUE.iter().map(columns_of).collect();
    let undecided: Vec<_> = found
        .iter()
        .filter(|(_, columns)| !said.contains(columns) && !DRAWN_ANEW.contains(&columns.as_str()))
        .collect();
    assert!(undecided.is_empty(), "{undecided:#?}");
    let there: BTreeSet<&str> = found.iter().map(|(_, columns)| columns.as_str()).collect();
    // SQLite keeps a key of one whole number in no index of its own.
    let keys = [
        "account.person_id",
        "member.person_id",
        "operator.person_id",
        "transfer_undo.transfer_id",
    ];
    let gone: Vec<_> = said
        .iter()
        .filter(|c| !there.contains(c.as_str()) && !keys.contains(&c.as_str()))
        .collect();
    assert!(gone.is_empty(), "the schema has no such index: {gone:#?}");
    if lab.house.db().engine() == Engine::Postgres {
        let names: BTreeSet<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        for clash in clash::UNIQUE {
            let name = format!("{} {}", clash.table, clash.name);
            assert!(names.contains(name.as_str()), "no index has the name {name}");
        }
    }
}

#[tokio::test]
async fn every_check_that_people_can_run_into_has_its_name_on_both_engines() {
    let lab = testkit::fresh().await;
    let mut tx = lab.house.db().read().await.unwrap();
    let text = match lab.house.db().engine() {
        Engine::Postgres => "SELECT conname::text FROM pg_constraint WHERE contype = 'c'",
        Engine::Sqlite => "SELECT sql FROM sqlite_master WHERE type = 'table'",
    };
    let found: Vec<(String,)> = tx.all(Sql::built(text.into()), &[]).await.unwrap();
    for clash in clash::CHECKS {
        assert!(found.iter().any(|(text,)| text.contains(clash.name)), "{}", clash.name);
    }
}

#[tokio::test]
async fn what_a_constraint_refuses_is_said_in_words_and_never_as_a_fault_of_ours() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let person = lab.member(&tree.branch, "张三").await;
    let other = lab.org(Some(&tree.committee), app::orgs::Category::Branch, "空团支部").await;
    let refused = [
        (
            format!(
                "INSERT INTO operator (person_id, granted_at) VALUES ({p}, 1), ({p}, 1)",
                p = person.0
            ),
            "E22",
        ),
        (
            format!("UPDATE member SET org_category = 'COMMITTEE' WHERE person_id = {}", person.0),
            "org_nesting",
        ),
        (
            format!(
                "UPDATE org SET school_code = 'X1' WHERE id IN ({}, {})",
                tree.branch.id.0, other.id.0
            ),
            "school_code_taken",
        ),
        (
            format!(
                "INSERT INTO closing (id, org_id, parent_id, closer, people, lost, closed_at, until) VALUES (1, {o}, {o}, '', 1, '', 1, 1)",
                o = other.id.0
            ),
            "E22",
        ),
        (
            format!(
                "INSERT INTO observer (org_id, person_id, expires_at, granted_at) VALUES ({}, 1, 1, 1)",
                other.id.0
            ),
            "E22",
        ),
        (
            format!("UPDATE org SET graduates = '2026-07' WHERE id = {}", tree.committee.id.0),
            "org_graduates_as_branch",
        ),
    ];
    for (statement, code) in refused {
        let mut tx = lab.house.db().write().await.unwrap();
        let done = tx.run(Sql::built(statement.clone()), &[]).await;
        let error: app::Error = match done {
            // Some engines look at references at the end.
            Ok(_) => tx.commit().await.unwrap_err().into(),
            Err(e) => e.into(),
        };
        let app::Error::Clash(clash) = &error else { panic!("{statement}: {error:?}") };
        assert!(clash.says.is_some(), "{statement}");
        assert!(clash.code == code || clash.name == code, "{statement}: {clash:?}");
    }
}
