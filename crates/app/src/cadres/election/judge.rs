//! Judging an election before anything is written: the same for the preview and for the act.

use super::{Ballot, Election, LEAVES, Newcomer, ballot, is_own_secretary};
use crate::{
    Action, Cx, Error, FieldError, OrgRef, Permit, Refusal, Result,
    cadres::{PostForm, change, posts, rights, seats, sql, terms},
    clock::day,
    events::Event,
    people::{self, Named, PersonId, Seen},
    rules::{Rules, person::PostDraft},
};
use jiff::civil::Date;

/// Somebody of whom the election decides.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) person: PersonId,
    pub(super) name: String,
    pub(super) before: String,
    /// `None`: leaves; `Some(None)`: keeps the post.
    pub(super) after: Option<Option<PostDraft>>,
    pub(super) was_admin: bool,
    pub(super) admin: bool,
    pub(super) was_secretary: bool,
    pub(super) is_secretary: bool,
}

/// Somebody who comes.
#[derive(Clone, Debug)]
pub(super) struct Coming {
    /// `None`: not in the system yet.
    pub(super) person: Option<PersonId>,
    pub(super) named: Option<Named>,
    pub(super) name: String,
    pub(super) post: PostDraft,
    pub(super) words: String,
    pub(super) admin: bool,
}

/// What an election would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The date of the election.
    pub elected_on: Date,
    /// Every effect in a sentence, in the order in which they are carried out.
    pub effects: Vec<String>,
    /// What a careful secretary would look at once more; nothing stands against going on.
    pub hints: Vec<String>,
    pub secretary: String,
    /// Who is administrator afterwards.
    pub admins: Vec<String>,
    pub(super) sitting: Vec<Decided>,
    pub(super) coming: Vec<Coming>,
}

/// A plan, or what is wrong with the form: to be committed as well, because asking about people by
/// ID number was counted.
pub type Judged = std::result::Result<Plan, Vec<FieldError>>;

/// Judges an election without holding it, for the page that shows every effect.
pub async fn preview(cx: &mut Cx, org: &OrgRef, election: &Election) -> Result<Judged> {
    let permit = cx.permit(Action::ChangePosts, org)?;
    let judged = judged(plan(cx, &permit, org, election).await)?;
    cx.record(permit, Event::new("election.judged", "org", org.id.0).at(&org.path)).await?;
    Ok(judged)
}

/// Wrong fields apart from everything else that stands against it.
pub(super) fn judged(planned: Result<Plan>) -> Result<Judged> {
    match planned {
        Ok(plan) => Ok(Ok(plan)),
        Err(Error::Invalid(errors)) => Ok(Err(errors)),
        Err(other) => Err(other),
    }
}

/// Judges an election. Errors: `Invalid` by field (`elected_on`, `secretary`,
/// `admins`, `p-{code}`, `new-{n}-…`); refused `own_secretary` (42), `own_right` (32); conflict E22
/// when the cadres are no longer those that the page showed. Asking about people by ID number is
/// counted under `permit`.
pub(super) async fn plan(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    election: &Election,
) -> Result<Plan> {
    let now = ballot(cx, org).await?;
    if now.most == 0 {
        let says = format!("{}由直属上级管理,不办理换届。", org.category.label());
        return Err(Error::refused(Refusal::new("no_election", says)));
    }
    if now.seen != election.seen {
        let says = format!("{}的团干部刚刚有变动,请按现在的名单重新办理。", org.short_name);
        return Err(Error::conflict(Refusal::new("E22", says)));
    }
    let mut wrong = Vec::new();
    let elected_on = date(cx, &election.elected_on, now.elected_on.as_deref(), &mut wrong);
    let sitting = fates(cx, org, &now, election, &mut wrong)?;
    let coming = newcomers(cx, permit, org, election, (&sitting, &mut wrong)).await?;
    let secretary = one_secretary(&sitting, &coming, &mut wrong);
    let admins = admins_after(&sitting, &coming, now.most, &mut wrong);
    let (Some(elected_on), Some(secretary), true) = (elected_on, secretary, wrong.is_empty())
    else {
        return Err(Error::Invalid(wrong));
    };
    allowed(cx, org, &now, &sitting).await?;
    let mut plan = Plan {
        elected_on,
        effects: Vec::new(),
        hints: hints(cx, org, &sitting, &coming).await?,
        secretary,
        admins,
        sitting,
        coming,
    };
    plan.effects = effects(cx, org, &plan).await?;
    Ok(plan)
}

