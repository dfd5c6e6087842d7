//! Opening the house for a command: settings put together, keys read, schema checked.

use super::{Place, Running, node, private};
use anyhow::{Context, Result, bail};
use app::{
    Captcha, House, Settings,
    clock::{SystemChance, SystemClock},
    keys::Keys,
    messages::{Channels, Smtp, Webhook},
    storage,
};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The settings of the file; a flag or a variable of the environment wins.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    data: Option<PathBuf>,
    database: Option<String>,
    audit_anchor: Option<PathBuf>,
    serializable: bool,
    pooler: bool,
    pub(super) listen: Option<SocketAddr>,
    pub(super) public_url: Option<String>,
    pub(super) trusted_proxies: Vec<std::net::IpAddr>,
    pub(super) read_only: bool,
    pub(super) no_work: bool,
    captcha: Option<String>,
    smtp: Option<String>,
    smtp_from: Option<String>,
    webhook: Option<String>,
    webhook_secret: Option<String>,
    pub(super) drain: Option<u64>,
    pub(super) metrics_listen: Option<SocketAddr>,
    pub(super) metrics_token: Option<String>,
}

/// The file named by --config, or nothing.
pub(super) fn file(place: &Place) -> Result<File> {
    let Some(path) = &place.config else { return Ok(File::default()) };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not in order", path.display()))
}

/// The data folder.
pub(super) fn folder(place: &Place, file: &File) -> PathBuf {
    place.data.clone().or_else(|| file.data.clone()).unwrap_or_else(|| PathBuf::from("data"))
}

fn options(place: &Place, file: &File, folder: &Path) -> storage::Options {
    let url = place.database.clone().or_else(|| file.database.clone());
    let mut options = match url {
        Some(url) => storage::Options::at(url),
        None => storage::Options::file(&folder.join("tuanjian.sqlite")),
    };
    if place.serializable || file.serializable {
        options.isolation = storage::Isolation::Serializable;
    }
    options.pooler = place.pooler || file.pooler;
    options
}

/// What a command may do to the database.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Also make the data folder and the keys where there are none, and bring the schema up to date:
    /// `serve`, `migrate` and `demo` alone.
    Create,
    /// Read and write.
    Write,
    /// Only read: works on a standby and on a copy that must stay as it is.
    Read,
}

/// How the house is to be opened.
pub(super) struct Opening<'a> {
    pub(super) place: &'a Place,
    pub(super) running: Option<&'a Running>,
    pub(super) access: Access,
}

/// Opens the house. An empty data folder gets keys; a database without its keys is refused.
pub(super) async fn house(opening: Opening<'_>) -> Result<House> {
    house_with(opening, SystemChance).await
}

/// As [`house`], with another source of chance: the demonstration's repeats.
pub(super) async fn house_with(
    opening: Opening<'_>,
    chance: impl app::clock::Chance + 'static,
) -> Result<House> {
    let file = file(opening.place)?;
    let folder = folder(opening.place, &file);
    let keys = folder.join("keys.toml");
    let mut options = options(opening.place, &file, &folder);
    options.read_only = opening.access == Access::Read;
    if opening.access == Access::Create {
        create(&folder, &keys, &options).await?;
    } else if !keys.exists() {
        bail!("no data in {} (no keys.toml); name the folder with --data", folder.display());
    }
    if opening.access != Access::Read {
        private::keep(&folder, &options, opening.access == Access::Create)?;
    }
    let keys = Keys::open(&keys)?;
    let db = storage::Db::open(&options).await.context("opening the database")?;
    if opening.access == Access::Create {
        db.migrate().await.context("bringing the schema up to date")?;
    } else if db.schema().await.context("looking at the schema")? != storage::Schema::Current {
        bail!(
            "the database's schema is of an older version: run `tuanjian migrate` (or `serve`) first"
        );
    }
    let mut settings = settings(&file, opening.running, &folder)?;
    if opening.running.is_some() {
        let node = node::take(&folder).context("taking this node's name")?;
        (settings.node, settings.dead_nodes) = (node.name, node.dead);
    }
    let anchor = opening.place.audit_anchor.clone().or_else(|| file.audit_anchor.clone());
    if anchor.is_some() {
        settings.audit_anchor = anchor;
    }
    let house = House::open(db, keys, SystemClock, chance, settings).await?;
    house.set_read_only(file.read_only || opening.running.is_some_and(|s| s.read_only));
    app::read_only::follow(&house).await?;
    Ok(house)
}

async fn create(folder: &Path, keys: &Path, options: &storage::Options) -> Result<()> {
    if keys.exists() {
        return Ok(());
    }
    private::folder(folder)?;
    // A database that was written before can't be read with new keys: say so instead.
    let sqlite = !options.url.starts_with("postgres");
    if sqlite && Path::new(&options.url).exists() {
        bail!("{} is there but its keys.toml is missing; put the key file back", options.url);
    }
    Keys::create(keys, &SystemChance)?;
    Ok(())
}

fn settings(file: &File, running: Option<&Running>, folder: &Path) -> Result<Settings> {
    let word = |flag: fn(&Running) -> &Option<String>, file: &Option<String>| {
        running.and_then(|s| flag(s).clone()).or_else(|| file.clone())
    };
    let captcha = match word(|s| &s.captcha, &file.captcha).as_deref() {
        None | Some("after_failures") => Captcha::AfterFailures,
        Some("always") => Captcha::Always,
        Some("off") => Captcha::Off,
        Some(other) => bail!("captcha is after_failures, always or off, not {other}"),
    };
    let smtp = word(|s| &s.smtp, &file.smtp).map(|url| Smtp {
        url,
        from: word(|s| &s.smtp_from, &file.smtp_from)
            .unwrap_or_else(|| "tuanjian@localhost".into()),
    });
    let webhook = match word(|s| &s.webhook, &file.webhook) {
        None => None,
        Some(url) => match word(|s| &s.webhook_secret, &file.webhook_secret) {
            Some(secret) => Some(Webhook { url, secret }),
            None => bail!("a webhook needs webhook_secret, with which its messages are signed"),
        },
    };
    let public_url = word(|s| &s.public_url, &file.public_url).unwrap_or_default();
    if !public_url.is_empty()
        && !public_url.starts_with("https://")
        && !public_url.starts_with("http://")
    {
        bail!(
            "the public address needs its scheme: https://{public_url} (or http:// where nothing is encrypted), not {public_url}"
        );
    }
    Ok(Settings {
        sheet_reader: Some(this_program()?),
        audit_anchor: Some(folder.join("audit.head")),
        channels: Channels { smtp, webhook },
        public_url,
        captcha,
        ..Settings::default()
    })
}

/// This very program, to be started as the reader of a workbook: also when its file has been
/// replaced by a newer one since, where the system has a name for that.
fn this_program() -> Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() {
        return Ok(own);
    }
    std::env::current_exe().context("finding this program")
}
