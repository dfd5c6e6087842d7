//! Messages in the program and on their way out: who reads them, how long they are kept, and that a
//! letter goes out signed, again after a failure, and not twice after success.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop there")]

use app::{
    Settings, Who, act,
    clock::{DAY, HOUR, MINUTE},
    messages::{self, Channels, Fault, Letter, Message, Sender, Sent, Smtp, To, Webhook},
    testkit,
};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn note(to: To, title: &str) -> Message {
    Message {
        to,
        kind: "test",
        title: title.into(),
        body: "正文".into(),
        href: "/o/1/inbox".into(),
    }
}

fn with(channels: Channels) -> Settings {
    Settings {
        channels,
        captcha: app::Captcha::Off,
        public_url: "https://tuan.example/".into(),
        ..Settings::default()
    }
}

/// A web server that answers every request with the next of `answers` and keeps what it was sent.
async fn listen(answers: Vec<&'static str>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = heard.clone();
    #[expect(clippy::disallowed_methods, reason = "the other end of the wire")]
    tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            let mut piece = [0_u8; 4096];
            loop {
                let n = socket.read(&mut piece).await.unwrap();
                text.extend_from_slice(&piece[..n]);
                if n == 0 || is_whole(&text) {
                    break;
                }
            }
            kept.lock().unwrap().push(String::from_utf8(text).unwrap());
            let line =
                format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            socket.write_all(line.as_bytes()).await.unwrap();
        }
    });
    (url, heard)
}

fn is_whole(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|l| {
        l.to_lowercase().strip_prefix("content-length:").map(|n| n.trim().to_owned())
    });
    length.and_then(|n| n.parse::<usize>().ok()).is_none_or(|n| body.len() >= n)
}

#[tokio::test]
async fn a_letter_goes_out_signed_again_after_a_failure_and_not_after_success() {
    let (url, heard) = listen(vec!["500 Oops", "204 No Content", "200 OK"]).await;
    let hook = Webhook { url, secret: "s3cret".into() };
    let lab = testkit::fresh_with(with(Channels { webhook: Some(hook), smtp: None })).await;
    let tree = lab.tree().await;
    act!(lab.house, Who::System("test"), |cx| messages::send(
        cx,
        note(To::Org(tree.branch.id), "请审批")
    )
    .await)
    .unwrap();
    messages::deliver(&lab.house).await.unwrap();
    messages::deliver(&lab.house).await.unwrap();
    assert_eq!(heard.lock().unwrap().len(), 1, "not at once again");
    lab.clock.advance(MINUTE);
    messages::deliver(&lab.house).await.unwrap();
    lab.clock.advance(DAY);
    messages::deliver(&lab.house).await.unwrap();
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 2, "not after success");
    let (head, body) = heard[1].split_once("\r\n\r\n").unwrap();
    let said: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(said["title"], "请审批");
    assert_eq!(said["to"]["org"], tree.branch.code.as_str());
    assert_eq!(said["url"], "https://tuan.example/o/1/inbox");
    let first: serde_json::Value =
        serde_json::from_str(heard[0].split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(first["id"], said["id"], "the same id, to drop what one has had");
    let header = head.lines().find_map(|l| l.strip_prefix("x-tuanjian-signature: ")).unwrap();
    let (seconds, mac) = header.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    assert_eq!(mac, expected("s3cret", &format!("{seconds}.{body}")));
}

fn expected(secret: &str, text: &str) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect()
}

/// Id, recipient and subject of a letter.
type Carried = (i64, Option<String>, String);

/// A sender that keeps what it is given; the first so many tries fail.
struct Pigeon {
    failures: Mutex<u32>,
    carried: Arc<Mutex<Vec<Carried>>>,
}
impl Sender for Pigeon {
    fn channel(&self) -> &'static str {
        "smtp"
    }
    fn send<'a>(&'a self, letter: &'a Letter, _: i64) -> futures::future::BoxFuture<'a, Sent> {
        let mut failures = self.failures.lock().unwrap();
        let said = if *failures > 0 {
            *failures -= 1;
            Err(Fault::Channel("lost its way".to_owned()))
        } else {
            let to = letter.recipient.as_ref().map(|r| r.to_string());
            self.carried.lock().unwrap().push((letter.id, to, letter.subject.clone()));
            Ok(())
        };
        Box::pin(async move { said })
    }
}

