//! Makes a machine able: browser assets for everybody, and for tests and benchmarks Debian
//! packages and two Python libraries. Every step looks first, so a second call costs nothing.

use crate::run::{command, env, on_path, output, root, run, say, target};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Python libraries that write workbooks as other programs do, pinned.
const PYTHON_LIBRARIES: &[&str] = &["openpyxl==3.1.5", "xlwt==1.3.0"];

/// A Debian package and how to see that what we want of it is there.
struct Package {
    name: &'static str,
    present: fn() -> bool,
}

const PACKAGES: &[Package] = &[
    Package { name: "postgresql", present: || postgres_bin().is_some() },
    Package { name: "pgbouncer", present: || on_path("pgbouncer") },
    Package { name: "openssl", present: || on_path("openssl") },
    Package { name: "chromium", present: || on_path("chromium") },
    Package {
        name: "fonts-noto-cjk",
        present: || Path::new("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc").exists(),
    },
    Package { name: "libreoffice-calc", present: || on_path("soffice") && calc_is_there() },
    Package { name: "python3-venv", present: python_makes_venvs },
];

/// Everything that a test or a benchmark may ask of the machine.
pub(crate) fn everything_for_tests() -> Result<()> {
    debian_packages()?;
    python_libraries().map(|_| ())
}

