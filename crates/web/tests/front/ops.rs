//! 运营维护 through the front door: proposed by one, decided by the other, figures changed.

use crate::kit::{self, Kit};
use app::{Who, testkit::Tree};
use http::StatusCode;

struct World {
    kit: Kit,
    tree: Tree,
    one: Who,
    two: Who,
}

async fn world() -> World {
    let kit = kit::open().await;
    let tree = kit.lab.tree().await;
    let one = kit.lab.operator(&tree.centre, "钱进").await;
    let two = kit.lab.operator(&tree.centre, "孙明").await;
    World { kit, tree, one, two }
}

#[tokio::test]
async fn one_operator_proposes_and_the_other_one_decides() {
    let w = world().await;
    let mut one = w.kit.sign_in_as(&w.one).await;
    let base = format!("/o/{}", w.tree.centre.code);
    let home = one.get(&format!("{base}/ops")).await;
    assert!(home.body.contains("没有等待办理的提议"), "{}", home.body);
    let new = format!("{base}/ops/new/relocate");
    let page = one.get(&new).await;
    assert!(page.body.contains("先选择要迁移的组织"), "{}", page.body);
    let page = one.get(&format!("{new}?to={}", w.tree.committee.code)).await;
    assert!(page.body.contains("再选择新的直接上级"), "{}", page.body);
    let wrong = format!("{new}?org={}&to={}", w.tree.committee.code, w.tree.branch.code);
    let page = one.get(&wrong).await;
    let wrong = one.submit(&page, &new, &[]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("不能迁到自己的下级"), "{}", wrong.body);
    let page = one
        .get(&format!("{new}?org={}&to={}", w.tree.committee.code, w.tree.far_province.code))
        .await;
    let check = one.submit(&page, &new, &[]).await;
    assert!(check.body.contains("办理以后") && check.body.contains("一起迁移"), "{}", check.body);
    let short = one.submit(&check, &new, &[("reason", "有")]).await;
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(short.body.contains("请写明依据"), "{}", short.body);
    let made = one.submit(&short, &new, &[("reason", "皖团〔2026〕12 号")]).await;
    assert!(
        made.body.contains("要由另一位运营人员办理") && !made.body.contains("同意并办理"),
        "{}",
        made.body
    );
    let mut two = w.kit.sign_in_as(&w.two).await;
    let home = two.get(&format!("{base}/ops")).await;
    let no = home.body.split("/ops/p/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = two.get(&format!("{base}/ops/p/{no}")).await;
    let done = two.submit(&page, &format!("{base}/ops/p/{no}/approval"), &[]).await;
    assert!(done.body.contains("已办理"), "{}", done.body);
    let late =
        two.submit(&page, &format!("{base}/ops/p/{no}/return"), &[("note", "等一等再说")]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    let history = two.get(&format!("{base}/ops")).await;
    assert!(history.body.contains("钱进") && history.body.contains("孙明"), "{}", history.body);
}

#[tokio::test]
async fn figures_names_and_flags_have_their_forms() {
    let w = world().await;
    let mut one = w.kit.sign_in_as(&w.one).await;
    let base = format!("/o/{}", w.tree.centre.code);
    let rules = one.get(&format!("{base}/ops/rules")).await;
    assert!(
        rules.body.contains("管理员注册码有效期") && rules.body.contains("省级名录"),
        "{}",
        rules.body
    );
    let new = format!("{base}/ops/new/rule");
    let page = one.get(&format!("{new}?name=codes.registration_days")).await;
    assert!(page.body.contains("现在是 20 天"), "{}", page.body);
    let wrong = one.submit(&page, &new, &[("value", "900"), ("valid_from", "2026-06-15")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("1 到 60 之间") && wrong.body.contains("900"), "{}", wrong.body);
    let check = one.submit(&wrong, &new, &[("value", "30"), ("valid_from", "2026-06-15")]).await;
    assert!(check.body.contains("从 2026-06-15 起改为 30 天"), "{}", check.body);
    let province = one.get(&format!("{new}?name=province.34.regional_system")).await;
    assert!(province.body.contains("有自己的系统"), "{}", province.body);
    let table = one.get(&format!("{base}/ops/tables/age.toml")).await;
    assert!(table.body.contains("join_from"), "{}", table.body);
    let flags = format!("{base}/ops/new/township");
    let page = one.get(&format!("{flags}?to={}", w.tree.county.code)).await;
    assert!(
        page.body.contains("合肥第一中学团委") && page.body.contains("现在:未设置"),
        "{}",
        page.body
    );
    let wrong = one.submit(&page, &flags, &[("to", "yes")]).await;
    assert!(wrong.body.contains("请勾选"), "{}", wrong.body);
    let names = format!("{base}/ops/new/identity");
    let page = one.get(&format!("{names}?to={}", w.tree.province.code)).await;
    let full = "中国共产主义青年团团安徽省委";
    let fields = [("short_name", "团安徽省委员会"), ("full_name", full)];
    let check = one.submit(&page, &names, &fields).await;
    assert!(check.body.contains("团安徽省委 → 团安徽省委员会"), "{}", check.body);
}

#[tokio::test]
async fn a_row_of_a_rule_table_is_added_changed_and_ended_on_its_form() {
    let w = world().await;
    let mut one = w.kit.sign_in_as(&w.one).await;
    let base = format!("/o/{}", w.tree.centre.code);
    for table in app::rules::rows::tables() {
        let page = one.get(&format!("{base}/ops/rows/{}", table.name)).await;
        assert!(page.status.is_success() && page.body.len() < 60_000, "{}", table.name);
        let href = page.body.split("/ops/new/row?").nth(1).unwrap().split('"').next().unwrap();
        let href = href.replace("&amp;", "&").replace("&#38;", "&");
        let form = one.get(&format!("{base}/ops/new/row?{href}")).await;
        assert!(form.status.is_success() && form.body.contains("下一步:看影响"), "{href}");
    }
    let new = format!("{base}/ops/new/row");
    let page = one.get(&format!("{new}?table=min_join_age")).await;
    assert!(page.body.contains("新增") && page.body.contains("适用省份"), "{}", page.body);
    let fields = [("c_region", "34"), ("c_years", "40"), ("c_says", "安徽须满 15 周岁")];
    let wrong = one.submit(&page, &new, &fields).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("10 到 28 之间") && wrong.body.contains("安徽须满"), "kept");
    let says = ("c_says", "安徽须满 15 周岁");
    let fields = [("c_region", "34"), ("c_years", "15"), says, ("valid_from", "2026-06-15")];
    let check = one.submit(&wrong, &new, &fields).await;
    assert!(
        check.body.contains("安徽须满 15 周岁") && check.body.contains("没有完成的导入"),
        "{}",
        check.body
    );
    let made = one.submit(&check, &new, &[("reason", "来文〔2026〕8 号")]).await;
    assert!(made.body.contains("要由另一位运营人员办理"), "{}", made.body);
    let mut two = w.kit.sign_in_as(&w.two).await;
    let no = made.body.split("/ops/p/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let page = two.get(&format!("{base}/ops/p/{no}")).await;
    let done = two.submit(&page, &format!("{base}/ops/p/{no}/approval"), &[]).await;
    assert!(done.body.contains("已办理"), "{}", done.body);
    let page = one.get(&format!("{base}/ops/rows/min_join_age")).await;
    assert!(page.body.contains("安徽须满 15 周岁"), "{}", page.body);
    let end = one.get(&format!("{new}?table=post&key=BRANCH%2BGRADUATE.secretary&end=1")).await;
    let wrong = one.submit(&end, &new, &[("valid_from", "2026-06-15")]).await;
    assert!(wrong.body.contains("必须有并且只有一个“书记”"), "{}", wrong.body);
}

#[tokio::test]
async fn closed_organisations_and_categories_have_their_forms() {
    let w = world().await;
    let mut one = w.kit.sign_in_as(&w.one).await;
    let base = format!("/o/{}", w.tree.centre.code);
    let new = format!("{base}/ops/new/restore");
    let page = one.get(&new).await;
    assert!(page.body.contains("先选择它原来的直接上级"), "{}", page.body);
    let page = one.get(&format!("{new}?to={}", w.tree.general.code)).await;
    assert!(page.body.contains("没有过了期限的已撤销组织"), "{}", page.body);
    let new = format!("{base}/ops/new/category");
    let page = one.get(&format!("{new}?to={}", w.tree.branch.code)).await;
    assert!(page.body.contains("现在是团支部"), "{}", page.body);
    let wrong = one.submit(&page, &new, &[("category", "GENERAL")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("还没有用过自己的一次更改"), "{}", wrong.body);
}
