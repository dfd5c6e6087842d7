//! 导入团员 by the pages: a browser without scripts, one with, and a program.

use crate::kit::{self, Answer, Browser, Kit};
use app::testkit::Tree;
use http::{Method, StatusCode};
use serde_json::json;

struct Desk {
    kit: Kit,
    tree: Tree,
    browser: Browser,
}

const HEAD: &str = "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码";

async fn desk() -> Desk {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let who = kit.lab.admin(&tree.branch, "王老师").await;
    let browser = kit.sign_in_as(&who).await;
    Desk { kit, tree, browser }
}

impl Desk {
    fn base(&self) -> String {
        format!("/o/{}/imports", self.tree.branch.code)
    }
    fn row(&self, name: &str, joined: &str) -> String {
        let id = self.kit.lab.next_id_number();
        format!("{name}\t{id}\t汉\t共青团员\t本科\t{joined}\t\t13812346021")
    }
    fn rows(&self) -> String {
        let (good, bad) = (self.row("赵伟", "2016-05"), self.row("钱敏", "二月"));
        format!("{HEAD}\n{good}\n{bad}\n{}", self.row("孙芳", ""))
    }
    /// Uploads by paste as a program; the address of the import.
    async fn upload(&mut self, text: &str) -> String {
        let url = self.base();
        let answer = self.browser.post_json(&url, &json!({ "paste": text })).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        format!("{url}/{}", answer.value()["data"]["id"].as_str().unwrap())
    }
    async fn file(&mut self, name: &str, bytes: &[u8]) -> Answer {
        self.file_beside(name, bytes, "").await
    }
    async fn file_beside(&mut self, name: &str, bytes: &[u8], anew: &str) -> Answer {
        let mut body = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"anew\"\r\n\r\n{anew}\r\n--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--XX--\r\n");
        let head = [("accept", "text/html"), ("content-type", "multipart/form-data; boundary=XX")];
        let url = self.base();
        self.browser.ask(Method::POST, &url, &head, body).await
    }
}

#[tokio::test]
async fn without_scripts_a_list_is_uploaded_repaired_imported_and_taken_back() {
    let mut d = desk().await;
    let base = d.base();
    let text = d.rows();
    let page = d.browser.get(&format!("{base}/new")).await;
    assert!(page.body.contains("上传并核对") && page.body.contains("multipart/form-data"));
    let review = d.browser.submit(&page, &base, &[("paste", &text)]).await;
    assert!(
        review.body.contains("核对与修改") && review.body.contains("2 行留待修改"),
        "{}",
        review.body
    );
    let at = review.url.split("/review").next().unwrap().to_owned();
    let rows = format!("{at}/rows");
    let mut fields = review.hidden(&rows);
    let version = |row: i64| {
        let name = format!("name=\"v{row}\" value=\"");
        let rest = review.body.split(&name).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    for (row, joined) in [(3, "2016-09"), (4, "2017年")] {
        fields.push((format!("v{row}"), version(row)));
        fields.push((format!("c{row}.joined"), joined.into()));
    }
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let page = d.browser.post(&rows, &fields).await;
    assert!(page.body.contains("还有 1 行需修改"), "{}", page.body);
    let early = d.browser.submit(&page, &format!("{at}/commit"), &[("mode", "all")]).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.body.contains(&format!("{at}/review?show=fix")), "{}", early.body);
    let result = d.browser.submit(&page, &format!("{at}/commit"), &[("mode", "good")]).await;
    assert!(result.body.contains("正在导入"), "{}", result.body);
    app::jobs::run_all(&d.kit.lab.house).await.unwrap();
    let result = d.browser.get(&format!("{at}/result")).await;
    assert!(result.body.contains("成功导入 2 位,1 位导入失败"), "{}", result.body);
    let undo = d.browser.get(&format!("{at}/undo")).await;
    assert!(undo.body.contains("将移除 2 人") && undo.body.contains("赵伟"));
    let done = d.browser.submit(&undo, &format!("{at}/undo"), &[]).await;
    assert!(done.body.contains("移除 2 人"), "{}", done.body);
}

