//! Plays a plan against a service, act by act. What an act becomes (a new request, a resubmission, nothing) depends on
//! what the service last said about the docket's request, never on a forecast of ours.

use std::collections::BTreeMap;

use approvals_domain::effect::EffectState;

use super::plan::{Act, Deed, Docket, Plan, Route};

/// A request's status as the service names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    InProgress,
    Returned,
    Approved,
    Rejected,
    Cancelled,
    Expired,
}

impl Status {
    /// Whether nothing can change it any more.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Approved | Self::Rejected | Self::Cancelled | Self::Expired => true,
            Self::Pending | Self::InProgress | Self::Returned => false,
        }
    }
}

/// What the service answered: the request as it is now, or its refusal.
#[derive(Debug, Clone)]
pub enum Answer {
    Done(View),
    Refused { status: u16, code: String },
}

/// The part of a request in an answer that the replay needs.
#[derive(Debug, Clone)]
pub struct View {
    pub id: String,
    pub status: Status,
    pub payload_hash: String,
    pub effect: EffectState,
    /// How long the step just voted on had been open, when the vote closed it; milliseconds by the service's clock.
    pub waited_ms: Option<i64>,
}

/// What a submission says.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'d> {
    pub docket: &'d Docket,
    pub route: Route,
}

/// A vote on a step, by indices into the mapping's steps and that step's pool.
#[derive(Debug, Clone, Copy)]
pub struct Ballot<'d> {
    pub request: &'d str,
    pub payload_hash: &'d str,
    pub step: u8,
    pub person: u16,
    pub approve: bool,
}

/// The commands of the service, over HTTP in production and over a model in the tests. An `Err` is a failure to get
/// any answer, and ends the replay.
pub trait Desk {
    type Error;
    /// Moves the service's clock to a time, milliseconds since 1970.
    fn clock(&mut self, now_ms: i64) -> Result<(), Self::Error>;
    fn submit(&mut self, ask: Ask<'_>) -> Result<Answer, Self::Error>;
    fn resubmit(&mut self, request: &str, ask: Ask<'_>) -> Result<Answer, Self::Error>;
    fn vote(&mut self, ballot: Ballot<'_>) -> Result<Answer, Self::Error>;
    fn cancel(&mut self, request: &str, docket: &Docket) -> Result<Answer, Self::Error>;
    /// Takes an approval back, by the person of a step's pool who gave it.
    fn recall(&mut self, request: &str, step: u8, person: u16) -> Result<Answer, Self::Error>;
    fn start_effect(&mut self, request: &str, payload_hash: &str, docket: &Docket) -> Result<Answer, Self::Error>;
    fn finish_effect(&mut self, request: &str, docket: &Docket) -> Result<Answer, Self::Error>;
}

/// What kind of act was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tried {
    Submit,
    Resubmit,
    Approve,
    Reject,
    TakeBack,
    StartEffect,
    FinishEffect,
}

/// Refusals of one kind: what was tried, on a request in which status, and the service's code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Refusal {
    pub tried: Tried,
    /// As the service last said before; `None` without a request.
    pub on: Option<Status>,
    pub status: u16,
    pub code: String,
}

/// A docket's requests as the service answered them.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The latest request.
    pub current: Option<Current>,
    /// Ids of the requests before it.
    pub earlier: Vec<String>,
}

/// A docket's latest request.
#[derive(Debug, Clone)]
pub struct Current {
    pub id: String,
    pub status: Status,
    pub payload_hash: String,
    /// The route of the revision the service last accepted.
    pub route: Route,
    pub effect: EffectState,
    /// Step and person of the last approval the service counted.
    pub last_approval: Option<(u8, u16)>,
}

/// One vote that closed a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    pub step: u8,
    pub waited_ms: i64,
}

/// All that a replay learned from the service's answers.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// By docket.
    pub standings: Vec<Standing>,
    pub requests: u64,
    pub resubmissions: u64,
    /// Votes counted by the service, by step: approvals, rejections.
    pub votes: BTreeMap<u8, (u64, u64)>,
    pub cancelled: u64,
    /// Rejections after the approval that recalled the request.
    pub recalled: u64,
    pub started: u64,
    pub finished: u64,
    /// Take-backs that found the request returned and left it there.
    pub left_returned: u64,
    pub refused: BTreeMap<Refusal, u64>,
    /// Votes and take-backs for which no request was ever accepted.
    pub without_request: u64,
    pub closed: Vec<Closed>,
    /// Commands sent, refused ones included.
    pub commands: u64,
}

/// Plays the acts in order. `watch` is called after each.
///
/// # Errors
/// The desk's, when the service cannot be reached or answers nonsense.
pub fn drive<D: Desk>(plan: &Plan, desk: &mut D, mut watch: impl FnMut(&Record)) -> Result<Record, D::Error> {
    let mut record = Record { standings: vec![Standing::default(); plan.dockets.len()], ..Record::default() };
    // What was never asked for cannot be found.
    for (tried, count) in [(Tried::StartEffect, plan.tally.starts_of_nothing), (Tried::FinishEffect, plan.tally.finishes_of_nothing)] {
        (0..count).for_each(|_| record.refuse(tried, None, 404, "not_found".to_owned()));
    }
    let mut now_ms = None;
    for act in &plan.acts {
        let place = act.docket as usize;
        let Some((docket, standing)) = plan.dockets.get(place).zip(record.standings.get_mut(place)) else {
            continue;
        };
        // Taken out and put back, so that the record and the standing can be written side by side.
        let mut standing = std::mem::take(standing);
        let mut tick = |desk: &mut D| match now_ms.replace(act.at_ms) {
            Some(before) if before == act.at_ms => Ok(()),
            _ => desk.clock(act.at_ms),
        };
        play(act, docket, &mut standing, &mut record, desk, &mut tick)?;
        if let Some(slot) = record.standings.get_mut(place) {
            *slot = standing;
        }
        watch(&record);
    }
    Ok(record)
}

