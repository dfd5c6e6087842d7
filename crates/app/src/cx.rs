//! [`Cx`]: who acts, for which organisation, at what time, inside which transaction. Every
//! use-case takes one; nothing is written without a [`Permit`] and nothing committed without the
//! audit row that uses the permit up.

use crate::{
    Action, Error, Grant, House, OrgRef, Permit, Result, Role, Scope, access,
    clock::Millis,
    events::{self, Event},
    marks,
    people::PersonId,
};
use db::Tx;
use std::sync::Arc;

/// Who acts.
#[derive(Clone, Debug)]
pub enum Who {
    /// Nobody has signed in.
    Nobody,
    /// A person with her rights, as they were at the beginning of the transaction.
    Person(Arc<Visitor>),
    /// A job of the program.
    System(&'static str),
}

/// A signed-in person.
#[derive(Debug)]
pub struct Visitor {
    pub person: PersonId,
    pub name: String,
    /// The sign-in; `None` for a program with a token.
    pub session: Option<i64>,
    /// What a program's token allows; `None` for a sign-in.
    pub token: Option<Pass>,
    /// Her rights, in organisation order.
    pub grants: Vec<Grant>,
    /// The organisation acted for: it is in the address of the page, never in the session.
    pub acting: Option<Grant>,
}

/// What a token allows of its person's rights.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// It may change things, not only read.
    pub writes: bool,
    /// It is good for one organisation alone, and not for the person's own pages.
    pub one_org: bool,
}

/// Where a request came from; for the audit book.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    pub request_id: String,
    pub address: String,
}

/// An open transaction with everything that a use-case asks for.
pub struct Cx {
    pub(crate) tx: Tx,
    house: House,
    who: Who,
    origin: Origin,
    owed: u32,
}

impl Cx {
    pub(crate) fn new(house: House, mut tx: Tx, who: Who, origin: Origin) -> Self {
        tx.watch(marks::MARKED);
        Self { tx, house, who, origin, owed: 0 }
    }

    /// The program.
    pub fn house(&self) -> &House {
        &self.house
    }
    /// The present moment.
    pub fn now(&self) -> Millis {
        self.house.now()
    }
    /// A new id.
    pub fn new_id(&self) -> i64 {
        self.house.new_id()
    }
    /// Who acts.
    pub fn who(&self) -> &Who {
        &self.who
    }
    /// Where the request came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
    /// Says who acts, once that is known (the visit looks it up inside the transaction).
    pub fn set_who(&mut self, who: Who) {
        self.who = who;
    }

    /// The signed-in person.
    pub fn visitor(&self) -> Result<&Arc<Visitor>> {
        match &self.who {
            Who::Person(visitor) => Ok(visitor),
            _ => Err(Error::SignedOut),
        }
    }
    /// The right that she acts with here.
    pub fn acting(&self) -> Result<&Grant> {
        self.visitor()?.acting.as_ref().ok_or(Error::NotFound)
    }
    /// The organisation acted for.
    pub fn org(&self) -> Result<&OrgRef> {
        Ok(&self.acting()?.org)
    }
    /// Who acts, as a name for the audit book and for messages.
    pub fn actor_name(&self) -> &str {
        match &self.who {
            Who::Nobody => "",
            Who::Person(v) => &v.name,
            Who::System(job) => job,
        }
    }

