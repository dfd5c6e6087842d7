//! When something breaks: the database is away, the disk is full, work piles up.

use crate::kit;
use http::StatusCode;

#[tokio::test]
async fn without_its_database_every_page_says_so_and_keeps_what_was_typed() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut browser = kit.sign_in(&account).await;
    assert_eq!(kit.browser().get("/health").await.status, StatusCode::OK);
    kit.lab.house.db().close().await;
    assert_eq!(kit.browser().get("/health").await.status, StatusCode::SERVICE_UNAVAILABLE);
    for url in ["/me/settings", &format!("/o/{}", tree.branch.code)] {
        let page = browser.get(url).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{url}");
        assert!(page.body.contains("系统暂时存不了数据") && page.body.contains("req-"), "{url}");
        assert_eq!(browser.json(url).await.value()["code"], "storage");
    }
    let page = browser.post("/me/sessions/end", &[("id", "12")]).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(page.hidden("/me/sessions/end"), [("id".to_owned(), "12".to_owned())]);
    let page =
        kit.browser().post("/login", &[("id_number", "x"), ("password", "geheim-2026")]).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!page.body.contains("geheim-2026"));
    // Pages that need no database are there.
    for url in ["/login", "/help", "/about/accessibility"] {
        assert_eq!(kit.browser().get(url).await.status, StatusCode::OK, "{url}");
    }
    let status = kit.browser().get("/status").await;
    assert!(status.status == StatusCode::OK && status.body.contains("暂时不可用"));
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_half_done_and_all_goes_on_afterwards() {
    let kit = kit::open().await;
    if kit.lab.house.db().engine() != db::Engine::Sqlite {
        return; // A server's disk is its own; the same error code is tested in `db`.
    }
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut browser = kit.sign_in(&account).await;
    let pages = kit.number("PRAGMA page_count").await;
    most_pages(&kit, pages).await;
    let mut full = None;
    for n in 0..400 {
        let answer = browser.post("/me/sessions/end", &[("_idem", &format!("K{n}"))]).await;
        if answer.status != StatusCode::OK {
            full = Some(answer);
            break;
        }
    }
    let answer = full.expect("the disk gets full");
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("系统暂时存不了数据") && answer.body.contains("重新提交"));
    let before = kit.number("SELECT COUNT(*) FROM event").await;
    assert_eq!(before, kit.number("SELECT COUNT(*) FROM event_unsealed").await);
    assert_eq!(browser.get("/me/settings").await.status, StatusCode::OK, "reading goes on");
    // There is room again; the program was not started anew.
    let again = browser.submit(&answer, "/me/sessions/end", &[]).await;
    assert!(again.body.contains("没有别处的登录需要注销"), "{}", again.body);
    assert_eq!(kit.number("SELECT COUNT(*) FROM event").await, before + 1);
}

/// How large the file may become: the disk of this test. Holds for the writer's connection, which
/// is given up when the disk was full; so there is room again afterwards.
async fn most_pages(kit: &kit::Kit, pages: i64) {
    let mut tx = kit.lab.house.db().write().await.unwrap();
    let text = format!("PRAGMA max_page_count = {pages}");
    let _: (i64,) = tx.one(db::Sql::built(text), &[]).await.unwrap();
    tx.commit().await.unwrap();
}
