//! 后台与维护: whether the background work is alive, what was set aside, how letters leave, and the
//! switch that takes no changes for a while.

use crate::{
    answer::Answer, error::Failure, face::Face, form::Form, frame::Frame, page, visit::Visit,
};
use app::{
    Error,
    clock::show_time,
    clockwork,
    jobs::{self, Class, JobId},
    messages, read_only,
};
use askama::Template;
use axum::extract::Path;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A task of the program that answers.
#[derive(Serialize, JsonSchema)]
pub struct Task {
    name: String,
    kind_name: &'static str,
    /// Seconds since it was last heard of.
    age: i64,
    stale: bool,
    failures: u64,
    panics: u64,
}

/// A scheduled task, on whatever node.
#[derive(Serialize, JsonSchema)]
pub struct Scheduled {
    name: String,
    /// Beijing time.
    ran: String,
}

/// Jobs of a class.
#[derive(Serialize, JsonSchema)]
pub struct Queue {
    class: &'static str,
    class_name: &'static str,
    /// Counted to 1,000 at most.
    waiting: i64,
}

/// A job that was set aside.
#[derive(Serialize, JsonSchema)]
pub struct SetAside {
    id: String,
    name: &'static str,
    org: String,
    attempts: i64,
    error: String,
    created: String,
    ended: String,
}

/// A way out of the program.
#[derive(Serialize, JsonSchema)]
pub struct Way {
    channel: String,
    channel_name: &'static str,
    /// `closed`: letters go out; `open`: left alone for a while; `half_open`: one letter tries.
    state: &'static str,
    state_name: &'static str,
    /// No program serves it at present.
    silent: bool,
    failures: i64,
    error: String,
    /// When a letter tries again; Beijing time.
    until: String,
    waiting: i64,
    failed: i64,
    #[serde(skip)]
    look: &'static str,
}

/// 后台与维护.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "ops/engine.html")]
pub struct Engine {
    #[serde(skip)]
    frame: Frame,
    version: &'static str,
    node: String,
    read_only: bool,
    read_only_since: String,
    read_only_by: String,
    reason: String,
    tasks: Vec<Task>,
    scheduled: Vec<Scheduled>,
    queues: Vec<Queue>,
    set_aside: Vec<SetAside>,
    ways: Vec<Way>,
    #[serde(skip)]
    base: String,
}
page!(Engine);

/// `GET /o/{org}/ops/engine`.
pub async fn show(mut v: Visit) -> Result<Answer, Failure> {
    let page = engine(&mut v).await?;
    v.show(page).await
}

async fn engine(v: &mut Visit) -> Result<Engine, Failure> {
    let house = v.cx.house().clone();
    let now = v.cx.now();
    let switch = read_only::switch(&mut v.cx).await?.filter(|s| s.on).unwrap_or_default();
    let mut queues = Vec::new();
    for (class, _) in Class::ALL {
        let waiting = jobs::waiting(&mut v.cx, class).await?;
        queues.push(Queue { class: class.code(), class_name: class_name(class), waiting });
    }
    let mut ways = Vec::new();
    for channel in messages::channels(&mut v.cx).await? {
        let (waiting, failed) = messages::letters(&mut v.cx, &channel.name).await?;
        ways.push(way(channel, waiting, failed, now));
    }
    let scheduled = clockwork::last_turns(&mut v.cx).await?;
    let set_aside = jobs::failed(&mut v.cx).await?;
    Ok(Engine {
        frame: v.frame("后台与维护", "/ops").await?,
        version: env!("CARGO_PKG_VERSION"),
        node: house.node().to_owned(),
        read_only: house.is_read_only(),
        read_only_since: if switch.at > 0 { show_time(switch.at) } else { String::new() },
        read_only_by: switch.by,
        reason: switch.reason,
        tasks: house.pulse().all().iter().map(|beat| task(beat, now)).collect(),
        scheduled: scheduled
            .into_iter()
            .map(|turn| Scheduled { ran: show_time(turn.ran_at), name: turn.name })
            .collect(),
        queues,
        set_aside: set_aside.into_iter().map(aside).collect(),
        ways,
        base: v.base()?,
    })
}

fn task(beat: &app::pulse::Beat, now: i64) -> Task {
    use app::pulse::Kind;
    Task {
        name: beat.name.clone(),
        kind_name: match beat.kind {
            Kind::Scheduled => "定时任务",
            Kind::Worker => "任务处理",
            Kind::Delivery => "消息发送",
        },
        age: beat.age(now) / 1000,
        stale: beat.is_stale(now),
        failures: beat.failures,
        panics: beat.panics,
    }
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Urgent => "导入、发码",
        Class::Normal => "导出",
        Class::Long => "重新加密、重新判断",
    }
}

