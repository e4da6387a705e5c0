//! Sums a replay up: what the service says beside what the log says.

use std::collections::BTreeMap;

use approvals_domain::effect::EffectState;
use chrono::{DateTime, SecondsFormat, Utc};

use super::amount::{Rule, best_rule};
use super::desk::Seen;
use super::drive::{Refusal, Status};
use super::plan::Tally;
use super::play::{Pace, Played};
use super::{Prepared, sla};

/// Everything a replay says; `--json` prints it as it is. Waits are milliseconds by the service's clock.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Summary {
    /// Name of the log's file.
    pub source: String,
    /// Key of the template.
    pub template: String,
    /// First and last event of the log, RFC 3339.
    pub first_at: String,
    pub last_at: String,
    /// Days by which all acts were moved, because the service's clock stood later than the log.
    pub shifted_days: i64,
    pub cases: u64,
    pub events: u64,
    pub acts: u64,
    pub requests: u64,
    pub resubmissions: u64,
    /// How the cases ended: each as its last request, as read back from the service.
    pub outcomes: Outcomes,
    /// Rejections after the approval that recalled the request; effects started and finished.
    pub recalled: u64,
    pub started: u64,
    pub finished: u64,
    /// Take-backs that cancelled a request, and those that left it returned for a submission to come.
    pub cancelled_requests: u64,
    pub left_returned: u64,
    pub refused: u64,
    pub refusals: Vec<Refused>,
    /// Votes and take-backs that had no request to act on.
    pub without_request: u64,
    /// Requests that read back differently from the last answer about them; a right service gives 0.
    pub read_back_differs: u64,
    pub steps: Vec<StepLine>,
    pub busiest_step: Option<String>,
    /// From a request's submission to its approval.
    pub to_approval: Wait,
    pub amount_only: AmountOnly,
    pub months: Vec<Month>,
    /// What the clock did, with `--sla`.
    pub sla: Option<sla::Beside>,
    /// What the log says, counted.
    pub log: Tally,
    pub pace: Pace,
    /// HTTP requests of the play per second, the clock's included, and people's commands among them.
    pub http_requests_per_second: f64,
    pub commands_per_second: f64,
}

/// Cases by how they ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Outcomes {
    /// Approved, and its effect was not started, or waits for none.
    pub approved: u64,
    /// Approved, and its effect started and never finished.
    pub started: u64,
    /// Approved, and its effect done.
    pub done: u64,
    pub rejected: u64,
    pub cancelled: u64,
    pub expired: u64,
    pub returned: u64,
    /// Pending or in progress.
    pub open: u64,
    pub never_submitted: u64,
}

/// Refused acts of one kind.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refused {
    #[serde(flatten)]
    pub refusal: Refusal,
    pub count: u64,
}

/// Waits of one kind; nearest-rank percentiles, `None` without any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Wait {
    pub count: u64,
    pub median_ms: Option<i64>,
    pub p90_ms: Option<i64>,
}

/// One step: votes in the log, votes the service counted, and how long it stood open before one closed it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct StepLine {
    pub id: String,
    pub name: String,
    pub log_approvals: u64,
    pub log_rejections: u64,
    pub approvals: u64,
    pub rejections: u64,
    pub wait: Wait,
}

/// How many approved cases the amount alone would route the same. For each step the rule is the one threshold on the
/// amount that agrees with the most of these cases ([`best_rule`]); a case counts when all steps agree.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AmountOnly {
    /// Approved cases with an amount; the route of the others was cut short or is unknown.
    pub cases: u64,
    pub same: u64,
    pub rules: Vec<StepRule>,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct StepRule {
    pub step: String,
    pub rule: Rule,
    pub agrees: u64,
}

/// Requests submitted and approved in a month, `2017-01`, by the service's clock.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Month {
    pub month: String,
    pub submitted: u64,
    pub approved: u64,
}

