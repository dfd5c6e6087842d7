//! Errors as people and programs see them: the one place that knows status codes. A handler's
//! [`Failure`] is dressed here as a page, a fragment or problem+json, from one catalogue.

use crate::{
    answer::Again,
    face::Face,
    form::Posted,
    frame::{Frame, FrameUser, Look},
};
use app::{
    Error,
    error::{Difference, FieldError, Way},
};
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::sync::Arc;

/// What a handler returns when it can't answer; dressed by the middleware `replay`.
#[derive(Debug)]
pub struct Failure(Why);

#[derive(Debug)]
enum Why {
    /// Something could not be done.
    Error(Arc<Error>),
    /// The form was carried out before; its first answer is given again.
    Answered(Box<Again>),
    /// The request itself is not as it should be.
    Wrong(Wrong),
}

/// What is wrong with a request before any business is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The address is there, the method is not.
    Method,
    /// The body is larger than a form may be.
    TooLarge,
    /// Sent by a page of somebody else (security 23).
    CrossSite,
    /// Took longer than anything may take.
    Slow,
    /// The address or the form is no text: broken UTF-8.
    NoText,
}

/// What is dressed: an error of the business, or a wrong request.
#[derive(Clone, Copy)]
pub(crate) enum Trouble<'a> {
    Error(&'a Error),
    Wrong(Wrong),
}

impl Failure {
    pub(crate) fn answered(again: Again) -> Self {
        Self(Why::Answered(Box::new(again)))
    }
    /// The fields that it names, when it is about fields.
    pub(crate) fn fields(&self) -> &[FieldError] {
        match &self.0 {
            Why::Error(error) => match &**error {
                Error::Invalid(fields) => fields,
                _ => &[],
            },
            _ => &[],
        }
    }
    pub(crate) fn wrong(wrong: Wrong) -> Self {
        Self(Why::Wrong(wrong))
    }
}
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(Why::Error(Arc::new(error)))
    }
}
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        match self.0 {
            Why::Error(error) => response.extensions_mut().insert(error).map(drop),
            Why::Answered(again) => response.extensions_mut().insert(*again).map(drop),
            Why::Wrong(wrong) => response.extensions_mut().insert(wrong).map(drop),
        };
        response
    }
}

/// What the middleware knows of the request when it dresses an error.
pub(crate) struct Asked {
    pub(crate) face: Face,
    pub(crate) request_id: String,
    pub(crate) path_and_query: String,
    pub(crate) is_write: bool,
    pub(crate) posted: Posted,
    /// The page that the request came from, when it is one of ours.
    pub(crate) came_from: String,
    pub(crate) look: Look,
    /// Whether the visitor has a session, good or over.
    pub(crate) signed_in: bool,
}

/// problem+json (RFC 9457) with the catalogue's code, field errors and ways on.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub errors: Vec<FieldError>,
    pub ways: Vec<Way>,
    pub request_id: String,
}

#[derive(Template)]
#[template(path = "errors/error.html")]
struct ErrorPage {
    frame: Frame,
    problem: Problem,
    differences: Vec<Difference>,
    /// Fields of the form that could not be carried out, to be sent again unchanged.
    again: Vec<(String, String)>,
    action: String,
    /// The page that shows what is stored now.
    latest: String,
    retry: bool,
}

struct Said {
    status: StatusCode,
    code: String,
    title: &'static str,
    detail: String,
    ways: Vec<Way>,
}

