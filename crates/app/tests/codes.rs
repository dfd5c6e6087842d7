//! Registration codes and 管理员注册: one code, one administrator, whatever happens at once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, wherever it stands")]

use app::{
    Error, OrgRef, Who, act, cadres,
    clock::DAY,
    codes::{self, Bind, Joining, State, sheet},
    files::FileId,
    jobs, messages,
    orgs::{self, Category},
    testkit::{self, Lab, Tree},
    users::sessions::Device,
};
use futures::future::join_all;

async fn issue(lab: &Lab, admin: &Who, org: &OrgRef) -> String {
    let codes = [org.code.clone()];
    let issued = act!(lab.house, admin.clone(), |cx| codes::issue(cx, &codes).await).unwrap();
    plain(lab, admin, issued.sheet).await.remove(0)
}

async fn plain(lab: &Lab, admin: &Who, id: FileId) -> Vec<String> {
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    let sheet = sheet::open(&mut cx, id).await.unwrap();
    sheet.entries.into_iter().map(|e| e.code).collect()
}

fn joining(lab: &Lab, code: &str, name: &str, post: &str) -> Joining {
    Joining {
        code: code.into(),
        name: name.into(),
        id_number: lab.next_id_number(),
        mobile: "13812346021".into(),
        post: post.into(),
        password: "Hefei-Binhu-77".into(),
        again: "Hefei-Binhu-77".into(),
    }
}

fn device(address: &str) -> Device {
    Device { address: address.into(), name: "test".into(), marks: String::new() }
}

async fn register(lab: &Lab, form: &Joining) -> app::Result<(String, String)> {
    codes::register(&lab.house, form, &device("10.0.0.1")).await
}

fn refusal(error: Error) -> String {
    match error {
        Error::Refused(r) | Error::Conflict(r) => r.code.clone(),
        Error::Invalid(list) => list[0].code.clone(),
        other => other.to_string(),
    }
}

async fn state(lab: &Lab, admin: &Who, org: &OrgRef) -> codes::Row {
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    codes::of_child(&mut cx, org).await.unwrap().unwrap()
}

async fn seats(lab: &Lab, org: &OrgRef) -> Vec<cadres::Seat> {
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    cadres::seats(&mut cx, org).await.unwrap()
}

async fn ground() -> (Lab, Tree, Who) {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let admin = lab.admin(&tree.committee, "王芳").await;
    (lab, tree, admin)
}

#[tokio::test]
async fn a_code_makes_its_holder_administrator_of_its_organisation_and_is_spent() {
    let (lab, tree, admin) = ground().await;
    let code = issue(&lab, &admin, &tree.general).await;
    assert_eq!(state(&lab, &admin, &tree.general).await.state, State::Waiting);
    assert_eq!(state(&lab, &admin, &tree.general).await.days_left, Some(20));
    let spaced = format!(" {} {} ", code[..4].to_lowercase(), &code[4..]);
    let offer = codes::offer(&lab.house, Who::Nobody, &spaced, "10.0.0.1").await.unwrap();
    assert_eq!(offer.short_name, "高一年级团总支");
    assert_eq!(offer.above.last().unwrap(), "合肥第一中学团委");
    assert_eq!((offer.seat, offer.seats), (1, 3));
    let form = joining(&lab, &spaced, "孙丽", "secretary");
    let (secret, org) = register(&lab, &form).await.unwrap();
    assert_eq!((org.as_str(), secret.len()), (tree.general.code.as_str(), 32));
    let row = state(&lab, &admin, &tree.general).await;
    assert_eq!((row.state, row.used_by.as_deref(), row.admins), (State::Used, Some("孙丽"), 1));
    // The superior was told.
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    let told = messages::of_org(&mut cx, true, None, 10).await.unwrap();
    assert!(told.iter().any(|m| m.title.contains("孙丽")), "{told:?}");
    drop(cx);
    // The same form again signs in once more; another person hears that the code is used.
    assert!(register(&lab, &form).await.is_ok());
    let other = joining(&lab, &code, "李四", "deputy");
    assert_eq!(refusal(register(&lab, &other).await.unwrap_err()), "E02");
    lab.is_whole().await;
}

