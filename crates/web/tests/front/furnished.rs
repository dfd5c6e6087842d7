//! A house that is lived in: people, members, business in several states; made through the pages
//! where they are what is tested, by the laboratory where they are not.

use crate::kit::{self, Browser, Kit};
use app::{OrgRef, Who, people::PersonId, testkit::Tree};
use http::StatusCode;
use serde_json::json;

/// The house and who lives there.
pub(crate) struct Furnished {
    pub(crate) kit: Kit,
    pub(crate) tree: Tree,
    /// Administrator of `tree.committee`.
    pub(crate) committee: Who,
    /// Administrator of `tree.branch`.
    pub(crate) branch: Who,
    /// A member of `tree.branch` with an account.
    pub(crate) member: Who,
    /// Administrator of `tree.other_committee`.
    pub(crate) other: Who,
    /// A registration code that waits to be used.
    pub(crate) code: String,
}

/// Makes one.
pub(crate) async fn house() -> Furnished {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let committee = kit.lab.admin(&tree.committee, "王芳").await;
    let branch = kit.lab.admin(&tree.branch, "周杰").await;
    let member = kit.lab.member(&tree.branch, "张伟").await;
    let member = kit.lab.alone(member, "张伟");
    for (org, names) in [
        (&tree.branch, ["李娜", "刘洋", "欧阳春晓"]),
        (&tree.sister, ["赵敏", "孙丽", "古丽娜尔·买买提"]),
        (&tree.direct, ["陈静", "杨光", "周𬭎"]),
    ] {
        for name in names {
            kit.lab.member(org, name).await;
        }
    }
    let other = kit.lab.admin(&tree.other_committee, "吴刚").await;
    let away = kit::person_of(&member);
    move_out(&kit, &branch, away, &tree.other_committee).await;
    let near = kit.lab.member(&tree.branch, "何苗").await;
    move_out(&kit, &branch, near, &tree.committee).await;
    let code = registration_code(&kit, &committee, &tree.direct).await;
    // A direct child that elected: its superior could put the next election off.
    let elected =
        format!("UPDATE org SET elected_on = '2026-03-01' WHERE id = {}", tree.direct.id.0);
    kit.lab.scratch.vandalise(&elected).await.unwrap();
    // And two that were asked for: one waits for the source, one has been agreed to.
    for (name, agreed) in [("顾盼", false), ("沈思", true)] {
        let person = kit.lab.member(&tree.branch, name).await;
        ask_for(&kit, &other, &branch, person, name, agreed).await;
    }
    // A second administrator of the branch, whom the first one could revoke; two observers.
    kit.lab.admin(&tree.branch, "郑明").await;
    kit.lab.observer(&tree.committee, "冯观").await;
    kit.lab.observer(&tree.branch, "褚观").await;
    let house = Furnished { kit, tree, committee, branch, member, other, code };
    house.closed().await;
    house.relocation().await;
    house.imports().await;
    house.transfers().await;
    house.graduation().await;
    app::jobs::run_all(&house.kit.lab.house).await.unwrap();
    // And one piece of work that waits.
    app::act!(house.kit.lab.house, house.committee.clone(), |cx| {
        app::jobs::enqueue(cx, &app::jobs::Job::Rekey, Some(&house.tree.committee), 3).await
    })
    .unwrap();
    house
}

/// Issues a registration code for a direct child and reads it from its sheet.
async fn registration_code(kit: &Kit, admin: &Who, child: &OrgRef) -> String {
    let orgs = [child.code.clone()];
    let issued =
        app::act!(kit.lab.house, admin.clone(), |cx| app::codes::issue(cx, &orgs).await).unwrap();
    let mut cx = kit.lab.house.read(admin.clone()).await.unwrap();
    let sheet = app::codes::sheet::open(&mut cx, issued.sheet).await.unwrap();
    sheet.entries[0].code.clone()
}

/// Begins a transfer that waits from then on.
async fn move_out(kit: &Kit, admin: &Who, person: PersonId, to: &OrgRef) {
    let mut cx = kit.lab.house.read(Who::System("test")).await.unwrap();
    let code = app::people::person::read(&mut cx, person).await.unwrap().code;
    drop(cx);
    let new = app::transfers::New {
        person: code,
        to: to.code.clone(),
        reason: "reorganised".into(),
        ..Default::default()
    };
    app::act!(kit.lab.house, admin.clone(), |cx| app::transfers::start(cx, &new).await).unwrap();
}

/// Asks for somebody of the branch; with `agreed` the branch has agreed a moment ago.
async fn ask_for(kit: &Kit, asker: &Who, source: &Who, person: PersonId, name: &str, agreed: bool) {
    let number = kit.id_number(person).await;
    let house = &kit.lab.house;
    let found = app::act!(house, asker.clone(), |cx| {
        app::transfers::by_number(cx, name, &number).await
    });
    let Ok(app::transfers::LookedUp::Found(ticket)) = found else { panic!("{name}: {found:?}") };
    let new = app::transfers::NewIn {
        origin: app::transfers::Origin::Ticket(ticket),
        reason: "reorganised".into(),
        fields: Default::default(),
        remark: String::new(),
    };
    let begun = app::act!(house, asker.clone(), |cx| app::transfers::start_in(cx, &new).await);
    let (begun, _) = begun.unwrap();
    if agreed {
        app::act!(house, source.clone(), |cx| {
            app::transfers::approve(cx, &begun.no, 1, None).await
        })
        .unwrap();
    }
}

