//! The audit book: whatever is done to it by other hands is found, and where.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{
    Captcha, House, Settings, Who, act,
    events::{self, Event, Fault},
    testkit::{self, Lab},
};

/// A book of eight sealed events and two that wait, with its anchor outside the database.
async fn book() -> (Lab, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap().keep();
    let anchor = folder.join("anchor");
    let settings = Settings {
        captcha: Captcha::Off,
        audit_anchor: Some(anchor.clone()),
        ..Settings::default()
    };
    let lab = testkit::fresh_with(settings).await;
    write(&lab.house, 8).await;
    app::jobs::tick(&lab.house).await.unwrap();
    write(&lab.house, 2).await;
    (lab, anchor)
}

async fn write(house: &House, count: i64) {
    for n in 0..count {
        act!(house, Who::System("test"), |cx| {
            let detail = serde_json::json!({ "n": n });
            cx.note(Event::new("test.happened", "org", n).detail(detail)).await
        })
        .unwrap();
    }
}

async fn faults(house: &House) -> Vec<Fault> {
    let noted = events::noted(house).unwrap().map(|n| n.seal);
    assert!(noted.is_some(), "the newest seal has been noted outside the database");
    events::verify(house, noted).await.unwrap().1
}

/// The id of the event behind a seal.
async fn sealed(house: &House, seq: i64) -> i64 {
    let mut tx = house.db().read().await.unwrap();
    let text = format!("SELECT event_id FROM seal WHERE seq = {seq}");
    let (id,): (i64,) = tx.one(db::Sql::built(text), &[]).await.unwrap();
    id
}

#[tokio::test]
async fn an_untouched_book_verifies_and_its_anchor_holds_the_newest_seal() {
    let (lab, anchor) = book().await;
    assert_eq!(faults(&lab.house).await, []);
    assert_eq!(events::verify(&lab.house, None).await.unwrap().0, 8);
    let noted = std::fs::read_to_string(anchor).unwrap();
    assert!(noted.starts_with("8 ") && noted.trim().len() == 68, "{noted}");
    lab.clock.advance(5_000);
    app::jobs::tick(&lab.house).await.unwrap();
    let (sealed, _) = events::verify(&lab.house, None).await.unwrap();
    assert!(sealed > 8, "the clockwork has sealed what it wrote");
    assert_eq!(u64::try_from(events::noted(&lab.house).unwrap().unwrap().seal.seq), Ok(sealed));
}

#[tokio::test]
async fn an_edited_row_is_found() {
    let (lab, _) = book().await;
    let event = sealed(&lab.house, 3).await;
    let text = format!("UPDATE event SET actor = 'somebody else' WHERE id = {event}");
    lab.scratch.vandalise(&text).await.unwrap();
    assert!(faults(&lab.house).await.contains(&Fault::Forged { event }));
}

#[tokio::test]
async fn an_edited_row_that_waits_to_be_sealed_is_found() {
    let (lab, _) = book().await;
    let text =
        "UPDATE event SET detail = '{}' WHERE id = (SELECT MIN(event_id) FROM event_unsealed)";
    lab.scratch.vandalise(text).await.unwrap();
    assert!(matches!(faults(&lab.house).await.as_slice(), [Fault::Forged { .. }]));
}

#[tokio::test]
async fn a_deleted_row_is_found_with_or_without_its_seal() {
    let (lab, _) = book().await;
    let event = sealed(&lab.house, 4).await;
    let text = format!("DELETE FROM event WHERE id = {event}");
    lab.scratch.vandalise(&text).await.unwrap();
    assert_eq!(faults(&lab.house).await, [Fault::Deleted { event, seq: 4 }]);
    let text = format!("DELETE FROM seal WHERE event_id = {event}");
    lab.scratch.vandalise(&text).await.unwrap();
    assert_eq!(faults(&lab.house).await, [Fault::Broken { seq: 5 }]);
}

#[tokio::test]
async fn an_inserted_row_is_found_however_it_was_slipped_in() {
    let (lab, _) = book().await;
    let copy = "INSERT INTO event (id, at, actor, kind, object, object_id, org_path, detail, request_id, mac) SELECT 7, at, actor, kind, object, object_id, org_path, detail, request_id, mac FROM event WHERE id = (SELECT event_id FROM seal WHERE seq = 1)";
    lab.scratch.vandalise(copy).await.unwrap();
    assert_eq!(faults(&lab.house).await, [Fault::Unlinked { event: 7 }]);
    lab.scratch.vandalise("INSERT INTO event_unsealed (event_id) VALUES (7)").await.unwrap();
    assert_eq!(faults(&lab.house).await, [Fault::Forged { event: 7 }]);
}

#[tokio::test]
async fn rows_in_another_order_are_found() {
    let (lab, _) = book().await;
    let (a, b) = (sealed(&lab.house, 5).await, sealed(&lab.house, 6).await);
    let text = format!(
        "UPDATE seal SET event_id = 1 WHERE seq = 5; UPDATE seal SET event_id = {a} WHERE seq = 6; UPDATE seal SET event_id = {b} WHERE seq = 5"
    );
    lab.scratch.vandalise(&text).await.unwrap();
    assert!(faults(&lab.house).await.contains(&Fault::Broken { seq: 5 }));
}

#[tokio::test]
async fn a_tail_that_was_cut_off_is_found_by_the_anchor() {
    let (lab, _) = book().await;
    let text = "DELETE FROM event WHERE id IN (SELECT event_id FROM seal WHERE seq > 6); DELETE FROM seal WHERE seq > 6";
    lab.scratch.vandalise(text).await.unwrap();
    assert_eq!(faults(&lab.house).await, [Fault::CutOff { seq: 6, noted: 8 }]);
    assert_eq!(
        events::verify(&lab.house, None).await.unwrap().1,
        [],
        "without it nobody could know"
    );
}

#[tokio::test]
async fn a_whole_book_sealed_anew_does_not_fit_the_anchor() {
    let (lab, _) = book().await;
    // Everything taken out and sealed once more, with another row at the front.
    let text = "DELETE FROM event WHERE id = (SELECT event_id FROM seal WHERE seq = 1); DELETE FROM event_unsealed; DELETE FROM seal; INSERT INTO event_unsealed (event_id) SELECT id FROM event";
    lab.scratch.vandalise(text).await.unwrap();
    events::seal(&lab.house, 100).await.unwrap();
    assert_eq!(faults(&lab.house).await, [Fault::Broken { seq: 8 }]);
}