fn date(cx: &Cx, typed: &str, last: Option<&str>, wrong: &mut Vec<FieldError>) -> Option<Date> {
    let today = day(cx.now());
    let last: Option<Date> = last.and_then(|l| l.parse().ok());
    let says = match typed.trim().parse::<Date>() {
        Ok(date) if date > today => "换届时间不能在今天之后。".to_owned(),
        Ok(date) if last.is_some_and(|last| date < last) => {
            format!("换届时间不能早于上一次换届({})。", last.unwrap_or(today))
        }
        Ok(date) if date.year() >= 1921 => return Some(date),
        _ => format!("请填写换届时间,例如 {today}。"),
    };
    wrong.push(FieldError::new("elected_on", "date", says));
    None
}

/// What becomes of everybody who sits.
fn fates(
    cx: &Cx,
    org: &OrgRef,
    now: &Ballot,
    election: &Election,
    wrong: &mut Vec<FieldError>,
) -> Result<Vec<Decided>> {
    let mut all = Vec::with_capacity(now.sitting.len());
    for s in &now.sitting {
        let fate = election.fates.iter().find(|f| f.code == s.code);
        let typed = fate.map_or("", |f| f.post.trim());
        let after = match typed {
            "" => Some(None),
            LEAVES => None,
            typed => read_post(cx, org, typed, &format!("p-{}", s.code), wrong)?.map(Some),
        };
        // The same post once more is no change.
        let after = match after {
            Some(Some(post)) if words(cx, org, &post) == s.post => Some(None),
            other => other,
        };
        let is_secretary = match &after {
            None => false,
            Some(None) => s.is_secretary,
            Some(Some(post)) => post.is_secretary,
        };
        let wants = fate.map_or(s.admin, |f| f.admin);
        if wants && after.is_none() && typed == LEAVES && !s.admin {
            let says = format!("{}离任,不能同时做管理员。", s.name);
            wrong.push(FieldError::new(&format!("p-{}", s.code), "leaves", says));
        }
        all.push(Decided {
            person: s.person,
            name: s.name.clone(),
            before: s.post.clone(),
            was_admin: s.admin,
            // Whoever leaves is no administrator any longer, whatever was ticked.
            admin: wants && after.is_some(),
            was_secretary: s.is_secretary,
            is_secretary,
            after,
        });
    }
    Ok(all)
}

