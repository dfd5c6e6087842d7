//! Opening the house for a command: settings put together, keys read, schema checked.

use super::{Place, Serving};
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
    options
}

/// How the house is to be opened.
pub(super) struct Opening<'a> {
    pub(super) place: &'a Place,
    pub(super) serving: Option<&'a Serving>,
    /// Make the data folder and the keys when there are none.
    pub(super) may_create: bool,
}

/// Opens the house. An empty data folder gets keys; a database without its keys is refused.
pub(super) async fn house(opening: Opening<'_>) -> Result<House> {
    let file = file(opening.place)?;
    let folder = folder(opening.place, &file);
    let keys = folder.join("keys.toml");
    let options = options(opening.place, &file, &folder);
    if opening.may_create {
        create(&folder, &keys, &options).await?;
    } else if !keys.exists() {
        bail!("no data in {} (no keys.toml); name the folder with --data", folder.display());
    }
    let keys = Keys::open(&keys)?;
    let db = storage::Db::open(&options).await.context("opening the database")?;
    db.migrate().await.context("bringing the schema up to date")?;
    let mut settings = settings(&file, opening.serving, &folder)?;
    let anchor = opening.place.audit_anchor.clone().or_else(|| file.audit_anchor.clone());
    if anchor.is_some() {
        settings.audit_anchor = anchor;
    }
    let house = House::open(db, keys, SystemClock, SystemChance, settings).await?;
    house.set_read_only(file.read_only || opening.serving.is_some_and(|s| s.read_only));
    Ok(house)
}

async fn create(folder: &Path, keys: &Path, options: &storage::Options) -> Result<()> {
    if keys.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    // A database that was written before can't be read with new keys: say so instead.
    let sqlite = !options.url.starts_with("postgres");
    if sqlite && Path::new(&options.url).exists() {
        bail!("{} is there but its keys.toml is missing; put the key file back", options.url);
    }
    Keys::create(keys, &SystemChance)?;
    Ok(())
}

fn settings(file: &File, serving: Option<&Serving>, folder: &Path) -> Result<Settings> {
    let word = |flag: fn(&Serving) -> &Option<String>, file: &Option<String>| {
        serving.and_then(|s| flag(s).clone()).or_else(|| file.clone())
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
    Ok(Settings {
        sheet_reader: Some(this_program()?),
        audit_anchor: Some(folder.join("audit.head")),
        channels: Channels { smtp, webhook },
        public_url: word(|s| &s.public_url, &file.public_url).unwrap_or_default(),
        captcha,
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
