//! What a change of keys promises: after the job everything that is sealed is sealed with the
//! newest key, whichever room it lies in, and still opens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{
    act, fsck, imports, jobs, keyring,
    keys::{Keys, Place},
    people, testkit, transfers,
};
use db::{Engine, Sql, sql};

#[tokio::test]
async fn after_the_job_every_sealed_column_is_under_the_newest_key() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let branch = lab.admin(&tree.branch, "周杰").await;
    let member = lab.member(&tree.branch, "张伟").await;
    lab.member(&tree.sister, "李娜").await;
    let mut cx = lab.house.read(branch.clone()).await.unwrap();
    let code = people::person::read(&mut cx, member).await.unwrap().code;
    drop(cx);
    let new = transfers::New {
        person: code,
        to: tree.other_branch.code.clone(),
        reason: "job_change".into(),
        fields: [("unit_name".to_owned(), "合肥第六中学".to_owned())].into(),
        ..Default::default()
    };
    act!(lab.house, branch.clone(), |cx| transfers::start(cx, &new).await).unwrap();
    let cells = format!("姓名\t身份证号\n赵敏\t{}", lab.next_id_number());
    let table = imports::read(&lab.house, imports::Source::Pasted(cells)).await.unwrap();
    act!(lab.house, branch.clone(), |cx| imports::stage(cx, &tree.branch, &table).await).unwrap();
    let place = Place { column: "outbox.recipient_ct", row: 7 };
    let address = lab.house.keys().seal(place, "a@example.test", &app::clock::SeededChance::new(5));
    let mut tx = lab.house.db().write().await.unwrap();
    tx.run(
        sql!("INSERT INTO outbox (id, message_id, channel, recipient_ct, subject, body, next_at, created_at) VALUES (7, 1, 'smtp', $1, 's', 'b', 1, 1)"),
        db::args![address],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();

    Keys::rotate(&lab.keys_file(), &app::clock::SeededChance::new(9)).unwrap();
    let house = lab.second_node().await;
    change_over(&lab, &house).await;

    let mut looked_at = 0;
    for (table, column) in sealed_columns(&house).await {
        let mut tx = house.db().read().await.unwrap();
        let text = format!("SELECT {column} FROM {table} WHERE LENGTH({column}) > 0");
        let rows: Vec<(Vec<u8>,)> = tx.all(Sql::built(text), &[]).await.unwrap();
        for (sealed,) in rows {
            assert!(house.keys().is_current(&sealed), "{table}.{column}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 5, "{looked_at} sealed values were looked at");
    let report = fsck::run(&house, true).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.findings);
    // A second run finds nothing to do.
    change_over(&lab, &house).await;
}

/// Puts the newest ring in use and lets the job move everything there.
async fn change_over(lab: &testkit::Lab, house: &app::House) {
    keyring::put_in_use(house).await.unwrap();
    lab.clock.advance(2 * app::clock::MINUTE);
    jobs::run_all(house).await.unwrap();
}

fn typed(name: &str, id_number: &str) -> people::Draft {
    people::Draft::from_cells([("name", name), ("id_number", id_number)])
}

/// Every column whose name says that it is a ciphertext.
async fn sealed_columns(house: &app::House) -> Vec<(String, String)> {
    let text = match house.db().engine() {
        Engine::Sqlite => {
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name LIKE '%\\_ct' ESCAPE '\\'"
        }
        Engine::Postgres => {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns WHERE table_schema = 'public' AND column_name LIKE '%\\_ct'"
        }
    };
    let mut tx = house.db().read().await.unwrap();
    let found: Vec<(String, String)> = tx.all(Sql::built(text.into()), &[]).await.unwrap();
    assert!(found.len() >= 6, "{found:?}");
    found
}