#[tokio::test]
async fn with_scripts_one_row_is_checked_and_swapped_with_the_counters() {
    let mut d = desk().await;
    let text = d.rows();
    let at = d.upload(&text).await;
    let review = d.browser.json(&format!("{at}/review")).await.value();
    let version = review["rows"][0]["version"].to_string();
    let head = [
        ("accept", "text/html"),
        ("hx-request", "true"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let body = format!("v3={version}&c3.joined=2016-09").into_bytes();
    let row = d.browser.once(Method::POST, &format!("{at}/rows/3"), &head, body).await;
    assert_eq!(row.status, StatusCode::OK, "{}", row.body);
    assert!(row.body.trim_start().starts_with("<tr id=\"r3\""), "{}", row.body);
    assert!(row.body.contains("没有问题") && row.body.contains("hx-swap-oob"));
    assert!(row.body.contains("导入 2 人"), "{}", row.body);
    let body = format!("v4={version}&c4.joined=1999").into_bytes();
    let row = d.browser.once(Method::POST, &format!("{at}/rows/4"), &head, body).await;
    assert!(row.body.contains("aria-invalid=\"true\"") && row.body.contains("data-cell=\"row-4\""));
}

#[tokio::test]
async fn a_program_uploads_reads_the_review_repairs_commits_and_asks_how_far_it_is() {
    let mut d = desk().await;
    let text = d.rows();
    let at = d.upload(&text).await;
    let review = d.browser.json(&format!("{at}/review?show=all")).await.value();
    assert_eq!(review["import"]["importable"], 1);
    assert_eq!(review["import"]["to_fix"], 2);
    let row = &review["rows"][1];
    assert_eq!((row["row"].as_i64(), row["name"].as_str()), (Some(3), Some("钱敏")));
    assert_eq!(row["problems"][0]["column"], "joined");
    assert_eq!(row["problems"][0]["code"], "month_malformed");
    assert!(row["problems"][0]["message"].as_str().unwrap().contains("哪年哪月"));
    let change = json!({ "version": row["version"], "cells": { "joined": "2016-09" } });
    let fixed = d.browser.post_json(&format!("{at}/rows/3"), &change).await.value();
    assert_eq!(
        (fixed["row"]["state"].as_str(), &fixed["import"]["importable"]),
        (Some("ready"), &json!(2))
    );
    let many = json!({ "rows": [{ "row": 4, "version": review["rows"][2]["version"], "cells": { "joined": "2016-09" } }] });
    let fixed = d.browser.post_json(&format!("{at}/rows"), &many).await.value();
    assert_eq!(fixed["data"]["to_fix"], 0);
    let job = d.browser.post_json(&format!("{at}/commit"), &json!({ "mode": "all" })).await.value();
    assert!(job["data"]["job"].as_str().is_some());
    app::jobs::run_all(&d.kit.lab.house).await.unwrap();
    let result = d.browser.json(&format!("{at}/result")).await.value();
    assert_eq!(
        (&result["import"]["state"], &result["import"]["imported"]),
        (&json!("done"), &json!(3))
    );
}

#[tokio::test]
async fn a_stale_row_shows_both_values() {
    let mut d = desk().await;
    let text = d.rows();
    let at = d.upload(&text).await;
    let first = json!({ "version": 1, "cells": { "joined": "2016-09" } });
    d.browser.post_json(&format!("{at}/rows/3"), &first).await;
    let late = d
        .browser
        .post_once(&format!("{at}/rows/3"), &[("v3", "1"), ("c3.joined", "2016-10")])
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("2016-10") && late.body.contains("2016-09"));
}

#[tokio::test]
async fn files_are_read_and_what_is_no_list_is_said_beside_the_field() {
    let mut d = desk().await;
    let csv = d.rows().replace('\t', ",");
    let page = d.file("名单.csv", csv.as_bytes()).await;
    assert!(page.body.contains("核对与修改") && page.body.contains("名单.csv"), "{}", page.body);
    for (name, bytes, word) in [
        ("a.xlsx", &b"%PDF-1.7"[..], "PDF"),
        ("b.xlsx", &b"PK\x03\x04 half a file"[..], "另存为"),
        ("c.csv", &b""[..], "没有"),
    ] {
        let page = d.file(name, bytes).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}: {}", page.body);
        assert!(page.body.contains(word) && page.body.contains("id=\"e-file\""), "{name}");
    }
    let big = vec![b'a'; 20 * 1024 * 1024 + 1];
    let page = d.file("d.xlsx", &big).await;
    assert!(page.body.contains("超过 20 MB"), "{}", page.status);
    let page = d.browser.post(&d.base(), &[("paste", " ")]).await;
    assert!(page.body.contains("请选择一个文件"), "{}", page.body);
}

