//! Every address, in one table. The router, the doors test, the OpenAPI document and the help page
//! on "谁能办什么" are all made from it.

use crate::{
    cadres, closings, codes, exceptions, exports, graduation, health, help, home, imports, inbox,
    jobs, me, members, messages, meta, ops, orgs, people, relocations, schools, search, setup,
    site::Site, stats, tokens, transfers, users,
};
use app::Action;
use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::sync::OnceLock;

/// What a visitor needs to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: everybody's.
    Nothing,
    /// To be signed in.
    SignedIn,
    /// A right in the organisation of the address, as the permission table says.
    Right(Action),
}

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One address and method.
#[derive(Clone)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub needs: Needs,
    /// What it is, for the OpenAPI document and the help page.
    pub title: &'static str,
    pub answer: Option<SchemaOf>,
    pub form: Option<SchemaOf>,
    handler: MethodRouter<Site>,
}

fn route<H, T>(method: Method, path: &'static str, needs: Needs, title: &'static str, h: H) -> Route
where
    H: Handler<T, Site>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET);
    Route { method, path, needs, title, answer: None, form: None, handler: on(filter, h) }
}
fn get<H: Handler<T, Site>, T: 'static>(
    path: &'static str,
    needs: Needs,
    title: &'static str,
    h: H,
) -> Route {
    route(Method::GET, path, needs, title, h)
}
fn post<H: Handler<T, Site>, T: 'static>(
    path: &'static str,
    needs: Needs,
    title: &'static str,
    h: H,
) -> Route {
    route(Method::POST, path, needs, title, h)
}
impl Route {
    /// Says which page struct answers.
    fn page<P: JsonSchema>(mut self) -> Self {
        self.answer = Some(|g| g.subschema_for::<P>());
        self
    }
    /// Says which form is taken.
    fn form<F: JsonSchema>(mut self) -> Self {
        self.form = Some(|g| g.subschema_for::<F>());
        self
    }
}

use Needs::{Nothing, Right, SignedIn};