#[tokio::test]
async fn fifty_people_with_one_code_make_one_administrator() {
    let (lab, tree, admin) = ground().await;
    let code = issue(&lab, &admin, &tree.general).await;
    let forms: Vec<Joining> = (0..50).map(|_| joining(&lab, &code, "赵敏", "deputy")).collect();
    let results = join_all(forms.iter().map(|form| register(&lab, form))).await;
    let won = results.iter().filter(|r| r.is_ok()).count();
    assert_eq!(won, 1);
    for lost in results.into_iter().filter_map(Result::err) {
        assert!(
            // Attempts are counted before the code is looked at, so the later ones are held off.
            matches!(&lost, Error::Refused(r) if r.code == "E02")
                || matches!(lost, Error::Busy | Error::TooMany { .. }),
            "{lost:?}"
        );
    }
    assert_eq!(seats(&lab, &tree.general).await.len(), 1);
    lab.is_whole().await;
}

#[tokio::test]
async fn a_code_voided_while_it_is_used_is_either_used_or_void() {
    let (lab, tree, admin) = ground().await;
    for turn in 0..8 {
        let branch =
            lab.org(Some(&tree.committee), Category::Branch, &format!("第{turn}团支部")).await;
        let code = issue(&lab, &admin, &branch).await;
        let form = joining(&lab, &code, "赵敏", "deputy");
        let names = [branch.code.clone()];
        let (joined, voided) = tokio::join!(register(&lab, &form), async {
            act!(lab.house, admin.clone(), |cx| codes::revoke(cx, &names).await)
        });
        assert_ne!(joined.is_ok(), voided.is_ok(), "{joined:?} {voided:?}");
        let row = state(&lab, &admin, &branch).await;
        let expected = if joined.is_ok() { State::Used } else { State::Revoked };
        assert_eq!(row.state, expected);
        assert_eq!(row.admins, i64::from(joined.is_ok()));
    }
    lab.is_whole().await;
}

#[tokio::test]
async fn the_last_seat_is_taken_once_by_a_code_or_by_appointment() {
    let (lab, tree, admin) = ground().await;
    for turn in 0..6 {
        let branch =
            lab.org(Some(&tree.committee), Category::Branch, &format!("第{turn}团支部")).await;
        lab.admin(&branch, "甲").await;
        lab.admin(&branch, "乙").await;
        let cadre = lab.person("丙").await;
        lab.cadre(&branch, cadre, "副书记").await;
        let code = issue(&lab, &admin, &branch).await;
        let form = joining(&lab, &code, "丁", "other");
        let (joined, appointed) = tokio::join!(register(&lab, &form), async {
            act!(lab.house, Who::System("test"), |cx| {
                let permit = cx.permit_system(app::Action::ManageAdmins)?;
                cadres::seat(cx, &permit, &branch, cadre).await?;
                cx.record(permit, app::events::Event::new("admin.seated", "org", branch.id.0)).await
            })
        });
        assert_ne!(joined.is_ok(), appointed.is_ok(), "{joined:?} {appointed:?}");
        assert_eq!(seats(&lab, &branch).await.len(), 3);
    }
    lab.is_whole().await;
}

