//! A house that is lived in: people, members, business in several states; made through the pages
//! where they are what is tested, by the laboratory where they are not.

use crate::kit::{self, Browser, Kit};
use app::{OrgRef, Who, people::PersonId, testkit::Tree};

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
    kit.lab.admin(&tree.other_committee, "吴刚").await;
    let away = kit::person_of(&member);
    move_out(&kit, &branch, away, &tree.other_committee).await;
    let near = kit.lab.member(&tree.branch, "何苗").await;
    move_out(&kit, &branch, near, &tree.committee).await;
    app::act!(kit.lab.house, committee.clone(), |cx| {
        app::jobs::enqueue(cx, &app::jobs::Job::Rekey, Some(&tree.committee), 3).await
    })
    .unwrap();
    Furnished { kit, tree, committee, branch, member }
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

impl Furnished {
    /// Everybody who walks through the house: a name, a browser, where the walk begins.
    pub(crate) async fn visitors(&self) -> Vec<(&'static str, Browser, Vec<String>)> {
        let org = |code: &str| {
            let base = format!("/o/{code}");
            vec![format!("{base}/picker"), base, "/me".into(), "/o".into(), "/help".into()]
        };
        let reader = self.kit.lab.observer(&self.tree.county, "郑云").await;
        vec![
            ("nobody", self.kit.browser(), vec!["/login".into(), "/help".into()]),
            (
                "committee",
                self.kit.sign_in_as(&self.committee).await,
                org(&self.tree.committee.code),
            ),
            ("branch", self.kit.sign_in_as(&self.branch).await, org(&self.tree.branch.code)),
            ("reader", self.kit.sign_in_as(&reader).await, org(&self.tree.county.code)),
            ("member", self.kit.sign_in_as(&self.member).await, vec!["/me".into()]),
        ]
    }
}
