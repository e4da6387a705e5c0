//! A step's clock: reminders, levels of escalation, the end of its time.

use std::collections::BTreeSet;

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, RoleId, StepId};
use approvals_domain::template::{Approver, OnTimeout};
use approvals_domain::time::Timestamp;
use approvals_domain::timers::Timer;

use super::seats::{Candidate, Who, any_of};
use super::steps::add;
use super::{Answer, Model, Phase, Status, Step};

/// A calendar in which so many hours pass for one of work.
pub(crate) const SLOW: (&str, i64) = ("slow", 3);

/// Managers looked at above an approver when a level climbs.
const CLIMB: usize = 3;

/// What must happen now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    Step(StepId, Timer),
    /// The requester of a returned request is reminded.
    Remind(u32),
    /// A returned request expires.
    Expire,
    /// An approved request expires: its effect was not started in time.
    Lapse,
    /// What was started is not finished: `approval_admin` is told.
    Late,
}

impl Model {
    /// Every timer of a step in the order of time; at one moment levels come first.
    fn timers(&self, step: &Step) -> Vec<(Timestamp, Timer)> {
        let rules = self.rules(step);
        let mut remind = rules.remind.clone();
        remind.sort_by(f64::total_cmp);
        remind.dedup();
        let after: Vec<f64> = rules.escalate.iter().map(|level| level.after).collect();
        let up = match after[..] {
            [] => 1.0,
            [only] => 2.0 * only,
            [.., before, last] => 2.0 * last - before,
        };
        let levels = (1..).zip(after).map(|(n, fraction)| (fraction, Timer::Escalate(n)));
        let reminders = (1..).zip(remind).map(|(n, fraction)| (fraction, Timer::Remind(n)));
        let up = (rules.on_timeout != OnTimeout::None).then_some((up.max(1.0), Timer::TimeOut));
        let mut all: Vec<(f64, Timer)> = levels.chain(reminders).chain(up).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        let slower = rules.sla.calendar.as_ref().map_or(1.0, |id| if id.as_str() == SLOW.0 { SLOW.1 as f64 } else { 1.0 });
        all.into_iter().map(|(fraction, timer)| (step.opened_at.plus_hours(rules.sla.hours * fraction * slower), timer)).collect()
    }

    /// What has not fired and still can. A reminder is over once a later level has fired, and waits while the step is blocked.
    fn pending(&self, step: &Step) -> Vec<(Timestamp, Timer)> {
        if !step.phase.is_live() {
            return Vec::new();
        }
        let all = self.timers(step);
        let fired = all.iter().find(|(_, timer)| *timer == Timer::Escalate(step.level)).map(|(at, _)| *at);
        let stands = |(at, timer): &(Timestamp, Timer)| match timer {
            Timer::Remind(n) => *n > step.reminded && step.phase == Phase::Open && fired.is_none_or(|fired| *at > fired),
            Timer::Escalate(n) => *n > step.level,
            Timer::TimeOut => !step.timed_out,
        };
        all.into_iter().filter(stands).collect()
    }

    pub(crate) fn next_timer(&self, step: &Step) -> Option<(Timestamp, Timer)> {
        self.pending(step).into_iter().next()
    }

    /// What must fire now: a level, else the end, else the last reminder that is overdue.
    pub(crate) fn due(&self, step: &Step) -> Option<Timer> {
        let over: Vec<Timer> = self.pending(step).into_iter().filter(|(at, _)| *at <= self.now).map(|(_, timer)| timer).collect();
        let first = |wanted: fn(&Timer) -> bool| over.iter().copied().find(wanted);
        first(|t| matches!(t, Timer::Escalate(_))).or(first(|t| *t == Timer::TimeOut)).or(over.last().copied())
    }

    pub(crate) fn first_due(&self) -> Option<Due> {
        let step = self.steps.iter().find_map(|step| Some(Due::Step(step.id.clone(), self.due(step)?)));
        let over = self.waits().into_iter().filter(|(at, _)| *at <= self.now).map(|(_, due)| due);
        step.or(over.max_by_key(|due| if let Due::Remind(n) = due { *n } else { u32::MAX }))
    }

    /// When anything is due next.
    pub(crate) fn soonest(&self) -> Option<Timestamp> {
        let steps = self.steps.iter().filter_map(|step| self.next_timer(step)).map(|(at, _)| at);
        steps.chain(self.waits().into_iter().map(|(at, _)| at)).min()
    }

    /// A returned request reminds its requester, and may expire: wall clock from the return. An effect waits to be started, then to be done.
    fn waits(&self) -> Vec<(Timestamp, Due)> {
        if self.status != Status::Returned {
            return self.effect_waits().into_iter().collect();
        }
        let after = |hours: u32| self.returned_at.plus_hours(f64::from(hours));
        let mut hours: Vec<u32> = self.template.returned.remind.iter().map(|span| span.hours()).collect();
        hours.sort_unstable();
        hours.dedup();
        let reminders = (1..).zip(hours).filter(|(n, _)| *n > self.requester_reminded).map(|(n, hours)| (after(hours), Due::Remind(n)));
        reminders.chain(self.template.returned.expire.iter().map(|span| (after(span.hours()), Due::Expire))).collect()
    }

    /// What the clock does with a returned request, or with an effect.
    pub(crate) fn wait_over(&mut self, due: &Due) -> Answer {
        match due {
            Due::Late => return self.tell_it_is_late(),
            Due::Expire | Due::Lapse if self.is_pending() => return self.lapse(),
            _ => {}
        }
        if self.is_closed() {
            return Err("request_closed");
        }
        if self.status != Status::Returned {
            return Err("not_returned");
        }
        if matches!(due, Due::Remind(n) if *n <= self.requester_reminded) {
            return Ok(false);
        }
        if self.first_due().as_ref() != Some(due) {
            return Err("not_due");
        }
        match due {
            Due::Remind(n) => self.requester_reminded = *n,
            _ => self.close(Status::Expired),
        }
        Ok(true)
    }