#[tokio::test]
async fn a_code_is_judged_anew_when_it_is_used() {
    let (lab, tree, admin) = ground().await;
    let offer = |code: String| {
        let house = lab.house.clone();
        async move { codes::offer(&house, Who::Nobody, &code, "10.0.0.1").await.map(|_| ()) }
    };
    // Issued again: the first one is void.
    let first = issue(&lab, &admin, &tree.general).await;
    let second = issue(&lab, &admin, &tree.general).await;
    assert_eq!(refusal(offer(first).await.unwrap_err()), "E02");
    offer(second.clone()).await.unwrap();
    // The organisation is moved away, comes back, is closed.
    let set = |what: String| {
        let id = tree.general.id;
        let lab = &lab;
        async move { lab.plant(&format!("UPDATE org SET {what} WHERE id = {id}")).await.unwrap() }
    };
    set(format!("parent_id = {}", tree.other_committee.id)).await;
    assert_eq!(refusal(offer(second.clone()).await.unwrap_err()), "E02");
    set(format!("parent_id = {}", tree.committee.id)).await;
    offer(second.clone()).await.unwrap();
    set("status = 'DELETED'".into()).await;
    assert_eq!(refusal(offer(second.clone()).await.unwrap_err()), "E02");
    set("status = 'ACTIVE'".into()).await;
    // Three administrators: no seat for it.
    for name in ["甲", "乙", "丙"] {
        lab.admin(&tree.general, name).await;
    }
    assert_eq!(refusal(offer(second.clone()).await.unwrap_err()), "codes_full");
    let form = joining(&lab, &second, "丁", "deputy");
    assert_eq!(refusal(register(&lab, &form).await.unwrap_err()), "codes_full");
    let codes = [tree.general.code.clone()];
    let more = act!(lab.house, admin.clone(), |cx| codes::issue(cx, &codes).await);
    assert_eq!(refusal(more.unwrap_err()), "codes_full");
    // The last millisecond of its twentieth day, and the next one.
    let branch = issue(&lab, &admin, &tree.direct).await;
    let until = app::clock::end_of_day_after(lab.house.now(), 20);
    lab.clock.advance(until - lab.house.now() - 1);
    offer(branch.clone()).await.unwrap();
    lab.clock.advance(1);
    assert_eq!(refusal(offer(branch.clone()).await.unwrap_err()), "E02");
    assert_eq!(state(&lab, &admin, &tree.direct).await.state, State::Expired);
    let again = issue(&lab, &admin, &tree.direct).await;
    offer(again).await.unwrap();
}

#[tokio::test]
async fn guessing_codes_ends_after_ten_tries_an_hour_from_one_address() {
    let (lab, tree, admin) = ground().await;
    let code = issue(&lab, &admin, &tree.general).await;
    let try_from = |code: &str, address: &str| {
        let (house, code, address) = (lab.house.clone(), code.to_owned(), address.to_owned());
        async move { codes::offer(&house, Who::Nobody, &code, &address).await.map(|_| ()) }
    };
    let mut said = Vec::new();
    for n in 0..10 {
        let wrong = if n % 2 == 0 { format!("ABCDEF{n}2") } else { "?".to_owned() };
        match try_from(&wrong, "10.9.8.7").await.unwrap_err() {
            Error::Invalid(list) => said.push(list[0].message.clone()),
            other => panic!("{other:?}"),
        }
    }
    said.dedup();
    assert_eq!(said.len(), 1, "the answer never changes");
    assert!(matches!(try_from(&code, "10.9.8.7").await, Err(Error::TooMany { .. })));
    try_from(&code, "10.9.8.8").await.unwrap();
    lab.clock.advance(app::clock::HOUR + 1);
    try_from(&code, "10.9.8.7").await.unwrap();
}

