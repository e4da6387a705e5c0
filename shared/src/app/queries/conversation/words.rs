//! What an entry says, in plain words, to anybody who may see the request.

use approvals_domain::candidate::{Candidate, Placed};
use approvals_domain::event::{Decision, EffectEnd, Event, Unapproved, Voted};
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::state::{Phase, Request};
use approvals_domain::template::{Step, Template};
use approvals_domain::time::Timestamp;
use chrono_tz::Tz;

use super::changes::Change;
use super::{Conversation, Entry, Kind};
use crate::app::queries::names::Names;
use crate::wire::plain::{line, lines};
use crate::wire::words::moment;

/// Names in a sentence; the rest is counted.
const NAMED: usize = 5;
/// Characters of a person's text that are shown: more than any may have.
const TEXT_CHARS: usize = 70_000;
/// Characters of a step's name, and of what a vote means.
const NAME_CHARS: usize = 100;

/// How good or bad it is; the words say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    Plain,
    /// It went well.
    Good,
    /// Somebody should look.
    Warn,
    /// It went badly.
    Bad,
}

/// An entry in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// Who did what: a sentence without its full stop.
    pub what: String,
    /// In whose words, line by line; empty: none.
    pub words: Vec<String>,
    /// There were words, and they were erased.
    pub erased: bool,
    /// What changed; none: it changes nothing, or what it was is gone or was erased.
    pub changes: Option<Vec<Change>>,
    /// How good or bad it is.
    pub tone: Tone,
}

/// Tells entries of one request.
pub struct Teller<'a> {
    /// The request as it stands.
    pub request: &'a Request,
    /// Its template.
    pub template: &'a Template,
    /// What people are called.
    pub names: &'a Names,
    /// What happened.
    pub conversation: &'a Conversation,
    /// The reader's zone.
    pub zone: Tz,
    /// A moment in the reader's words.
    pub moment: &'a dyn Fn(Timestamp) -> String,
}

impl<'a> Teller<'a> {
    /// For readers of whom nothing is known: times are in UTC.
    pub fn for_anybody(request: &'a Request, template: &'a Template, names: &'a Names, conversation: &'a Conversation) -> Self {
        Self { request, template, names, conversation, zone: Tz::UTC, moment: &in_utc }
    }
}

