//! 组织体检 as a superior walks it: the counts, a list with what mends each row, the workbook.

use crate::kit;
use http::StatusCode;

#[tokio::test]
async fn what_needs_a_hand_is_counted_listed_with_a_way_and_downloaded() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let school = kit.lab.admin(&tree.committee, "王芳").await;
    kit.lab.member(&tree.direct, "张伟").await;
    app::stats::settle(&kit.lab.house).await.unwrap();
    app::health::look_at_all(&kit.lab.house).await.unwrap();
    let mut browser = kit.sign_in_as(&school).await;
    let base = format!("/o/{}", tree.committee.code);
    let home = browser.get(&base).await;
    assert!(home.body.contains(&format!("{base}/health")), "it stands in the menu");
    let page = browser.get(&format!("{base}/health")).await;
    for words in ["没有团员的团支部", "不足 3 人的团支部", "没有管理员", "高一年级团总支"]
    {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    let few = browser.get(&format!("{base}/health/few")).await;
    assert!(few.body.contains("教工团支部") && few.body.contains("1 人"), "{}", few.body);
    assert!(few.body.contains(&format!("{base}/children/{}/close", tree.direct.code)));
    // A grandchild is its own superior's.
    let empty = browser.get(&format!("{base}/health/empty")).await;
    assert!(empty.body.contains("高一1班团支部") && empty.body.contains("高一年级团总支"));
    assert!(!empty.body.contains(&format!("/children/{}/close", tree.branch.code)));
    let under = browser.get(&format!("{base}/health?under={}", tree.general.code)).await;
    assert!(under.body.contains("高一年级团总支及全部下级组织"), "{}", under.body);
    let action = format!("{base}/health/empty/export");
    let file = browser.submit(&empty, &action, &[]).await;
    assert_eq!(file.status, StatusCode::OK);
    assert!(file.bytes.starts_with(b"PK"), "a workbook");
    let wrong = browser.get(&format!("{base}/health/nothing")).await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    let stranger = browser.get(&format!("{base}/health?under={}", tree.far_branch.code)).await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND);
}