#[tokio::test]
async fn whoever_has_an_account_signs_in_and_binds_and_nobody_learns_who_has_one() {
    let (lab, tree, admin) = ground().await;
    let used = joining(&lab, &issue(&lab, &admin, &tree.general).await, "孙丽", "secretary");
    register(&lab, &used).await.unwrap();
    let code = issue(&lab, &admin, &tree.direct).await;
    // An ID number with an account, and one whose name is another: the same words.
    let mut twin = used.clone();
    twin.code.clone_from(&code);
    twin.post = "deputy".into();
    let had = register(&lab, &twin).await.unwrap_err();
    twin.name = "别人".into();
    let other = register(&lab, &twin).await.unwrap_err();
    let unclaimed = joining(&lab, &code, "不同", "deputy");
    lab.person_with("真名", &unclaimed.id_number).await;
    let third = register(&lab, &unclaimed).await.unwrap_err();
    let words = |e: Error| match e {
        Error::Invalid(list) => list[0].message.clone(),
        other => panic!("{other:?}"),
    };
    let words = [words(had), words(other), words(third)];
    assert!(words.iter().all(|w| *w == words[0]), "{words:?}");
    assert_eq!(seats(&lab, &tree.direct).await.len(), 0);
    // She binds with the account that she has; the post that she holds already stays.
    let person = seats(&lab, &tree.general).await[0].person;
    let me = lab.alone(person, "孙丽");
    let bind = Bind { code: code.clone(), post: String::new() };
    let nothing = act!(lab.house, me.clone(), |cx| codes::bind(cx, &bind).await);
    assert_eq!(refusal(nothing.unwrap_err()), "required");
    let bind = Bind { code: code.clone(), post: "organisation".into() };
    let org = act!(lab.house, me.clone(), |cx| codes::bind(cx, &bind).await).unwrap();
    assert_eq!(org.id, tree.direct.id);
    assert_eq!(seats(&lab, &tree.direct).await[0].post, "组织委员");
    let again = act!(lab.house, me, |cx| codes::bind(cx, &bind).await);
    assert_eq!(refusal(again.unwrap_err()), "E02");
    lab.is_whole().await;
}

#[tokio::test]
async fn a_member_without_an_account_completes_by_the_same_form() {
    let (lab, tree, admin) = ground().await;
    let code = issue(&lab, &admin, &tree.direct).await;
    let form = joining(&lab, &code, "周杰", "secretary");
    let person = lab.person_with("周杰", &form.id_number).await;
    register(&lab, &form).await.unwrap();
    assert_eq!(seats(&lab, &tree.direct).await[0].person, person);
    // The 书记's own mobile number came with the registration: nothing is missing but that.
    let mut cx = lab.house.read(admin).await.unwrap();
    let info = orgs::info(&mut cx, &tree.direct).await.unwrap();
    assert!(info.missing.is_empty(), "{:?}", info.missing);
    drop(cx);
    lab.is_whole().await;
}

#[tokio::test]
async fn every_wrong_field_of_the_form_is_named_at_once() {
    let (lab, tree, admin) = ground().await;
    let code = issue(&lab, &admin, &tree.direct).await;
    let form = Joining { code, name: "张".into(), id_number: "1".into(), ..Joining::default() };
    let Error::Invalid(list) = register(&lab, &form).await.unwrap_err() else { panic!() };
    let fields: Vec<&str> = list.iter().map(|e| e.field.as_str()).collect();
    for field in ["id_number", "mobile", "post", "password"] {
        assert!(fields.contains(&field), "{fields:?}");
    }
    // 书记 is offered only where there is none.
    let person = lab.person("书记一").await;
    lab.cadre(&tree.general, person, "书记").await;
    let code = issue(&lab, &admin, &tree.general).await;
    let offer = codes::offer(&lab.house, Who::Nobody, &code, "10.0.0.1").await.unwrap();
    assert!(offer.posts.iter().all(|p| p.code != "secretary"));
    let second = joining(&lab, &code, "孙丽", "secretary");
    assert_eq!(refusal(register(&lab, &second).await.unwrap_err()), "required");
}