#[tokio::test]
async fn persons_with_an_address_get_an_e_mail_and_the_address_lies_sealed() {
    let smtp = Smtp { url: "smtp://127.0.0.1:1".into(), from: "tuan@tuan.example".into() };
    let lab = testkit::fresh_with(with(Channels { smtp: Some(smtp), webhook: None })).await;
    let tree = lab.tree().await;
    let with_mail = lab.member(&tree.branch, "张三").await;
    let without = lab.member(&tree.branch, "李四").await;
    let me = lab.alone(with_mail, "张三");
    let mut cx = lab.house.read(me.clone()).await.unwrap();
    let version = app::people::profile::own(&mut cx).await.unwrap().version;
    drop(cx);
    let changes = app::people::edit::Changes {
        version,
        fields: [(app::rules::Column::Email, "zhang@mail.example".to_owned())].into(),
    };
    act!(lab.house, me.clone(), |cx| app::people::profile::edit_own(cx, &changes).await).unwrap();
    for person in [with_mail, without] {
        act!(lab.house, Who::System("test"), |cx| messages::send(
            cx,
            note(To::Person(person), "你好")
        )
        .await)
        .unwrap();
    }
    let mut tx = lab.house.db().read().await.unwrap();
    let rows: Vec<(Vec<u8>,)> =
        tx.all(db::Sql::built("SELECT recipient_ct FROM outbox".into()), &[]).await.unwrap();
    drop(tx);
    assert_eq!(rows.len(), 1);
    assert!(!String::from_utf8_lossy(&rows[0].0).contains("mail.example"));
    let carried = Arc::new(Mutex::new(Vec::new()));
    let pigeon: Vec<Box<dyn Sender>> =
        vec![Box::new(Pigeon { failures: Mutex::new(3), carried: carried.clone() })];
    let mut tries = 0;
    while carried.lock().unwrap().is_empty() && tries < 20 {
        messages::deliver_by(&lab.house, &pigeon).await.unwrap();
        lab.clock.advance(MINUTE);
        tries += 1;
    }
    let carried = carried.lock().unwrap().clone();
    assert_eq!(carried.len(), 1);
    assert_eq!(carried[0].1.as_deref(), Some("zhang@mail.example"));
    assert_eq!(carried[0].2, "你好");
}

#[tokio::test]
async fn a_letter_that_nobody_can_send_is_given_up_in_the_end() {
    let hook = Webhook { url: "http://127.0.0.1:1/".into(), secret: "s".into() };
    let lab = testkit::fresh_with(with(Channels { webhook: Some(hook), smtp: None })).await;
    let tree = lab.tree().await;
    act!(lab.house, Who::System("test"), |cx| messages::send(
        cx,
        note(To::Org(tree.branch.id), "a")
    )
    .await)
    .unwrap();
    for _ in 0..20 {
        messages::deliver(&lab.house).await.unwrap();
        lab.clock.advance(7 * HOUR);
    }
    let mut tx = lab.house.db().read().await.unwrap();
    let (state, attempts): (String, i64) =
        tx.one(db::Sql::built("SELECT state, attempts FROM outbox".into()), &[]).await.unwrap();
    assert_eq!((state.as_str(), attempts), ("failed", 12));
}

