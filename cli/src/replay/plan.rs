//! Turns the rows of a log into the acts of people, in the order they happened. Pure: nothing here knows the service.
//!
//! The log records what people did, not the rule that routed it. So the routing inputs of a submission are read from
//! what came of it: a step is on when somebody acted there before the case's next submission.

use std::collections::{BTreeMap, HashMap};

use super::mapping::{Mapping, Meaning};
use super::xes::{Log, Row};

/// Bits of the steps that are on, by index into [`Mapping::steps`].
pub type Route = u64;

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// A submission or resubmission; which of them, the service's state says.
    Submit {
        route: Route,
    },
    /// `step` and `person` are indices into the mapping's steps and that step's pool.
    Approve {
        step: u8,
        person: u16,
    },
    Reject {
        step: u8,
        person: u16,
    },
    /// `again`: the case submits once more afterwards.
    TakeBack {
        again: bool,
    },
    StartEffect,
    FinishEffect,
}

/// One act of one person on the entity of a docket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Act {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    /// Index into [`Plan::dockets`].
    pub docket: u32,
    pub deed: Deed,
}

/// One entity of one case: what requests are made for, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Docket {
    /// Index into [`Log::cases`].
    pub case: u32,
    /// Index into [`Mapping::entities`].
    pub entity: usize,
    pub amount: Option<f64>,
    /// Which person of the requesters' pool asks.
    pub requester: u32,
}

/// What the log itself says, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    pub submissions: u64,
    pub drafts: u64,
    pub take_backs: u64,
    /// Rejections by a role the log lost.
    pub rejections_unnamed: u64,
    pub effects: u64,
    pub ignored: u64,
    /// Cases without any submission.
    pub cases_never_submitted: u64,
    /// Cases in which the effect happened.
    pub cases_with_effect: u64,
    /// Of those, the ones that never submitted.
    pub cases_with_effect_never_submitted: u64,
    /// Effects started, and finished, of what was never asked for.
    pub starts_of_nothing: u64,
    pub finishes_of_nothing: u64,
    /// Per step, in the order of the mapping.
    pub approvals: Vec<u64>,
    pub rejections: Vec<u64>,
}

/// The acts of a whole log in global time order; acts at one time keep the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub acts: Vec<Act>,
    pub dockets: Vec<Docket>,
    pub tally: Tally,
}

/// Why a log cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the mapping does not name {}; add each of them, with the meaning `ignore` if it is no act", list(.0))]
    UnknownActivities(Vec<(String, usize)>),
    #[error("the log holds no act of a person that the mapping knows")]
    Nothing,
}

fn list(activities: &[(String, usize)]) -> String {
    let lines: Vec<_> = activities.iter().map(|(name, events)| format!("`{name}` ({events} events)")).collect();
    lines.join(", ")
}

/// Plans the whole log.
///
/// # Errors
/// [`Error::UnknownActivities`] with every activity the mapping lacks, [`Error::Nothing`] when no act is left.
pub fn plan(log: &Log, mapping: &Mapping) -> Result<Plan, Error> {
    let meanings = meanings(log, mapping)?;
    let mut planned: Vec<(usize, Act)> = Vec::with_capacity(log.rows.len());
    let mut plan = Plan::default();
    plan.tally.approvals.resize(mapping.steps.len(), 0);
    plan.tally.rejections.resize(mapping.steps.len(), 0);
    let mut from = 0;
    for rows in log.rows.chunk_by(|a, b| a.case == b.case) {
        let events: Vec<Read> = rows.iter().zip(from..).map(|(row, place)| (place, *row, means(&meanings, row))).collect();
        plan.tally.add(&events);
        for entity in 0..mapping.entities.len() {
            let mut own: Vec<_> = events.iter().copied().filter(|(_, _, (of, _))| *of == entity).collect();
            own.sort_by_key(|(place, row, _)| (row.at_ms, *place));
            plan.open_docket(&own, entity, mapping, &mut planned);
        }
        from += rows.len();
    }
    // A trace without events has no rows, and was never submitted.
    plan.tally.cases_never_submitted += (log.cases.len() - count_cases(&log.rows)) as u64;
    planned.sort_by_key(|(place, act)| (act.at_ms, *place));
    plan.acts = planned.into_iter().map(|(_, act)| act).collect();
    if plan.acts.is_empty() { Err(Error::Nothing) } else { Ok(plan) }
}

/// An event: its place in the file, its row, the entity it concerns and what it means.
type Read = (usize, Row, (usize, Meaning));

fn count_cases(rows: &[Row]) -> usize {
    rows.chunk_by(|a, b| a.case == b.case).count()
}

fn means(meanings: &HashMap<u32, (usize, Meaning)>, row: &Row) -> (usize, Meaning) {
    meanings.get(&row.activity).copied().unwrap_or((0, Meaning::Ignore))
}

fn meanings(log: &Log, mapping: &Mapping) -> Result<HashMap<u32, (usize, Meaning)>, Error> {
    let mut known = HashMap::new();
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for row in &log.rows {
        if known.contains_key(&row.activity) {
            continue;
        }
        let name = log.names.text(row.activity);
        match mapping.meaning(name) {
            Some(meaning) => {
                known.insert(row.activity, meaning);
            }
            None => *unknown.entry(name.to_owned()).or_default() += 1,
        }
    }
    if unknown.is_empty() { Ok(known) } else { Err(Error::UnknownActivities(unknown.into_iter().collect())) }
}

