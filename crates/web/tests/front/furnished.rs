//! A house that is lived in: people, members, business in several states; made through the pages
//! where they are what is tested, by the laboratory where they are not.

use crate::kit::{self, Browser, Kit};
use app::{Who, testkit::Tree};

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
    Furnished { kit, tree, committee, branch, member }
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
