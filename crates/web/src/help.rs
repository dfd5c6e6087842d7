//! Pages that explain: help by topic with "谁能办什么", accessibility, browsers, the state of the
//! service. Open to everybody, and the state of the service also when the database is away.

use crate::{
    answer::Answer,
    error::Failure,
    face::Face,
    form::Query,
    frame::Frame,
    meta::show_open,
    page,
    site::Site,
    visit::{RequestId, look},
};
use app::{Reach, Who};
use askama::Template;
use axum::{Extension, extract::State};
use axum_extra::extract::CookieJar;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One topic of the help page.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Topic {
    /// Its anchor.
    pub id: &'static str,
    pub title: &'static str,
    pub steps: &'static [&'static str],
    /// Pages that it explains: what their routes begin with.
    #[serde(skip)]
    pages: &'static [&'static str],
    /// Explains the page that the reader came from.
    pub asked: bool,
}

const fn topic(
    id: &'static str,
    title: &'static str,
    pages: &'static [&'static str],
    steps: &'static [&'static str],
) -> Topic {
    Topic { id, title, steps, pages, asked: false }
}

/// The topics; the first whose page fits is the one that a page's help link opens.
const TOPICS: &[Topic] = &[
    topic(
        "sign-in",
        "登录与激活",
        &["/login", "/activate", "/logout", "/setup"],
        &[
            "用证件号和密码登录。第一次登录用证件号后八位,接着核对姓名、设置自己的密码,初始密码就不再有效。",
            "连续输错 3 次要填验证码,看不清图片可以改答旁边的文字问题;再错就要多等一会儿,最长 15 分钟,账号不会被锁死。",
            "30 分钟不操作要重新登录,正在填写的内容会保留,登录后点“继续提交”。",
            "忘记密码:请本支部或上级组织的管理员核对身份后处理。",
        ],
    ),
    topic(
        "import",
        "导入团员",
        &["/o/{org}/import"],
        &[
            "团员管理 › 导入团员:上传 Excel 或 CSV,或者直接粘贴表格。列的先后没有关系,两种官方模板都认得。",
            "核对页会列出可导入、要修改、有提醒的行。要修改的可以在页面上直接改好,也可以下载有问题的行,改好再传。",
            "“导入正确的行”只导入没有问题的;导入后 24 小时内可以整批撤销。",
            "入团年龄不够、确属特殊情况的，见“特殊情况录入”（/help/exceptions）：找谁、怎么报、可以打印的说明。",
        ],
    ),
    topic(
        "transfer",
        "组织关系转接",
        &["/o/{org}/transfers", "/me/transfers"],
        &[
            "业务办理 › 办理转出:选人、选去向、提交。转接详情页写明现在在谁手里、到什么时候。",
            "业务办理 › 办理转入:输入姓名和证件号,两样都一致才能找到;由原支部或它的直接上级审批。团委、团总支转入的,原支部同意后由本组织分配团支部。",
            "对方同意并分配团支部后转接完成;10 天内没有审批会自动退回,资料都保留,可以重新提交。",
            "提交后、对方办理前,发起人可以撤销。每个人同时只能有一笔转接。",
        ],
    ),
    topic(
        "relocation",
        "组织迁移、合并和拆分",
        &[
            "/o/{org}/relocations",
            "/o/{org}/r",
            "/o/{org}/children/merge",
            "/o/{org}/children/split",
        ],
        &[
            "组织管理 › 组织迁移:本组织连同全部下级换到另一个上级下面。只能由要迁移的组织自己申请,先由原上级、再由新上级审批,每一步 10 天。",
            "提交前会列出一起迁移的组织、团员、在办业务和两个上级的统计变化;审批期间业务照常,随时可以撤销。",
            "跨省迁移请打印申请单,由省级团委联系团中央后台办理。",
            "直属下级之间可以合并、拆分:管理下级组织 › 合并或拆分,办理前会列出每一项变化。",
        ],
    ),
    topic(
        "ops",
        "运营维护(两人办理)",
        &["/o/{org}/ops"],
        &[
            "系统运营 › 运营维护:每一项都由一位运营人员提出、另一位核对后办理。提出以前列出影响,办理以前可以撤回,7 天没有人办理自动过期。",
            "可以办理：乡镇街道团委标识、团中央和省级团委的名称、跨省迁移、组织合并、期限等数字、省级名录，以及年龄不够的特殊情况录入（附情况说明）。",
            "数字可以定在以后某一天生效;到了那天,所有服务器在几秒内使用新值。",
        ],
    ),
    topic(
        "inbox",
        "操作中心与审批",
        &["/o/{org}/inbox"],
        &[
            "右上角“操作中心”列出等你办理的事,转接和组织迁移都在这里,快到期的在前。",
            "每一页都可以按类型和日期筛选;地址栏里的地址就是筛选结果,常用的可以收藏。",
            "“我发起”里点开一件,24 小时后可以催办;“已办”是本组织审批过的。",
            "同意转入和分配团支部是一步:选好团支部,点“同意并分配”。",
            "办理后 10 分钟内可以撤销,一切恢复到办理之前;本人的资料、职务有了新变化就不能再撤销。",
            "几件一起办:勾选后点“批量办理”,逐件或统一选团支部,办不了的会写明原因。",
            "要请本组织其他管理员或直接上级来办,点“转交”,对方会收到消息。",
            "退回要写明原因,发起人会看到。",
        ],
    ),
    topic(
        "members",
        "团员列表与资料",
        &["/o/{org}/members", "/o/{org}/people", "/o/{org}/persons"],
        &[
            "团员列表可以按姓名、状态、完整度筛选,地址栏里的地址就是筛选结果,可以收藏。",
            "证件号和电话平时只显示一部分,点“显示”看完整的,系统会记下是谁、什么时候看的。",
            "导出的表格里证件号是文本,不会变成科学计数。",
        ],
    ),
    topic(
        "search",
        "找人、找组织",
        &["/o/{org}/search", "/o/{org}/pick"],
        &[
            "顶部搜索框可以输姓名、拼音首字母、完整证件号、组织名、简称或组织码,几个词的先后没有关系。",
            "只能找到本级和下级的人;已经转出的请到转接记录里看。",
        ],
    ),
    topic(
        "closing",
        "撤销、恢复与组织体检",
        &[
            "/o/{org}/children/{code}/close",
            "/o/{org}/children/{code}/closure",
            "/o/{org}/closed",
            "/o/{org}/health",
        ],
        &[
            "撤销由直接上级办理:先撤最下一级;团委、团总支要先撤销管理员、办理团干部离任。还差哪几步,页面上会列出来。",
            "有团员的团支部最好先逐人办理转出;直接撤销的,团员进入同一个上级下的“待接转团支部”,由这个上级继续办理转出,空了以后撤销。",
            "30 天内可以在“已撤销的组织”里恢复;职务、管理员、注册码和已退回的申请不能一起恢复。",
            "组织体检列出没有团员、人数过少或过多、没有书记电话、没有管理员、任期已满等需要处理的组织,可以下载。",
        ],
    ),
    topic(
        "cadres",
        "团干部、书记和换届",
        &[
            "/o/{org}/cadres",
            "/o/{org}/elections",
            "/o/{org}/info/secretary",
            "/o/{org}/orgs/{code}/secretary",
        ],
        &[
            "团干部管理 › 团干部列表:录入本级团干部。系统里已有的人,姓名和证件号一致就直接加上职务,原来的团支部不变。",
            "职务变更、免去职务,本级和直属下级的都可以办;管理员被免去职务时,管理员身份同时结束,办理前会写明。",
            "换了书记用“换届”:谁离任、谁留任、谁新任、谁做管理员一次填好,先看全部影响,再一次办成。书记不能自己给自己办换届,由本组织其他管理员或直属上级办理。",
            "换届时间登记后,任期快到和到期时系统会提醒。学生团支部任期一年,其他团支部、团委三年。",
        ],
    ),
    topic(
        "admins",
        "管理员和观察员",
        &["/o/{org}/admins", "/o/{org}/observers"],
        &[
            "业务办理 › 管理员变更:每个组织最多 3 位管理员(领导机关 2 位),只能从本组织的团干部里选;没有团干部的先录入。",
            "不能撤销自己的管理员身份,由本组织其他管理员或直属上级撤销。撤销后职务和账号不变。",
            "直属下级的管理员满一年要确认一次:可以勾选多位一次确认,不在岗的当场撤销。",
            "观察员只能查看、不能修改,证件号和电话只显示一部分,到期自动失效。",
        ],
    ),
    topic(
        "codes",
        "管理员注册码与管理员注册",
        &["/o/{org}/children/codes", "/join", "/register"],
        &[
            "组织管理 › 管理员注册码:一次为所有还没有管理员的直属下级生成,下载表格、打印领取单或复制通知文字发给本人。",
            "一个注册码只对应一个组织、只能注册一位管理员,20 天内有效;重发后旧的马上作废,到期前 3 天提醒发码的组织。",
            "拿到注册码:打开链接、扫二维码,或在登录页点“管理员注册”输入;先核对组织名称,不是本组织的不要注册。",
            "已经有账号的,登录后绑定,不用重新注册。注册完成后先完善组织信息。",
            "两个组织的注册码发反了:在“管理员变更”里撤销两边的管理员,再各生成一个新的。",
        ],
    ),
    topic(
        "orgs",
        "管理下级组织",
        &["/o/{org}/children", "/o/{org}/info", "/o/{org}/orgs", "/o/{org}/edit", "/o/{org}/card"],
        &[
            "组织管理 › 管理下级组织:新建、改名、看每个下级的名片。",
            "团支部、毕业班团支部才直接管团员;团委、团总支管下级组织。",
        ],
    ),
    topic(
        "graduation",
        "毕业标记与学社衔接",
        &["/o/{org}/graduation"],
        &[
            "先标记:学校的团支部都要标记预计毕业时间;名称里有年级的会给出建议,可以一次标记,也可以逐个改。教师支部、混合支部选理由。",
            "到转换日,毕业年份已到的团支部自动转为毕业生团组织,团员标记为毕业生。“转换预演”可以先看会转换哪些。",
            "再认人:在“名单”里勾选延迟毕业的、教师;8 月起可以标记暂留学校的毕业学生流动团员。其余团员办理转出。",
            "没有标记按钮:团支部管理员不能标记;不是团支部、行业类别为空、小学或不属于学校的,不用标记。",
        ],
    ),
    topic(
        "schools",
        "学校专区",
        &["/o/{org}/schools"],
        &[
            "领导机关和团委在这里看下级学校的录入进度,缺少的学校直接创建,再生成管理员注册码。",
            "学校机构编号是 10 位数字,由独立设置的学校自己填写、修改或清空;领导机关、院系和班级没有。",
            "学校撤销、合并或更名的,由学校提交情况说明,上级核实后更正。",
        ],
    ),
    topic(
        "progress",
        "录入进度与统计",
        &["/o/{org}/progress", "/o/{org}/stats"],
        &[
            "数字随时更新,旁边写着统计到什么时刻;每小时留一份,用来前后比较。",
            "点组织名可以一级一级往下看,缺什么会写明。",
            "团干部录入进度单独一页:可以只看领导机关,或只看团委、团工委、团总支,并下载成表格。",
        ],
    ),
    topic(
        "me",
        "个人中心",
        &["/me"],
        &[
            "个人首页写明你在哪个团支部、有什么要办。联系方式可以自己改,姓名、证件号要请支部管理员更正。",
            "设置里可以换皮肤、字号,改密码;“登录与操作记录”里可以注销不认识的登录。",
        ],
    ),
    topic(
        "home",
        "组织首页与切换组织",
        &["/o", "/"],
        &["在几个组织任职的,点顶部组织名就可以切换;当前组织写在地址里,两个窗口可以各办各的。"],
    ),
];