fn say(error: &Error, request_id: &str) -> Said {
    let said = |status, code: &str, title, detail: String| Said {
        status,
        code: code.into(),
        title,
        detail,
        ways: Vec::new(),
    };
    match error {
        Error::NotFound => said(StatusCode::NOT_FOUND, "not_found", "没有找到这一页",
            "可能是地址不完整,或者它不在你当前组织的管理范围内。如果你在多个组织任职,请先切换到对应的组织。".into()),
        Error::SignedOut => said(StatusCode::UNAUTHORIZED, "E23", "请先登录",
            "登录已过期(30 分钟未操作)或还没有登录,刚才填写的内容已保留。".into()),
        Error::Forbidden { action, may, why } => {
            let why = match why.as_str() {
                "" => format!("“{action}”由{may}办理。"),
                why => why.to_owned(),
            };
            said(StatusCode::FORBIDDEN, "E21", "你现在的身份不能办这件事",
                format!("{why}如果你在能办理的组织任职，请先切换过去；没有的话，请联系他们。"))
        }
        Error::Conflict(r) => Said { ways: r.ways.clone(), ..said(StatusCode::CONFLICT, &r.code, "情况已经变了", r.message.clone()) },
        Error::Refused(r) => Said { ways: r.ways.clone(), ..said(StatusCode::CONFLICT, &r.code, "现在还不能办理", r.message.clone()) },
        Error::Clash(c) if c.says.is_some() => said(StatusCode::CONFLICT, c.code, "情况已经变了", c.says.unwrap_or_default().into()),
        Error::Stale(_) => said(StatusCode::CONFLICT, "E22", "这份资料刚被别人改过",
            "你打开页面以后,有人先保存了修改,你的修改还没有保存。下面列出两边的内容,请回到上一页核对后再保存。".into()),
        Error::Invalid(_) => said(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "有内容需要修改",
            "请按提示修改后重新提交,已填写的内容都还在。".into()),
        Error::TooMany { seconds } => said(StatusCode::TOO_MANY_REQUESTS, "E24", "请稍等再试",
            format!("尝试次数太多,为了保护账号,请等 {seconds} 秒再试。")),
        Error::Restored => said(StatusCode::SERVICE_UNAVAILABLE, "restored", "系统刚从备份恢复，暂停登录和办理",
            "数据库是从备份恢复的，恢复之前的登录、令牌和注册码都不能再用。请运维人员核对后运行 tuanjian restore-acknowledge，\
            确认以后即可重新登录、继续办理。".into()),
        Error::ReadOnly => said(StatusCode::SERVICE_UNAVAILABLE, "read_only", "系统正在维护",
            "现在只能查看、不能办理。你填写的内容没有丢失,请稍后再提交。".into()),
        Error::Busy | Error::Retry => said(StatusCode::SERVICE_UNAVAILABLE, "E24", "现在使用的人较多",
            "你的内容没有丢失。请等大约 20 秒再试一次。".into()),
        Error::Storage(_) => said(StatusCode::SERVICE_UNAVAILABLE, "storage", "系统暂时存不了数据",
            "不是你的问题,你填写的内容没有丢失。请过几分钟再试;一直不行,请把下面的编号告诉上级或运营。".into()),
        Error::Unread(_) => said(StatusCode::SERVICE_UNAVAILABLE, "file_unread", "这次没有读成文件",
            "不是你的文件有问题：系统读文件的部分这会儿没有工作起来（多半是现在太忙），什么都没有导入。请过一分钟再上传一次；也可以把表格复制粘贴进来。一直不行，请把下面的编号告诉上级或运营。".into()),
        Error::Gone => said(StatusCode::GONE, "gone", "这个内容已经过期",
            "它超过了保留时间,已经清除。请回到列表重新办理。".into()),
        Error::Closed(r) => Said { ways: r.ways.clone(), ..said(StatusCode::GONE, &r.code, "这个组织已经撤销", r.message.clone()) },
        Error::Unrecorded | Error::Broken(_) | Error::Clash(_) => said(StatusCode::INTERNAL_SERVER_ERROR, "E25", "系统出错了",
            format!("不是你的问题,刚才的操作没有生效,可以稍后重试。仍不行,请把编号 {request_id} 告诉上级或运营。")),
    }
}

fn say_wrong(wrong: Wrong) -> Said {
    let (status, code, title, detail) = match wrong {
        Wrong::Method => (
            StatusCode::METHOD_NOT_ALLOWED,
            "method",
            "这个地址不能这样打开",
            "它是用来提交的,不能直接打开或收藏。请回到上一页,用页面上的按钮办理。",
        ),
        Wrong::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "提交的内容太大",
            "一次提交不能超过 1 MB,这次没有办理。请分几次填写;名单请用“导入团员”上传文件。",
        ),
        Wrong::CrossSite => (
            StatusCode::FORBIDDEN,
            "cross_site",
            "这次提交不是从本系统的页面发出的",
            "为了保护你的账号,从其他网站发来的提交一律不办理。请在本系统里打开要办的页面,再提交一次。",
        ),
        Wrong::NoText => (
            StatusCode::BAD_REQUEST,
            "text_broken",
            "提交的内容不是完整的文字",
            "内容在传送中损坏了（不是UTF-8文字），没有保存。请回到上一页重新填写后再提交；从别处复制来的，请重新复制一次。",
        ),
        Wrong::Slow => (
            StatusCode::SERVICE_UNAVAILABLE,
            "slow",
            "这一步用的时间太长,没有办成",
            "可能是网络太慢,或现在使用的人较多。你的内容没有丢失,请稍后再试。",
        ),
    };
    Said { status, code: code.into(), title, detail: detail.into(), ways: Vec::new() }
}

