//! Reminders, levels, and the end of a step's time.

use approvals_domain::candidate::Candidate;
use approvals_domain::ids::{PersonId, RoleId, StepId};
use approvals_domain::template::{Approver, Fallback, OnTimeout, Step as Rules};
use approvals_domain::time::Timestamp;
use approvals_domain::timers::Timer;

use super::steps::{add, flat};
use super::{Model, Step, Told};

impl Model {
    /// What must happen on a step now: the lowest level that is over; else the time-out; else the last reminder since the last level.
    pub(crate) fn due(&self, id: &StepId) -> Option<Timer> {
        let (rules, step) = (self.rules(id), &self.steps[id]);
        if !["open", "blocked"].contains(&step.state) {
            return None;
        }
        let over = |fraction: f64| after(step, rules, fraction) <= self.now;
        let levels: Vec<f64> = rules.escalate.iter().map(|level| level.after).collect();
        let level = (step.level..).zip(levels.iter().skip(step.level as usize)).find(|(_, after)| over(**after));
        if let Some((fired, _)) = level {
            return Some(Timer::Escalate(fired + 1));
        }
        let end = match levels.len() {
            0 => 1.0,
            1 => f64::max(1.0, levels[0] + levels[0]),
            n => f64::max(1.0, levels[n - 1] + (levels[n - 1] - levels[n - 2])),
        };
        if rules.on_timeout != OnTimeout::None && step.level as usize == levels.len() && over(end) {
            return Some(Timer::TimeOut);
        }
        let last = if step.level == 0 { 0.0 } else { levels[step.level as usize - 1] };
        let open = step.state == "open";
        let reminders = (1..).zip(&rules.remind).filter(|(n, at)| open && *n > step.reminded && **at > last && over(**at));
        reminders.last().map(|(n, _)| Timer::Remind(n))
    }

    pub(crate) fn fire(&mut self, id: &StepId, timer: Timer) -> Told {
        let step = &self.steps[id];
        if !["running", "returned"].contains(&self.phase) {
            return Err("request_closed");
        }
        if !["open", "blocked"].contains(&step.state) {
            return Err("step_not_open");
        }
        if matches!(timer, Timer::Remind(n) if n <= step.reminded) || matches!(timer, Timer::Escalate(n) if n <= step.level) {
            return Ok(false);
        }
        if self.due(id) != Some(timer) {
            return Err("not_due");
        }
        match timer {
            Timer::Remind(n) => self.steps.get_mut(id).unwrap().reminded = n,
            Timer::Escalate(level) => {
                let fresh = self.summoned(id, level);
                let step = self.steps.get_mut(id).unwrap();
                step.level = level;
                step.candidates.extend(fresh.iter().cloned());
                step.added.insert(level, fresh);
                self.review(id);
            }
            Timer::TimeOut => match self.rules(id).on_timeout {
                OnTimeout::None => unreachable!(),
                OnTimeout::Approve => {
                    self.steps.get_mut(id).unwrap().state = "approved";
                    self.advance();
                }
                OnTimeout::Reject => {
                    self.steps.get_mut(id).unwrap().state = "rejected";
                    self.end("rejected");
                }
                OnTimeout::Expire => self.end("expired"),
            },
        }
        Ok(true)
    }

    fn summoned(&self, id: &StepId, level: u32) -> Vec<Candidate> {
        let (rules, step) = (self.rules(id), &self.steps[id]);
        let mut found = Vec::new();
        for approver in &rules.escalate[level as usize - 1].to {
            let up = |approver: &Approver| matches!(approver, Approver::ManagerOf(of) if of == "approver");
            match approver {
                up_one if up(up_one) => self.above(rules, step, level).into_iter().for_each(|c| add(&mut found, c)),
                Approver::AnyOf(inner) if inner.iter().any(up) => {
                    let mut members = Vec::new();
                    for one in inner {
                        let more = if up(one) { self.above(rules, step, level) } else { self.resolve(std::slice::from_ref(one)) };
                        more.into_iter().for_each(|c| add(&mut members, c));
                    }
                    if !members.is_empty() {
                        add(&mut found, Candidate::AnyOf(members));
                    }
                }
                other => self.resolve(std::slice::from_ref(other)).into_iter().for_each(|c| add(&mut found, c)),
            }
        }
        let new = |c: &Candidate| !step.candidates.contains(c) && !step.released.iter().any(|id| *c == Candidate::User(id.clone()));
        found.retain(new);
        if found.is_empty() && rules.fallback != Fallback::Nobody && climbing(rules, level) {
            found = self.resolve(rules.fallback.approvers());
            found.retain(new);
            if found.is_empty() {
                found = vec![Candidate::Role(RoleId::approval_admin())];
                found.retain(new);
            }
        }
        found
    }

    /// The managers above those whom the last climbing level added, at first above the first candidates.
    fn above(&self, rules: &Rules, step: &Step, level: u32) -> Vec<Candidate> {
        let before = (1..level).rev().find(|level| climbing(rules, *level)).unwrap_or(0);
        let added = |c: &Candidate| step.added.iter().find(|(_, who)| who.contains(c)).map_or(0, |(level, _)| *level);
        let mut people: Vec<PersonId> = Vec::new();
        for member in step.candidates.iter().filter(|c| added(c) == before).flat_map(Candidate::members) {
            match member {
                Candidate::User(id) => people.push(id.clone()),
                Candidate::Role(role) if before == 0 => people.extend(self.world.members(role)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        for person in people {
            let mut at = self.world.manager_of(&person);
            for _ in 0..3 {
                let Some(manager) = at else { break };
                let own = self.own.contains(manager) && !rules.allow_self;
                if self.world.is_active(manager) && !own && !step.candidates.contains(&Candidate::User(manager.clone())) {
                    add(&mut found, Candidate::User(manager.clone()));
                    break;
                }
                at = self.world.manager_of(manager);
            }
        }
        found
    }
}

fn climbing(rules: &Rules, level: u32) -> bool {
    let to = rules.escalate.get(level as usize - 1).map_or(&[][..], |level| level.to.as_slice());
    to.iter().flat_map(flat).any(|approver| matches!(approver, Approver::ManagerOf(of) if of == "approver"))
}

fn after(step: &Step, rules: &Rules, fraction: f64) -> Timestamp {
    step.opened_at.unwrap().plus_hours(rules.sla.hours * fraction)
}