#[tokio::test]
async fn messages_are_read_by_their_receivers_and_forgotten_after_a_year() {
    let lab = testkit::fresh().await;
    let tree = lab.tree().await;
    let admin = lab.admin(&tree.branch, "王老师").await;
    let other = lab.admin(&tree.sister, "邻班").await;
    let watcher = lab.observer(&tree.branch, "观察").await;
    for title in ["一", "二", "三"] {
        act!(lab.house, Who::System("test"), |cx| messages::send(
            cx,
            note(To::Org(tree.branch.id), title)
        )
        .await)
        .unwrap();
    }
    let mut cx = lab.house.read(admin.clone()).await.unwrap();
    let items = messages::of_org(&mut cx, true, None, 2).await.unwrap();
    assert_eq!(items.iter().map(|m| m.title.as_str()).collect::<Vec<_>>(), ["三", "二"]);
    let rest = messages::of_org(&mut cx, true, Some(items[1].id), 2).await.unwrap();
    assert_eq!(rest.len(), 1);
    drop(cx);
    let newest = items[1].id;
    assert!(
        act!(lab.house, watcher.clone(), |cx| messages::read_of_org(cx, newest).await).is_err()
    );
    act!(lab.house, other.clone(), |cx| messages::read_of_org(cx, newest).await).unwrap();
    let unread = |who: Who| {
        let house = lab.house.clone();
        async move { messages::unread_of_org(&mut house.read(who).await.unwrap()).await.unwrap() }
    };
    assert_eq!(unread(admin.clone()).await, 3, "another organisation's mark changes nothing here");
    act!(lab.house, admin.clone(), |cx| messages::read_of_org(cx, newest).await).unwrap();
    assert_eq!(unread(admin.clone()).await, 1);
    lab.clock.advance(364 * DAY);
    messages::forget_old(&lab.house).await.unwrap();
    assert_eq!(unread(admin.clone()).await, 1);
    lab.clock.advance(2 * DAY);
    messages::forget_old(&lab.house).await.unwrap();
    let mut cx = lab.house.read(admin).await.unwrap();
    assert!(messages::of_org(&mut cx, false, None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_webhook_behind_https_is_spoken_to_in_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    let hook = Webhook { url, secret: "s".into() };
    let lab = testkit::fresh_with(with(Channels { webhook: Some(hook), smtp: None })).await;
    let tree = lab.tree().await;
    act!(lab.house, Who::System("test"), |cx| {
        messages::send(cx, note(To::Org(tree.branch.id), "一件事")).await
    })
    .unwrap();
    let first_bytes = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = [0_u8; 3];
        socket.read_exact(&mut head).await.unwrap();
        head
    };
    let (head, sent) = tokio::join!(first_bytes, messages::deliver(&lab.house));
    sent.unwrap();
    // A handshake record of TLS 1.x; no letter in the clear.
    assert_eq!(head[..2], [22, 3]);
}

/// Letters of a channel by state, and how often they were tried.
async fn outbox(lab: &testkit::Lab) -> Vec<(String, i64, i64)> {
    let mut tx = lab.house.db().read().await.unwrap();
    let text = "SELECT state, COUNT(*), CAST(SUM(attempts) AS BIGINT) FROM outbox GROUP BY state ORDER BY state";
    tx.all(db::Sql::built(text.into()), &[]).await.unwrap()
}

async fn state_of(lab: &testkit::Lab, channel: &str) -> (&'static str, i64) {
    let mut cx = lab.house.read(Who::System("test")).await.unwrap();
    let all = messages::channels(&mut cx).await.unwrap();
    let found = all.iter().find(|c| c.name == channel).unwrap();
    (found.state(lab.house.now()), found.failures)
}

#[tokio::test]
async fn a_channel_that_fails_again_and_again_is_left_alone_then_one_letter_tries_and_all_go_on() {
    // Nobody listens there.
    let smtp = Smtp { url: "smtp://127.0.0.1:1".into(), from: "tuan@tuan.example".into() };
    let lab = testkit::fresh_with(with(Channels { smtp: Some(smtp), webhook: None })).await;
    let tree = lab.tree().await;
    let reader = with_mail(&lab, &tree.branch).await;
    for n in 0..30 {
        let title = format!("第{n}件");
        act!(lab.house, Who::System("test"), |cx| {
            messages::send(cx, note(To::Person(reader), &title)).await
        })
        .unwrap();
    }
    messages::deliver(&lab.house).await.unwrap();
    assert_eq!(outbox(&lab).await, [("waiting".into(), 30, 8)], "one handful was tried, no more");
    assert_eq!(state_of(&lab, "smtp").await, ("open", messages::OPENS));
    messages::deliver(&lab.house).await.unwrap();
    assert_eq!(outbox(&lab).await, [("waiting".into(), 30, 8)], "it is left alone");
    lab.clock.advance(MINUTE);
    assert_eq!(state_of(&lab, "smtp").await.0, "half_open");
    messages::deliver(&lab.house).await.unwrap();
    assert_eq!(outbox(&lab).await, [("waiting".into(), 30, 9)], "one letter tried");
    assert_eq!(state_of(&lab, "smtp").await, ("open", messages::OPENS + 1));
    lab.clock.advance(10 * MINUTE);
    let carried = Arc::new(Mutex::new(Vec::new()));
    let pigeon: Vec<Box<dyn Sender>> =
        vec![Box::new(Pigeon { failures: Mutex::new(0), carried: carried.clone() })];
    // Also for another node: the state is a row.
    let node = lab.second_node().await;
    assert_eq!(messages::deliver_by(&node, &pigeon).await.unwrap(), 30);
    assert_eq!(state_of(&lab, "smtp").await, ("closed", 0));
    assert_eq!(outbox(&lab).await[0].0, "sent");
}

/// A member who has given an e-mail address.
async fn with_mail(lab: &testkit::Lab, branch: &app::OrgRef) -> app::people::PersonId {
    let person = lab.member(branch, "张三").await;
    give_mail(lab, person, "zhang@mail.example").await;
    person
}

async fn give_mail(lab: &testkit::Lab, person: app::people::PersonId, address: &str) {
    let me = lab.alone(person, "张三");
    let mut cx = lab.house.read(me.clone()).await.unwrap();
    let version = app::people::profile::own(&mut cx).await.unwrap().version;
    drop(cx);
    let fields = [(app::rules::Column::Email, address.to_owned())].into();
    let changes = app::people::edit::Changes { version, fields };
    act!(lab.house, me.clone(), |cx| app::people::profile::edit_own(cx, &changes).await).unwrap();
}

#[tokio::test]
async fn a_message_to_an_organisation_reaches_each_of_its_administrators_by_e_mail() {
    let smtp = Smtp { url: "smtp://127.0.0.1:1".into(), from: "tuan@tuan.example".into() };
    let lab = testkit::fresh_with(with(Channels { smtp: Some(smtp), webhook: None })).await;
    let tree = lab.tree().await;
    let Who::Person(admin) = lab.admin(&tree.branch, "王老师").await else { unreachable!() };
    lab.admin(&tree.branch, "没有邮箱").await;
    let Who::Person(other) = lab.admin(&tree.sister, "邻班").await else { unreachable!() };
    give_mail(&lab, admin.person, "wang@mail.example").await;
    give_mail(&lab, other.person, "lin@mail.example").await;
    act!(lab.house, Who::System("test"), |cx| {
        messages::send(cx, note(To::Org(tree.branch.id), "请审批")).await
    })
    .unwrap();
    let carried = Arc::new(Mutex::new(Vec::new()));
    let pigeon: Vec<Box<dyn Sender>> =
        vec![Box::new(Pigeon { failures: Mutex::new(0), carried: carried.clone() })];
    messages::deliver_by(&lab.house, &pigeon).await.unwrap();
    let carried = carried.lock().unwrap().clone();
    let to: Vec<_> = carried.iter().map(|c| (c.1.as_deref().unwrap(), c.2.as_str())).collect();
    assert_eq!(to, [("wang@mail.example", "请审批")]);
}

#[tokio::test]
async fn a_program_without_channels_writes_the_letters_that_another_one_will_send() {
    let smtp = Smtp { url: "smtp://127.0.0.1:1".into(), from: "tuan@tuan.example".into() };
    let lab = testkit::fresh_with(with(Channels { smtp: Some(smtp), webhook: None })).await;
    let tree = lab.tree().await;
    let reader = with_mail(&lab, &tree.branch).await;
    messages::announce(&lab.house).await.unwrap();
    let bare = lab.node_with(with(Channels::default())).await;
    act!(bare, Who::System("test"), |cx| {
        messages::send(cx, note(To::Person(reader), "一件事")).await
    })
    .unwrap();
    messages::deliver(&bare).await.unwrap();
    assert_eq!(outbox(&lab).await, [("waiting".into(), 1, 0)], "it waits, and no try is lost");
    let mut cx = bare.read(Who::System("test")).await.unwrap();
    assert!(messages::unserved(&mut cx).await.unwrap().is_empty(), "another node serves it");
    drop(cx);
    lab.clock.advance(HOUR);
    let mut cx = bare.read(Who::System("test")).await.unwrap();
    assert_eq!(messages::unserved(&mut cx).await.unwrap(), [("smtp".to_owned(), 1)]);
}