impl Tally {
    fn add(&mut self, events: &[Read]) {
        let has = |wanted| events.iter().any(|(_, _, (_, meaning))| *meaning == wanted);
        let effect = [Meaning::Effect, Meaning::StartEffect, Meaning::FinishEffect].into_iter().any(has);
        for (_, _, (_, meaning)) in events {
            let counter = match *meaning {
                Meaning::Submit => Some(&mut self.submissions),
                Meaning::Save => Some(&mut self.drafts),
                Meaning::Approve(step) => self.approvals.get_mut(step),
                Meaning::Reject(step) => self.rejections.get_mut(step),
                Meaning::RejectLast => Some(&mut self.rejections_unnamed),
                Meaning::TakeBack => Some(&mut self.take_backs),
                Meaning::Effect | Meaning::StartEffect | Meaning::FinishEffect => Some(&mut self.effects),
                Meaning::Ignore => Some(&mut self.ignored),
            };
            if let Some(counter) = counter {
                *counter += 1;
            }
        }
        self.cases_never_submitted += u64::from(!has(Meaning::Submit));
        self.cases_with_effect += u64::from(effect);
        self.cases_with_effect_never_submitted += u64::from(effect && !has(Meaning::Submit));
    }
}

/// An event that is an act, its step known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Submit,
    Approve(usize),
    Reject(usize),
    TakeBack,
    StartEffect,
    FinishEffect,
}

/// The acts among the events of one docket. A `reject: last` gets the step that acted last since the submission,
/// else the last of the default route.
fn acts(events: &[Read], default_route: Route) -> Vec<(usize, Row, Kind)> {
    let unanswered = (63 - default_route.leading_zeros().min(63)) as usize;
    let mut last = unanswered;
    let kind = |meaning| match meaning {
        Meaning::Submit => {
            last = unanswered;
            Some(Kind::Submit)
        }
        Meaning::Approve(step) => {
            last = step;
            Some(Kind::Approve(step))
        }
        Meaning::Reject(step) => {
            last = step;
            Some(Kind::Reject(step))
        }
        Meaning::RejectLast => Some(Kind::Reject(last)),
        Meaning::TakeBack => Some(Kind::TakeBack),
        Meaning::StartEffect => Some(Kind::StartEffect),
        Meaning::FinishEffect => Some(Kind::FinishEffect),
        Meaning::Save | Meaning::Effect | Meaning::Ignore => None,
    };
    let kinds: Vec<_> = events.iter().map(|(_, _, (_, meaning))| *meaning).map(kind).collect();
    events.iter().zip(kinds).filter_map(|((place, row, _), kind)| Some((*place, *row, kind?))).collect()
}

impl Plan {
    /// Plans the acts of one entity of one case; `events` are its rows in time order.
    fn open_docket(&mut self, events: &[Read], entity: usize, mapping: &Mapping, planned: &mut Vec<(usize, Act)>) {
        let acts = acts(events, mapping.default_route);
        // An effect alone is no request: nothing was ever asked for, and no service could be asked to begin it.
        let count = |wanted| acts.iter().filter(|(_, _, kind)| *kind == wanted).count();
        let (starts, finishes) = (count(Kind::StartEffect), count(Kind::FinishEffect));
        if starts + finishes == acts.len() {
            self.tally.starts_of_nothing += starts as u64;
            self.tally.finishes_of_nothing += finishes as u64;
            return;
        }
        let (Some((_, first, _)), Ok(docket)) = (acts.first(), u32::try_from(self.dockets.len())) else { return };
        let amount = events.iter().map(|(_, row, _)| row.amount).find(|amount| !amount.is_nan());
        let requester = first.case % mapping.requesters.people;
        self.dockets.push(Docket { case: first.case, entity, amount, requester });
        let mut revisions = acts.chunk_by(|_, (_, _, next)| *next != Kind::Submit).peekable();
        while let Some(revision) = revisions.next() {
            let mut votes = Votes::default();
            for (place, row, kind) in revision {
                let deed = match *kind {
                    Kind::Submit => Deed::Submit { route: route(revision, mapping.default_route) },
                    Kind::Approve(step) => votes.next(row.case, step, mapping, |step, person| Deed::Approve { step, person }),
                    Kind::Reject(step) => votes.next(row.case, step, mapping, |step, person| Deed::Reject { step, person }),
                    Kind::TakeBack => Deed::TakeBack { again: revisions.peek().is_some() },
                    Kind::StartEffect => Deed::StartEffect,
                    Kind::FinishEffect => Deed::FinishEffect,
                };
                planned.push((*place, Act { at_ms: row.at_ms, docket, deed }));
            }
        }
    }
}

/// The votes of one revision so far, per step: each is cast by the next person of the step's pool, since nobody votes
/// twice on a step.
#[derive(Default)]
struct Votes(HashMap<usize, u32>);

impl Votes {
    fn next(&mut self, case: u32, step: usize, mapping: &Mapping, deed: impl Fn(u8, u16) -> Deed) -> Deed {
        let nth = self.0.entry(step).or_default();
        let people = mapping.steps.get(step).map_or(1, |pool| pool.people);
        let person = (case % people + *nth % people) % people;
        *nth += 1;
        // Pools and steps are bounded by the mapping, so neither conversion can fail.
        deed(u8::try_from(step).unwrap_or(u8::MAX), u16::try_from(person).unwrap_or(u16::MAX))
    }
}

fn route(revision: &[(usize, Row, Kind)], default_route: Route) -> Route {
    let acted = revision.iter().fold(0, |route, (_, _, kind)| match *kind {
        Kind::Approve(step) | Kind::Reject(step) => route | 1 << step,
        Kind::Submit | Kind::TakeBack | Kind::StartEffect | Kind::FinishEffect => route,
    });
    if acted == 0 { default_route } else { acted }
}