/// Sums up a play.
#[must_use]
pub fn sum_up(prepared: &Prepared, played: &Played) -> Summary {
    let record = &played.record;
    let steps = step_lines(prepared, played);
    let busiest = steps.iter().max_by_key(|step| step.approvals + step.rejections).filter(|step| step.wait.count > 0);
    let times = prepared.log.rows.iter().map(|row| row.at_ms);
    let seconds = played.pace.play_seconds.max(f64::MIN_POSITIVE);
    Summary {
        source: prepared.source.clone(),
        template: prepared.template.key.clone(),
        first_at: rfc3339(times.clone().min()),
        last_at: rfc3339(times.max()),
        shifted_days: played.shift_ms / (24 * 3_600_000),
        cases: prepared.log.cases.len() as u64,
        events: prepared.log.rows.len() as u64,
        acts: prepared.plan.acts.len() as u64,
        requests: record.requests,
        resubmissions: record.resubmissions,
        outcomes: outcomes(prepared, played),
        recalled: record.recalled,
        started: record.started,
        finished: record.finished,
        cancelled_requests: record.cancelled,
        left_returned: record.left_returned,
        refused: record.refused.values().sum(),
        refusals: record.refused.iter().map(|(refusal, &count)| Refused { refusal: refusal.clone(), count }).collect(),
        without_request: record.without_request,
        read_back_differs: differing(played),
        busiest_step: busiest.map(|step| step.id.clone()),
        steps,
        to_approval: wait(seen(played).filter(|seen| seen.status == Status::Approved).filter_map(took_ms).collect()),
        amount_only: amount_only(prepared, played),
        months: months(played),
        sla: prepared.terms.as_ref().map(|terms| by_clock(prepared, played, terms)),
        log: prepared.plan.tally.clone(),
        http_requests_per_second: rate(played.pace.calls, seconds),
        commands_per_second: rate(played.pace.commands, seconds),
        pace: played.pace.clone(),
    }
}

fn by_clock(prepared: &Prepared, played: &Played, terms: &sla::Terms) -> sla::Beside {
    let mut service = sla::Counts::default();
    for seen in seen(played) {
        service.opened += seen.clock.opened;
        service.reminded += seen.clock.reminded;
        service.escalated += seen.clock.escalated;
        service.timed_out += seen.clock.timed_out;
    }
    let log = sla::expected(prepared, terms, played.calendar.as_ref(), played.shift_ms);
    sla::Beside { hours: terms.hours, calendar: terms.calendar.as_ref().map(ToString::to_string), log, service }
}

fn seen(played: &Played) -> impl Iterator<Item = &Seen> {
    played.read_back.iter().flatten()
}

