//! What a change of keys promises: after the job everything that is sealed is sealed with the
//! newest key, whichever room it lies in, and still opens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{
    Error, House, OrgRef, Who, act,
    clock::SeededChance,
    fsck, imports, jobs, keyring,
    keys::{Keys, Place},
    people,
    rules::person::{Draft, RawCell},
    testkit, transfers,
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
    let address = lab.house.keys().seal(place, "a@example.test", &SeededChance::new(5));
    let mut tx = lab.house.db().write().await.unwrap();
    tx.run(
        sql!("INSERT INTO outbox (id, message_id, channel, recipient_ct, subject, body, next_at, created_at) VALUES (7, 1, 'smtp', $1, 's', 'b', 1, 1)"),
        db::args![address],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();

    Keys::rotate(&lab.keys_file(), &SeededChance::new(9)).unwrap();
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
async fn change_over(lab: &testkit::Lab, house: &House) {
    change_over_with(lab, house, house).await;
}

async fn change_over_with(lab: &testkit::Lab, command: &House, worker: &House) {
    keyring::put_in_use(command).await.unwrap();
    lab.clock.advance(2 * app::clock::MINUTE);
    jobs::run_all(worker).await.unwrap();
}

/// A branch's administrator and the branch.
async fn setting() -> (testkit::Lab, OrgRef, Who) {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let admin = lab.admin(&tree.branch, "周杰").await;
    (lab, tree.branch, admin)
}

fn draft(name: &str, id_number: &str) -> Draft {
    Draft {
        name: RawCell::text(name),
        id_number: RawCell::text(id_number),
        ethnic: RawCell::text("汉族"),
        political: RawCell::text("共青团员"),
        education: RawCell::text("大学本科"),
        joined: RawCell::text("2016-05"),
        mobile: RawCell::text("13912346021"),
        ..Draft::default()
    }
}

/// The number of persons whose ID number this is, under any ring.
async fn count(house: &House, id_number: &str) -> usize {
    let mut found = 0;
    for (index, ring) in house.keys().indexes("person.id", id_number) {
        let mut tx = house.db().read().await.unwrap();
        let rows: Vec<(i64,)> = tx
            .all(
                sql!("SELECT id FROM person WHERE id_bi = $1 AND id_bi_ver = $2"),
                db::args![index, ring],
            )
            .await
            .unwrap();
        found += rows.len();
    }
    found
}

#[tokio::test]
async fn a_ring_put_in_use_beside_a_running_program_moves_everything() {
    let (lab, branch, _) = setting().await;
    lab.member(&branch, "张伟").await;
    Keys::rotate(&lab.keys_file(), &SeededChance::new(9)).unwrap();
    // The command; the program that runs since before the rotation does the work.
    let command = lab.second_node().await;
    change_over_with(&lab, &command, &lab.house).await;
    let status = keyring::status(&command).await.unwrap();
    assert_eq!((status.in_use, status.newest, status.moving), (2, 2, false));
    lab.is_whole().await;
}

#[tokio::test]
async fn a_rotation_alone_changes_nothing_and_is_used_by_all_at_once() {
    let (lab, branch, admin) = setting().await;
    Keys::rotate(&lab.keys_file(), &SeededChance::new(9)).unwrap();
    let second = lab.second_node().await;
    let id = lab.next_id_number();
    act!(second, admin.clone(), |cx| people::add(cx, &branch, &draft("张伟", &id)).await).unwrap();
    assert_eq!(second.keys().ring_in_use(), 1);
    keyring::put_in_use(&lab.house).await.unwrap();
    // The second node has not asked since; the person is found all the same, and the next one is
    // written with the new ring.
    let twice =
        act!(second, admin.clone(), |cx| people::add(cx, &branch, &draft("张伟", &id)).await);
    assert!(matches!(twice, Err(Error::Invalid(_))), "{twice:?}");
    assert_eq!((count(&second, &id).await, second.keys().ring_in_use()), (1, 2));
    lab.is_whole().await;
}

#[tokio::test]
async fn a_node_without_the_ring_in_use_reads_but_does_not_write() {
    let (lab, branch, admin) = setting().await;
    let old = lab.folder().join("old-keys.toml");
    std::fs::copy(lab.keys_file(), &old).unwrap();
    let behind = lab.node_with_keys(old).await;
    Keys::rotate(&lab.keys_file(), &SeededChance::new(9)).unwrap();
    keyring::put_in_use(&lab.house).await.unwrap();
    let id = lab.next_id_number();
    let tried =
        act!(behind, admin.clone(), |cx| people::add(cx, &branch, &draft("张伟", &id)).await);
    assert!(matches!(tried, Err(Error::ReadOnly)), "{tried:?}");
    assert!(behind.read(admin.clone()).await.is_ok());
    assert!(matches!(behind.write(Who::System("test")).await, Err(Error::ReadOnly)));
    act!(lab.house, admin, |cx| people::add(cx, &branch, &draft("张伟", &id)).await).unwrap();
    assert_eq!(count(&lab.house, &id).await, 1);
}

#[tokio::test]
async fn a_ring_is_not_put_in_use_in_the_middle_of_an_entry() {
    let (lab, branch, admin) = setting().await;
    Keys::rotate(&lab.keys_file(), &SeededChance::new(9)).unwrap();
    let second = lab.second_node().await;
    let id = lab.next_id_number();
    let mut entering = lab.house.write(admin.clone()).await.unwrap();
    people::add(&mut entering, &branch, &draft("张伟", &id)).await.unwrap();
    let others = async {
        keyring::put_in_use(&second).await.unwrap();
        act!(second, admin.clone(), |cx| people::add(cx, &branch, &draft("张伟", &id)).await)
    };
    let first = async {
        // Time for the others to go wrong, if nothing kept them waiting.
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        entering.commit().await
    };
    let (twice, first) = tokio::join!(others, first);
    first.unwrap();
    assert!(matches!(twice, Err(Error::Invalid(_))), "{twice:?}");
    assert_eq!(count(&second, &id).await, 1);
}

#[tokio::test]
async fn fsck_finds_a_person_who_stands_under_two_rings() {
    let (lab, _, _) = setting().await;
    Keys::rotate(&lab.keys_file(), &SeededChance::new(9)).unwrap();
    let id = lab.next_id_number();
    lab.person_with("张伟", &id).await;
    keyring::put_in_use(&lab.house).await.unwrap();
    lab.person_with("张伟", &id).await;
    let report = fsck::run(&lab.house, true).await.unwrap();
    assert_eq!(report.violations.get("I2"), Some(&1), "{:#?}", report.findings);
}

#[tokio::test]
async fn programs_that_lack_a_ring_are_named_until_they_have_it() {
    let (lab, _, _) = setting().await;
    keyring::report(&lab.house).await.unwrap();
    let ring = Keys::rotate(&lab.keys_file(), &SeededChance::new(9)).unwrap();
    let second = lab.second_node().await;
    keyring::report(&second).await.unwrap();
    assert_eq!(keyring::lacking(&second, i64::from(ring)).await.unwrap().len(), 1);
    keyring::report(&lab.house).await.unwrap();
    assert!(keyring::lacking(&second, i64::from(ring)).await.unwrap().is_empty());
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
