//! Posts, the 书记, elections, administrators and observers through the front door.

use crate::kit::{self, Answer, Browser, Kit};
use app::{Who, testkit::Tree};
use http::StatusCode;

struct World {
    kit: Kit,
    tree: Tree,
    /// Administrator of the general branch.
    above: Who,
    /// Administrator of the branch.
    own: Who,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let above = kit.lab.admin(&tree.general, "王老师").await;
    let own = kit.lab.admin(&tree.branch, "周同学").await;
    World { kit, tree, above, own }
}

impl World {
    async fn code_of(&self, who: &Who) -> String {
        let mut cx = self.kit.lab.house.read(Who::System("test")).await.unwrap();
        app::people::person::read(&mut cx, kit::person_of(who)).await.unwrap().code
    }
}

fn ok(page: &Answer, words: &[&str]) {
    assert_eq!(page.status, StatusCode::OK, "{} {}", page.url, page.body);
    for word in words {
        assert!(page.body.contains(word), "{word} is not on {}: {}", page.url, page.body);
    }
}

fn refused(page: &Answer, status: StatusCode, word: &str) {
    assert_eq!(page.status, status, "{}", page.body);
    assert!(page.body.contains(word), "{word}: {}", page.body);
}

#[tokio::test]
async fn a_cadre_is_entered_becomes_administrator_and_is_let_go() {
    let w = world().await;
    let mut own = w.kit.sign_in_as(&w.own).await;
    let base = format!("/o/{}", w.tree.branch.code);
    let page = own.get(&format!("{base}/admins")).await;
    ok(&page, &["1 / 3 位", "本人,由他人撤销", "先录入团干部"]);
    let action = format!("{base}/cadres/new");
    let page = own.get(&action).await;
    let id = w.kit.lab.next_id_number();
    let wrong = own.submit(&page, &action, &[("name", "李想"), ("id_number", "123")]).await;
    refused(&wrong, StatusCode::UNPROCESSABLE_ENTITY, "请选择“现任团内职务”");
    assert!(wrong.body.contains("李想"), "what was typed is kept");
    let fields = [("name", "李想"), ("id_number", id.as_str()), ("post", "副书记")];
    let list = own.submit(&wrong, &action, &fields).await;
    ok(&list, &["已录入团干部李想", "缺"]);
    // The same number with another name tells nothing, and is counted.
    let page = own.get(&action).await;
    let other = [("name", "李梦"), ("id_number", id.as_str()), ("post", "组织委员")];
    let said = own.submit(&page, &action, &other).await;
    refused(&said, StatusCode::UNPROCESSABLE_ENTITY, "姓名与证件号对不上");
    assert!(!said.body.contains("李想"), "no name leaks");
    assert_eq!(w.kit.number("SELECT failures FROM attempt WHERE key LIKE 'lookup:%'").await, 1);

    let page = own.get(&format!("{base}/admins")).await;
    let person = page.body.split("李想(副书记)").next().unwrap().rsplit("value=\"").next();
    let person = person.unwrap().split('"').next().unwrap().to_owned();
    let added = own.submit(&page, &format!("{base}/admins"), &[("person", &person)]).await;
    ok(&added, &["李想已成为高一1班团支部的管理员", "2 / 3 位"]);
    let me = w.code_of(&w.own).await;
    let page = own.get(&format!("{base}/admins/{me}/revocation")).await;
    ok(&page, &["不能撤销自己的管理员身份", "李想"]);
    assert!(!page.body.contains("撤销管理员身份</button>"));
    let forced = own.post(&format!("{base}/admins/{me}/revocation"), &[]).await;
    refused(&forced, StatusCode::CONFLICT, "不能撤销自己");

    let removal = format!("{base}/cadres/{person}/removal");
    let page = own.get(&removal).await;
    ok(&page, &["管理员身份同时结束", "免去李想的职务"]);
    let done = own.submit(&page, &removal, &[("reason", "调离")]).await;
    ok(&done, &["已免去李想在高一1班团支部的职务,管理员身份同时结束"]);
    w.kit.lab.is_whole().await;
}