fn took_ms(seen: &Seen) -> Option<i64> {
    Some(seen.closed_ms? - seen.created_ms?)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn rate(count: u64, seconds: f64) -> f64 {
    (count as f64 / seconds * 10.0).round() / 10.0
}

fn rfc3339(at_ms: Option<i64>) -> String {
    let at = at_ms.and_then(DateTime::<Utc>::from_timestamp_millis).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Nearest-rank percentiles of some waits.
fn wait(mut waits_ms: Vec<i64>) -> Wait {
    waits_ms.sort_unstable();
    let at = |percent: usize| waits_ms.get((waits_ms.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Wait { count: waits_ms.len() as u64, median_ms: at(50), p90_ms: at(90) }
}

/// In the order of the template, which is the order of the route.
fn step_lines(prepared: &Prepared, played: &Played) -> Vec<StepLine> {
    let (template, tally, record) = (&prepared.template, &prepared.plan.tally, &played.record);
    let counted = |counts: &[u64], step: usize| counts.get(step).copied().unwrap_or(0);
    let line = |(id, name): &(String, String)| {
        let step = prepared.mapping.steps.iter().position(|pool| pool.role == *id)?;
        let bit = u8::try_from(step).ok()?;
        let (approvals, rejections) = record.votes.get(&bit).copied().unwrap_or_default();
        let waits = record.closed.iter().filter(|closed| closed.step == bit).map(|closed| closed.waited_ms);
        Some(StepLine {
            id: id.clone(),
            name: name.clone(),
            log_approvals: counted(&tally.approvals, step),
            log_rejections: counted(&tally.rejections, step),
            approvals,
            rejections,
            wait: wait(waits.collect()),
        })
    };
    template.steps.iter().filter_map(line).collect()
}

/// A case ends as the last of its requests, whichever entity of the case that was for.
fn outcomes(prepared: &Prepared, played: &Played) -> Outcomes {
    let mut last: BTreeMap<u32, &Seen> = BTreeMap::new();
    for (docket, requests) in prepared.plan.dockets.iter().zip(&played.read_back) {
        for request in requests {
            let held = last.entry(docket.case).or_insert(request);
            if request.created_ms >= held.created_ms {
                *held = request;
            }
        }
    }
    let mut outcomes = Outcomes { never_submitted: (prepared.log.cases.len() - last.len()) as u64, ..Outcomes::default() };
    for request in last.values() {
        *match request.status {
            Status::Approved if request.effect == EffectState::Started => &mut outcomes.started,
            Status::Approved if request.effect == EffectState::Done => &mut outcomes.done,
            Status::Approved => &mut outcomes.approved,
            Status::Rejected => &mut outcomes.rejected,
            Status::Cancelled => &mut outcomes.cancelled,
            Status::Expired => &mut outcomes.expired,
            Status::Returned => &mut outcomes.returned,
            Status::Pending | Status::InProgress => &mut outcomes.open,
        } += 1;
    }
    outcomes
}

fn differing(played: &Played) -> u64 {
    let said = played.record.standings.iter().map(|standing| standing.current.as_ref().map(|current| current.status));
    let read = played.read_back.iter().map(|requests| requests.last().map(|request| request.status));
    said.zip(read).filter(|(said, read)| said != read).count() as u64
}

fn amount_only(prepared: &Prepared, played: &Played) -> AmountOnly {
    let mut routes = Vec::new();
    for (docket, standing) in prepared.plan.dockets.iter().zip(&played.record.standings) {
        if let (Some(amount), Some(current)) = (docket.amount, &standing.current)
            && current.status == Status::Approved
        {
            routes.push((amount, current.route));
        }
    }
    let mut same = vec![true; routes.len()];
    let mut rules = Vec::new();
    for (id, _) in &prepared.template.steps {
        let Some(bit) = prepared.mapping.steps.iter().position(|pool| pool.role == *id) else {
            continue;
        };
        let samples: Vec<_> = routes.iter().map(|(amount, route)| (*amount, route >> bit & 1 == 1)).collect();
        let (rule, agrees) = best_rule(&samples);
        for (same, (amount, on)) in same.iter_mut().zip(&samples) {
            *same &= rule.says(*amount) == *on;
        }
        rules.push(StepRule { step: id.clone(), rule, agrees: agrees as u64 });
    }
    let same = same.into_iter().filter(|same| *same).count() as u64;
    AmountOnly { cases: routes.len() as u64, same, rules }
}

fn months(played: &Played) -> Vec<Month> {
    let month = |at_ms: i64| DateTime::<Utc>::from_timestamp_millis(at_ms).map(|at| at.format("%Y-%m").to_string());
    let mut months: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for request in seen(played) {
        if let Some(month) = request.created_ms.and_then(month) {
            months.entry(month).or_default().0 += 1;
        }
        if request.status == Status::Approved
            && let Some(month) = request.closed_ms.and_then(month)
        {
            months.entry(month).or_default().1 += 1;
        }
    }
    months.into_iter().map(|(month, (submitted, approved))| Month { month, submitted, approved }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        assert_eq!(wait(vec![]), Wait::default());
        assert_eq!(wait(vec![7]), Wait { count: 1, median_ms: Some(7), p90_ms: Some(7) });
        assert_eq!(wait((1..=10).rev().collect()), Wait { count: 10, median_ms: Some(5), p90_ms: Some(9) });
    }
}
