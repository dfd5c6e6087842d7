//! A database that came back from a backup says so, takes no changes, and revives nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{
    Captcha, Error, House, Settings, Who, act,
    events::{self, Event},
    restore,
    testkit::{self, Lab},
    users::{self, Proof, tokens},
};

struct Restored {
    lab: Lab,
    token: String,
    anchor: std::path::PathBuf,
    /// The note as it was when the backup was taken.
    old_note: String,
}

/// A token was made, a backup taken, the token ended; then the backup came back.
async fn restored() -> Restored {
    let anchor = tempfile::tempdir().unwrap().keep().join("anchor");
    let settings = Settings {
        captcha: Captcha::Off,
        audit_anchor: Some(anchor.clone()),
        ..Settings::default()
    };
    let lab = testkit::fresh_with(settings).await;
    let tree = lab.tree().await;
    let person = lab.member(&tree.branch, "张伟").await;
    lab.account(person, "x").await;
    let token = tokens::make(&lab.house, person, "脚本", 30).await.unwrap();
    assert!(is_known(&lab.house, &token).await);
    app::jobs::tick(&lab.house).await.unwrap();
    let old_note = std::fs::read_to_string(&anchor).unwrap();
    let id = number(&lab.house, "SELECT id FROM token").await;
    let seq = number(&lab.house, "SELECT MAX(seq) FROM seal").await;
    assert_eq!(tokens::end_one(&lab.house, id).await.unwrap(), 1);
    lab.clock.advance(5_000);
    app::jobs::tick(&lab.house).await.unwrap();
    assert!(!is_known(&lab.house, &token).await, "ended");
    // As it stood before: the token alive, the book shorter.
    let backup = format!(
        "DELETE FROM event WHERE id IN (SELECT event_id FROM seal WHERE seq > {seq}); DELETE FROM seal WHERE seq > {seq}; UPDATE token SET ended_at = NULL;"
    );
    lab.plant_without_marks(&backup).await;
    Restored { lab, token, anchor, old_note }
}

async fn number(house: &House, text: &str) -> i64 {
    let mut tx = house.db().read().await.unwrap();
    let (n,): (i64,) = tx.one(db::Sql::built(text.into()), &[]).await.unwrap();
    n
}

async fn is_known(house: &House, token: &str) -> bool {
    let mut cx = house.read(Who::Nobody).await.unwrap();
    let proof = Proof { token: Some(token.into()), session: None };
    matches!(users::recognise(&mut cx, &proof, None).await.unwrap(), Who::Person(_))
}

async fn change(house: &House) -> app::Result<()> {
    act!(house, Who::System("test"), |cx| cx.note(Event::new("test.happened", "org", 1)).await)
}

#[tokio::test]
async fn a_restored_database_takes_no_changes_and_knows_nobody_until_it_is_acknowledged() {
    let r = restored().await;
    let node = r.lab.second_node().await;
    assert!(node.is_restored(), "seen at the start");
    assert!(!is_known(&node, &r.token).await, "the revived token opens nothing");
    assert!(matches!(change(&node).await, Err(Error::Restored)));
    assert!(!r.lab.house.is_restored());
    r.lab.clock.advance(31_000);
    assert!(!is_known(&r.lab.house, &r.token).await, "a running node sees it within half a minute");
    assert!(r.lab.house.is_restored());
    assert!(restore::acknowledge(&node, " ", false).await.is_err(), "a reason is asked for");
    let ended = restore::acknowledge(&node, "磁盘损坏", false).await.unwrap();
    assert_eq!((ended.epoch, ended.tokens), (1, 1));
    assert!(!node.is_restored());
    change(&node).await.unwrap();
    assert!(!is_known(&node, &r.token).await, "ended for good");
    let noted = events::noted(&node).unwrap().unwrap();
    assert_eq!(noted.epoch, 1);
    let (_, faults) = events::verify(&node, Some(noted.seal)).await.unwrap();
    assert_eq!(faults, []);
    let told = "SELECT COUNT(*) FROM event WHERE kind = 'system.restore_acknowledged'";
    assert_eq!(number(&node, told).await, 1);
    r.lab.clock.advance(31_000);
    assert!(!is_known(&r.lab.house, &r.token).await);
    assert!(!r.lab.house.is_restored(), "the other node goes on by itself");
    assert!(matches!(
        restore::acknowledge(&node, "又一次", false).await,
        Err(Error::Refused(refusal)) if refusal.code == "not_restored"
    ));
    assert_eq!(restore::acknowledge(&node, "整个文件夹", true).await.unwrap().epoch, 2);
}

#[tokio::test]
async fn a_node_with_a_note_of_its_own_takes_over_the_epoch_and_no_hand_can_raise_it() {
    let r = restored().await;
    let node = r.lab.second_node().await;
    let newer = std::fs::read_to_string(&r.anchor).unwrap();
    // An epoch that was written by hand opens nothing.
    r.lab.plant_without_marks("INSERT INTO setting (name, value) VALUES ('epoch', '7 00')").await;
    assert!(restore::look(&node).await.unwrap());
    restore::acknowledge(&node, "磁盘损坏", false).await.unwrap();
    // Another node's note still is the one from before the restore.
    for note in [&newer, &r.old_note] {
        std::fs::write(&r.anchor, note).unwrap();
        assert!(!restore::look(&node).await.unwrap(), "{note}");
        assert_eq!(events::noted(&node).unwrap().unwrap().epoch, 1, "taken over");
    }
    // A backup of an earlier epoch comes back.
    r.lab.plant_without_marks("DELETE FROM setting WHERE name = 'epoch'").await;
    assert!(restore::look(&node).await.unwrap());
}

#[tokio::test]
async fn every_node_moves_its_note_forward_and_an_empty_database_is_a_new_one() {
    let anchor = tempfile::tempdir().unwrap().keep().join("anchor");
    let settings = Settings {
        captcha: Captcha::Off,
        audit_anchor: Some(anchor.clone()),
        ..Settings::default()
    };
    let lab = testkit::fresh_with(settings).await;
    std::fs::write(&anchor, "50 00ff 0\n").unwrap();
    let node = lab.second_node().await;
    assert!(!node.is_restored() && !anchor.exists());
    change(&node).await.unwrap();
    app::jobs::tick(&node).await.unwrap();
    let first = std::fs::read_to_string(&anchor).unwrap();
    change(&node).await.unwrap();
    events::seal(&node, 100).await.unwrap();
    assert_eq!(std::fs::read_to_string(&anchor).unwrap(), first, "sealed by another node");
    assert!(!restore::look(&node).await.unwrap());
    let seal = events::noted(&node).unwrap().unwrap().seal;
    assert_eq!(seal.seq, number(&node, "SELECT MAX(seq) FROM seal").await);
}