#[tokio::test]
async fn revoked_rights_are_gone_with_the_next_click_and_the_post_stays() {
    let w = world().await;
    let mut own = w.kit.sign_in_as(&w.own).await;
    let mut above = w.kit.sign_in_as(&w.above).await;
    let there = format!("/o/{}", w.tree.general.code);
    let at = format!("?at={}", w.tree.branch.code);
    let code = w.code_of(&w.own).await;
    ok(&own.get(&format!("/o/{}", w.tree.branch.code)).await, &[]);
    let page = above.get(&format!("{there}/admins{at}")).await;
    ok(&page, &["周同学"]);
    let action = format!("{there}/admins/{code}/revocation");
    let page = above.get(&format!("{action}{at}")).await;
    ok(&page, &["没有了", "将没有管理员"]);
    let done = above.submit(&page, &action, &[]).await;
    ok(&done, &["已撤销周同学在高一1班团支部的管理员身份,职务不变", "还没有管理员"]);
    let gone = own.get(&format!("/o/{}/members", w.tree.branch.code)).await;
    assert_eq!(gone.status, StatusCode::FORBIDDEN);
    // The post shows the home of the organisation, and nothing to be done there (decision 28).
    ok(&own.get(&format!("/o/{}", w.tree.branch.code)).await, &["没有管理员身份"]);
    let letters = own.get("/me/messages").await;
    ok(&letters, &["你不再是高一1班团支部的管理员"]);
    let list = above.get(&format!("{there}/cadres?of=children")).await;
    ok(&list, &["周同学", "副书记"]);
    // A stranger of another committee may not even look.
    let far = w.kit.lab.admin(&w.tree.other_committee, "路人").await;
    let mut far = w.kit.sign_in_as(&far).await;
    let hidden = far.get(&format!("/o/{}/admins{at}", w.tree.other_committee.code)).await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_secretary_is_entered_with_one_tick() {
    let w = world().await;
    let mut own = w.kit.sign_in_as(&w.own).await;
    let action = format!("/o/{}/info/secretary", w.tree.branch.code);
    let page = own.get(&action).await;
    ok(&page, &["我就是书记"]);
    let done = own.submit(&page, &action, &[("myself", "1")]).await;
    ok(&done, &["已登记高一1班团支部的书记:周同学"]);
    ok(&own.get(&action).await, &["办理换届", "已填"]);
    let mut above = w.kit.sign_in_as(&w.above).await;
    let of = format!("/o/{}/orgs/{}/secretary", w.tree.general.code, w.tree.sister.code);
    let page = above.get(&of).await;
    assert!(!page.body.contains("我就是书记"), "not for somebody else's organisation");
    let id = w.kit.lab.next_id_number();
    let fields = [("name", "新书记"), ("id_number", id.as_str()), ("mobile", "13912345678")];
    let done = above.submit(&page, &of, &fields).await;
    ok(&done, &["已登记高一2班团支部的书记:新书记"]);
    let page = above.get(&of).await;
    ok(&page, &["新书记"]);
    let card = above.get(&format!("/o/{}/orgs/{}", w.tree.general.code, w.tree.sister.code)).await;
    ok(&card, &["书记信息", "管理员变更"]);
    w.kit.lab.is_whole().await;
}

async fn elect(
    browser: &mut Browser,
    page: &Answer,
    base: &str,
    fields: &[(&str, &str)],
) -> Answer {
    browser.submit(page, &format!("{base}/elections/new"), fields).await
}

#[tokio::test]
async fn an_election_shows_every_effect_before_it_is_held() {
    let w = world().await;
    let member = w.kit.lab.member(&w.tree.branch, "组织委员人选").await;
    let member = w.code_of(&w.kit.lab.alone(member, "组织委员人选")).await;
    let mut own = w.kit.sign_in_as(&w.own).await;
    let base = format!("/o/{}", w.tree.branch.code);
    let first = own.get(&format!("{base}/info/secretary")).await;
    own.submit(&first, &format!("{base}/info/secretary"), &[("myself", "1")]).await;
    let me = w.code_of(&w.own).await;
    let (post, admin) = (format!("p-{me}"), format!("a-{me}"));
    let id = w.kit.lab.next_id_number();
    let result = |day: &'static str| {
        vec![
            ("elected_on", day),
            (post.as_str(), "leave"),
            ("new-1-name", "新书记"),
            ("new-1-id_number", id.as_str()),
            ("new-1-mobile", "13912345678"),
            ("new-1-post", "书记"),
            ("new-1-admin", "1"),
            ("new-2-member", member.as_str()),
            ("new-2-post", "组织委员"),
        ]
    };
    let page = own.get(&format!("{base}/elections/new")).await;
    ok(&page, &["留任书记", "组织委员人选", &admin]);
    let refusal = elect(&mut own, &page, &base, &result("2026-06-10")).await;
    refused(&refusal, StatusCode::CONFLICT, "书记不能变更自己的书记职务");
    assert!(refusal.body.contains("高一年级团总支"), "who can is said: {}", refusal.body);

    let mut above = w.kit.sign_in_as(&w.above).await;
    let there = format!("/o/{}", w.tree.general.code);
    let new = format!("{there}/elections/new?at={}", w.tree.branch.code);
    let page = above.get(&new).await;
    let wrong = elect(&mut above, &page, &there, &result("2027-01-01")).await;
    refused(&wrong, StatusCode::UNPROCESSABLE_ENTITY, "换届时间不能在今天之后");
    assert!(wrong.body.contains("13912345678"), "what was typed is kept: {}", wrong.body);
    let check = elect(&mut above, &wrong, &there, &result("2026-06-10")).await;
    ok(&check, &["撤销周同学的管理员身份", "新书记任书记", "将新建", "组织委员人选任组织委员"]);
    // The check has an address of its own: a reload asks nothing, and the form can be changed.
    ok(&above.get(&check.url).await, &["新书记任书记"]);
    let back = above.get(&format!("{}&edit=1", check.url)).await;
    ok(&back, &["13912345678"]);
    let second = w.kit.lab.admin(&w.tree.general, "赵老师").await;
    let mut other = w.kit.sign_in_as(&second).await;
    let foreign = other.get(&check.url).await;
    assert!(!foreign.body.contains("13912345678"), "somebody else's form is not shown");
    let held = above.submit(&check, &format!("{there}/elections"), &[]).await;
    ok(&held, &["换届已完成:书记新书记,管理员 新书记", "2026-06-10"]);
    let twice = above.submit(&check, &format!("{there}/elections"), &[]).await;
    ok(&twice, &["换届已完成"]);
    let page = above.get(&new).await;
    ok(&page, &["新书记", "2027-06-10"]);
    assert_eq!(own.get(&base).await.status, StatusCode::NOT_FOUND, "the old right is gone");
    w.kit.lab.is_whole().await;
}

