//! The command line: flags, then environment, then one file (decision 22).

mod channels;
mod demo;
mod import;
mod keys;
mod node;
mod open;
mod private;
mod restore;
mod serve;
mod token;
mod upkeep;

use clap::{Args, Parser, Subcommand};
use std::{io::Write, net::SocketAddr, path::PathBuf, process::ExitCode};

/// 智慧团建 tuanjian: the membership system of a youth league, one binary from a school to a nation.
#[derive(Parser)]
#[command(name = "tuanjian", version, about)]
pub(crate) struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where the data is. A value is looked for as a flag, then in the environment, then in the
/// file given by --config.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// Folder of the SQLite database and the keys.
    #[arg(long, global = true, env = "TUANJIAN_DATA")]
    data: Option<PathBuf>,
    /// PostgreSQL instead of SQLite: postgres://user@host/name. The keys stay in --data. Beyond this
    /// machine the connection is encrypted and the server's certificate checked; sslmode and sslrootcert
    /// in the address say otherwise.
    #[arg(long, global = true, env = "TUANJIAN_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// A pooler in transaction mode (pgbouncer) stands before PostgreSQL.
    #[arg(long, global = true, env = "TUANJIAN_POOLER")]
    pooler: bool,
    /// Run every PostgreSQL transaction at SERIALIZABLE (for distributed engines).
    #[arg(long, global = true, env = "TUANJIAN_SERIALIZABLE")]
    serializable: bool,
    /// File with the same settings: data = "…", database = "…", listen = "…", …
    #[arg(long, global = true, env = "TUANJIAN_CONFIG")]
    config: Option<PathBuf>,
    /// Where the newest seal of the audit book is noted outside the database: audit.head in --data
    /// when absent. Better on another machine, and the same for all nodes.
    #[arg(long, global = true, env = "TUANJIAN_AUDIT_ANCHOR")]
    audit_anchor: Option<PathBuf>,
    /// Answer in JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the pages, and do the background work unless --no-work.
    Serve(Serving),
    /// Do only the background work; takes the same channels and addresses as serve.
    Work(Running),
    /// The ways out of the program: e-mail and webhook.
    Channels {
        #[command(subcommand)]
        what: ChannelsWhat,
    },
    /// Take no changes for a while, on every node, without a restart: on, off or status.
    ReadOnly {
        #[arg(value_parser = ["on", "off", "status"])]
        what: String,
        /// What everybody reads meanwhile.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Bring the database's schema up to date (serve does it by itself).
    Migrate,
    /// Make a throw-away demonstration and serve it.
    Demo(Demonstration),
    /// Review a workbook as the page does; with --commit import what is right.
    Import {
        /// 组织码 of the branch.
        #[arg(long)]
        org: String,
        /// The workbook.
        file: PathBuf,
        /// Import the rows that are right.
        #[arg(long)]
        commit: bool,
        /// Whose telephone and other contact values count for people who are known with others.
        #[arg(long, value_enum, default_value_t = import::Contacts::Keep)]
        contacts: import::Contacts,
    },
    /// Put full names of organisations right that the program made wrong before 2026-12.
    Names {
        /// Rename; otherwise only count.
        #[arg(long)]
        commit: bool,
    },
    /// Check every invariant; changes nothing. Exit code 0 clean, 1 violations, 2 could not run.
    Fsck {
        /// Also what takes long: every ciphertext, every search entry.
        #[arg(long)]
        deep: bool,
    },
    /// The audit book.
    Audit {
        #[command(subcommand)]
        what: Audit,
    },
    /// Acknowledge that the database came back from a backup: ends the sign-ins, tokens and codes that
    /// came back with it, writes that into the audit book, and lets the program go on.
    RestoreAcknowledge {
        /// Why it was restored; stands in the audit book.
        #[arg(long)]
        reason: String,
        /// Also when nothing shows that it was restored (the note came back with the database).
        #[arg(long)]
        anyway: bool,
    },
    /// Personal tokens for programs: make one (shown once), list them, end them.
    #[command(args_conflicts_with_subcommands = true)]
    Token {
        #[command(subcommand)]
        what: Option<TokenWhat>,
        #[command(flatten)]
        make: MakeToken,
    },
    /// Graduation of school branches.
    Graduation {
        #[command(subcommand)]
        what: Graduation,
    },
    /// The keys of the encrypted data.
    Keys {
        #[command(subcommand)]
        what: KeysWhat,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Read the whole book and tell every row that was edited, deleted or inserted. Exit code 0 whole
    /// and as noted outside the database, 1 not, 2 could not run, 3 whole but with no note to compare.
    Verify,
}

#[derive(Subcommand)]
enum Graduation {
    /// Tell what the conversion of a day would do, by province and school; changes nothing.
    Rehearse {
        /// The day, as 2027-07-01; today when absent.
        #[arg(long)]
        on: Option<String>,
        /// Only the provinces' sums.
        #[arg(long)]
        provinces: bool,
    },
}

#[derive(Subcommand)]
enum ChannelsWhat {
    /// Send a message for trying out through each configured channel and say what happened. Exit
    /// code 0 when all went out, 1 when one did not.
    Test {
        /// E-mail address for the message by SMTP.
        #[arg(long)]
        to: Option<String>,
        #[command(flatten)]
        running: Running,
    },
}

#[derive(Subcommand)]
enum KeysWhat {
    /// Add a new ring of keys to keys.toml. Nothing is written with it yet: first give the file to every
    /// node, then say `keys use`.
    Rotate,
    /// Write with the newest ring from now on, and move stored data over in the background. Waits until
    /// every running program has the ring.
    Use {
        /// Do not wait for programs that lack the ring; they stop to write until they have it.
        #[arg(long)]
        force: bool,
    },
    /// Tell which ring is in use, which programs lack the newest one, and whether data still moves.
    Status,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct MakeToken {
    /// ID number of the person, asked for on standard input when absent.
    #[arg(long, env = "TUANJIAN_ID_NUMBER", hide_env_values = true)]
    id_number: Option<String>,
    /// What the token is for.
    #[arg(long, default_value = "命令行")]
    label: String,
    /// Days that it lives; as the policy says when absent, and never more than it allows.
    #[arg(long)]
    days: Option<i64>,
    /// It reads and changes nothing.
    #[arg(long)]
    read_only: bool,
    /// 组织码 of the one organisation that it is good for; all of the person's when absent.
    #[arg(long)]
    org: Option<String>,
}

#[derive(Subcommand)]
enum TokenWhat {
    /// The living tokens, of one person or of everybody, with their last use.
    List {
        /// ID number of the person.
        #[arg(long, env = "TUANJIAN_ID_NUMBER", hide_env_values = true)]
        id_number: Option<String>,
    },
    /// End one token by its number of the list, or all of a person.
    End {
        /// The token's number.
        id: Option<i64>,
        /// ID number of the person, asked for on standard input when neither is given.
        #[arg(long, env = "TUANJIAN_ID_NUMBER", hide_env_values = true)]
        id_number: Option<String>,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Serving {
    /// Address to listen on.
    #[arg(long, env = "TUANJIAN_LISTEN")]
    listen: Option<SocketAddr>,
    /// Proxies whose X-Forwarded-For is believed.
    #[arg(long, env = "TUANJIAN_TRUSTED_PROXIES", value_delimiter = ',')]
    trusted_proxies: Vec<std::net::IpAddr>,
    /// Leave the background work to `tuanjian work`.
    #[arg(long, env = "TUANJIAN_NO_WORK")]
    no_work: bool,
    /// Seconds for which /health says "stopping" before the program stops listening, so that a load
    /// balancer looks elsewhere (3; a second signal stops at once).
    #[arg(long, env = "TUANJIAN_DRAIN")]
    drain: Option<u64>,
    #[command(flatten)]
    running: Running,
}

/// What a running program needs, whether it serves pages, works in the background or does both: the
/// same for `serve` and `work`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Running {
    /// How people reach it; https:// marks the cookies Secure. Letters carry it in their links.
    #[arg(long, env = "TUANJIAN_PUBLIC_URL")]
    public_url: Option<String>,
    /// Take no changes: people sign in and read, nothing can be done (see `tuanjian read-only`).
    #[arg(long, env = "TUANJIAN_READ_ONLY")]
    read_only: bool,
    /// When the sign-in asks for a captcha: after_failures, always, off.
    #[arg(long, env = "TUANJIAN_CAPTCHA")]
    captcha: Option<String>,
    /// E-mail server: smtps://user:password@host.
    #[arg(long, env = "TUANJIAN_SMTP", hide_env_values = true)]
    smtp: Option<String>,
    /// Sender of e-mails.
    #[arg(long, env = "TUANJIAN_SMTP_FROM")]
    smtp_from: Option<String>,
    /// Address that gets every message, signed.
    #[arg(long, env = "TUANJIAN_WEBHOOK")]
    webhook: Option<String>,
    /// Key of that signature.
    #[arg(long, env = "TUANJIAN_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Option<String>,
    /// A second address that serves /health and /metrics alone, for the operator's own network.
    #[arg(long, env = "TUANJIAN_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
    /// Word that opens /metrics at the public address (Authorization: Bearer …).
    #[arg(long, env = "TUANJIAN_METRICS_TOKEN", hide_env_values = true)]
    metrics_token: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct Demonstration {
    /// school (about 1,000 members), city (100 thousand), province (1 million), nation.
    #[arg(long, default_value = "school")]
    scale: String,
    /// Start of the random sequence: the same seed makes the same demonstration.
    #[arg(long, default_value_t = 2026)]
    seed: u64,
    /// Members a branch, instead of the scale's; 0 makes organisations alone.
    #[arg(long)]
    members_per_branch: Option<u32>,
    /// Make the data and stop, without serving.
    #[arg(long)]
    make_only: bool,
    #[command(flatten)]
    serving: Serving,
}

/// Runs the chosen command.
pub(crate) async fn run(cli: Cli) -> ExitCode {
    let json = cli.place.json;
    let done = match cli.command {
        Command::Serve(serving) => serve::serve(cli.place, serving).await,
        Command::Work(running) => serve::work(cli.place, running).await,
        Command::Channels { what: ChannelsWhat::Test { to, running } } => {
            channels::test(cli.place, running, to).await
        }
        Command::ReadOnly { what, reason } => upkeep::read_only(cli.place, &what, &reason).await,
        Command::Migrate => upkeep::migrate(cli.place).await,
        Command::Demo(demo) => demo::demo(cli.place, demo).await,
        Command::Import { org, file, commit, contacts } => {
            import::import(cli.place, &org, &file, (commit, contacts)).await
        }
        Command::Names { commit } => upkeep::names(cli.place, commit).await,
        Command::Fsck { deep } => upkeep::fsck(cli.place, deep).await,
        Command::Audit { what: Audit::Verify } => upkeep::verify(cli.place).await,
        Command::RestoreAcknowledge { reason, anyway } => {
            restore::acknowledge(cli.place, &reason, anyway).await
        }
        Command::Token { what, make } => token::token(cli.place, what, make).await,
        Command::Graduation { what: Graduation::Rehearse { on, provinces } } => {
            upkeep::rehearse(cli.place, on.as_deref(), provinces).await
        }
        Command::Keys { what: KeysWhat::Rotate } => keys::rotate(&cli.place),
        Command::Keys { what: KeysWhat::Use { force } } => {
            keys::put_in_use(&cli.place, force).await
        }
        Command::Keys { what: KeysWhat::Status } => keys::status(&cli.place).await,
    };
    match done {
        Ok(code) => code,
        Err(e) => {
            if json {
                let _ = say(&serde_json::json!({ "error": format!("{e:#}") }).to_string());
            }
            fail(&e)
        }
    }
}

/// Prints one line for people or programs.
pub(crate) fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Says why it did not work; exit code 2: could not run.
pub(crate) fn fail(error: &anyhow::Error) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "tuanjian: {error:#}");
    ExitCode::from(2)
}
