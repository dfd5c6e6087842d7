//! `migrate`, `fsck`, `audit`, `token`: what an operator does now and then.

use super::{Place, open, say};
use anyhow::{Context, Result};
use app::House;
use std::process::ExitCode;

pub(super) async fn house(place: &Place) -> Result<House> {
    open::house(open::Opening { place, running: None, access: open::Access::Write }).await
}

/// For what changes nothing: works on a standby and on a copy that may not be written, too.
async fn read_only_house(place: &Place) -> Result<House> {
    open::house(open::Opening { place, running: None, access: open::Access::Read }).await
}

/// `tuanjian migrate`.
pub(super) async fn migrate(place: Place) -> Result<ExitCode> {
    let house =
        open::house(open::Opening { place: &place, running: None, access: open::Access::Create })
            .await?;
    house.db().close().await;
    if place.json {
        say("{\"schema\":\"current\"}")?
    } else {
        say("The schema is up to date.")?
    }
    Ok(ExitCode::SUCCESS)
}

/// `tuanjian names`.
pub(super) async fn names(place: Place, commit: bool) -> Result<ExitCode> {
    let house = house(&place).await?;
    let done = app::orgs::renaming::run(&house, commit).await.map_err(plain)?;
    house.db().close().await;
    if place.json {
        say(&serde_json::to_string(&done)?)?
    } else if commit {
        say(&format!("{} of {} organisations renamed.", done.renamed, done.looked))?
    } else {
        let says = "would be renamed; --commit does it.";
        say(&format!("{} of {} organisations {says}", done.renamed, done.looked))?
    }
    Ok(ExitCode::SUCCESS)
}

/// `tuanjian fsck`: one JSON line a finding, then the sum.
pub(super) async fn fsck(place: Place, deep: bool) -> Result<ExitCode> {
    let house = read_only_house(&place).await?;
    let mut told: Result<()> = Ok(());
    let report = app::fsck::run_with(&house, deep, &mut |finding| {
        if told.is_ok() {
            told =
                serde_json::to_string(finding).map_err(Into::into).and_then(|line| Ok(say(&line)?));
        }
    })
    .await?;
    told?;
    if place.json {
        let sum =
            serde_json::json!({ "looked_at": report.looked_at, "violations": report.violations });
        say(&sum.to_string())?;
    } else if report.is_clean() {
        say(&format!("{} rows looked at, nothing wrong.", report.looked_at))?;
    } else {
        for (invariant, count) in &report.violations {
            say(&format!("{invariant}: {count} violations"))?;
        }
    }
    Ok(ExitCode::from(report.exit_code()))
}

/// `tuanjian audit verify`: exit code 0 when the book is whole, 1 when not, 3 when there is no note
/// outside the database that would tell a book that was cut off.
pub(super) async fn verify(place: Place) -> Result<ExitCode> {
    let house = read_only_house(&place).await?;
    let noted = app::events::noted(&house)?.map(|n| n.seal);
    let compared = noted.is_some();
    let (rows, faults) = app::events::verify(&house, noted).await?;
    for fault in &faults {
        say(&serde_json::to_string(fault)?)?;
    }
    if place.json {
        say(&serde_json::json!({ "rows": rows, "faults": faults.len(), "compared": compared })
            .to_string())?;
    } else {
        say(&format!("{rows} rows read, {} faults.", faults.len()))?;
    }
    if !compared && !place.json {
        let path = house.settings().audit_anchor.clone().unwrap_or_default();
        say(&format!(
            "Nothing to compare with: there is no note of the newest seal in {}. What is there fits together; \
             whether rows are missing at the end can't be told. Name the note with --audit-anchor.",
            path.display()
        ))?;
    }
    Ok(match (faults.is_empty(), compared) {
        (false, _) => ExitCode::from(1),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(3),
    })
}

/// `tuanjian graduation rehearse`: a line a school, then its province's sum, at last the sum of all.
pub(super) async fn rehearse(place: Place, on: Option<&str>, provinces: bool) -> Result<ExitCode> {
    let house = read_only_house(&place).await?;
    let on = match on {
        Some(day) => day.parse().with_context(|| format!("“{day}” is no day like 2027-07-01"))?,
        None => app::clock::day(house.now()),
    };
    let mut told: Result<()> = Ok(());
    let mut tell = |line: &app::graduation::Count| {
        if told.is_err() || (provinces && line.name.is_some()) {
            return;
        }
        told = if place.json {
            serde_json::to_string(line).map_err(Into::into).and_then(|line| Ok(say(&line)?))
        } else {
            say(&rehearsed(line)).map_err(Into::into)
        };
    };
    let sum = app::graduation::rehearse_all(&house, on, &mut tell).await?;
    told?;
    if place.json {
        let sum = serde_json::json!({ "on": on.to_string(), "sum": sum });
        say(&sum.to_string())?;
    } else {
        let (branches, members) = (sum.branches, sum.members);
        say(&format!(
            "{on}: {branches} branches with {members} members would turn into 毕业生团组织; {} branches are unmarked. Nothing was changed.",
            sum.unmarked
        ))?;
    }
    house.db().close().await;
    Ok(ExitCode::SUCCESS)
}

fn rehearsed(line: &app::graduation::Count) -> String {
    let sum = line.sum;
    let counts = format!(
        "{:>8} branches {:>10} members {:>8} unmarked",
        sum.branches, sum.members, sum.unmarked
    );
    match (&line.name, &line.school) {
        (Some(name), code) => {
            format!("{counts}    {name} {}", code.as_deref().unwrap_or_default())
        }
        _ => format!("{counts}  {} {}", line.province, line.province_name),
    }
}

/// An error in the words of its fields, for the command line.
pub(super) fn plain(error: app::Error) -> anyhow::Error {
    match error {
        app::Error::Invalid(fields) => {
            anyhow::anyhow!(fields.into_iter().map(|f| f.message).collect::<Vec<_>>().join(" "))
        }
        app::Error::Unread(why) => {
            anyhow::anyhow!(
                "这次没有读成文件，不是文件的问题：读文件的部分没有工作起来（{why}）。请再试一次。"
            )
        }
        app::Error::Refused(r) | app::Error::Conflict(r) => anyhow::anyhow!(r.message),
        other => other.into(),
    }
}

/// `tuanjian read-only`.
pub(super) async fn read_only(place: Place, what: &str, reason: &str) -> Result<ExitCode> {
    let house = house(&place).await?;
    if what != "status" {
        let on = what == "on";
        app::read_only::set_by_command(&house, on, reason).await.map_err(plain)?;
    }
    let mut cx = house.read(app::Who::System("read-only")).await?;
    let switch = app::read_only::switch(&mut cx).await.map_err(plain)?.unwrap_or_default();
    drop(cx);
    house.db().close().await;
    if place.json {
        say(&serde_json::json!({ "read_only": switch.on, "reason": switch.reason }).to_string())?;
    } else if switch.on {
        say(
            "No changes are taken: every node follows within two seconds. tuanjian read-only off ends it.",
        )?;
    } else {
        say("Changes are taken.")?;
    }
    Ok(ExitCode::SUCCESS)
}
