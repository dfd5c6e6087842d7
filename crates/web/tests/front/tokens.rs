//! Personal tokens: named, listed, limited, and ended on the page and with the password.

use crate::kit::{self, Browser, Kit, PASSWORD};
use app::clock::DAY;
use http::StatusCode;

/// Makes a token on the page and gives its secret.
async fn made(browser: &mut Browser, fields: &[(&str, &str)]) -> String {
    let page = browser.get("/me/tokens").await;
    let answer = browser.submit(&page, "/me/tokens", fields).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let from = answer.body.find("tjt_").expect("the secret is shown");
    answer.body[from..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn program(kit: &Kit, token: &str) -> Browser {
    let mut browser = kit.browser();
    browser.bearer = Some(token.into());
    browser
}

#[tokio::test]
async fn a_token_is_named_shown_once_listed_with_its_last_use_and_ended() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut browser = kit.sign_in(&account).await;
    let token = made(&mut browser, &[("label", "教务系统"), ("scope", "read")]).await;
    let page = browser.get("/me/tokens").await;
    assert!(page.body.contains("教务系统") && page.body.contains("还没有用过"), "{}", page.body);
    assert!(!page.body.contains(&token), "the secret is shown once");
    let mut script = program(&kit, &token);
    assert_eq!(script.json(&format!("/o/{}", tree.branch.code)).await.status, StatusCode::OK);
    for _ in 0..500 {
        if kit.number("SELECT COUNT(*) FROM token WHERE used_at IS NOT NULL").await == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let page = browser.get("/me/tokens").await;
    assert!(!page.body.contains("还没有用过"), "its last use is told");
    let list = browser.json("/me/tokens").await.value();
    let id = list["list"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(list["list"][0]["scope"], "read");
    let ended = browser.submit(&page, "/me/tokens/end", &[("id", &id)]).await;
    assert!(ended.body.contains("已停用1个令牌"), "{}", ended.body);
    let after = script.json(&format!("/o/{}", tree.branch.code)).await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
    let again = browser.post("/me/tokens/end", &[("id", &id)]).await;
    assert!(again.body.contains("可能已经停用"), "{}", again.body);
}

#[tokio::test]
async fn a_token_lives_as_long_as_was_said_and_never_longer_than_the_policy() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut browser = kit.sign_in(&account).await;
    for days in ["0", "367", "-1", "many"] {
        let answer = browser.post("/me/tokens", &[("label", "脚本"), ("days", days)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{days}");
        assert!(answer.body.contains("1至366") && answer.body.contains("脚本"), "{}", answer.body);
    }
    let nameless = browser.post("/me/tokens", &[("label", "  ")]).await;
    assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
    let token = made(&mut browser, &[("label", "脚本")]).await;
    let url = format!("/o/{}", tree.branch.code);
    kit.lab.clock.advance(90 * DAY - 1);
    assert_eq!(program(&kit, &token).json(&url).await.status, StatusCode::OK);
    kit.lab.clock.advance(1);
    assert_eq!(program(&kit, &token).json(&url).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_that_reads_changes_nothing_and_one_for_an_organisation_opens_no_other() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let who = kit.lab.admin(&tree.committee, "王芳").await;
    kit.lab.seat(&tree.other_committee, kit::person_of(&who), "副书记").await;
    let account = kit.account_of(&who).await;
    let mut browser = kit.sign_in(&account).await;
    let (here, there) = (tree.committee.code.clone(), tree.other_committee.code.clone());
    let reads = made(&mut browser, &[("label", "读"), ("scope", "read")]).await;
    let one = made(&mut browser, &[("label", "一"), ("scope", "write"), ("org", &here)]).await;
    let writes = made(&mut browser, &[("label", "写"), ("scope", "write")]).await;

    let mut script = program(&kit, &reads);
    assert_eq!(script.json(&format!("/o/{there}")).await.status, StatusCode::OK);
    for url in [format!("/o/{here}/members/new"), "/me/profile/edit".into(), "/logout".into()] {
        let answer = script.post_json(&url, &serde_json::json!({})).await;
        assert!(
            [StatusCode::FORBIDDEN, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_FOUND]
                .contains(&answer.status),
            "{url}: {}",
            answer.status
        );
    }
    let answer = script.post_json("/me/profile/edit", &serde_json::json!({})).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("查看和办理"), "it says what kind of token can: {}", answer.body);

    let mut script = program(&kit, &one);
    assert_eq!(script.json(&format!("/o/{here}")).await.status, StatusCode::OK);
    assert_eq!(script.json(&format!("/o/{there}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(script.json("/me/profile").await.status, StatusCode::FORBIDDEN);

    // None of them makes a token, ends one or changes the password.
    for token in [&reads, &one, &writes] {
        let mut script = program(&kit, token);
        for url in ["/me/tokens", "/me/tokens/end", "/me/sessions/end"] {
            let answer = script.post_json(url, &serde_json::json!({ "label": "x" })).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{url}: {}", answer.body);
        }
    }
    let foreign = [("label", "x"), ("org", tree.far_committee.code.as_str())];
    let answer = browser.post("/me/tokens", &foreign).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_change_of_password_ends_every_token() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let account = kit.account_of(&kit.lab.admin(&tree.branch, "王芳").await).await;
    let mut browser = kit.sign_in(&account).await;
    let token = made(&mut browser, &[("label", "脚本"), ("scope", "write")]).await;
    let url = format!("/o/{}", tree.branch.code);
    assert_eq!(program(&kit, &token).json(&url).await.status, StatusCode::OK);
    let new = "Rainy-Umbrella-Quartz";
    let fields = [("old", PASSWORD), ("password", new), ("password_again", new)];
    let answer = browser.post("/me/password", &fields).await;
    assert!(answer.body.contains("令牌已全部停用"), "{}", answer.body);
    assert_eq!(program(&kit, &token).json(&url).await.status, StatusCode::UNAUTHORIZED);
}