/// What a job does, by its kind; whose it is stands beside it.
fn name_of(kind: &str) -> &'static str {
    match kind {
        "import" => "导入名单",
        "export_members" => "导出团员列表",
        "export_health" => "下载组织体检名单",
        "issue_codes" => "生成管理员注册码",
        "rekey" => "更换加密密钥",
        "rejudge" => "重新判断资料是否完善",
        _ => "其他任务",
    }
}

fn aside(job: jobs::Failed) -> SetAside {
    SetAside {
        id: job.id.to_string(),
        name: name_of(&job.kind),
        org: job.org.unwrap_or_default(),
        attempts: job.attempts,
        error: job.error.unwrap_or_default(),
        created: show_time(job.created_at),
        ended: show_time(job.ended_at),
    }
}

fn way(channel: messages::Channel, waiting: i64, failed: i64, now: i64) -> Way {
    let state = channel.state(now);
    let silent = channel.is_silent(now);
    let (state_name, look) = match (state, silent) {
        (_, true) => ("没有程序在发送", "err"),
        ("closed", _) => ("正常", "ok"),
        ("open", _) => ("连续失败，暂停发送", "err"),
        _ => ("正在试发一条", "now"),
    };
    Way {
        channel_name: match channel.name.as_str() {
            "smtp" => "电子邮件",
            _ => "网络回调",
        },
        until: if state == "open" { show_time(channel.until) } else { String::new() },
        error: channel.error.unwrap_or_default(),
        failures: channel.failures,
        channel: channel.name,
        state,
        state_name,
        silent,
        waiting,
        failed,
        look,
    }
}

fn job(id: &str) -> Result<JobId, Error> {
    id.parse().map_err(|_| Error::NotFound)
}

/// `POST /o/{org}/ops/engine/jobs/{id}/retry`.
pub async fn retry(mut v: Visit, Path((_, id)): Path<(String, String)>) -> Result<Answer, Failure> {
    jobs::retry(&mut v.cx, job(&id)?).await?;
    back(v, "已重新排队，几秒钟后开始。").await
}

/// `POST /o/{org}/ops/engine/jobs/{id}/drop`.
pub async fn give_up(
    mut v: Visit,
    Path((_, id)): Path<(String, String)>,
) -> Result<Answer, Failure> {
    jobs::drop_failed(&mut v.cx, job(&id)?).await?;
    back(v, "已放弃这项任务，它不会再运行。").await
}

/// Which channel.
#[derive(Deserialize, JsonSchema)]
pub struct LettersForm {
    /// smtp or webhook.
    #[serde(default)]
    channel: String,
}

/// `POST /o/{org}/ops/engine/letters`: sends again what was given up.
pub async fn send_again(mut v: Visit, Form(f): Form<LettersForm>) -> Result<Answer, Failure> {
    let letters = messages::send_again(&mut v.cx, &f.channel).await?;
    back(v, format!("已重新排队{letters}条消息。")).await
}

/// The switch.
#[derive(Deserialize, JsonSchema)]
pub struct SwitchForm {
    /// on or off.
    #[serde(default)]
    to: String,
    /// What everybody reads meanwhile.
    #[serde(default)]
    reason: String,
}

/// `POST /o/{org}/ops/read-only`.
pub async fn set_read_only(mut v: Visit, Form(f): Form<SwitchForm>) -> Result<Answer, Failure> {
    let on = match f.to.as_str() {
        "on" => true,
        "off" => false,
        _ => return Err(Error::field("to", "switch", "请选择开启或结束。").into()),
    };
    let house = v.cx.house().clone();
    match read_only::set(&mut v.cx, on, &f.reason).await {
        Ok(()) => {}
        Err(Error::Invalid(errors)) if v.face() != Face::Json => {
            let mut page = engine(&mut v).await?;
            page.reason = f.reason;
            page.frame.errors = errors;
            return v.invalid(page).await;
        }
        Err(e) => return Err(e.into()),
    }
    let said = if on {
        "已进入只读状态：大家可以登录、查看，不能办理。"
    } else {
        "已结束只读状态，可以正常办理。"
    };
    let answer = back(v, said).await?;
    // This node at once; the others within two seconds.
    read_only::follow(&house).await?;
    Ok(answer)
}

async fn back(v: Visit, said: impl Into<String>) -> Result<Answer, Failure> {
    let to = format!("{}/ops/engine", v.base()?);
    v.done(to, said).await
}