#[tokio::test]
async fn templates_and_problem_rows_can_be_taken_away_and_drafts_thrown_away() {
    let mut d = desk().await;
    let base = d.base();
    for which in ["members", "cadres"] {
        let file = d.browser.get(&format!("{base}/template/{which}")).await;
        assert!(file.bytes.starts_with(b"PK"), "{which}");
    }
    let text = d.rows();
    let at = d.upload(&text).await;
    let file = d.browser.get(&format!("{at}/problems.xlsx")).await;
    assert!(file.bytes.starts_with(b"PK"));
    let list = d.browser.get(&base).await;
    assert!(list.body.contains("粘贴的表格") && list.body.contains("待核对"));
    let page = d.browser.get(&format!("{at}/review")).await;
    let gone = d.browser.submit(&page, &format!("{at}/end"), &[]).await;
    assert!(gone.body.contains("还没有导入过"), "{}", gone.body);
    assert_eq!(d.browser.get(&format!("{at}/review")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_superior_chooses_among_her_direct_branches() {
    let mut d = desk().await;
    let who = d.kit.lab.admin(&d.tree.general, "赵书记").await;
    let mut browser = d.kit.sign_in_as(&who).await;
    let url = format!("/o/{}/imports", d.tree.general.code);
    let page = browser.get(&format!("{url}/new?to={}", d.tree.sister.code)).await;
    assert!(page.body.contains("高一1班团支部") && page.body.contains("高一2班团支部"));
    let text = d.rows();
    let form = json!({ "paste": text, "to": d.tree.sister.code });
    let answer = browser.post_json(&url, &form).await.value();
    assert_eq!(answer["data"]["org_name"], "高一2班团支部");
    let wrong = json!({ "paste": text, "to": d.tree.direct.code });
    let refused = browser.post_json(&url, &wrong).await;
    assert!(refused.status.is_client_error(), "{}", refused.status);
    let own = json!({ "paste": text });
    let refused = browser.post_json(&url, &own).await;
    assert!(refused.body.contains("不是团支部"), "{}", refused.body);
    d.browser.get("/me/posts").await;
}

#[tokio::test]
async fn an_unknown_table_is_mapped_on_its_page() {
    let mut d = desk().await;
    let id = d.kit.lab.next_id_number();
    let at = d.upload(&format!("甲\t乙\t丙\n赵伟\t{id}\t2016-05")).await;
    let page = d.browser.get(&format!("{at}/map")).await;
    assert!(page.body.contains("对应列") && !page.body.contains(&id), "samples are masked");
    let url = format!("{at}/map");
    let wrong =
        d.browser.submit(&page, &url, &[("column", "name"), ("column", ""), ("column", "")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [("column", "name"), ("column", "id_number"), ("column", "joined")];
    let review = d.browser.submit(&page, &url, &fields).await;
    assert!(review.body.contains("导入 1 人"), "{}", review.body);
}

#[tokio::test]
async fn the_same_file_leads_back_to_its_draft_until_it_is_meant_to_be_another_one() {
    let mut d = desk().await;
    let base = d.base();
    let csv = d.rows().replace('\t', ",");
    let first = d.file("名单.csv", csv.as_bytes()).await;
    let second = d.file("名单(1).csv", csv.as_bytes()).await;
    assert_eq!(first.url, second.url, "one draft");
    assert!(second.body.contains("这份文件你已于"), "{}", second.body);
    assert!(second.body.contains("1 行可导入,2 行需修改") && second.body.contains("没有另建"));
    // 重新上传 means it.
    let at = first.url.split("/review").next().unwrap().to_owned();
    let id = at.rsplit('/').next().unwrap().to_owned();
    let href = format!("{base}/new?to={}&anew={id}", d.tree.branch.code);
    assert!(second.body.contains(&href.replace('&', "&#38;")), "{}", second.body);
    let form = d.browser.get(&href).await;
    assert!(form.body.contains("会另建一份草稿"), "{}", form.body);
    assert_eq!(form.hidden(&base).iter().find(|(name, _)| name == "anew").unwrap().1, id);
    let third = d.file_beside("名单.csv", csv.as_bytes(), &id).await;
    assert!(third.body.contains("核对与修改") && third.url != first.url);
    let fourth = d.file_beside("名单.csv", csv.as_bytes(), &id).await;
    assert_eq!(fourth.url, third.url, "a second click on it makes no other one");
    // Her superior can't open the draft and is asked; the tick makes her own.
    let who = d.kit.lab.admin(&d.tree.general, "赵书记").await;
    let mut superior = d.kit.sign_in_as(&who).await;
    let url = format!("/o/{}/imports", d.tree.general.code);
    let to = d.tree.branch.code.clone();
    let text = csv.replace(',', "\t");
    d.upload(&text).await;
    let asked = superior.post(&url, &[("to", &to), ("paste", &text)]).await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(asked.body.contains("高一1班团支部 王老师已于"), "{}", asked.body);
    let tick = "name=\"anew\" value=\"";
    let anew = asked.body.split(tick).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let own = superior.post(&url, &[("to", &to), ("paste", &text), ("anew", &anew)]).await;
    assert!(own.body.contains("核对与修改"), "{}", own.body);
}

#[tokio::test]
async fn a_file_that_was_imported_today_is_pointed_out_in_the_review() {
    let mut d = desk().await;
    let text = d.rows();
    let at = d.upload(&text).await;
    d.browser.post_json(&format!("{at}/commit"), &json!({ "mode": "good" })).await;
    app::jobs::run_all(&d.kit.lab.house).await.unwrap();
    let page = d.browser.get(&format!("{at}/result")).await;
    d.browser.submit(&page, &format!("{at}/end"), &[]).await;
    let page = d.browser.get(&format!("{at}/review")).await;
    d.browser.submit(&page, &format!("{at}/end"), &[]).await;
    let again = d.upload(&text).await;
    assert_ne!(at, again);
    let page = d.browser.get(&format!("{again}/review")).await;
    assert!(page.body.contains("导入过 1 位(王老师)"), "{}", page.body);
    assert!(page.body.contains(&format!("{at}/result")));
}

#[tokio::test]
async fn a_post_that_is_taken_leads_to_the_election() {
    let mut d = desk().await;
    let wang = d.kit.lab.person("王芳").await;
    d.kit.lab.cadre(&d.tree.branch, wang, "书记").await;
    let text = format!("{HEAD}\t团内职务\n{}\t书记", d.row("赵伟", "2016-05"));
    let at = d.upload(&text).await;
    let page = d.browser.get(&format!("{at}/review")).await;
    let code = &d.tree.branch.code;
    assert!(page.body.contains("本组织已有书记王芳"), "{}", page.body);
    let election = format!("/o/{code}/elections/new?at={code}");
    assert!(page.body.contains(&election));
    assert_eq!(d.browser.get(&election).await.status, StatusCode::OK);
}
