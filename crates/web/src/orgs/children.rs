//! 管理下级组织 (A7): direct children as a table, and everything below as a tree that is opened one
//! organisation at a time. The tree is plain links: `?view=tree&open={code}` opens the way to one.

use crate::{answer::Answer, error::Failure, form::Query, frame::Frame, page, visit::Visit};
use app::{
    Action, OrgRef,
    orgs::{self, Category, Child, Narrow},
    rules::Rules,
};
use askama::Template;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `table` or `tree`.
    view: String,
    /// Mark of the page.
    after: String,
    /// The organisation whose children are shown in the tree; those above it are open too.
    open: String,
    /// For scripts: only the children of this one.
    part: String,
    /// Its level in the tree, for scripts.
    level: usize,
    /// A part of the name.
    name: String,
    /// Key of a category.
    category: String,
    /// `1`: only those without an administrator.
    unmanned: String,
}
impl Asked {
    fn narrow(&self) -> Narrow {
        Narrow {
            name: self.name.trim().chars().take(60).collect(),
            category: Category::from_code(&self.category),
            unmanned: self.unmanned == "1",
        }
    }
}

/// What is shown of the list.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Filter {
    name: String,
    category: String,
    unmanned: bool,
}
impl Filter {
    fn of(narrow: &Narrow) -> Self {
        Self {
            name: narrow.name.clone(),
            category: narrow.category.map_or(String::new(), |c| c.code().to_owned()),
            unmanned: narrow.unmanned,
        }
    }
    fn is_on(&self) -> bool {
        self.unmanned || !self.name.is_empty() || !self.category.is_empty()
    }
    /// As it stands in addresses, behind `?`.
    fn query(&self) -> String {
        let mut filled = vec![("name", self.name.as_str()), ("category", &self.category)];
        filled.push(("unmanned", if self.unmanned { "1" } else { "" }));
        filled.retain(|(_, value)| !value.is_empty());
        serde_html_form::to_string(filled).unwrap_or_default()
    }
}

/// A row of the table.
#[derive(Serialize, JsonSchema)]
pub struct Row {
    #[serde(flatten)]
    child: Child,
    may_edit: bool,
    may_close: bool,
}

/// 管理下级组织.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/children.html")]
pub struct ChildrenPage {
    #[serde(skip)]
    frame: Frame,
    rows: Vec<Row>,
    filter: Filter,
    /// Categories to choose from: key and name.
    #[serde(skip)]
    categories: Vec<(&'static str, &'static str)>,
    /// Which columns have anything to say here.
    #[serde(skip)]
    with: With,
    may_order: bool,
    /// The tree, when it was asked for.
    tree: Option<Node>,
    /// Address of the next page.
    next: Option<String>,
    first_page: bool,
    may_create: bool,
    may_issue: bool,
    /// Whether many may be created at once from a workbook (37).
    may_import: bool,
    #[serde(skip)]
    base: String,
    #[serde(skip)]
    org_name: String,
    /// The 待接转团支部 of this page, if there is one.
    holding: Option<Held>,
    /// Whether the visitor may close and restore.
    may_close: bool,
}
page!(ChildrenPage);

/// Columns and links that are not for everybody.
#[derive(Debug, Default)]
pub struct With {
    /// 是否乡镇街道团委: set on children of leading organs (row 58).
    township: bool,
    /// 毕业标记: schools alone have it.
    graduation: bool,
    close: bool,
}

fn is_there(path: &str) -> bool {
    crate::routes::needs(&http::Method::GET, path).is_some()
}

/// A holding branch: how old it is, and how many wait in it.
#[derive(Serialize, JsonSchema)]
pub struct Held {
    code: String,
    age: app::closings::Age,
}

/// An organisation in the tree.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "orgs/node.html")]
pub struct Node {
    code: String,
    name: String,
    note: String,
    level: usize,
    has_children: bool,
    /// `None` while it is closed.
    children: Option<Vec<Node>>,
    /// Mark of its next children.
    more: Option<String>,
    selected: bool,
    /// The page without scripts that begins behind the first fifty.
    later: bool,
    #[serde(skip)]
    base: String,
    /// Code of the organisation above, to close this one.
    #[serde(skip)]
    above: String,
}

/// The children of one organisation, for scripts: no frame around them.
#[derive(Template, Serialize)]
#[template(path = "orgs/part.html")]
struct Part {
    node: Node,
    /// Whether these follow others that are shown already.
    follows: bool,
}
impl crate::visit::Page for Part {}

