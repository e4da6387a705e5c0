//! Refusals as people read them: people by name, steps and fields as they are called, moments where the reader is. To programs
//! `approvals::web::problem` says the same; each sentence begins with a word of ours, never with somebody's name or id.

use approvals::app::Error;
use approvals::app::queries::brief::Names;
use approvals::app::queries::values;
use approvals::web::problem::Problem;
use approvals::wire::fault::{Fault, Part};
use approvals::wire::plain::line;
use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::refusal::{Refusal, WhyNot};
use approvals_domain::template::Template;

use crate::visit::Visit;
use crate::words::Here;
use crate::{lists, names};

/// An error in the reader's words.
pub(crate) async fn told(visit: &Visit, template: Option<&Template>, error: Error) -> Problem {
    match error {
        Error::Refused(refusal) => {
            let known = visit.pages.app.people(&visit.identity.tenant, people(&refusal)).await;
            let names = known.unwrap_or_default();
            let teller = Teller { me: &visit.identity.caller.id, here: visit.here, template, names: &names };
            let detail = teller.said(&refusal);
            let problem = Problem::from(refusal);
            let errors = problem.errors.into_iter().take(1).map(|fault| Fault { detail: detail.clone(), ..fault }).collect();
            Problem { detail, errors, ..problem }
        }
        Error::Invalid(faults) => {
            let expression = faults.part == Part::Expression;
            let mut problem = Problem::from(Error::Invalid(faults));
            problem.errors.iter_mut().for_each(|fault| fault.detail = of_field(template, fault, expression));
            problem.detail = problem.errors.first().map_or_else(|| problem.detail.clone(), |fault| fault.detail.clone());
            problem
        }
        Error::KeyReused => {
            let detail =
                "This page was sent before, with other words. Look at how things stand now, and send it again if it is still wanted.";
            Problem { detail: detail.to_owned(), ..Problem::from(error) }
        }
        other => other.into(),
    }
}

/// A problem whose faults name places of the API's body, in the words of the form.
pub(crate) fn in_words(template: Option<&Template>, mut problem: Problem) -> Problem {
    problem.errors.iter_mut().for_each(|fault| fault.detail = of_field(template, fault, false));
    problem
}

/// Whom a refusal names.
fn people(refusal: &Refusal) -> Vec<PersonId> {
    match refusal {
        Refusal::UnknownUser(id) => vec![id.clone()],
        Refusal::NotEligible { person, .. } | Refusal::NoSuchSeat { person, .. } | Refusal::NoSuchUser { person, .. } => {
            vec![person.clone()]
        }
        Refusal::RequestClosed { by, .. } => PersonId::new(by.trim_matches('`')).into_iter().collect(),
        Refusal::EffectStarted { by, .. } => vec![by.clone()],
        Refusal::WouldBlock { person, instead, .. } => vec![person.clone(), instead.clone()],
        Refusal::SeatTaken { seat, by, .. } => PersonId::new(seat.as_str()).into_iter().chain([by.clone()]).collect(),
        Refusal::InvalidTarget { to, .. } => vec![to.clone()],
        Refusal::DelegationCycle(ring) => ring.clone(),
        _ => Vec::new(),
    }
}

struct Teller<'a> {
    me: &'a PersonId,
    here: Here,
    template: Option<&'a Template>,
    names: &'a Names,
}