impl Furnished {
    /// A branch that was closed: its people wait below the school's committee.
    async fn closed(&self) {
        let lab = &self.kit.lab;
        let category = app::orgs::Category::Branch;
        let gone = lab.org(Some(&self.tree.committee), category, "暑期实践团支部").await;
        lab.member(&gone, "许静").await;
        lab.member(&gone, "马超").await;
        let ask = app::closings::Ask { people: 2, typed: gone.short_name.clone() };
        app::act!(lab.house, self.committee.clone(), |cx| {
            app::closings::close(cx, &gone.code, &ask).await
        })
        .unwrap();
        app::stats::settle(&lab.house).await.unwrap();
        app::health::look_at_all(&lab.house).await.unwrap();
    }

    /// One import of each kind: done, waiting to be put right, waiting for its columns.
    async fn imports(&self) {
        let mut browser = self.kit.sign_in_as(&self.branch).await;
        let base = format!("/o/{}/imports", self.tree.branch.code);
        let head = "姓名\t身份证号\t民族\t政治面貌\t学历\t入团年月\t发展团员编号\t手机号码";
        let row = |name: &str, joined: &str| {
            let id = self.kit.lab.next_id_number();
            format!("{name}\t{id}\t汉\t共青团员\t本科\t{joined}\t\t13812346021")
        };
        let good = format!("{head}\n{}\n{}", row("赵伟", "2016-05"), row("钱敏", "2016-06"));
        let bad = format!("{head}\n{}\n{}", row("孙芳", "2016-05"), row("李俊", "二月"));
        let odd = format!("甲\t乙\n{}\t{}", "周强", self.kit.lab.next_id_number());
        for (text, commit) in [(good, true), (bad, false), (odd, false)] {
            let made = browser.post_json(&base, &json!({ "paste": text })).await;
            assert_eq!(made.status, StatusCode::OK, "{}", made.body);
            if commit {
                let id = made.value()["data"]["id"].as_str().unwrap().to_owned();
                let answer = browser.post_json(&format!("{base}/{id}/commit"), &json!({})).await;
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            }
        }
    }

    /// A general branch wants to move; an operator has proposed something.
    async fn relocation(&self) {
        let (lab, tree) = (&self.kit.lab, &self.tree);
        let mover = lab.admin(&tree.general, "何进").await;
        let new = app::relocations::New {
            to: tree.other_committee.code.clone(),
            reason: "并入新校区管理".into(),
        };
        app::act!(lab.house, mover.clone(), |cx| app::relocations::start(cx, &new).await).unwrap();
        let proposer = lab.operator(&tree.centre, "孙明").await;
        let flag = app::proposals::Act::Township {
            orgs: vec![tree.committee.code.clone()],
            to: Some(true),
        };
        app::act!(lab.house, proposer.clone(), |cx| {
            app::proposals::propose(cx, &flag, "逐级上报的更正申请").await
        })
        .unwrap();
        let statement = lab.folder().join("statement.pdf");
        std::fs::write(&statement, b"%PDF-1.7 statement").unwrap();
        app::act!(lab.house, proposer.clone(), |cx| {
            let asked = app::exceptions::Asked {
                kind: "underage",
                org: &tree.branch.code,
                name: "周小雨",
                id_number: "340103201401050011",
                reason: "皖团〔2026〕12号",
                statement: Some(&statement),
            };
            app::proposals::propose_exception(cx, &asked).await
        })
        .unwrap();
    }