fn read_post(
    cx: &Cx,
    org: &OrgRef,
    typed: &str,
    field: &str,
    wrong: &mut Vec<FieldError>,
) -> Result<Option<PostDraft>> {
    let form = PostForm { post: typed.to_owned(), ..PostForm::default() };
    match form.read(cx, org) {
        Ok(post) => Ok(post),
        Err(Error::Invalid(errors)) => {
            wrong.extend(errors.into_iter().map(|e| FieldError { field: field.to_owned(), ..e }));
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

fn words(cx: &Cx, org: &OrgRef, post: &PostDraft) -> String {
    posts::post_row(cx, org.category, &post.code).map(|r| r.name.clone()).unwrap_or_default()
}

async fn newcomers(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    election: &Election,
    (sitting, wrong): (&[Decided], &mut Vec<FieldError>),
) -> Result<Vec<Coming>> {
    let mut all: Vec<Coming> = Vec::new();
    for (n, new) in election.newcomers.iter().enumerate().take(20) {
        if new.is_blank() {
            continue;
        }
        let at = |field: &str| format!("new-{}-{field}", n + 1);
        let found = who(cx, permit, org, new, (&at(""), wrong)).await?;
        let post = match new.post.trim() {
            "" => None,
            typed => read_post(cx, org, typed, &at("post"), wrong)?,
        };
        let Some(post) = post else {
            if !wrong.iter().any(|e| e.field == at("post")) {
                wrong.push(FieldError::new(&at("post"), "required", "请选择这个人的职务。"));
            }
            continue;
        };
        let Some((person, named, name)) = found else { continue };
        let field = if new.member.trim().is_empty() { at("name") } else { at("member") };
        let sits = person.is_some_and(|p| sitting.iter().any(|s| s.person == p));
        let twice = all.iter().any(|c| match (&c.person, &person) {
            (Some(a), Some(b)) => a == b,
            (None, None) => {
                c.named.as_ref().map(|n| n.id_number.reveal().to_owned())
                    == named.as_ref().map(|n: &Named| n.id_number.reveal().to_owned())
            }
            _ => false,
        });
        if sits || twice {
            let says = if sits {
                format!("{name}已在上面的现任名单里,请在名单里选择新职务。")
            } else {
                format!("{name}填写了两次,请删去一行。")
            };
            wrong.push(FieldError::new(&field, "twice", says));
            continue;
        }
        let words = words(cx, org, &post);
        all.push(Coming { person, named, name, post, words, admin: new.admin });
    }
    Ok(all)
}

type Who = (Option<PersonId>, Option<Named>, String);

/// Who a newcomer is: a member of the branch, somebody in the system, or nobody yet.
async fn who(
    cx: &mut Cx,
    permit: &Permit,
    org: &OrgRef,
    new: &Newcomer,
    (at, wrong): (&str, &mut Vec<FieldError>),
) -> Result<Option<Who>> {
    let field = |name: &str| format!("{at}{name}");
    if !new.member.trim().is_empty() {
        let found = sql::named(cx, new.member.trim()).await?;
        if let Some((person, name)) = found
            && sql::is_member_of(cx, org.id, person).await?
        {
            return Ok(Some((Some(person), None, name)));
        }
        let says = "此人已不在本支部,请重新选择。";
        wrong.push(FieldError::new(&field("member"), "not_here", says));
        return Ok(None);
    }
    let named = match Named::read(&new.name, &new.id_number, &new.mobile, day(cx.now())) {
        Ok(named) => named,
        Err(Error::Invalid(errors)) => {
            wrong.extend(errors.into_iter().map(|e| FieldError { field: field(&e.field), ..e }));
            return Ok(None);
        }
        Err(e) => return Err(e),
    };
    match people::look(cx, permit, &named).await? {
        Seen::Nobody => Ok(Some((None, Some(named.clone()), named.name))),
        Seen::Known(person) => Ok(Some((Some(person), Some(named.clone()), named.name))),
        Seen::OtherName => {
            if let Error::Invalid(errors) = people::Entered::other_name() {
                let at_name = errors.into_iter();
                wrong.extend(at_name.map(|e| FieldError { field: field("name"), ..e }));
            }
            Ok(None)
        }
    }
}

fn one_secretary(
    sitting: &[Decided],
    coming: &[Coming],
    wrong: &mut Vec<FieldError>,
) -> Option<String> {
    let stays = sitting.iter().filter(|d| d.is_secretary).map(|d| d.name.clone());
    let comes = coming.iter().filter(|c| c.post.is_secretary).map(|c| c.name.clone());
    let all: Vec<String> = stays.chain(comes).collect();
    let says = match all.as_slice() {
        [one] => return Some(one.clone()),
        [] => {
            "换届后要有一位书记。请在名单里选一位,或在下面填写新书记;书记暂缺的,先填主持工作的负责人。"
                .to_owned()
        }
        more => format!("一个组织只有一位书记,现在选了 {} 位:{}。", more.len(), more.join("、")),
    };
    wrong.push(FieldError::new("secretary", "one_secretary", says));
    None
}

fn admins_after(
    sitting: &[Decided],
    coming: &[Coming],
    most: i64,
    wrong: &mut Vec<FieldError>,
) -> Vec<String> {
    let stays = sitting.iter().filter(|d| d.admin).map(|d| d.name.clone());
    let comes = coming.iter().filter(|c| c.admin).map(|c| c.name.clone());
    let all: Vec<String> = stays.chain(comes).collect();
    let says = match i64::try_from(all.len()).unwrap_or(i64::MAX) {
        0 => "换届后至少要有一位管理员,请勾选。".to_owned(),
        n if n > most => {
            format!("最多 {most} 位管理员,现在选了 {n} 位:{}。请去掉几位。", all.join("、"))
        }
        _ => return all,
    };
    wrong.push(FieldError::new("admins", "admins", says));
    all
}

/// Rows 32 and 42: nobody takes her own right away or ends her own term as 书记.
async fn allowed(cx: &mut Cx, org: &OrgRef, now: &Ballot, sitting: &[Decided]) -> Result<()> {
    let steps_down = sitting.iter().any(|d| d.was_secretary && !d.is_secretary);
    if is_own_secretary(cx, org, now) && steps_down {
        return Err(change::own_secretary(cx, org).await?);
    }
    let own = sitting.iter().find(|d| rights::is_me(cx, d.person) && d.was_admin && !d.admin);
    match own {
        // Says why and who can.
        Some(own) => rights::may_unseat(cx, org, own.person).await.map(drop),
        None => Ok(()),
    }
}

async fn hints(
    cx: &mut Cx,
    org: &OrgRef,
    sitting: &[Decided],
    coming: &[Coming],
) -> Result<Vec<String>> {
    let rules = &Rules::builtin().policy;
    let mut hints = Vec::new();
    if org.category.owns_members() {
        let size = sitting.iter().filter(|d| d.after.is_some()).count() + coming.len();
        let from = rules.guide.committee_election_from;
        let members = sql::count_members(cx, org, from).await?;
        let (least, most) = rules.cadres.branch_committee;
        if members >= from && (size < least || size > most) {
            hints.push(format!(
                "团员 {from} 人以上的支部一般选举 {least} 至 {most} 人的支部委员会,现在是 {size} 人。"
            ));
        }
    }
    if coming.iter().any(|c| {
        c.post.is_secretary
            && c.named.as_ref().is_some_and(|n| n.mobile.is_none())
            && c.person.is_none()
    }) {
        hints.push("新书记没有填手机号;书记的手机号缺少时,组织信息不算完整。".to_owned());
    }
    let taken = seats::seats(cx, org).await?;
    let after =
        sitting.iter().filter(|d| d.admin).count() + coming.iter().filter(|c| c.admin).count();
    if after == 1 && taken.len() > 1 {
        hints.push("换届后只有一位管理员;建议至少两位,一位离开时工作不会中断。".to_owned());
    }
    Ok(hints)
}

/// Everything that happens, in words.
async fn effects(cx: &mut Cx, org: &OrgRef, plan: &Plan) -> Result<Vec<String>> {
    let mut said = Vec::new();
    for d in plan.sitting.iter().filter(|d| d.was_admin && !d.admin) {
        said.push(format!("撤销{}的管理员身份,下一次操作起生效", d.name));
    }
    for d in plan.sitting.iter().filter(|d| d.after.is_none()) {
        said.push(format!("{}不再任{},团员身份和其他职务不受影响", d.name, d.before));
    }
    for d in &plan.sitting {
        if let Some(Some(post)) = &d.after {
            said.push(format!("{}由{}改任{}", d.name, d.before, words(cx, org, post)));
        }
    }
    for c in &plan.coming {
        let how = match (&c.person, &c.named) {
            (None, _) => "(系统里还没有此人,将新建;本人首次登录时激活账号)",
            (Some(_), Some(_)) => "(系统里已有此人,原来的团支部和其他职务不变)",
            (Some(_), None) => "",
        };
        said.push(format!("{}任{}{how}", c.name, c.words));
    }
    for d in plan.sitting.iter().filter(|d| d.admin && !d.was_admin) {
        said.push(format!("{}成为管理员", d.name));
    }
    for c in plan.coming.iter().filter(|c| c.admin) {
        said.push(format!("{}成为管理员", c.name));
    }
    let stays = plan.sitting.iter().filter(|d| matches!(d.after, Some(None))).count();
    if stays > 0 {
        said.push(format!("其余 {stays} 人职务不变"));
    }
    let (industry, ..) = sql::term_facts(cx, org.id).await?;
    let elected_on = plan.elected_on.to_string();
    let term =
        terms::term(org.category, industry.as_deref(), (Some(&elected_on), None), day(cx.now()));
    said.push(match term {
        Some(term) => format!(
            "换届时间记为 {elected_on};任期 {} 年,请在 {} 前再次换届,到期前系统会提醒",
            term.years, term.ends
        ),
        None => format!("换届时间记为 {elected_on}"),
    });
    Ok(said)
}