impl Teller<'_> {
    fn step(&self, id: &StepId) -> String {
        line(self.template.map_or(id.as_str(), |template| names::step(template, id)), 100)
    }

    fn said(&self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::UnknownUser(id) if id == self.me => "You are not known here any more.".to_owned(),
            Refusal::UnknownUser(id) | Refusal::NoSuchUser { person: id, .. } => {
                format!("Nobody here is called “{}”, or they have left.", self.names.of(id))
            }
            Refusal::EntityBusy(_) => "Another request of this kind is under way for the same thing.".to_owned(),
            Refusal::EmptyPlan => {
                "No step applies to this, so nobody would decide on it. Tell whoever keeps this kind of request.".to_owned()
            }
            Refusal::Unroutable(steps) => {
                let steps: Vec<String> = steps.iter().map(|step| format!("“{}”", self.step(step))).collect();
                format!("Nobody could answer {}. Tell whoever keeps this kind of request.", steps.join(", "))
            }
            Refusal::UnknownStep(_) => "This request has no such step. Look at it again.".to_owned(),
            Refusal::AlreadyVoted { step, decision } => format!("You have answered “{}” already: you {}.", self.step(step), did(*decision)),
            Refusal::NotEligible { person, step, why } if person == self.me => {
                format!("You may not answer “{}”: {}.", self.step(step), names::why_not(why))
            }
            Refusal::NotEligible { person, step, why } => {
                format!("On “{}” {} may not answer: they {}.", self.step(step), self.names.of(person), third(why))
            }
            Refusal::NotAllowed { who } => format!("Only {} may do this.", plain(who)),
            Refusal::RequestClosed { status, by, at } => {
                let by = PersonId::new(by.trim_matches('`')).ok().filter(|id| id.as_str() != "system");
                let by = by.map_or_else(String::new, |id| format!(", by {}", self.names.of(&id)));
                format!("It is {} since {}{by}. Nothing more is decided on it.", lists::status_words(*status), self.here.moment(*at).words)
            }
            Refusal::NotReturned(status) => format!("It is {} now, and cannot be changed.", lists::status_words(*status)),
            Refusal::StepNotOpen { step, phase } => {
                format!("The step “{}” is {}: it takes no answer now.", self.step(step), phase.as_str().replace('_', " "))
            }
            Refusal::SeatTaken { by, .. } => format!("In this place {} has answered already.", self.names.of(by)),
            Refusal::WouldBlock { person, instead, .. } => {
                let instead = if instead == self.me { "yourself".to_owned() } else { self.names.of(instead) };
                format!("If you answer for {}, too few are left who can answer. Answer for {instead} instead.", self.names.of(person))
            }
            Refusal::PayloadHashRequired | Refusal::RevisionRequired | Refusal::StaleRevision(_) => {
                "It was changed since you loaded the page. Look at it as it is now, then answer.".to_owned()
            }
            Refusal::RoundRequired(_) | Refusal::StaleRound(_) => {
                "An answer was taken back since you loaded the page. Look at it as it is now, then answer.".to_owned()
            }
            Refusal::NotApproved(status) => format!("It is {} now: there is nothing to take back.", lists::status_words(*status)),
            Refusal::EffectStarted { by, at } => {
                format!("Its effect was started on {}, by {}: it cannot be taken back.", self.here.moment(*at).words, self.names.of(by))
            }
            Refusal::NoSuchVote(step) => format!("There is no answer of yours on “{}”.", self.step(step)),
            Refusal::VoteCounted { step, .. } => {
                format!("“{}” is decided: an answer that counted is not taken back alone. Recall the request instead.", self.step(step))
            }
            Refusal::ReasonRequired { step } => format!("Say why: “{}” asks for a comment with this answer.", self.step(step)),
            Refusal::FromRequired => "Say whose place you pass on.".to_owned(),
            Refusal::NoSuchSeat { person, .. } if person == self.me => "You hold no free place on this step.".to_owned(),
            Refusal::NoSuchSeat { person, step } => format!("On “{}” {} holds no free place.", self.step(step), self.names.of(person)),
            Refusal::InvalidTarget { to, why } => format!("It cannot pass to {}, who {}.", self.names.of(to), self.steps_in(why)),
            Refusal::RequestFull(why) => format!("There is no room for more: {why}."),
            Refusal::DelegationCycle(ring) => {
                let ring: Vec<String> = ring.iter().map(|id| self.names.of(id)).collect();
                format!("At some time everybody would stand in for everybody: {}.", ring.join(" → "))
            }
            Refusal::DelegationRevoked => {
                "This page was sent before, and what it made has ended since. Name the stand-in once more.".to_owned()
            }
            Refusal::LimitReached(_)
            | Refusal::SubmitForNeeded
            | Refusal::NotDue
            | Refusal::EffectNotStarted(_)
            | Refusal::NotClosed(_)
            | Refusal::NoRequest
            | Refusal::NoObject(_)
            | Refusal::DecideNeeded
            | Refusal::PreconditionFailed { .. }
            | Refusal::NoSuchCalendar(_)
            | Refusal::IdCaseConflict(_)
            | Refusal::EndpointInactive => crate::html::sentence(&refusal.to_string()),
        }
    }

    /// A reason of the domain with its steps as they are called.
    fn steps_in(&self, why: &str) -> String {
        let mut parts = why.split('`');
        let mut out = parts.next().unwrap_or_default().to_owned();
        while let Some(id) = parts.next() {
            out.push_str(&StepId::new(id).map_or_else(|_| id.to_owned(), |step| format!("“{}”", self.step(&step))));
            out.push_str(parts.next().unwrap_or_default());
        }
        out
    }
}