fn play<D: Desk>(
    act: &Act,
    docket: &Docket,
    standing: &mut Standing,
    record: &mut Record,
    desk: &mut D,
    tick: &mut impl FnMut(&mut D) -> Result<(), D::Error>,
) -> Result<(), D::Error> {
    match act.deed {
        Deed::Submit { route } => {
            tick(desk)?;
            record.commands += 1;
            submit(Ask { docket, route }, standing, record, desk)
        }
        Deed::Approve { step, person } | Deed::Reject { step, person } => {
            let Some(current) = standing.current.as_mut() else {
                record.without_request += 1;
                return Ok(());
            };
            tick(desk)?;
            record.commands += 1;
            let approve = matches!(act.deed, Deed::Approve { .. });
            if let Some(approval) = current.last_approval.filter(|_| !approve && current.effect != EffectState::None) {
                return recall(approval, current, record, desk);
            }
            let (request, payload_hash) = (current.id.as_str(), current.payload_hash.as_str());
            match desk.vote(Ballot { request, payload_hash, step, person, approve })? {
                Answer::Done(view) => {
                    let votes = record.votes.entry(step).or_default();
                    *(if approve { &mut votes.0 } else { &mut votes.1 }) += 1;
                    current.last_approval = if approve { Some((step, person)) } else { current.last_approval };
                    record.closed.extend(view.waited_ms.map(|waited_ms| Closed { step, waited_ms }));
                    current.learn(view);
                }
                Answer::Refused { status, code } => {
                    let tried = if approve { Tried::Approve } else { Tried::Reject };
                    record.refuse(tried, Some(current.status), status, code);
                }
            }
            Ok(())
        }
        Deed::StartEffect | Deed::FinishEffect => {
            let Some(current) = standing.current.as_mut() else {
                record.without_request += 1;
                return Ok(());
            };
            tick(desk)?;
            record.commands += 1;
            take_effect(act.deed == Deed::StartEffect, docket, current, record, desk)
        }
        Deed::TakeBack { again } => {
            let Some(current) = standing.current.as_mut() else {
                record.without_request += 1;
                return Ok(());
            };
            if current.status == Status::Returned && again {
                record.left_returned += 1;
                return Ok(());
            }
            tick(desk)?;
            record.commands += 1;
            match desk.cancel(&current.id, docket)? {
                Answer::Done(view) => {
                    record.cancelled += 1;
                    current.learn(view);
                }
                Answer::Refused { status, code } => record.refuse(Tried::TakeBack, Some(current.status), status, code),
            }
            Ok(())
        }
    }
}

/// A rejection after the approval is a recall, by the person whose vote was the last approval.
fn recall<D: Desk>((step, person): (u8, u16), current: &mut Current, record: &mut Record, desk: &mut D) -> Result<(), D::Error> {
    match desk.recall(&current.id, step, person)? {
        Answer::Done(view) => {
            record.recalled += 1;
            current.learn(view);
        }
        Answer::Refused { status, code } => record.refuse(Tried::Reject, Some(current.status), status, code),
    }
    Ok(())
}

/// What the approval was for begins, or is done.
fn take_effect<D: Desk>(starts: bool, docket: &Docket, current: &mut Current, record: &mut Record, desk: &mut D) -> Result<(), D::Error> {
    let answer =
        if starts { desk.start_effect(&current.id, &current.payload_hash, docket)? } else { desk.finish_effect(&current.id, docket)? };
    match answer {
        Answer::Done(view) => {
            *(if starts { &mut record.started } else { &mut record.finished }) += 1;
            current.learn(view);
        }
        Answer::Refused { status, code } => {
            let tried = if starts { Tried::StartEffect } else { Tried::FinishEffect };
            record.refuse(tried, Some(current.status), status, code);
        }
    }
    Ok(())
}

/// A returned request is resubmitted; a closed one, or none, gives a new request. While one is in progress the service
/// is asked for a new one all the same, and its refusal counts.
fn submit<D: Desk>(ask: Ask<'_>, standing: &mut Standing, record: &mut Record, desk: &mut D) -> Result<(), D::Error> {
    let on = standing.current.as_ref().map(|current| current.status);
    if let Some(current) = standing.current.as_mut().filter(|current| current.status == Status::Returned) {
        match desk.resubmit(&current.id, ask)? {
            Answer::Done(view) => {
                record.resubmissions += 1;
                (current.route, current.last_approval) = (ask.route, None);
                current.learn(view);
            }
            Answer::Refused { status, code } => record.refuse(Tried::Resubmit, on, status, code),
        }
        return Ok(());
    }
    match desk.submit(ask)? {
        Answer::Done(View { id, status, payload_hash, effect, waited_ms: _ }) => {
            record.requests += 1;
            let before = standing.current.replace(Current { id, status, payload_hash, route: ask.route, effect, last_approval: None });
            standing.earlier.extend(before.map(|before| before.id));
        }
        Answer::Refused { status, code } => record.refuse(Tried::Submit, on, status, code),
    }
    Ok(())
}

impl Current {
    fn learn(&mut self, view: View) {
        self.status = view.status;
        self.payload_hash = view.payload_hash;
        self.effect = view.effect;
    }
}

impl Record {
    fn refuse(&mut self, tried: Tried, on: Option<Status>, status: u16, code: String) {
        *self.refused.entry(Refusal { tried, on, status, code }).or_default() += 1;
    }
}