/// The address of the help for a page, by its route.
pub(crate) fn help_for(route: &str) -> String {
    let fits = |page: &&'static str| {
        *page == "/"
            || route == *page
            || route.strip_prefix(*page).is_some_and(|rest| rest.starts_with(['/', 's']))
    };
    match TOPICS.iter().find(|t| t.pages.iter().any(&fits)) {
        Some(topic) => format!("/help?from={0}#{0}", topic.id),
        None => "/help".into(),
    }
}

/// 帮助: topics, and who may do what as the permission table says.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "help/help.html")]
pub struct Help {
    #[serde(skip)]
    frame: Frame,
    topics: Vec<Topic>,
    /// One line an action.
    lines: Vec<HelpLine>,
}
/// One action and who may do it.
#[derive(Serialize, JsonSchema)]
pub struct HelpLine {
    pub what: &'static str,
    pub who: Vec<String>,
}
page!(Help);

/// Which topic the reader came for.
#[derive(Deserialize, JsonSchema)]
pub struct From {
    #[serde(default)]
    from: String,
}

/// What the explaining pages know of their reader.
pub(crate) struct Reader {
    pub(crate) face: Face,
    pub(crate) frame: Frame,
}
impl Reader {
    pub(crate) fn new(jar: &CookieJar, headers: &HeaderMap, id: &RequestId, title: &str) -> Self {
        let face = Face::of(headers);
        let mut frame = Frame::bare(title, look(jar), &id.0);
        frame.fragment = face == Face::Fragment;
        Self { face, frame }
    }
}