const fn did(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approved",
        Decision::Reject => "rejected it",
        Decision::Return => "sent it back",
    }
}

/// Why somebody else may not answer, after "they".
const fn third(why: &WhyNot) -> &'static str {
    match why {
        WhyNot::Unknown => "are not known here",
        WhyNot::Inactive => "have left",
        WhyNot::OwnRequest => "asked for it, submitted it or changed it",
        WhyNot::Barred => "are barred by the rules of this kind of request",
        WhyNot::Counted(_) => "had a part in an earlier step",
        WhyNot::Released => "passed the place on",
        WhyNot::NotNeeded => "only stand in, and enough others can answer",
        WhyNot::NotACandidate => "are not asked here",
    }
}

/// Who may, without the names of roles and scopes that programs know.
fn plain(who: &str) -> String {
    let who = who.replace("members of `approval_admin` with the scope `admin`", "administrators");
    let who = who.replace("a member of `approval_admin`", "an administrator").replace(" with the scope `admin`", "");
    who.replace('`', "")
}

/// A fault with what its field is called.
fn of_field(template: Option<&Template>, fault: &Fault, expression: bool) -> String {
    let (key, label) = match fault.pointer.as_str() {
        "/title" => ("", "What it is".to_owned()),
        "/entity/type" => ("", "Kind of thing".to_owned()),
        "/entity/id" => ("", "Number or name".to_owned()),
        "/comment" | "/reason" => ("", "Your words".to_owned()),
        other => match other.strip_prefix("/metadata/").map(|rest| rest.split('/').next().unwrap_or(rest)) {
            Some(key) => (key, field_label(template, &key.replace("~1", "/").replace("~0", "~"))),
            None => return crate::html::sentence(&fault.detail),
        },
    };
    let detail = match fault.code.as_str() {
        "required" | "missing" => "something is needed here".to_owned(),
        "bad_user" | "no_candidate" => "name people who are here, by name or id".to_owned(),
        "json_duplicate_key" => "one key stands twice".to_owned(),
        "json_number" => "a number is too large to be kept exactly".to_owned(),
        _ if fault.pointer == "/entity/type" => "1 to 128 letters, digits and _ . : @ + | ' -, without blanks".to_owned(),
        _ if fault.pointer == "/entity/id" => "1 to 128 characters on one line".to_owned(),
        _ if expression => {
            fault.detail.rsplit_once(": ").map_or(fault.detail.as_str(), |(_, why)| why).replace(&format!("metadata.{key}"), &label)
        }
        _ => fault.detail.clone(),
    };
    let detail = detail.replace('`', "");
    format!("{label}: {}.", detail.trim_end_matches('.'))
}

fn field_label(template: Option<&Template>, key: &str) -> String {
    template.and_then(|template| template.fields.get(key)).map_or_else(|| line(key, 100), |field| values::label(key, field))
}
