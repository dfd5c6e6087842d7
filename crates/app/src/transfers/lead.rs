//! The way to somebody of another organisation (A34, E03a): by name and ID number, both exact, or
//! from where a number was just met (an import row, single entry, a search). What is found stands
//! behind a short-lived ticket of whoever asked, so that no number comes into an address; the
//! ticket holds no personal data.

use crate::{
    Action, Cx, Error, FieldError, Permit, Result, clock,
    events::Event,
    people::{self, Met, Missed, PersonId, tickets},
    pii::IdNumber,
    rules::{Column, Rules, fields, id_number},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long a ticket leads to the form: longer than the form takes.
const LIFE: clock::Millis = clock::HOUR;
/// The purpose of the ticket of a lead.
const TICKET: &str = "transfer";

/// A row of an import that is handed over: import and row, and the branch into which it was to
/// come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub import: i64,
    pub no: i64,
    #[serde(default)]
    pub into: Option<i64>,
}

/// What stands behind a ticket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lead {
    person: i64,
    /// Name and number were found to belong together.
    pub agreed: bool,
    /// The name as it was typed or stood in the row.
    pub name: String,
    /// They did not: E05 is to be said.
    pub missed: bool,
    pub row: Option<Row>,
}
impl Lead {
    pub(super) fn person(&self) -> PersonId {
        PersonId(self.person)
    }
}

/// What a question came to.
#[derive(Clone, Debug)]
pub enum LookedUp {
    /// They belong together: the ticket.
    Found(String),
    /// Not, or nobody has the number (E05); how many tries are left before the pause.
    Missed { left: i64 },
}

/// Looks for somebody by name and ID number. `Invalid` (`name`, `id_number`) for what can be no
/// name or number; `TooMany` beyond the limits. Commit also what was missed: it is counted.
pub async fn by_number(cx: &mut Cx, name: &str, number: &str) -> Result<LookedUp> {
    let name = tidy(name);
    let id = id_number::parse(number, clock::day(cx.now()))
        .map_err(|p| FieldError::new(Column::IdNumber.key(), p.code, p.message));
    let (name, id) = match (name, id) {
        (Ok(name), Ok(id)) => (name, id),
        (name, id) => {
            return Err(Error::Invalid(name.err().into_iter().chain(id.err()).collect()));
        }
    };
    ask(cx, Asked::Number(&id), &name, None).await
}

/// The name, for a number that the ticket stands for.
pub async fn by_name(cx: &mut Cx, ticket: &str, name: &str) -> Result<LookedUp> {
    let lead = lead(cx, ticket).await?;
    let name = tidy(name).map_err(|wrong| Error::Invalid(vec![wrong]))?;
    ask(cx, Asked::Person(lead.person()), &name, lead.row).await
}

/// A row whose person is registered elsewhere: a ticket that leads on at once when its name agrees,
/// and asks for the name once more when not.
pub async fn from_row(cx: &mut Cx, row: Row, name: &str, id: &IdNumber) -> Result<String> {
    let Some(found) = people::find_by_id_number(cx, id).await? else {
        return Err(Error::NotFound);
    };
    let tidied = tidy(name).unwrap_or_else(|_| name.trim().to_owned());
    match ask(cx, Asked::Number(id), &tidied, Some(row)).await? {
        LookedUp::Found(ticket) => Ok(ticket),
        LookedUp::Missed { .. } => {
            let lead = Lead {
                person: found.person.0,
                name: tidied,
                missed: true,
                row: Some(row),
                ..Lead::default()
            };
            keep_open(cx, &lead).await
        }
    }
}

/// A ticket for somebody whose number was typed and is not here: the name is asked next.
pub async fn of_elsewhere(cx: &mut Cx, person: PersonId) -> Result<String> {
    keep_open(cx, &Lead { person: person.0, ..Lead::default() }).await
}

/// What stands behind one's own ticket; [`Error::Gone`] when it has run out. The ticket of a search
/// by number that found somebody elsewhere leads here as well.
pub async fn lead(cx: &mut Cx, ticket: &str) -> Result<Lead> {
    if let Some(lead) = tickets::open(cx, TICKET, ticket).await? {
        return Ok(lead);
    }
    match people::search::elsewhere(cx, ticket).await? {
        Some(person) => Ok(Lead { person: person.0, ..Lead::default() }),
        None => Err(Error::Gone),
    }
}

/// The number that was typed, masked: what a page shows instead of it.
pub async fn masked(cx: &mut Cx, lead: &Lead) -> Result<String> {
    Ok(people::person::read(cx, lead.person()).await?.id_number.masked())
}

enum Asked<'a> {
    Number(&'a IdNumber),
    Person(PersonId),
}

fn tidy(name: &str) -> std::result::Result<String, FieldError> {
    fields::name(name, Rules::builtin())
        .map(|clean| clean.value)
        .map_err(|p| FieldError::new(Column::Name.key(), p.code, p.message))
}

async fn ask(cx: &mut Cx, asked: Asked<'_>, name: &str, row: Option<Row>) -> Result<LookedUp> {
    let org = cx.org()?.clone();
    let permit = cx.permit(Action::StartTransferIn, &org)?;
    let found = match asked {
        Asked::Number(id) => {
            let met = if row.is_some() { Met::InRow } else { Met::Typed };
            people::look_up(cx, &permit, id, name, met).await?
        }
        Asked::Person(person) => people::look_up_again(cx, &permit, person, name).await?,
    };
    let event = Event::new("person.looked_up", "org", org.id.0);
    match found {
        Ok(found) => {
            let lead = Lead {
                person: found.person.0,
                agreed: true,
                name: found.name.clone(),
                missed: false,
                row,
            };
            let ticket = keep(cx, &permit, &lead).await?;
            let event = event.about(found.person).detail(json!({ "found": "name_and_number" }));
            cx.record(permit, event).await?;
            Ok(LookedUp::Found(ticket))
        }
        Err(Missed { left }) => {
            cx.record(permit, event.detail(json!({ "found": "nobody" }))).await?;
            Ok(LookedUp::Missed { left })
        }
    }
}

/// A ticket that only asks for the name.
async fn keep_open(cx: &mut Cx, lead: &Lead) -> Result<String> {
    let org = cx.org()?.clone();
    let permit = cx.permit(Action::StartTransferIn, &org)?;
    let ticket = keep(cx, &permit, lead).await?;
    cx.record(permit, Event::new("transfer.in_opened", "org", org.id.0)).await?;
    Ok(ticket)
}

async fn keep(cx: &mut Cx, permit: &Permit, lead: &Lead) -> Result<String> {
    tickets::keep(cx, permit, TICKET, lead, LIFE).await
}
