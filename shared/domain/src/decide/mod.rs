//! `decide`: what a command does to a request, or why not. Sync, total, the same everywhere: commands, preview, verifier.

mod cancel;
mod clock;
mod comment;
mod reassign;
mod reroute;
mod steps;
mod submit;
mod vote;

use crate::command::Command;
use crate::commit::{Actor, Channel};
use crate::event::Event;
use crate::evolve::{Stamp, evolve};
use crate::facts::{Evidence, FactsQuery, Wanted};
use crate::ids::{PersonId, RequestId, RoleId, TenantId};
use crate::limits;
use crate::refusal::Refusal;
use crate::state::{Request, State};
use crate::template::Template;
use crate::time::Timestamp;
use crate::timers::Timer;

pub use comment::is_party;
pub use steps::{Prospect, deadlines, prospects};
pub use submit::plan;

/// All a decision may look at besides the state.
#[derive(Debug)]
pub struct Context<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The request's id.
    pub request: &'a RequestId,
    /// Who asks.
    pub actor: &'a Actor,
    /// The way it came.
    pub channel: Channel,
    /// Never before the last commit.
    pub now: Timestamp,
    /// The pinned template.
    pub template: &'a Template,
    /// What is known of the directory.
    pub evidence: Evidence<'a>,
}

/// Why there are no events.
#[derive(Debug, Clone, PartialEq)]
pub enum No {
    /// The domain declines.
    Refused(Refusal),
    /// A fact is missing: load all of these and ask again. Never a default.
    Needs(FactsQuery),
}

impl No {
    pub(crate) fn needs(wanted: impl IntoIterator<Item = Wanted>) -> Self {
        Self::Needs(wanted.into_iter().collect())
    }

    /// What an answer lacks. Only ever asked for along with what is missing anyway: facts nobody used are not recorded, and a
    /// verifier that has only the recorded ones must not be asked for more.
    pub(crate) fn wanted<T>(answer: Result<T, Self>) -> FactsQuery {
        match answer {
            Err(Self::Needs(query)) => query,
            Ok(_) | Err(Self::Refused(_)) => FactsQuery::new(),
        }
    }

    /// If facts are missing, these are loaded in the same round.
    pub(crate) fn along(self, wishes: impl FnOnce() -> FactsQuery) -> Self {
        match self {
            Self::Needs(mut query) => {
                query.extend(wishes());
                Self::Needs(query)
            }
            refused @ Self::Refused(_) => refused,
        }
    }

    /// Asks for all members of a role.
    pub(crate) fn asks_for_all(&self) -> bool {
        matches!(self, Self::Needs(query) if query.iter().any(|wanted| matches!(wanted, Wanted::Role(_, usize::MAX))))
    }
}

/// What independent questions lack, so that one round loads it all.
#[derive(Default)]
pub(crate) struct Missing(FactsQuery);

impl Missing {
    /// The answer, unless facts are missing for it.
    pub(crate) fn take<T>(&mut self, answer: Result<T, No>) -> Result<Option<T>, Refusal> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(No::Needs(query)) => {
                self.0.extend(query);
                Ok(None)
            }
            Err(No::Refused(refusal)) => Err(refusal),
        }
    }

    /// Nothing is missing.
    pub(crate) fn none(self) -> Result<(), No> {
        if self.0.is_empty() { Ok(()) } else { Err(No::Needs(self.0)) }
    }
}