#[tokio::test]
async fn administrators_below_are_confirmed_once_a_year() {
    let w = world().await;
    w.kit.lab.clock.advance(400 * app::clock::DAY);
    let mut above = w.kit.sign_in_as(&w.above).await;
    let action = format!("/o/{}/admins/confirm", w.tree.general.code);
    let page = above.get(&action).await;
    ok(&page, &["周同学", "高一1班团支部"]);
    let none = above.submit(&page, &action, &[]).await;
    refused(&none, StatusCode::UNPROCESSABLE_ENTITY, "请至少选择一位管理员");
    let key = page.body.split("name=\"seat\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let done = above.submit(&page, &action, &[("seat", key)]).await;
    ok(&done, &["已确认1位管理员", "没有需要确认的管理员"]);
}

#[tokio::test]
async fn an_observer_looks_until_the_day_and_can_be_ended_before() {
    let w = world().await;
    let person = w.kit.lab.person("看看").await;
    let id = w.kit.id_number(person).await;
    let mut above = w.kit.sign_in_as(&w.above).await;
    let base = format!("/o/{}", w.tree.general.code);
    let action = format!("{base}/observers");
    let page = above.get(&action).await;
    ok(&page, &["还没有观察员", "最晚 2027-06-15"]);
    let fields = [("name", "看看"), ("id_number", id.as_str()), ("until", "2026-06-20")];
    let done = above.submit(&page, &action, &fields).await;
    ok(&done, &["看看已成为观察员", "还剩 5 天"]);
    let observer = w.kit.lab.alone(person, "看看");
    let mut eyes = w.kit.sign_in_as(&observer).await;
    ok(&eyes.get(&format!("{base}/cadres")).await, &["团干部列表"]);
    assert_eq!(eyes.get(&action).await.status, StatusCode::FORBIDDEN);
    let code = w.code_of(&observer).await;
    let ended = above.submit(&done, &format!("{action}/{code}/end"), &[]).await;
    ok(&ended, &["已结束看看的观察员身份"]);
    assert_eq!(eyes.get(&format!("{base}/cadres")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_progress_of_cadres_is_shown_by_kind_and_taken_away_as_a_table() {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let who = kit.lab.admin(&tree.county, "周敏").await;
    let mut browser = kit.sign_in_as(&who).await;
    let base = format!("/o/{}/progress/cadres", tree.county.code);
    let all = browser.get(&base).await;
    assert!(all.body.contains("合肥第一中学团委") && all.body.contains("团干部"), "{}", all.body);
    let lead = browser.get(&format!("{base}?of=lead")).await;
    assert!(lead.body.contains("这里没有这一类的下级组织"), "{}", lead.body);
    for sort in ["branches_falling", "members_rising"] {
        assert!(browser.get(&format!("{base}?sort={sort}")).await.status.is_success());
    }
    let list = browser.get(&format!("/o/{}/cadres", tree.county.code)).await;
    let url = format!("/o/{}/cadres/export", tree.county.code);
    let taken = browser.submit(&list, &url, &[("of", "")]).await;
    assert!(taken.status.is_success(), "{}", taken.body);
    let book = browser.get(&format!("/o/{}/progress/cadres.xlsx", tree.county.code)).await;
    assert!(book.status.is_success());
}

#[tokio::test]
async fn nobody_learns_a_strangers_name_by_guessing_at_codes() {
    let w = world().await;
    let stranger = w.kit.lab.member(&w.tree.sister, "欧阳明月").await;
    let code = {
        let mut cx = w.kit.lab.house.read(Who::System("test")).await.unwrap();
        app::people::person::read(&mut cx, stranger).await.unwrap().code
    };
    let mut browser = w.kit.sign_in_as(&w.own).await;
    let base = format!("/o/{}", w.tree.branch.code);
    let mut answers = vec![
        browser.get(&format!("{base}/admins/{code}/revocation")).await,
        browser.post(&format!("{base}/admins/{code}/revocation"), &[]).await,
        browser.post(&format!("{base}/admins/{code}/resumption"), &[]).await,
        browser.post(&format!("{base}/admins"), &[("person", &code)]).await,
        browser.post(&format!("{base}/observers/{code}/end"), &[]).await,
    ];
    for path in crate::crawl::table() {
        if path.method == http::Method::GET && path.path.contains("{pid}") {
            let url = path.path.replace("/o/{org}", &base).replace("{pid}", &code);
            answers.push(browser.get(&url).await);
        }
    }
    for answer in answers {
        assert!(!answer.body.contains("欧阳明月"), "{}: {}", answer.url, answer.body);
    }
}