    /// Being asked again when a step reopens counts as the reminder (ruling on S13).
    pub(crate) fn count_reminders_given(&mut self, at: usize) {
        let over = self.timers(&self.steps[at]).into_iter().filter(|(when, _)| *when <= self.now);
        let given = over.filter_map(|(_, timer)| if let Timer::Remind(n) = timer { Some(n) } else { None }).max();
        self.steps[at].reminded = self.steps[at].reminded.max(given.unwrap_or(0));
    }

    pub(crate) fn fire(&mut self, id: &StepId, timer: Timer) -> Answer {
        if self.is_closed() {
            return Err("request_closed");
        }
        let at = self.at(id).ok_or("unknown_step")?;
        if !self.steps[at].phase.is_live() {
            return Err("step_not_open");
        }
        let step = &self.steps[at];
        if matches!(timer, Timer::Remind(n) if n <= step.reminded)
            || matches!(timer, Timer::Escalate(n) if n <= step.level)
            || timer == Timer::TimeOut && step.timed_out
        {
            return Ok(false);
        }
        if self.due(step) != Some(timer) {
            return Err("not_due");
        }
        match timer {
            Timer::Remind(n) => self.steps[at].reminded = n,
            Timer::Escalate(n) => self.escalate(at, n),
            Timer::TimeOut => self.time_out(at),
        }
        Ok(true)
    }

    /// A level adds whoever can cast a vote by it and could not before; if it adds nobody, the fallback, then `approval_admin`.
    fn escalate(&mut self, at: usize, level: u32) {
        let before = self.steps[at].clone();
        self.steps[at].level = level;
        let named = self.rules(&before).escalate[level as usize - 1].to.clone();
        for specs in [named].into_iter().chain(self.stand_ins(&before)) {
            let found: Vec<Who> =
                specs.iter().flat_map(|spec| self.found(spec, &before)).filter(|who| self.reaches(&before, who)).collect();
            if !found.is_empty() {
                add(&mut self.steps[at].candidates, found, level, false);
                break;
            }
        }
        self.reinforce(at);
    }

    /// Whom an approver of a level means; `manager_of: approver` climbs over managers who could not cast a further vote.
    fn found(&self, spec: &Approver, step: &Step) -> Vec<Who> {
        match spec {
            Approver::ManagerOf(of) if of == "approver" => self.climb(step).into_iter().map(Who::User).collect(),
            Approver::AnyOf(specs) => any_of(specs.iter().flat_map(|spec| self.found(spec, step)).collect()),
            other => self.resolve(other),
        }
    }

    /// One level up from where the ladder stands: from those whom the last climbing level added, at first from the first candidates, members
    /// of roles one by one. Never from a reserve.
    fn climb(&self, step: &Step) -> BTreeSet<PersonId> {
        let before = self.rules(step).escalate.iter().take(step.level as usize).rposition(|level| level.to.iter().any(climbs));
        let last = before.map_or(0, |at| at + 1);
        let there = step.candidates.iter().filter(|candidate| candidate.level as usize == last && !candidate.reserve);
        let from: BTreeSet<PersonId> = there.flat_map(|candidate| self.persons(&candidate.who.without_roles(last > 0))).collect();
        let mut found = BTreeSet::new();
        for id in from {
            let line = std::iter::successors(self.directory.manager(&id), |id| self.directory.manager(id)).take(CLIMB);
            found.extend(line.into_iter().find(|id| self.reaches(step, &Who::User((*id).clone()))).cloned());
        }
        found
    }

    /// Somebody could cast a vote by this candidate who cannot cast one now, other than as a reserve: a level gives full right.
    fn reaches(&self, step: &Step, who: &Who) -> bool {
        if let Who::User(id) = who
            && step.released.contains(id)
        {
            return false;
        }
        let mut wider = step.clone();
        wider.candidates.push(Candidate { who: who.clone(), level: step.level + 1, reserve: false, givers: Vec::new(), of_role: false });
        self.persons(who).iter().any(|id| !self.could_vote(step, id) && self.could_vote(&wider, id))
    }

    /// The end of a step's time. Approval by the clock passes over no rejection and no want of voters: then `approval_admin` decides.
    fn time_out(&mut self, at: usize) {
        let step = &self.steps[at];
        let doubtful = step.phase == Phase::Blocked || step.votes.iter().any(|vote| vote.decision == Decision::Reject);
        match self.rules(step).on_timeout {
            OnTimeout::None => unreachable!("no such timer"),
            OnTimeout::Reject => self.end(at, Phase::Rejected, Status::Rejected),
            OnTimeout::Expire => self.end(at, Phase::Closed, Status::Expired),
            OnTimeout::Approve if doubtful => {
                let level = step.level;
                self.steps[at].timed_out = true;
                add(&mut self.steps[at].candidates, vec![Who::Role(RoleId::approval_admin())], level, false);
                self.reinforce(at);
            }
            OnTimeout::Approve => {
                self.steps[at].phase = Phase::Approved;
                self.go_on();
            }
        }
    }
}

fn climbs(spec: &Approver) -> bool {
    match spec {
        Approver::ManagerOf(of) => of == "approver",
        Approver::AnyOf(specs) => specs.iter().any(climbs),
        _ => false,
    }
}