impl From<FactsQuery> for No {
    fn from(query: FactsQuery) -> Self {
        Self::Needs(query)
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The events of a command. None: what was asked holds already (`already_applied`), and nothing is written.
pub fn decide(state: &State, command: &Command, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    let events = answer(state, command, cx)?;
    if !events.is_empty()
        && crate::hash::canonical(&events).len() + cx.evidence.used_bytes() + limits::ENVELOPE_BYTES > limits::COMMIT_BYTES
    {
        return Err(Refusal::RequestFull("what happened and was known would not fit a commit of 32 kB").into());
    }
    Ok(events)
}

fn answer(state: &State, command: &Command, cx: &Context<'_>) -> Result<Vec<Event>, No> {
    match (state, command) {
        (None, Command::Submit(submit)) => submit::submit(submit, cx),
        // Ids are derived or random: a second submission under one id is a retry, which the loop has answered before.
        (Some(request), Command::Submit(_)) => Err(Refusal::EntityBusy(request.id.clone()).into()),
        (None, _) => Err(Refusal::NoRequest.into()),
        (Some(request), Command::Vote(vote)) => vote::vote(request, vote, cx),
        (Some(request), Command::Resubmit(resubmit)) => submit::resubmit(request, resubmit, cx),
        (Some(request), Command::Cancel { reason }) => cancel::cancel(request, *reason, cx),
        (Some(request), Command::Reassign { step, from, to, reason }) => {
            reassign::reassign(request, &reassign::Pass { step, from: from.as_ref(), to, reason: *reason }, cx)
        }
        (Some(request), Command::Comment { comment }) => comment::comment(request, *comment, cx),
        (Some(request), Command::Reroute) => reroute::reroute(request, cx),
        (Some(request), Command::Remind { step, number }) => clock::fire(request, step, Timer::Remind(*number), cx),
        (Some(request), Command::Escalate { step, level }) => clock::fire(request, step, Timer::Escalate(*level), cx),
        (Some(request), Command::TimeOut { step }) => clock::fire(request, step, Timer::TimeOut, cx),
    }
}

/// The caller, who must be an active person.
fn caller<'a>(cx: &Context<'a>) -> Result<&'a PersonId, No> {
    let person = cx.actor.person().ok_or(Refusal::NotAllowed { who: "a person" })?;
    if cx.evidence.active(person)? { Ok(person) } else { Err(Refusal::UnknownUser(person.clone()).into()) }
}

fn is_admin(person: &PersonId, cx: &Context<'_>) -> Result<bool, No> {
    Ok(cx.evidence.is_member(&RoleId::approval_admin(), person)?)
}

/// Requester, submitter, or a member of `approval_admin`.
fn own_or_admin(request: &Request, person: &PersonId, cx: &Context<'_>) -> Result<(), No> {
    if request.is_own(person) || is_admin(person, cx)? {
        Ok(())
    } else {
        Err(Refusal::NotAllowed { who: "the requester, the submitter or a member of `approval_admin`" }.into())
    }
}

fn still_open(request: &Request) -> Result<(), Refusal> {
    let Some(outcome) = request.outcome() else { return Ok(()) };
    let by = match &outcome.by {
        Actor::Person(caller) => caller.id.to_string(),
        Actor::System { .. } => "system".to_owned(),
    };
    Err(Refusal::RequestClosed { status: outcome.status, by, at: outcome.at })
}

/// Room for acts that do not lead to the end; those that do always find room (see [`limits::COMMITS_OPEN`]).
fn has_room(request: &Request) -> Result<(), Refusal> {
    if request.version < limits::COMMITS_OPEN {
        Ok(())
    } else {
        Err(Refusal::RequestFull("it has too many commits; it can still be decided or cancelled"))
    }
}

/// Events so far, and the state they make.
struct Draft<'a, 'c> {
    cx: &'a Context<'c>,
    state: State,
    version: u64,
    events: Vec<Event>,
}

impl<'a, 'c> Draft<'a, 'c> {
    fn new(state: State, cx: &'a Context<'c>) -> Self {
        let version = state.as_ref().map_or(0, |request| request.version) + 1;
        Self { cx, state, version, events: Vec::new() }
    }

    fn push(&mut self, event: Event) {
        let cx = self.cx;
        let stamp =
            Stamp { tenant: cx.tenant, request: cx.request, version: self.version, at: cx.now, actor: cx.actor, channel: cx.channel };
        self.state = evolve(self.state.take(), &stamp, &event);
        self.events.push(event);
    }

    /// The request as it stands now. A draft that has none is of a command no person gave.
    fn request(&self) -> Result<&Request, No> {
        self.state.as_ref().ok_or(No::Refused(Refusal::NoRequest))
    }
}