    /// Further transfers: one waits, one was returned, one was completed.
    async fn transfers(&self) {
        let mut source = self.kit.sign_in_as(&self.branch).await;
        let mut target = self.kit.sign_in_as(&self.other).await;
        let base = format!("/o/{}", self.tree.branch.code);
        let there = format!("/o/{}", self.tree.other_committee.code);
        let list = source.json(&format!("{base}/members")).await.value();
        let codes: Vec<String> = list["members"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|m| ["李娜", "刘洋", "欧阳春晓"].contains(&m["name"].as_str().unwrap()))
            .map(|m| m["code"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(codes.len(), 3);
        for (code, end) in codes.iter().zip(["waits", "return", "approval"]) {
            let form = json!({ "person": code, "to": self.tree.other_committee.code, "reason": "job_change", "unit_name": "六中" });
            let begun = source.post_json(&format!("{base}/transfers"), &form).await;
            assert_eq!(begun.status, StatusCode::OK, "{}", begun.body);
            let no = begun.value()["data"]["no"].as_str().unwrap().to_owned();
            let decision = match end {
                "return" => {
                    json!({ "version": 1, "reason": "wrong_target", "note": "应转到初中部" })
                }
                "approval" => json!({ "version": 1, "branch": self.tree.other_branch.code }),
                _ => continue,
            };
            let done = target.post_json(&format!("{there}/t/{no}/{end}"), &decision).await;
            assert_eq!(done.status, StatusCode::OK, "{}", done.body);
        }
    }

    /// Where the target's administrator begins: her pages, and what waits for her ticked together.
    async fn of_target(&self) -> Vec<String> {
        let base = format!("/o/{}", self.tree.other_committee.code);
        let mut browser = self.kit.sign_in_as(&self.other).await;
        let inbox = browser.json(&format!("{base}/inbox")).await.value();
        let rows = inbox["rows"].as_array().unwrap().iter();
        let ticked: Vec<String> =
            rows.map(|row| format!("no={}", row["no"].as_str().unwrap())).collect();
        assert!(ticked.len() > 1, "several wait: {inbox}");
        vec![
            format!("{base}/picker"),
            format!("{base}/inbox/batch?{}", ticked.join("&")),
            base,
            "/me".into(),
            "/o".into(),
            "/help".into(),
        ]
    }

    /// A season: a branch that has turned with somebody whose graduation is delayed, a special
    /// branch, a number of the school.
    async fn graduation(&self) {
        let mut browser = self.kit.sign_in_as(&self.committee).await;
        let base = format!("/o/{}", self.tree.committee.code);
        let send = async |browser: &mut Browser, path: &str, form: serde_json::Value| {
            let done = browser.post_json(&format!("{base}{path}"), &form).await;
            assert_eq!(done.status, StatusCode::OK, "{path}: {}", done.body);
        };
        let lab = &self.kit.lab;
        let class =
            lab.org(Some(&self.tree.general), app::orgs::Category::Branch, "2022级3班团支部").await;
        lab.member(&class, "潘悦").await;
        lab.member(&class, "杜宇").await;
        let old = json!({ "only": [class.code], "month": "2025-06" });
        send(&mut browser, "/graduation/marks", old).await;
        assert_eq!(app::graduation::convert_due(&lab.house).await.unwrap(), 1);
        let list = browser.json(&format!("{base}/graduation/people")).await.value();
        let code = list["people"][0]["code"].as_str().unwrap().to_owned();
        let delayed = json!({ "only": [code], "mark": "delayed", "until": "2027-06" });
        send(&mut browser, "/graduation/people", delayed).await;
        send(&mut browser, "/graduation/special", json!({ "kind": "SCHOOL_MOBILE" })).await;
        send(&mut browser, "/schools/code", json!({ "number": "3410000001" })).await;
    }

    /// Where the committee's walk begins: also at a list of organisations as a tree, and at the
    /// paper for a move to another province.
    async fn of_committee(&self) -> Vec<String> {
        let base = format!("/o/{}", self.tree.committee.code);
        let list = "组织简称\t组织类别\t单位所属行业类别\t上级组织\n文学院团委\t团委\t普通高中\t\n文学院1班团支部\t团支部\t\t文学院团委";
        let mut browser = self.kit.sign_in_as(&self.committee).await;
        let made = browser
            .post_json(&format!("{base}/imports"), &json!({ "kind": "orgs", "paste": list }))
            .await;
        assert_eq!(made.status, StatusCode::OK, "{}", made.body);
        let id = made.value()["data"]["id"].as_str().unwrap().to_owned();
        let far = &self.tree.far_committee.code;
        vec![
            format!("{base}/picker"),
            format!("{base}/imports/{id}/tree"),
            format!("{base}/relocations/application?to={far}"),
            base,
            "/me".into(),
            "/o".into(),
            "/help".into(),
        ]
    }

    /// Everybody who walks through the house: a name, a browser, where the walk begins.
    pub(crate) async fn visitors(&self) -> Vec<(&'static str, Browser, Vec<String>)> {
        let org = |code: &str| {
            let base = format!("/o/{code}");
            vec![format!("{base}/picker"), base, "/me".into(), "/o".into(), "/help".into()]
        };
        let reader = self.kit.lab.observer(&self.tree.county, "郑云").await;
        let operator = self.kit.lab.operator(&self.tree.centre, "钱进").await;
        vec![
            (
                "nobody",
                self.kit.browser(),
                vec!["/login".into(), "/help".into(), format!("/join/{}", self.code)],
            ),
            ("committee", self.kit.sign_in_as(&self.committee).await, self.of_committee().await),
            ("branch", self.kit.sign_in_as(&self.branch).await, org(&self.tree.branch.code)),
            ("target", self.kit.sign_in_as(&self.other).await, self.of_target().await),
            ("reader", self.kit.sign_in_as(&reader).await, org(&self.tree.county.code)),
            (
                "operator",
                self.kit.sign_in_as(&operator).await,
                vec![format!("/o/{}/ops", self.tree.centre.code)],
            ),
            ("member", self.kit.sign_in_as(&self.member).await, vec!["/me".into()]),
        ]
    }
}