/// Dresses an error for the face that was asked for.
pub(crate) fn dress(trouble: Trouble<'_>, asked: Asked) -> Response {
    let said = match trouble {
        Trouble::Error(error) => say(error, &asked.request_id),
        Trouble::Wrong(wrong) => say_wrong(wrong),
    };
    if let Trouble::Error(error) = trouble
        && (said.status.is_server_error() || matches!(error, Error::Clash(_)))
    {
        tracing::error!(request_id = asked.request_id, error = %error, "a request failed");
    }
    let signed_out = matches!(trouble, Trouble::Error(Error::SignedOut));
    if signed_out && !asked.is_write && asked.face != Face::Json {
        return to_login(&asked);
    }
    let errors = match trouble {
        Trouble::Error(Error::Invalid(fields)) => fields.clone(),
        _ => Vec::new(),
    };
    let problem = Problem {
        kind: format!("urn:tuanjian:{}", said.code),
        title: said.title.into(),
        status: said.status.as_u16(),
        code: said.code,
        detail: said.detail,
        errors,
        ways: said.ways,
        request_id: asked.request_id.clone(),
    };
    let mut response = match asked.face {
        Face::Json => as_json(&problem),
        _ => as_page(trouble, problem, asked),
    };
    *response.status_mut() = said.status;
    if said.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("20"));
    }
    if let Trouble::Error(Error::TooMany { seconds }) = trouble
        && let Ok(value) = HeaderValue::from_str(&seconds.to_string())
    {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

fn as_json(problem: &Problem) -> Response {
    let body = serde_json::to_string(problem).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
}

fn as_page(trouble: Trouble<'_>, problem: Problem, asked: Asked) -> Response {
    let mut frame = Frame::bare(&problem.title, asked.look, &asked.request_id);
    frame.fragment = asked.face == Face::Fragment;
    frame.errors.clone_from(&problem.errors);
    let again = if asked.is_write { kept(&asked.posted) } else { Vec::new() };
    if let Trouble::Error(Error::SignedOut) = trouble {
        // Without fields there is nothing to go on with: a file must be chosen again.
        let next = if again.is_empty() { asked.came_from } else { asked.path_and_query };
        return crate::users::login_again(frame, next, again);
    }
    // Nobody who has signed in is asked to do so above an error.
    frame.user = asked.signed_in.then(|| FrameUser { name: String::new(), key: String::new() });
    let may_send_again = matches!(
        trouble,
        Trouble::Error(Error::Busy | Error::Retry | Error::ReadOnly | Error::Storage(_))
            | Trouble::Wrong(Wrong::Slow)
    );
    let differences = match trouble {
        Trouble::Error(Error::Stale(list)) => list.clone(),
        _ => Vec::new(),
    };
    let retry = asked.is_write && may_send_again && !again.is_empty();
    let page = ErrorPage {
        frame,
        problem,
        differences,
        again: if retry { again } else { Vec::new() },
        latest: if asked.came_from == "/me" {
            asked.path_and_query.clone()
        } else {
            asked.came_from
        },
        action: asked.path_and_query,
        retry,
    };
    Html(page.render().unwrap_or_default()).into_response()
}

/// Fields that are never repeated in a page: what is secret, and what is good for one time only.
const SECRET: &[&str] = &["old", "again", "captcha", "captcha_id", "ticket", "secret", "token"];

/// What may be kept in a page for another try: never passwords or codes that open something.
fn kept(posted: &Posted) -> Vec<(String, String)> {
    posted
        .pairs()
        .into_iter()
        .filter(|(name, _)| !SECRET.contains(&name.as_str()) && !name.contains("password"))
        .collect()
}

fn to_login(asked: &Asked) -> Response {
    let next = serde_html_form::to_string([("next", &asked.path_and_query)]).unwrap_or_default();
    let to = format!("/login?{next}");
    if asked.face == Face::Fragment {
        let status = StatusCode::UNAUTHORIZED;
        return (status, [("hx-redirect", to)]).into_response();
    }
    axum::response::Redirect::to(&to).into_response()
}