#[tokio::test]
async fn three_thousand_codes_are_issued_by_a_job_and_their_workbook_is_ready_in_time() {
    let (lab, tree, admin) = ground().await;
    let ids = children(&lab, &tree.committee, 3000).await;
    let began = std::time::Instant::now();
    let issued = act!(lab.house, admin.clone(), |cx| codes::issue_all(cx).await).unwrap();
    assert!(issued.job.is_some());
    jobs::run_all(&lab.house).await.unwrap();
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    let sheet = sheet::open(&mut cx, issued.sheet).await.unwrap();
    let (_, bytes) =
        sheet::workbook(&sheet, "合肥第一中学团委", "https://tuan.example", cx.now()).unwrap();
    let took = began.elapsed();
    // Two of the small tree's children have none either.
    assert_eq!(sheet.entries.len(), ids + 2);
    assert!(bytes.len() > 50_000);
    assert!(took.as_secs_f64() < 5.0, "{took:?}");
    eprintln!("3,000 codes and their workbook: {took:?}");
    drop(cx);
    // Nobody is left without; the same again has nothing to do.
    let again = act!(lab.house, admin.clone(), |cx| codes::issue_all(cx).await);
    assert_eq!(refusal(again.unwrap_err()), "codes_none");
    // Somebody else's sheet is not there, and no file can be downloaded as it lies.
    let other = lab.admin(&tree.committee, "李娜").await;
    let mut cx = lab.house.read(other).await.unwrap();
    assert!(matches!(sheet::open(&mut cx, issued.sheet).await, Err(Error::NotFound)));
    drop(cx);
    let mut cx = lab.house.read(admin).await.unwrap();
    let file = app::files::open(&mut cx, issued.sheet).await;
    assert!(matches!(file, Err(Error::NotFound)));
}

/// Plants branches by one statement: only what codes need of them.
async fn children(lab: &Lab, parent: &OrgRef, count: usize) -> usize {
    let mut rows = Vec::new();
    for n in 0..count {
        let (id, no) = (lab.house.new_id(), n + 100);
        let part = orgs::path_part(no as i64).unwrap();
        rows.push(format!(
            "({id}, 'X{no}', {}, '{}{part}', 6, {no}, '第{no}团支部', '第{no}团支部', 'dtzb', 'BRANCH', 'school', '34', 0, 0)",
            parent.id, parent.path
        ));
    }
    let into = "INSERT INTO org (id, code, parent_id, path, depth, sort_no, short_name, full_name, name_py, category, industry, province, created_at, updated_at) VALUES";
    lab.plant(&format!("{into} {};", rows.join(","))).await.unwrap();
    count
}

#[tokio::test]
async fn the_superior_is_told_once_before_unused_codes_end() {
    let (lab, tree, admin) = ground().await;
    issue(&lab, &admin, &tree.general).await;
    issue(&lab, &admin, &tree.direct).await;
    let told = async || {
        codes::remind_due(&lab.house).await.unwrap();
        let mut cx = lab.house.read(admin.clone()).await.unwrap();
        let all = messages::of_org(&mut cx, true, None, 20).await.unwrap();
        all.into_iter().filter(|m| m.title.contains("快到期")).collect::<Vec<_>>()
    };
    assert!(told().await.is_empty());
    lab.clock.advance(18 * DAY);
    let messages = told().await;
    assert_eq!(messages.len(), 1);
    assert!(messages[0].title.starts_with("2 个注册码"), "{messages:?}");
    assert_eq!(told().await.len(), 1);
    lab.is_whole().await;
}

#[tokio::test]
async fn only_the_direct_superior_issues() {
    let (lab, tree, admin) = ground().await;
    let try_for = |who: Who, org: &OrgRef| {
        let (house, codes) = (lab.house.clone(), [org.code.clone()]);
        async move { act!(house, who, |cx| codes::issue(cx, &codes).await).map(|_| ()) }
    };
    assert!(matches!(try_for(admin.clone(), &tree.branch).await, Err(Error::NotFound)));
    assert!(matches!(try_for(admin.clone(), &tree.committee).await, Err(Error::NotFound)));
    assert!(matches!(try_for(admin.clone(), &tree.other_committee).await, Err(Error::NotFound)));
    let operator = lab.operator(&tree.centre, "钱进").await;
    try_for(operator.clone(), &tree.province).await.unwrap();
    assert!(matches!(try_for(operator, &tree.city).await, Err(Error::NotFound)));
    lab.is_whole().await;
}