/// `GET /help`.
pub async fn help(
    jar: CookieJar,
    headers: HeaderMap,
    Extension(id): Extension<RequestId>,
    Query(from): Query<From>,
) -> Result<Answer, Failure> {
    let reader = Reader::new(&jar, &headers, &id, "帮助");
    let mut topics = TOPICS.to_vec();
    topics.iter_mut().for_each(|t| t.asked = t.id == from.from);
    let lines = app::access::TABLE
        .iter()
        .map(|line| HelpLine {
            what: line.label,
            who: line
                .who
                .iter()
                .filter(|(role, _)| *role != app::Role::System)
                .map(|(role, reach)| {
                    format!("{}({})", app::access::role_name(*role), reach_name(*reach))
                })
                .collect(),
        })
        .filter(|line| !line.who.is_empty())
        .collect();
    show_open(reader.face, &Help { frame: reader.frame, topics, lines })
}

fn reach_name(reach: Reach) -> &'static str {
    match reach {
        Reach::Own => "本级",
        Reach::Direct => "本级和直属下级",
        Reach::Subtree => "本级及全部下级",
        Reach::All => "全部",
        Reach::Children => "直属下级",
    }
}

/// 无障碍.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "help/accessibility.html")]
pub struct Accessibility {
    #[serde(skip)]
    frame: Frame,
}
/// 浏览器说明.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "help/browser.html")]
pub struct Browsers {
    #[serde(skip)]
    frame: Frame,
}
/// 服务状态.
#[derive(Template, Serialize, JsonSchema)]
#[template(path = "help/status.html")]
pub struct Status {
    #[serde(skip)]
    frame: Frame,
    /// Pages can be read.
    readable: bool,
    /// Changes are taken.
    writable: bool,
    /// When this was looked at, in Beijing.
    as_of: String,
    version: &'static str,
}
page!(Accessibility, Browsers, Status);