    /// Leave to do `action` on `org`, or why not. An organisation that may not even be seen is
    /// [`Error::NotFound`]: its existence is nobody's business.
    pub fn permit(&mut self, action: Action, org: &OrgRef) -> Result<Permit> {
        self.token_writes()?;
        let grant = match &self.who {
            Who::System(_) => Grant { org: org.clone(), role: Role::System },
            _ => self.acting()?.clone(),
        };
        if !access::allows(Action::SeeOrg, &grant, &org.path) {
            return Err(Error::NotFound);
        }
        let permit = access::permit(action, &grant, &org.path)
            .map_err(|_| access::forbidden_to(action, &grant, org))?;
        self.owed += 1;
        Ok(permit)
    }
    /// A token that only reads changes nothing.
    pub fn token_writes(&self) -> Result<()> {
        match &self.who {
            Who::Person(v) if v.token.is_some_and(|t| !t.writes) => Err(Error::Forbidden {
                action: "用令牌办理",
                may: "可以办理的令牌（在“我的令牌”里新建时选“查看和办理”）".into(),
                why: String::new(),
            }),
            _ => Ok(()),
        }
    }
    /// Leave to do something about one's own person.
    pub fn permit_own(&mut self, action: Action) -> Result<Permit> {
        self.token_writes()?;
        let me = self.visitor()?.person;
        // A token that could make tokens or change the password would be worth more than itself.
        if self.visitor()?.token.is_some_and(|t| t.one_org || action == Action::ManageOwnSignIns) {
            let action = access::line(action).label;
            return Err(Error::Forbidden {
                action,
                may: "本人（登录后办理）".into(),
                why: String::new(),
            });
        }
        let permit = access::permit_own(action, me, me)?;
        self.owed += 1;
        Ok(permit)
    }
    /// Leave for an organisation that is a party of a business but cannot be seen from here (the
    /// other side of a transfer): the caller has checked the business row that names `acting`.
    pub fn permit_here(&mut self, action: Action) -> Result<Permit> {
        let org = match &self.who {
            Who::System(_) => return self.permit_system(action),
            _ => self.org()?.clone(),
        };
        self.permit(action, &org)
    }
    /// Leave for a job of the program.
    pub fn permit_system(&mut self, action: Action) -> Result<Permit> {
        let Who::System(_) = self.who else { return Err(access::forbidden(action)) };
        let permit = access::permit_system(action)?;
        self.owed += 1;
        Ok(permit)
    }
    /// Gives back a permit that was asked for and not needed: nothing was written under it.
    pub fn return_unused(&mut self, permit: Permit) {
        let _ = permit;
        self.owed = self.owed.saturating_sub(1);
    }
    /// May she? The question that buttons ask; the same table as [`Cx::permit`].
    pub fn may(&self, action: Action, org_path: &str) -> bool {
        match &self.who {
            Who::System(_) => true,
            Who::Nobody => false,
            Who::Person(v) => {
                v.acting.as_ref().is_some_and(|grant| access::allows(action, grant, org_path))
            }
        }
    }
    /// Why she may not: E21 with what is in the way and who can.
    pub fn forbidden(&self, action: Action, org: &OrgRef) -> Error {
        match self.acting() {
            Ok(grant) => access::forbidden_to(action, grant, org),
            Err(_) => access::forbidden(action),
        }
    }
    /// What she may read for `action`, or that she may not.
    pub fn scope(&self, action: Action) -> Result<Scope> {
        match &self.who {
            Who::System(_) => Ok(Scope::subtree("")),
            _ => {
                let grant = self.acting()?;
                access::scope(action, grant)
                    .ok_or_else(|| access::forbidden_to(action, grant, &grant.org))
            }
        }
    }

    /// Writes the audit row and uses the permit up.
    pub async fn record(&mut self, permit: Permit, event: Event) -> Result<()> {
        events::write(self, &permit, event).await?;
        self.owed = self.owed.saturating_sub(1);
        Ok(())
    }
    /// Writes an audit row for something that needs no permit: signing in, a refused attempt.
    pub async fn note(&mut self, event: Event) -> Result<()> {
        events::write_plain(self, event).await
    }

    /// Makes everything lasting, with the marks of what carries authority. Refused when a permit was
    /// given but no audit row written.
    pub async fn commit(mut self) -> Result<()> {
        if self.owed > 0 {
            return Err(Error::Unrecorded);
        }
        marks::write(&mut self).await?;
        Ok(self.tx.commit().await?)
    }
}