/// The table.
#[rustfmt::skip]
pub fn table() -> Vec<Route> {
    vec![
        // Everybody
        get("/", Nothing, "首页", meta::front),
        get("/health", Nothing, "健康检查", meta::health),
        get("/metrics", Nothing, "运行指标", meta::metrics),
        get("/assets/{file}", Nothing, "页面资源", meta::asset),
        get("/openapi.json", Nothing, "接口说明", meta::openapi),
        get("/help", Nothing, "帮助", help::help).page::<help::Help>(),
        get("/help/exceptions", Nothing, "特殊情况录入", exceptions::everybody).page::<exceptions::HowToAsk>(),
        get("/about/accessibility", Nothing, "无障碍", help::accessibility).page::<help::Accessibility>(),
        get("/about/browser", Nothing, "浏览器说明", help::browsers).page::<help::Browsers>(),
        get("/status", Nothing, "服务状态", help::status).page::<help::Status>(),
        get("/login", Nothing, "登录", users::login).page::<users::Login>(),
        post("/login", Nothing, "登录", users::sign_in).form::<users::SignInForm>(),
        get("/captcha/{id}/sound", Nothing, "语音验证码", users::sound),
        get("/activate", Nothing, "首次登录激活", users::activate).page::<users::Activate>(),
        post("/activate", Nothing, "首次登录激活", users::finish_activation).form::<users::ActivateForm>(),
        get("/setup", Nothing, "设置第一位管理员", setup::show).page::<setup::Setup>(),
        post("/setup", Nothing, "设置第一位管理员", setup::finish).form::<setup::SetupForm>(),
        // One's own
        post("/logout", SignedIn, "退出", users::logout),
        get("/me/settings", SignedIn, "设置", users::settings).page::<users::Settings>(),
        post("/me/look", SignedIn, "换肤与字号", users::set_look).form::<users::LookForm>(),
        post("/me/password", SignedIn, "修改密码", users::change_password).form::<users::PasswordForm>(),
        get("/me/sessions", SignedIn, "登录记录", users::sessions).page::<users::Sessions>(),
        post("/me/sessions/end", SignedIn, "注销其他登录", users::end_sessions).form::<users::EndForm>(),
        get("/me/seen", SignedIn, "谁看过我", exports::seen).page::<exports::SeenPage>(),
        get("/me/tokens", SignedIn, "我的令牌", tokens::list).page::<tokens::Tokens>(),
        post("/me/tokens", SignedIn, "新建令牌", tokens::make).form::<tokens::TokenForm>(),
        post("/me/tokens/end", SignedIn, "停用令牌", tokens::end).form::<tokens::EndTokenForm>(),
        get("/me/session", SignedIn, "登录还有多久", me::session).page::<me::Session>(),
        get("/me/posts", SignedIn, "我的任职", users::posts).page::<users::Posts>(),
        get("/o", SignedIn, "切换其他组织", users::posts).page::<users::Posts>(),
        get("/me", SignedIn, "个人首页", me::home).page::<me::Home>(),
        post("/me/seats/{code}/resumption", SignedIn, "恢复自己的管理员身份", me::resume),
        get("/me/profile", SignedIn, "个人资料", me::show).page::<me::Profile>(),
        get("/me/profile/edit", SignedIn, "修改个人资料", me::edit).page::<people::Edit>(),
        post("/me/profile/edit", SignedIn, "修改个人资料", me::save).form::<people::EditForm>(),
        get("/files/{file}", SignedIn, "下载自己生成的文件", members::download),
        get("/me/transfers", SignedIn, "我的组织关系转接历史", transfers::mine).page::<transfers::Mine>(),
        post("/me/t/{no}/withdrawal", SignedIn, "撤回自己的转接", transfers::show::withdraw_own).form::<transfers::show::OwnWithdrawal>(),
        get("/me/t/{no}", SignedIn, "转接详情", transfers::show::show_mine).page::<transfers::show::Show>(),
        get("/me/messages", SignedIn, "消息", messages::mine).page::<messages::Mine>(),
        post("/me/messages/read", SignedIn, "全部已读", messages::read_mine).form::<messages::ReadForm>(),
        // The organisation
        get("/o/{org}", Right(Action::SeeHome), "组织首页", home::show).page::<home::Home>(),
        get("/o/{org}/progress/orgs", Right(Action::SeeStats), "组织录入进度", orgs::progress::show).page::<orgs::progress::OrgProgress>(),
        get("/o/{org}/progress/orgs.xlsx", Right(Action::SeeStats), "下载组织录入进度", orgs::progress::download),
        get("/o/{org}/audit", Right(Action::SeeEvents), "组织操作记录", orgs::audit::show).page::<orgs::audit::AuditPage>(),
        get("/o/{org}/audit.xlsx", Right(Action::SeeEvents), "下载组织操作记录", orgs::audit::download),
        get("/o/{org}/progress/members", Right(Action::SeeStats), "团员录入进度", stats::progress).page::<stats::Progress>(),
        get("/o/{org}/progress/cadres", Right(Action::SeeStats), "团干部录入进度", stats::cadres).page::<stats::CadreProgress>(),
        get("/o/{org}/progress/cadres.xlsx", Right(Action::SeeStats), "下载团干部录入进度", stats::cadres_download),
        get("/o/{org}/progress/members.xlsx", Right(Action::SeeStats), "下载团员录入进度", stats::download),
        get("/o/{org}/info", Right(Action::SeeOrg), "组织信息", orgs::info::show).page::<orgs::info::InfoPage>(),
        get("/o/{org}/info/edit", Right(Action::EditOrg), "编辑组织信息", orgs::info::form).page::<orgs::info::EditPage>(),
        post("/o/{org}/info/edit", Right(Action::EditOrg), "编辑组织信息", orgs::info::save).form::<orgs::info::EditForm>(),
        get("/o/{org}/info/category", Right(Action::ChangeCategory), "更改组织类别", orgs::category::form).page::<orgs::category::CategoryPage>(),
        post("/o/{org}/info/category", Right(Action::ChangeCategory), "更改组织类别", orgs::category::save).form::<orgs::category::CategoryForm>(),
        get("/o/{org}/info/history", Right(Action::SeeEvents), "修改记录", orgs::history::show).page::<orgs::history::HistoryPage>(),
        get("/o/{org}/children", Right(Action::SeeOrg), "管理下级组织", orgs::children::show).page::<orgs::children::ChildrenPage>(),
        get("/o/{org}/children/order", Right(Action::OrderChildren), "调整下级组织的顺序", orgs::order::show).page::<orgs::order::Order>(),
        post("/o/{org}/children/{code}/order", Right(Action::OrderChildren), "移动一个下级组织", orgs::order::save).form::<orgs::order::MoveForm>(),
        get("/o/{org}/children/new", Right(Action::CreateChild), "创建下级组织", orgs::create::form).page::<orgs::create::NewPage>(),
        post("/o/{org}/children/new", Right(Action::CreateChild), "创建下级组织", orgs::create::save).form::<orgs::create::NewForm>(),
        get("/o/{org}/orgs/{code}", Right(Action::SeeHome), "组织名片", orgs::card::show).page::<orgs::card::CardPage>(),
        get("/o/{org}/orgs/{code}/edit", Right(Action::EditOrg), "编辑下级组织信息", orgs::info::form_of).page::<orgs::info::EditPage>(),
        post("/o/{org}/orgs/{code}/edit", Right(Action::EditOrg), "编辑下级组织信息", orgs::info::save_of).form::<orgs::info::EditForm>(),
        get("/o/{org}/orgs/{code}/history", Right(Action::SeeEvents), "下级组织的修改记录", orgs::history::show_of).page::<orgs::history::HistoryPage>(),
        get("/o/{org}/picker", Right(Action::SeeOrg), "选择团组织", orgs::picker::show).page::<orgs::picker::Picker>(),
        // Registration codes, 管理员注册, administrators, observers
        get("/register/admin", Nothing, "管理员注册", codes::join::enter).page::<codes::join::Enter>(),
        post("/register/admin", Nothing, "输入注册码", codes::join::find).form::<codes::join::CodeForm>(),
        get("/join/{code}", Nothing, "核对注册的组织", codes::join::show).page::<codes::join::OfferPage>(),
        get("/join/{code}/other", Nothing, "不是我的组织", codes::join::other).page::<codes::join::Other>(),
        get("/join/{code}/form", Nothing, "填写身份和密码", codes::join::form).page::<codes::join::Join>(),
        post("/join/{code}/form", Nothing, "管理员注册", codes::join::register).form::<codes::join::JoinForm>(),
        post("/join/{code}/binding", SignedIn, "用已有账号成为管理员", codes::join::bind).form::<codes::join::BindForm>(),
        get("/o/{org}/children/codes", Right(Action::IssueCodes), "管理员注册码", codes::list).page::<codes::ListPage>(),
        post("/o/{org}/children/codes", Right(Action::IssueCodes), "生成注册码", codes::issue).form::<codes::IssueForm>(),
        get("/o/{org}/children/codes/new", Right(Action::IssueCodes), "核对生成注册码", codes::check).page::<codes::CheckPage>(),
        get("/o/{org}/children/codes/revocation", Right(Action::IssueCodes), "核对作废注册码", codes::check_revocation).page::<codes::CheckPage>(),
        post("/o/{org}/children/codes/revocation", Right(Action::IssueCodes), "作废注册码", codes::revoke).form::<codes::Chosen>(),
        get("/o/{org}/children/codes/sheets/{id}", Right(Action::IssueCodes), "查看注册码", codes::sheet::show).page::<codes::sheet::SheetPage>(),
        get("/o/{org}/children/codes/sheets/{id}/codes.xlsx", Right(Action::IssueCodes), "下载注册码", codes::sheet::workbook),
        get("/o/{org}/children/codes/sheets/{id}/messages.txt", Right(Action::IssueCodes), "下载通知文字", codes::sheet::messages),
        get("/o/{org}/children/codes/sheets/{id}/slips", Right(Action::IssueCodes), "打印领取单", codes::sheet::slips).page::<codes::sheet::SlipsPage>(),
        //
        get("/o/{org}/admins", Right(Action::ManageAdmins), "管理员变更", cadres::admins::show).page::<cadres::admins::Admins>(),
        post("/o/{org}/admins", Right(Action::ManageAdmins), "添加管理员", cadres::admins::add).form::<cadres::admins::AddForm>(),
        get("/o/{org}/admins/confirm", Right(Action::ManageAdmins), "下级管理员年度确认", cadres::admins::confirm).page::<cadres::admins::Confirm>(),
        post("/o/{org}/admins/confirm", Right(Action::ManageAdmins), "确认下级管理员", cadres::admins::confirm_many).form::<cadres::admins::ConfirmForm>(),
        get("/o/{org}/admins/{pid}/revocation", Right(Action::ManageAdmins), "撤销管理员", cadres::admins::revocation).page::<cadres::admins::Revocation>(),
        post("/o/{org}/admins/{pid}/resumption", Right(Action::ManageAdmins), "恢复暂停的管理员", cadres::admins::resume).form::<cadres::admins::RevokeForm>(),
        post("/o/{org}/admins/{pid}/revocation", Right(Action::ManageAdmins), "撤销管理员", cadres::admins::revoke).form::<cadres::admins::RevokeForm>(),
        get("/o/{org}/observers", Right(Action::AppointObserver), "观察员管理", cadres::observers::show).page::<cadres::observers::Observers>(),
        post("/o/{org}/observers", Right(Action::AppointObserver), "添加观察员", cadres::observers::add).form::<cadres::observers::ObserverForm>(),
        post("/o/{org}/observers/{pid}/end", Right(Action::AppointObserver), "结束观察员", cadres::observers::end),
        // Secretary, cadres, elections
        get("/o/{org}/info/secretary", Right(Action::ChangePosts), "书记信息", cadres::secretary::show).page::<cadres::secretary::SecretaryPage>(),
        post("/o/{org}/info/secretary", Right(Action::ChangePosts), "登记书记", cadres::secretary::save).form::<cadres::secretary::SecretaryForm>(),
        get("/o/{org}/orgs/{code}/term", Right(Action::PutOffElection), "延期换届", cadres::term::show).page::<cadres::term::TermPage>(),
        post("/o/{org}/orgs/{code}/term", Right(Action::PutOffElection), "批准延期换届", cadres::term::save).form::<cadres::term::TermForm>(),
        get("/o/{org}/orgs/{code}/secretary", Right(Action::ChangePosts), "下级组织的书记信息", cadres::secretary::show_of).page::<cadres::secretary::SecretaryPage>(),
        post("/o/{org}/orgs/{code}/secretary", Right(Action::ChangePosts), "登记下级组织的书记", cadres::secretary::save_of).form::<cadres::secretary::SecretaryForm>(),
        get("/o/{org}/cadres", Right(Action::SeeCadres), "团干部列表", cadres::list::show).page::<cadres::list::List>(),
        post("/o/{org}/cadres/export", Right(Action::SeeCadres), "下载团干部录入情况", cadres::list::export).form::<cadres::list::ExportForm>(),
        get("/o/{org}/cadres/new", Right(Action::ChangePosts), "录入本级团干部", cadres::change::new).page::<cadres::change::New>(),
        post("/o/{org}/cadres/new", Right(Action::ChangePosts), "录入本级团干部", cadres::change::enter).form::<cadres::change::NewForm>(),
        get("/o/{org}/cadres/{pid}/posts", Right(Action::ChangePosts), "团干部职务变更", cadres::change::posts).page::<cadres::change::Posts>(),
        post("/o/{org}/cadres/{pid}/posts", Right(Action::ChangePosts), "团干部职务变更", cadres::change::set_post).form::<cadres::change::ChangeForm>(),
        get("/o/{org}/cadres/{pid}/removal", Right(Action::ChangePosts), "免去职务", cadres::change::removal).page::<cadres::change::Removal>(),
        post("/o/{org}/cadres/{pid}/removal", Right(Action::ChangePosts), "免去职务", cadres::change::remove).form::<cadres::change::RemovalForm>(),
        get("/o/{org}/elections/new", Right(Action::ChangePosts), "换届", cadres::election::new).page::<cadres::election::New>(),
        post("/o/{org}/elections/new", Right(Action::ChangePosts), "核对换届", cadres::election::check).form::<cadres::election::ElectionForm>().page::<cadres::election::Check>(),
        post("/o/{org}/elections", Right(Action::ChangePosts), "完成换届", cadres::election::hold).form::<cadres::election::ElectionForm>(),
        // Closing, holding branches, health of the tree
        get("/o/{org}/children/{code}/close", Right(Action::CloseChild), "撤销下级组织", closings::form).page::<closings::Close>(),
        post("/o/{org}/children/{code}/closure", Right(Action::CloseChild), "撤销下级组织", closings::close).form::<closings::CloseForm>(),
        get("/o/{org}/closed", Right(Action::CloseChild), "已撤销的组织", closings::list).page::<closings::List>(),
        get("/o/{org}/closed/{code}", Right(Action::CloseChild), "恢复组织", closings::preview).page::<closings::RestorePage>(),
        post("/o/{org}/closed/{code}/restoration", Right(Action::CloseChild), "恢复组织", closings::restore).form::<closings::RestoreForm>(),
        get("/o/{org}/health", Right(Action::SeeOrg), "组织体检", health::summary).page::<health::Summary>(),
        get("/o/{org}/health/{kind}", Right(Action::SeeOrg), "组织体检名单", health::list).page::<health::List>(),
        post("/o/{org}/health/{kind}/export", Right(Action::SeeOrg), "下载组织体检名单", health::export).form::<health::ExportForm>(),
        // Relocation, merging and splitting
        get("/o/{org}/relocations", Right(Action::SeeOrg), "组织迁移", relocations::list).page::<relocations::List>(),
        post("/o/{org}/relocations", Right(Action::StartRelocation), "提交组织迁移", relocations::start::create).form::<relocations::start::NewForm>(),
        get("/o/{org}/relocations/new", Right(Action::StartRelocation), "申请组织迁移", relocations::start::new).page::<relocations::start::NewPage>(),
        get("/o/{org}/relocations/application", Right(Action::StartRelocation), "跨省迁移申请单", relocations::start::application).page::<relocations::start::Application>(),
        get("/o/{org}/r/{no}", Right(Action::SeeOrg), "组织迁移详情", relocations::show::show).page::<relocations::show::Show>(),
        post("/o/{org}/r/{no}/approval", Right(Action::DecideRelocation), "同意组织迁移", relocations::show::approve).form::<relocations::show::Decision>(),
        post("/o/{org}/r/{no}/return", Right(Action::DecideRelocation), "退回组织迁移", relocations::show::give_back).form::<relocations::show::ReturnForm>(),
        post("/o/{org}/r/{no}/withdrawal", Right(Action::StartRelocation), "撤销组织迁移", relocations::show::withdraw).form::<relocations::show::Decision>(),
        post("/o/{org}/r/{no}/reminder", Right(Action::StartRelocation), "催办组织迁移", relocations::show::urge),
        get("/o/{org}/children/merge", Right(Action::ReshapeChildren), "合并下级组织", relocations::reshape::merge_form).page::<relocations::reshape::MergePage>(),
        post("/o/{org}/children/merge", Right(Action::ReshapeChildren), "合并下级组织", relocations::reshape::merge).form::<relocations::reshape::MergeForm>(),
        get("/o/{org}/children/split", Right(Action::ReshapeChildren), "拆分下级组织", relocations::reshape::split_form).page::<relocations::reshape::SplitPage>(),
        post("/o/{org}/children/split", Right(Action::ReshapeChildren), "拆分下级组织", relocations::reshape::split).form::<relocations::reshape::SplitForm>(),
        // Schools and graduation
        get("/o/{org}/schools", Right(Action::SeeOrg), "学校专区", schools::show).page::<schools::Schools>(),
        get("/o/{org}/schools.xlsx", Right(Action::SeeStats), "下载学校团组织录入进度", schools::download),
        get("/o/{org}/schools/new", Right(Action::CreateChild), "创建下级学校团组织", schools::form).page::<schools::NewPage>(),
        post("/o/{org}/schools/new", Right(Action::CreateChild), "创建下级学校团组织", schools::create).form::<schools::NewForm>(),
        get("/o/{org}/schools/code", Right(Action::SeeOrg), "学校机构编号", schools::code).page::<schools::CodePage>(),
        post("/o/{org}/schools/code", Right(Action::SetSchoolCode), "填写学校机构编号", schools::set_code).form::<schools::CodeForm>(),
        post("/o/{org}/schools/code/clearance", Right(Action::SetSchoolCode), "清空学校机构编号", schools::clear_code).form::<schools::CodeForm>(),
        get("/o/{org}/schools/statement", Right(Action::SeeOrg), "学校情况说明", schools::statement).page::<schools::StatementPage>(),
        post("/o/{org}/schools/statement", Right(Action::SetSchoolCode), "提交学校情况说明", schools::state).form::<schools::StatementForm>(),
        get("/o/{org}/graduation", Right(Action::SeeOrg), "毕业时间与毕业团员", graduation::marks::show).page::<graduation::marks::Marks>(),
        post("/o/{org}/graduation/marks", Right(Action::MarkGraduation), "标记团支部毕业时间", graduation::marks::mark).form::<graduation::marks::MarksForm>().page::<graduation::marks::Check>(),
        get("/o/{org}/graduation/conversion", Right(Action::SeeOrg), "毕业转换预演", graduation::conversion::show).page::<graduation::conversion::Conversion>(),
        get("/o/{org}/graduation/correction/{code}", Right(Action::MarkGraduation), "更正毕业生团组织的毕业时间", graduation::conversion::form).page::<graduation::conversion::Correction>(),
        post("/o/{org}/graduation/correction/{code}", Right(Action::MarkGraduation), "更正毕业生团组织的毕业时间", graduation::conversion::correct).form::<graduation::conversion::CorrectionForm>(),
        get("/o/{org}/graduation/people", Right(Action::SeeMembers), "毕业团员名单", graduation::people::show).page::<graduation::people::People>(),
        post("/o/{org}/graduation/people", Right(Action::MarkGraduates), "标记毕业团员", graduation::people::mark).form::<graduation::people::PeopleForm>(),
        get("/o/{org}/graduation/special", Right(Action::SeeOrg), "特殊团支部", graduation::special::show).page::<graduation::special::Special>(),
        post("/o/{org}/graduation/special", Right(Action::MarkGraduation), "创建特殊团支部", graduation::special::create).form::<graduation::special::SpecialForm>(),
        // Operators
        get("/o/{org}/ops", Right(Action::Operate), "运营维护", ops::home).page::<ops::Home>(),
        get("/o/{org}/ops/engine", Right(Action::Operate), "后台与维护", ops::engine::show).page::<ops::engine::Engine>(),
        post("/o/{org}/ops/engine/jobs/{id}/retry", Right(Action::Operate), "重试没有完成的任务", ops::engine::retry),
        post("/o/{org}/ops/engine/jobs/{id}/drop", Right(Action::Operate), "放弃没有完成的任务", ops::engine::give_up),
        post("/o/{org}/ops/engine/letters", Right(Action::Operate), "重新发送", ops::engine::send_again).form::<ops::engine::LettersForm>(),
        post("/o/{org}/ops/read-only", Right(Action::Operate), "只读开关", ops::engine::set_read_only).form::<ops::engine::SwitchForm>(),
        get("/o/{org}/ops/p/{no}", Right(Action::Operate), "运营提议", ops::show).page::<ops::Show>(),
        post("/o/{org}/ops/p/{no}/approval", Right(Action::Operate), "同意并办理", ops::approve).form::<ops::Decision>(),
        post("/o/{org}/ops/p/{no}/return", Right(Action::Operate), "不同意提议", ops::refuse).form::<ops::Decision>(),
        post("/o/{org}/ops/p/{no}/withdrawal", Right(Action::Operate), "撤回提议", ops::withdraw).form::<ops::Decision>(),
        get("/o/{org}/ops/new/{kind}", Right(Action::Operate), "提出运营办理", ops::act::form).page::<ops::act::ActPage>(),
        post("/o/{org}/ops/new/{kind}", Right(Action::Operate), "提出运营办理", ops::act::send).form::<ops::act::ActForm>(),
        get("/o/{org}/ops/exceptions", Right(Action::Operate), "特殊情况录入", ops::exceptions::list).page::<ops::exceptions::List>(),
        get("/o/{org}/ops/exceptions/new", Right(Action::Operate), "提出特殊情况录入", ops::exceptions::new).page::<ops::exceptions::New>(),
        post("/o/{org}/ops/exceptions/new", Right(Action::Operate), "提出特殊情况录入", ops::exceptions::ask).form::<ops::exceptions::AskForm>(),
        get("/o/{org}/ops/exceptions/{id}", Right(Action::Operate), "特殊情况", ops::exceptions::show).page::<ops::exceptions::Show>(),
        get("/o/{org}/ops/exceptions/{id}/statement", Right(Action::Operate), "下载情况说明", ops::exceptions::statement),
        post("/o/{org}/ops/exceptions/{id}/end", Right(Action::Operate), "提出收回特殊情况", ops::exceptions::end).form::<ops::exceptions::EndForm>(),
        get("/o/{org}/exceptions", Right(Action::SeeOrg), "特殊情况上报办法", exceptions::here).page::<exceptions::HowToAskHere>(),
        get("/o/{org}/ops/rules", Right(Action::Operate), "参数与字典", ops::rules::show).page::<ops::rules::RulesPage>(),
        get("/o/{org}/ops/rows/{name}", Right(Action::Operate), "可以修改的规则表", ops::rules::rows).page::<ops::rules::RowsPage>(),
        get("/o/{org}/ops/tables/{name}", Right(Action::Operate), "规则表", ops::rules::table).page::<ops::rules::TablePage>(),
        // Members
        get("/o/{org}/members", Right(Action::SeeMembers), "团员列表", members::list).page::<members::List>(),
        get("/o/{org}/members/new", Right(Action::AddMember), "添加团员", members::new).page::<members::New>(),
        post("/o/{org}/members/new", Right(Action::AddMember), "添加团员", members::add).form::<members::NewForm>(),
        get("/o/{org}/members/export", Right(Action::ExportMembers), "导出团员列表", members::export).page::<members::ExportPage>(),
        post("/o/{org}/members/export", Right(Action::ExportMembers), "导出团员列表", members::make_export).form::<members::ExportForm>(),
        get("/o/{org}/exports", Right(Action::ExportMembers), "导出审批", exports::list).page::<exports::Exports>(),
        post("/o/{org}/exports/{id}/approval", Right(Action::ExportMembers), "同意导出", exports::agree),
        post("/o/{org}/exports/{id}/refusal", Right(Action::ExportMembers), "不同意或撤回导出", exports::refuse),
        get("/o/{org}/people/{pid}", Right(Action::SeeMembers), "团员详情", people::show).page::<people::Show>(),
        get("/o/{org}/people/{pid}/edit", Right(Action::EditMember), "编辑团员资料", people::edit).page::<people::Edit>(),
        post("/o/{org}/people/{pid}/edit", Right(Action::EditMember), "编辑团员资料", people::save).form::<people::EditForm>(),
        post("/o/{org}/people/{pid}/reveal", Right(Action::RevealPerson), "查看完整信息", people::reveal).page::<people::Revealed>().form::<people::RevealForm>(),
        get("/o/{org}/search", Right(Action::Search), "全局搜索", search::show).page::<search::Search>(),
        post("/o/{org}/search", Right(Action::Search), "全局搜索", search::post).form::<search::SearchForm>(),
        // 业务办理
        get("/o/{org}/transfers", Right(Action::SeeTransfers), "组织关系转接办理", transfers::hub).page::<transfers::Hub>(),
        post("/o/{org}/transfers", Right(Action::StartTransferOut), "提交转出", transfers::start::create).form::<transfers::start::NewForm>(),
        get("/o/{org}/transfers/out/new", Right(Action::StartTransferOut), "办理转出", transfers::start::new).page::<transfers::start::Out>(),
        post("/o/{org}/transfers/out/new", Right(Action::StartTransferOut), "核对转出", transfers::start::check).form::<transfers::start::NewForm>().page::<transfers::start::Check>(),
        get("/o/{org}/transfers/in/new", Right(Action::StartTransferIn), "办理转入", transfers::incoming::new).page::<transfers::incoming::In>(),
        post("/o/{org}/transfers/in/person", Right(Action::StartTransferIn), "查找要转入的团员", transfers::incoming::find).form::<transfers::incoming::WhoForm>(),
        post("/o/{org}/transfers/in/new", Right(Action::StartTransferIn), "核对转入", transfers::incoming::check).form::<transfers::incoming::InForm>().page::<transfers::incoming::CheckIn>(),
        post("/o/{org}/transfers/in", Right(Action::StartTransferIn), "提交转入", transfers::incoming::create).form::<transfers::incoming::InForm>(),
        get("/o/{org}/t/{no}", Right(Action::SeeTransfers), "转接详情", transfers::show::show).page::<transfers::show::Show>(),
        post("/o/{org}/t/{no}/approval", Right(Action::DecideTransfer), "同意转接", transfers::show::approve).form::<transfers::show::Decision>(),
        post("/o/{org}/t/{no}/allocation", Right(Action::AllocateTransfer), "分配团支部", transfers::show::allocate).form::<transfers::show::Decision>(),
        post("/o/{org}/t/{no}/contact", Right(Action::DecideTransfer), "查看原组织管理员电话", transfers::show::contact).page::<transfers::show::Contact>(),
        post("/o/{org}/t/{no}/return", Right(Action::DecideTransfer), "退回申请", transfers::show::give_back).form::<transfers::show::ReturnForm>(),
        post("/o/{org}/t/{no}/withdrawal", Right(Action::WithdrawTransfer), "撤销申请", transfers::show::withdraw).form::<transfers::show::Withdrawal>(),
        post("/o/{org}/t/{no}/reminder", Right(Action::WithdrawTransfer), "催办", transfers::show::urge),
        post("/o/{org}/t/{no}/undo", Right(Action::DecideTransfer), "撤销审批", transfers::show::undo).form::<transfers::show::Undoing>(),
        post("/o/{org}/t/{no}/handover", Right(Action::DecideTransfer), "转交", transfers::show::pass_on).form::<transfers::show::Passing>(),
        get("/o/{org}/inbox/batch", Right(Action::DecideTransfer), "批量办理", transfers::batch::show).page::<transfers::batch::Batch>(),
        post("/o/{org}/inbox/batch", Right(Action::DecideTransfer), "批量办理", transfers::batch::decide).form::<transfers::batch::BatchForm>(),
        get("/o/{org}/inbox", Right(Action::SeeTransfers), "操作中心", inbox::show).page::<inbox::Inbox>(),
        post("/o/{org}/messages/read", Right(Action::DecideTransfer), "全部已读", messages::read_of_org).form::<messages::ReadForm>(),
        get("/o/{org}/jobs", Right(Action::SeeJobs), "任务中心", jobs::list).page::<jobs::List>(),
        get("/o/{org}/jobs/{id}", Right(Action::SeeJobs), "任务", jobs::show).page::<jobs::Show>(),
        // 导入团员
        get("/o/{org}/imports", Right(Action::ImportMembers), "导入记录", imports::list).page::<imports::List>(),
        post("/o/{org}/imports", Right(Action::ImportMembers), "上传名单", imports::upload).form::<imports::UploadForm>(),
        get("/o/{org}/imports/new", Right(Action::ImportMembers), "导入团员", imports::start).page::<imports::New>(),
        get("/o/{org}/imports/template/{template}", Right(Action::ImportMembers), "下载模板", imports::template),
        get("/o/{org}/imports/{id}", Right(Action::ImportMembers), "一次导入", imports::show).page::<imports::Outcome>(),
        get("/o/{org}/imports/{id}/map", Right(Action::ImportMembers), "对应列", imports::map).page::<imports::Map>(),
        post("/o/{org}/imports/{id}/map", Right(Action::ImportMembers), "对应列", imports::settle).form::<imports::MapForm>(),
        get("/o/{org}/imports/{id}/tree", Right(Action::ImportMembers), "预览组织树", imports::tree::show).page::<imports::tree::Tree>(),
        get("/o/{org}/imports/{id}/review", Right(Action::ImportMembers), "核对与修改", imports::review::show).page::<imports::review::Review>(),
        post("/o/{org}/imports/{id}/rows", Right(Action::ImportMembers), "重新校验多行", imports::review::fix_rows).form::<imports::review::RowsForm>(),
        get("/o/{org}/imports/{id}/rows", Right(Action::ImportMembers), "核对与修改", imports::review::rows),
        get("/o/{org}/imports/{id}/rows/{row}", Right(Action::ImportMembers), "核对与修改", imports::review::rows),
        post("/o/{org}/imports/{id}/rows/{row}", Right(Action::ImportMembers), "修改一行", imports::review::fix_row).form::<imports::review::RowForm>(),
        post("/o/{org}/imports/{id}/rows/{row}/skip", Right(Action::ImportMembers), "跳过一行", imports::review::skip_row).form::<imports::review::SkipForm>(),
        post("/o/{org}/imports/{id}/rows/{row}/known", Right(Action::ImportMembers), "选择联系方式", imports::review::choose_row).form::<imports::review::KnownForm>(),
        post("/o/{org}/imports/{id}/known", Right(Action::ImportMembers), "选择联系方式", imports::review::choose_all).form::<imports::review::KnownForm>(),
        post("/o/{org}/imports/{id}/rows/{row}/transfer", Right(Action::ImportMembers), "改为转入申请", imports::review::transfer_row),
        post("/o/{org}/imports/{id}/bulk", Right(Action::ImportMembers), "批量修改", imports::review::bulk).form::<imports::review::BulkForm>(),
        post("/o/{org}/imports/{id}/skip", Right(Action::ImportMembers), "跳过已在本支部的人", imports::review::skip_here),
        post("/o/{org}/imports/{id}/commit", Right(Action::ImportMembers), "开始导入", imports::commit).form::<imports::CommitForm>(),
        get("/o/{org}/imports/{id}/result", Right(Action::ImportMembers), "导入结果", imports::result).page::<imports::Outcome>(),
        get("/o/{org}/imports/{id}/undo", Right(Action::ImportMembers), "撤销本次导入", imports::undo_preview).page::<imports::Undo>(),
        post("/o/{org}/imports/{id}/undo", Right(Action::ImportMembers), "撤销本次导入", imports::undo),
        post("/o/{org}/imports/{id}/end", Right(Action::ImportMembers), "结束这次导入", imports::end),
        get("/o/{org}/imports/{id}/problems.xlsx", Right(Action::ImportMembers), "下载问题行", imports::problems),
    ]
}

/// What an address needs; `None` when it is not in the table.
pub fn needs(method: &Method, path: &str) -> Option<Needs> {
    static ALL: OnceLock<Vec<(Method, &'static str, Needs)>> = OnceLock::new();
    let all =
        ALL.get_or_init(|| table().into_iter().map(|r| (r.method, r.path, r.needs)).collect());
    let asked = if *method == Method::HEAD { &Method::GET } else { method };
    all.iter().find(|(m, p, _)| m == asked && *p == path).map(|(_, _, needs)| *needs)
}

/// What passes while no changes are taken: signing in and out, looking for something, and the switch
/// itself.
pub fn even_read_only(path: &str) -> bool {
    matches!(path, "/login" | "/logout" | "/o/{org}/search" | "/o/{org}/ops/read-only")
}

/// The router of the table.
pub fn router() -> Router<Site> {
    table().into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler))
}