/// `GET /about/accessibility`.
pub async fn accessibility(
    jar: CookieJar,
    headers: HeaderMap,
    Extension(id): Extension<RequestId>,
) -> Result<Answer, Failure> {
    let reader = Reader::new(&jar, &headers, &id, "无障碍");
    show_open(reader.face, &Accessibility { frame: reader.frame })
}

/// `GET /about/browser`.
pub async fn browsers(
    jar: CookieJar,
    headers: HeaderMap,
    Extension(id): Extension<RequestId>,
) -> Result<Answer, Failure> {
    let reader = Reader::new(&jar, &headers, &id, "浏览器说明");
    show_open(reader.face, &Browsers { frame: reader.frame })
}

/// `GET /status`: looks at the database now; an answer also when that is away.
pub async fn status(
    State(site): State<Site>,
    jar: CookieJar,
    headers: HeaderMap,
    Extension(id): Extension<RequestId>,
) -> Result<Answer, Failure> {
    let reader = Reader::new(&jar, &headers, &id, "服务状态");
    let readable = site.house().read(Who::Nobody).await.is_ok();
    let page = Status {
        frame: reader.frame,
        readable,
        writable: readable && !site.house().is_read_only(),
        as_of: app::clock::show_time(site.house().now()),
        version: env!("CARGO_PKG_VERSION"),
    };
    show_open(reader.face, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_link_of_a_page_opens_its_topic() {
        assert_eq!(help_for("/o/{org}/transfers/out/new"), "/help?from=transfer#transfer");
        assert_eq!(help_for("/o/{org}/imports/{id}"), "/help?from=import#import");
        assert_eq!(help_for("/o/{org}/inbox"), "/help?from=inbox#inbox");
        assert_eq!(help_for("/me/settings"), "/help?from=me#me");
        assert_eq!(help_for("/o/{org}"), "/help?from=home#home");
    }
}