/// Fetches the pinned browser packages when `node_modules` does not hold what the lock file says.
/// Contents are compared, not dates: a fresh checkout makes every file new.
pub(crate) fn browser_assets() -> Result<()> {
    if assets_are_current(&root()) {
        return Ok(());
    }
    require_node()?;
    say("fetching the pinned browser assets (npm ci)");
    let mut npm = command("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
    // Standard output belongs to the demonstration that may follow.
    run(npm.stdout(std::io::stderr()))
        .context("the browser assets could not be fetched; is the npm registry reachable?")
}

/// Installs the missing Debian packages (as root, or by sudo without a password).
pub(crate) fn debian_packages() -> Result<()> {
    let missing: Vec<_> = PACKAGES.iter().filter(|p| !(p.present)()).map(|p| p.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !on_path("apt-get") {
        bail!("missing on this machine: {list} (Debian names); there is no apt-get to fetch them");
    }
    let Some(prefix) = root_prefix() else {
        bail!(
            "missing on this machine: {list}; as root run: apt-get install --no-install-recommends {list}"
        );
    };
    say(&format!("installing {list}"));
    apt(prefix, &["update", "-qq"])?;
    let mut words =
        vec!["install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"];
    words.extend(&missing);
    apt(prefix, &words)?;
    let still: Vec<_> = PACKAGES.iter().filter(|p| !(p.present)()).map(|p| p.name).collect();
    if !still.is_empty() {
        bail!("installed, but still not usable: {}", still.join(" "));
    }
    Ok(())
}

/// The Python interpreter of a private environment with the workbook libraries.
pub(crate) fn python_libraries() -> Result<PathBuf> {
    let venv = target().join("venv");
    let python = venv.join("bin/python");
    let marker = venv.join("libraries.txt");
    let wanted = PYTHON_LIBRARIES.join("\n");
    if python.exists() && std::fs::read_to_string(&marker).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    say(&format!("making target/venv with {}", PYTHON_LIBRARIES.join(", ")));
    run(command("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    run(command(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(PYTHON_LIBRARIES))
    .context("the Python libraries could not be fetched; is the package index reachable?")?;
    std::fs::write(marker, wanted)?;
    Ok(python)
}

/// A tool of cargo's that looks at the tree: from the PATH, or built once into target/tools without
/// optimising, which takes a minute or two; `None` where it cannot be fetched.
pub(crate) fn cargo_tool(name: &str, version: &str) -> Option<PathBuf> {
    if on_path(name) {
        return Some(name.into());
    }
    let tools = target().join("tools");
    let program = tools.join("bin").join(name);
    if !program.exists() {
        say(&format!("building {name} {version} into target/tools"));
        let mut install = command("cargo");
        install.args(["install", "--quiet", "--locked", "--debug", "--version", version]);
        run(install.arg("--root").arg(&tools).arg(name)).ok()?;
    }
    Some(program)
}

/// The folder with `initdb` and `postgres`: from `pg_config`'s usual places, the newest version.
pub(crate) fn postgres_bin() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let dir = entry.ok()?;
            let version = dir.file_name().to_str()?.parse().ok()?;
            Some((version, dir.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).or_else(|| {
        let path = env("PATH")?;
        path.split(':').map(PathBuf::from).find(|d| d.join("initdb").exists())
    })
}

/// Whether we run as root.
pub(crate) fn is_root() -> bool {
    output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn assets_are_current(root: &Path) -> bool {
    let read = |path: PathBuf| -> Option<Value> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    };
    let Some(wanted) = read(root.join("package-lock.json")) else { return false };
    let Some(have) = read(root.join("node_modules/.package-lock.json")) else { return false };
    let Some(packages) = wanted["packages"].as_object() else { return false };
    packages.iter().all(|(place, package)| {
        place.is_empty()
            || package["optional"] == true
            || (have["packages"][place]["version"] == package["version"]
                && root.join(place).join("package.json").exists())
    })
}

fn require_node() -> Result<()> {
    let version = output(command("node").arg("--version")).unwrap_or_default();
    let major = version.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
    match major.parse::<u32>() {
        Ok(20..) if on_path("npm") => Ok(()),
        Ok(20..) => bail!("npm is missing: install it beside Node"),
        Ok(_) => bail!("Node {} is too old: 20 or newer is needed", version.trim()),
        Err(_) => bail!("Node is missing: install Node 20 or newer with npm, then try again"),
    }
}

fn root_prefix() -> Option<&'static [&'static str]> {
    if is_root() {
        return Some(&["env"]);
    }
    let sudo = on_path("sudo") && output(command("sudo").args(["-n", "true"])).is_ok();
    sudo.then_some(&["sudo", "-n", "env"] as &[_])
}

fn apt(prefix: &[&str], words: &[&str]) -> Result<()> {
    let mut cmd = command(prefix[0]);
    cmd.args(&prefix[1..]).args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(words);
    // The packages' own chatter goes where messages go; standard output stays clean.
    cmd.stdin(std::process::Stdio::null()).stdout(std::io::stderr());
    run(&mut cmd).context("apt-get could not install what is missing")
}

fn calc_is_there() -> bool {
    ["/usr/lib/libreoffice/program/libsclo.so", "/usr/lib64/libreoffice/program/libsclo.so"]
        .iter()
        .any(|p| Path::new(p).exists())
        || !on_path("dpkg-query")
}

fn python_makes_venvs() -> bool {
    output(command("python3").args(["-c", "import ensurepip, venv"])).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, lock: &str, installed: Option<&str>) -> PathBuf {
        let dir = target().join("xtask-tests").join(name);
        drop(std::fs::remove_dir_all(&dir));
        std::fs::create_dir_all(dir.join("node_modules/a")).unwrap();
        std::fs::write(dir.join("package-lock.json"), lock).unwrap();
        if let Some(have) = installed {
            std::fs::write(dir.join("node_modules/.package-lock.json"), have).unwrap();
            std::fs::write(dir.join("node_modules/a/package.json"), "{}").unwrap();
        }
        dir
    }

    const LOCK: &str = r#"{"packages":{"":{},"node_modules/a":{"version":"1.2.3"},
        "node_modules/mac":{"version":"9.0.0","optional":true}}}"#;

    #[test]
    fn assets_are_fetched_when_missing_or_of_another_version_only() {
        assert!(!assets_are_current(&place("none", LOCK, None)));
        let same = r#"{"packages":{"node_modules/a":{"version":"1.2.3"}}}"#;
        assert!(assets_are_current(&place("same", LOCK, Some(same))));
        let older = r#"{"packages":{"node_modules/a":{"version":"1.2.2"}}}"#;
        assert!(!assets_are_current(&place("older", LOCK, Some(older))));
    }
}