impl Teller<'_> {
    /// An entry in words.
    pub fn told(&self, entry: &Entry<'_>) -> Told {
        let changes = self.conversation.changes(entry, self.template);
        let (what, tone) = self.sentence(entry, changes.as_deref());
        let said = entry.text().map(|hash| self.conversation.texts.get(&hash));
        Told {
            at: entry.at(),
            what,
            words: said.flatten().map(|said| lines(&said.words, TEXT_CHARS)).unwrap_or_default(),
            erased: said.is_some_and(|said| said.is_none()),
            changes,
            tone,
        }
    }

    /// Who did what.
    fn sentence(&self, entry: &Entry<'_>, changes: Option<&[Change]>) -> (String, Tone) {
        let who = self.names.actor(&entry.sealed.commit.actor);
        match entry.event {
            Event::Submitted { requester, .. } => match requester.as_ref().filter(|_| entry.on_behalf_of().is_some()) {
                Some(requester) => (format!("{who} asked for it, for {}", self.names.of(requester)), Tone::Plain),
                None => (format!("{who} asked for it"), Tone::Plain),
            },
            Event::Resubmitted { .. } => {
                let same = changes.is_some_and(<[Change]>::is_empty);
                let did = if same { "submitted it again without a change" } else { "changed it and submitted it again" };
                (format!("{who} {did} (revision {})", entry.revision), Tone::Plain)
            }
            Event::Voted(voted) => self.voted(&who, voted),
            Event::Commented { .. } => (format!("{who} said"), Tone::Plain),
            Event::Reassigned { step, from, to, .. } => (self.passed(entry, &who, (step, from, to)), Tone::Plain),
            Event::Cancelled { reason } => (format!("{who} cancelled it{}", unsaid(reason.is_none())), Tone::Plain),
            Event::Widened { step, candidates } => (self.added(step, "too few could answer", candidates), Tone::Warn),
            Event::Escalated { step, candidates, .. } => (self.added(step, NOT_YET, candidates), Tone::Warn),
            Event::Reminded { step, .. } => (format!("{}: those who are asked were reminded", self.step(step)), Tone::Plain),
            Event::TimedOut { step, why, candidates } => self.timed_out(entry, step, *why, candidates),
            Event::SeatReturned { step, from, to } => {
                let (from, to) = (self.names.of(from), self.names.of(to));
                (format!("{}: {from} has left, so it is with {to} again", self.step(step)), Tone::Plain)
            }
            Event::Transferred { to, .. } => (format!("{who} handed it over to {}", self.names.of(to)), Tone::Plain),
            Event::RequesterReminded { .. } => {
                // Whoever asked at that time; the mail may have gone to administrators, if that person had left.
                let then = self.conversation.before(entry.version());
                let asks = then.as_ref().unwrap_or(self.request).asks();
                (format!("A reminder was sent: it was still with {}", self.names.of(asks)), Tone::Plain)
            }
            Event::Blocked { step, .. } => (format!("{}: too few could answer; the administrators were told", self.step(step)), Tone::Bad),
            Event::Approved { until: Some(until), .. } => {
                (format!("It is approved; its effect may start until {}", (self.moment)(*until)), Tone::Good)
            }
            Event::Approved { .. } => ("It is approved".to_owned(), Tone::Good),
            Event::EffectStarted { attempt: 1, .. } => (format!("{who} started its effect"), Tone::Good),
            Event::EffectStarted { attempt, .. } => (format!("{who} started its effect, attempt {attempt}"), Tone::Good),
            Event::EffectFinished { end: EffectEnd::Done, .. } => (format!("{who} reported that its effect is done"), Tone::Good),
            Event::EffectFinished { end: EffectEnd::Failed, until, .. } => {
                let again = until.map_or_else(String::new, |at| format!("; it may be started once more until {}", (self.moment)(at)));
                (format!("{who} reported that its effect failed{again}"), Tone::Bad)
            }
            Event::EffectReminded {} => ("Its effect was started and is not finished; the administrators were told".to_owned(), Tone::Warn),
            Event::Recalled { .. } => (format!("{who} recalled it{}: its approvals no longer count", self.instead(entry)), Tone::Warn),
            Event::Erased { .. } => (format!("{who} erased what was written in it"), Tone::Warn),
            Event::VoteWithdrawn { step, person } => {
                let step = self.step(step);
                let whose = if entry.on_behalf_of().is_none() {
                    format!("{who} took their answer back: {step}")
                } else {
                    format!("{who} took back the answer given for {}: {step}", self.names.of(person))
                };
                (whose, Tone::Warn)
            }
            Event::Rejected {} => ("It is rejected".to_owned(), Tone::Bad),
            Event::Expired {} => (format!("It expired: {}", expiry(self.conversation.before(entry.version()).as_ref())), Tone::Bad),
            Event::Returned { .. } => ("It was sent back".to_owned(), Tone::Warn),
            Event::Opened { step, .. } | Event::Narrowed { step, .. } | Event::Closed { step, .. } => (self.step(step), Tone::Plain),
        }
    }

    fn step(&self, step: &StepId) -> String {
        line(self.template.step(step).map_or(step.as_str(), Step::title), NAME_CHARS)
    }

    fn voted(&self, who: &str, voted: &Voted) -> (String, Tone) {
        let (did, tone) = match voted.decision {
            Decision::Approve => ("approved", Tone::Good),
            Decision::Reject => ("rejected it", Tone::Bad),
            Decision::Return => ("sent it back", Tone::Warn),
        };
        let instead = voted.on_behalf_of.as_ref().map_or_else(String::new, |person| format!(", for {}", self.names.of(person)));
        let meaning = voted.meaning.as_ref().filter(|meaning| meaning.as_str() != "approval");
        let meaning = meaning.map_or_else(String::new, |meaning| format!(" ({})", line(meaning, NAME_CHARS)));
        let silent = unsaid(voted.comment.is_none() && voted.decision != Decision::Approve);
        (format!("{who} {did}{instead}: {}{meaning}{silent}", self.step(&voted.step)), tone)
    }

    fn passed(&self, entry: &Entry<'_>, who: &str, (step, from, to): (&StepId, &PersonId, &PersonId)) -> String {
        let (step, actor) = (self.step(step), entry.sealed.commit.actor.person());
        match (actor == Some(from), actor == Some(to)) {
            (true, _) => format!("{who} passed it on to {}: {step}", self.names.of(to)),
            (_, true) => format!("{who} took {}’s place: {step}", self.names.of(from)),
            _ => format!("{who} passed {}’s place on to {}: {step}", self.names.of(from), self.names.of(to)),
        }
    }

    fn added(&self, step: &StepId, why: &str, candidates: &[Placed]) -> String {
        let added: Vec<String> = candidates.iter().map(|placed| candidate(&placed.candidate, self.names)).collect();
        let asked = if added.is_empty() { "reminded".to_owned() } else { format!("asked too: {}", listed(&added, NAMED)) };
        format!("{}: {why}; {asked}", self.step(step))
    }

    fn timed_out(&self, entry: &Entry<'_>, step: &StepId, why: Option<Unapproved>, candidates: &[Placed]) -> (String, Tone) {
        let step = self.step(step);
        let because = match why {
            None if entry.kind == Kind::Approved => {
                return (format!("{step}: approved, because its time was up"), Tone::Good);
            }
            None => return (format!("{step}: the time was up"), Tone::Warn),
            Some(Unapproved::Blocked) => "too few could answer",
            Some(Unapproved::Rejection) => "somebody had rejected it",
        };
        let next = if candidates.is_empty() { "" } else { "; the administrators decide" };
        (format!("{step}: the time was up, and {because}{next}"), Tone::Warn)
    }

    fn instead(&self, entry: &Entry<'_>) -> String {
        entry.on_behalf_of().map_or_else(String::new, |person| format!(", for {}", self.names.of(person)))
    }
}