/// `GET /o/{org}/children`.
pub async fn show(mut v: Visit, Query(asked): Query<Asked>) -> Result<Answer, Failure> {
    let org = v.cx.org()?.clone();
    if v.is_fragment() && !asked.part.is_empty() {
        return part(v, asked).await;
    }
    let base = v.base()?;
    let is_tree = asked.view == "tree";
    let after = Some(asked.after.as_str()).filter(|a| !a.is_empty());
    let narrow = asked.narrow();
    let filter = Filter::of(&narrow);
    let (mut rows, mut tree, mut next) = (Vec::<Row>::new(), None, None);
    if is_tree {
        tree = Some(grow(&mut v, &org, &asked).await?);
    } else {
        let list = orgs::narrowed(&mut v.cx, &org, &narrow, after, 50).await?;
        let and = if filter.is_on() { format!("{}&", filter.query()) } else { String::new() };
        next = list.next.map(|mark| format!("{base}/children?{and}after={mark}"));
        let row = |child: Child| Row {
            // A holding branch is the system's: its name is not edited.
            may_edit: child.category != orgs::Category::Holding
                && v.cx.may(Action::EditOrg, &child.path),
            may_close: v.cx.may(Action::CloseChild, &child.path),
            child,
        };
        rows = list.rows.into_iter().map(row).collect();
    }
    // There is one at most, and it stands out until it is empty (row 52).
    let holding = rows.iter().find(|r| r.child.category == orgs::Category::Holding);
    let holding = match holding.map(|r| r.child.code.clone()) {
        Some(code) => {
            let held = orgs::by_code(&mut v.cx, &code).await?;
            app::closings::holding_of(&mut v.cx, &held).await?.map(|age| Held { code, age })
        }
        None => None,
    };
    let page = ChildrenPage {
        frame: v.frame("管理下级组织", "/children").await?,
        with: With {
            township: org.category == Category::Lead,
            graduation: rows.iter().any(|r| r.child.graduation.is_some()),
            close: is_there("/o/{org}/children/{code}/close"),
        },
        categories: Rules::builtin()
            .tree
            .category(org.category)
            .children
            .iter()
            .map(|c| (c.code(), c.label()))
            .collect(),
        may_order: v.cx.may(Action::OrderChildren, &org.path),
        rows,
        filter,
        tree,
        next,
        first_page: after.is_none(),
        may_issue: app::access::reach(Action::IssueCodes, v.cx.acting()?.role).is_some(),
        may_import: app::access::reach(Action::ImportMembers, v.cx.acting()?.role).is_some(),
        may_create: v.cx.may(Action::CreateChild, &org.path) && !org.category.owns_members(),
        base,
        org_name: org.short_name,
        holding,
        may_close: app::access::reach(Action::CloseChild, v.cx.acting()?.role).is_some(),
    };
    v.show(page).await
}

async fn part(mut v: Visit, asked: Asked) -> Result<Answer, Failure> {
    let org = super::below(&mut v.cx, &asked.part).await?;
    let base = v.base()?;
    let level = asked.level.clamp(1, 12);
    let follows = !asked.after.is_empty();
    let mut node = closed(&org, level, &base, "");
    fill(&mut v, &mut node, &org.path, Some(asked.after.as_str()).filter(|a| !a.is_empty()))
        .await?;
    v.show(Part { node, follows }).await
}

/// The tree with the way to `asked.open` opened; fifty children a level at most.
async fn grow(v: &mut Visit, org: &OrgRef, asked: &Asked) -> Result<Node, Failure> {
    let base = v.base()?;
    let target = match asked.open.as_str() {
        "" => org.clone(),
        code => {
            let target = super::below(&mut v.cx, code).await?;
            if org.covers(&target.path) { target } else { org.clone() }
        }
    };
    let way: Vec<OrgRef> = orgs::names_to(&mut v.cx, &target.path)
        .await?
        .into_iter()
        .filter(|step| org.covers(&step.path))
        .collect();
    let mut inner: Option<Node> = None;
    for (at, step) in way.iter().enumerate().rev() {
        let above = at.checked_sub(1).and_then(|at| way.get(at)).map_or("", |o| o.code.as_str());
        let mut node = closed(step, at + 1, &base, above);
        let is_target = at + 1 == way.len();
        let after = Some(asked.after.as_str()).filter(|a| is_target && !a.is_empty());
        fill(v, &mut node, &step.path, after).await?;
        node.selected = is_target;
        if let (Some(children), Some(open)) = (&mut node.children, inner.take()) {
            match children.iter_mut().find(|child| child.code == open.code) {
                Some(place) => *place = open,
                // It stands behind the first fifty: it is shown all the same.
                None => children.push(open),
            }
        }
        inner = Some(node);
    }
    inner.ok_or_else(|| app::Error::NotFound.into())
}

fn closed(org: &OrgRef, level: usize, base: &str, above: &str) -> Node {
    Node {
        code: org.code.clone(),
        name: org.short_name.clone(),
        note: org.category.label().to_owned(),
        level,
        has_children: true,
        children: None,
        more: None,
        selected: false,
        later: false,
        base: base.to_owned(),
        above: above.to_owned(),
    }
}

async fn fill(
    v: &mut Visit,
    node: &mut Node,
    path: &str,
    after: Option<&str>,
) -> Result<(), Failure> {
    let list = orgs::children_of(&mut v.cx, path, after).await?;
    let level = node.level + 1;
    let child = |child: Child| Node {
        note: if child.members > 0 {
            format!("{} · {} 人", child.category_name, child.members)
        } else {
            child.category_name
        },
        code: child.code,
        name: child.short_name,
        level,
        has_children: child.has_children,
        children: None,
        more: None,
        selected: false,
        later: false,
        base: node.base.clone(),
        above: node.code.clone(),
    };
    let children: Vec<Node> = list.rows.into_iter().map(child).collect();
    node.has_children = !children.is_empty() || after.is_some();
    node.children = node.has_children.then_some(children);
    node.more = list.next;
    node.later = after.is_some();
    Ok(())
}