/// Why more people are asked. A level may come before the step is late, and some may have answered.
pub const NOT_YET: &str = "it was not decided yet";

/// Why a request expired, after "it expired:", as it stood before.
pub fn expiry(before: Option<&Request>) -> &'static str {
    match before {
        Some(before) if matches!(before.phase, Phase::Returned { .. }) => "it was sent back, and not submitted again in time",
        Some(before) if before.is_pending() => match &before.effect {
            Some(effect) if effect.failures > 0 => "it was approved, but its effect failed and was not started again in time",
            _ => "it was approved, but its effect was not started in time",
        },
        _ => "it was not decided in time",
    }
}

fn in_utc(at: Timestamp) -> String {
    moment(at, Tz::UTC)
}

/// Said of a rejection, a return or a cancellation without words.
const fn unsaid(silent: bool) -> &'static str {
    if silent { "; no reason given" } else { "" }
}

/// A candidate: a name, or a role.
pub fn candidate(candidate: &Candidate, names: &Names) -> String {
    match candidate {
        Candidate::User(id) => names.of(id),
        Candidate::Role(role) => format!("somebody of {role}"),
        Candidate::AnyOf(members) => {
            let members: Vec<String> = members.iter().map(|member| self::candidate(member, names)).collect();
            members.join(" or ")
        }
    }
}

/// Names in a sentence: `Ann, Bob and 3 more`.
pub fn listed(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > most { format!("{shown} and {} more", names.len() - most) } else { shown }
}
