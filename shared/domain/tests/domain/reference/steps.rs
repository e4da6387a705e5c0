//! How steps open, close and are kept from being stuck.

use std::collections::BTreeSet;

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, RoleId};
use approvals_domain::template::{Approver, Fallback, Group, OnReject, WhenEmpty};

use super::clock::SLOW;
use super::seats::{Candidate, Ticket, Who, approvals, most_votes};
use super::{Model, Phase, Status, Step};

impl Model {
    /// A fresh plan for the present content. Refused if no step applies, or if one could never be voted on.
    pub(crate) fn plan(&mut self) -> Result<(), &'static str> {
        self.steps = self.template.all_steps().map(|rules| self.fresh(rules.id.clone())).collect();
        if self.steps.iter().all(|step| step.phase == Phase::Skipped) {
            self.status = Status::Approved;
            self.approve_before_effect();
            return if self.template.when_empty == WhenEmpty::Approve { Ok(()) } else { Err("empty_plan") };
        }
        let waiting = self.steps.iter().filter(|step| step.phase == Phase::Waiting);
        if waiting.into_iter().any(|step| !self.is_routable(step)) {
            return Err("unroutable");
        }
        let follows = |step: &Step| self.rules(step).sla.calendar.as_ref().is_some_and(|id| id.as_str() != SLOW.0);
        if self.steps.iter().any(|step| step.phase == Phase::Waiting && follows(step)) {
            return Err("no_such_calendar");
        }
        self.status = Status::Running;
        self.go_on();
        Ok(())
    }

    fn fresh(&self, id: approvals_domain::ids::StepId) -> Step {
        let planned = self.content.conditions.get(&id) != Some(&false);
        Step {
            id,
            phase: if planned { Phase::Waiting } else { Phase::Skipped },
            candidates: Vec::new(),
            released: BTreeSet::new(),
            need: 0,
            was_open: false,
            opened: false,
            opened_at: self.now,
            votes: Vec::new(),
            reminded: 0,
            level: 0,
            timed_out: false,
        }
    }

    /// A possible voter among the approvers, the fallback or `approval_admin`. Who will approve an earlier step is not known yet, and so
    /// neither is their manager.
    fn is_routable(&self, step: &Step) -> bool {
        let stand_ins = self.stand_ins(step);
        self.rules(step)
            .approvers
            .iter()
            .chain(stand_ins.iter().flatten())
            .any(|spec| self.knowable(spec).as_ref() != Some(spec) || self.has_voter(spec, step))
    }

    /// Whom it means is decided by a step that is not through.
    pub(crate) fn is_open_question(&self, spec: &Approver) -> bool {
        let Approver::ManagerOf(of) = spec else { return false };
        let upto = self.steps.iter().position(|step| step.id.as_str() == of).map_or(0, |named| named + 1);
        for step in self.steps[..upto].iter().rev() {
            match step.phase {
                Phase::Approved if approvals(step) > 0 => return false,
                Phase::Approved | Phase::Skipped => {}
                _ => return true,
            }
        }
        false
    }

    /// The approver, without those whom a step to come decides.
    pub(crate) fn knowable(&self, spec: &Approver) -> Option<Approver> {
        match spec {
            Approver::AnyOf(specs) => Some(Approver::AnyOf(specs.iter().filter_map(|spec| self.knowable(spec)).collect())),
            spec => Some(spec.clone()).filter(|spec| !self.is_open_question(spec)),
        }
    }

    fn has_voter(&self, spec: &Approver, step: &Step) -> bool {
        let persons: BTreeSet<_> = self.resolve(spec).iter().flat_map(|who| self.persons(who)).collect();
        persons.iter().any(|id| self.directory.is_active(id) && !self.is_excluded(step, id))
    }

    /// Opens what may open; the request is approved when nothing is left. A step that is skipped lets the next one open.
    pub(crate) fn go_on(&mut self) {
        let groups: Vec<Vec<usize>> = self
            .template
            .steps
            .iter()
            .map(|group: &Group| group.steps().iter().map(|rules| self.at(&rules.id).unwrap()).collect())
            .collect();
        for group in groups {
            for at in &group {
                if self.steps[*at].phase == Phase::Waiting {
                    self.open(*at);
                }
            }
            if !group.iter().all(|at| matches!(self.steps[*at].phase, Phase::Approved | Phase::Skipped)) {
                return;
            }
        }
        self.status = Status::Approved;
        self.approve_before_effect();
    }

    fn open(&mut self, at: usize) {
        let mut step = self.steps[at].clone();
        step.opened_at = self.now;
        step.candidates = self.candidates(self.rules(&step).approvers.iter());
        step.need = self.need(&step);
        if self.approved_before(&step) {
            step = self.fresh(step.id.clone());
            step.phase = Phase::Skipped;
        } else {
            step.phase = Phase::Blocked;
        }
        self.steps[at] = step;
        self.reinforce(at);
    }

    pub(crate) fn candidates<'a>(&self, specs: impl Iterator<Item = &'a Approver>) -> Vec<Candidate> {
        let mut all = Vec::new();
        for spec in specs {
            add(&mut all, self.resolve(spec), 0, false);
        }
        all
    }

    /// Enough of its candidates approved, themselves, in the steps of `skip_if_approved_by`.
    fn approved_before(&self, step: &Step) -> bool {
        let others = self.steps.iter().filter(|other| self.rules(step).skip_if_approved_by.contains(&other.id));
        let approved = others.flat_map(|other| &other.votes).filter(|vote| vote.decision == Decision::Approve);
        let people: BTreeSet<_> = approved.map(|vote| &vote.by).collect();
        let own = |id: &PersonId| self.all_tickets(step, id).into_iter().filter(|ticket| ticket.person == *id).collect::<Vec<_>>();
        let tickets: Vec<Ticket> = people.into_iter().flat_map(own).collect();
        most_votes(&tickets) >= step.need as usize
    }

    /// Never stuck: as long as a live step is out of reach, the fallback stands in, then `approval_admin`; else it is blocked. Both only as
    /// a reserve, counted anew each time: a flap of the directory leaves nobody behind.
    pub(crate) fn reinforce(&mut self, at: usize) {
        if !self.steps[at].phase.is_live() {
            return;
        }
        self.give_back(at);
        let before = self.steps[at].clone();
        if before.phase == Phase::Blocked {
            // Named people are resolved when a step opens, and a blocked one opens only now.
            let first = self.candidates(self.rules(&before).approvers.iter());
            let kept = |candidate: &Candidate| !matches!(&candidate.who, Who::User(id) if before.released.contains(id));
            let whos = first.into_iter().filter(kept).map(|candidate| candidate.who).collect();
            add(&mut self.steps[at].candidates, whos, 0, false);
        }
        let (standing, own): (Vec<Candidate>, Vec<Candidate>) =
            self.steps[at].candidates.drain(..).partition(|candidate| candidate.reserve);
        self.steps[at].candidates = own;
        if !before.was_open {
            self.steps[at].need = self.need(&self.steps[at]);
        }
        let is_admin = |who: &Who| *who == Who::Role(RoleId::approval_admin());
        for (stage, specs) in self.stand_ins(&before).into_iter().enumerate() {
            if self.in_reach(at) {
                break;
            }
            let mut more: Vec<Candidate> = standing.iter().filter(|candidate| is_admin(&candidate.who) == (stage == 1)).cloned().collect();
            let named = specs.iter().flat_map(|spec| self.resolve(spec));
            add(&mut more, named.filter(|who| !matches!(who, Who::User(id) if before.released.contains(id))).collect(), before.level, true);
            more.retain(|candidate| !self.steps[at].candidates.iter().any(|known| known.who == candidate.who));
            self.steps[at].candidates.extend(more);
        }
        if self.in_reach(at) {
            if before.phase == Phase::Blocked {
                self.count_reminders_given(at);
            }
            (self.steps[at].phase, self.steps[at].was_open) = (Phase::Open, true);
        } else if before.phase == Phase::Blocked && before.opened {
            // It was blocked and is: nothing is written.
            self.steps[at] = before;
        } else {
            self.steps[at].phase = Phase::Blocked;
        }
        self.steps[at].opened = true;
        self.note_asked(at);
    }

    /// Who stands in where nobody else can vote: the fallback, then `approval_admin`.
    pub(crate) fn stand_ins(&self, step: &Step) -> Vec<Vec<Approver>> {
        let admins = vec![Approver::Role(RoleId::approval_admin())];
        match self.rules(step).fallback.clone() {
            Fallback::Nobody => Vec::new(),
            Fallback::Admin => vec![Vec::new(), admins],
            Fallback::These(these) => vec![these, admins],
        }
    }

    fn in_reach(&self, at: usize) -> bool {
        self.within_reach(&self.steps[at]) >= self.steps[at].need as usize
    }

    pub(crate) fn reinforce_all(&mut self) {
        self.live().into_iter().for_each(|at| self.reinforce(at));
    }

    /// What a vote does to its step and to the request. Then every live step is looked at; the voted one only where the vote was more than
    /// an approval on a right of one's own.
    pub(crate) fn count(&mut self, at: usize, ticket: &Ticket, decision: Decision) {
        let step = &self.steps[at];
        let on_reject = self.rules(step).on_reject;
        match decision {
            Decision::Return => self.end(at, Phase::Returned, Status::Returned),
            Decision::Reject if on_reject == OnReject::Return => self.end(at, Phase::Returned, Status::Returned),
            Decision::Reject if on_reject == OnReject::Reject || self.is_lost(step) => self.end(at, Phase::Rejected, Status::Rejected),
            Decision::Approve if approvals(step) >= step.need as usize => {
                self.steps[at].phase = Phase::Approved;
                self.go_on();
            }
            Decision::Approve | Decision::Reject => {}
        }
        let plain = ticket.human == ticket.person && ticket.any_of.is_none() && !ticket.reserve && decision == Decision::Approve;
        for other in self.live() {
            if self.status == Status::Running && !(plain && other == at) {
                self.reinforce(other);
            }
        }
    }

    /// One step ends the request, or sends it back; its open neighbours close.
    pub(crate) fn end(&mut self, at: usize, phase: Phase, status: Status) {
        self.steps[at].phase = phase;
        self.close(status);
    }

    pub(crate) fn close(&mut self, status: Status) {
        for step in self.steps.iter_mut().filter(|step| step.phase == Phase::Waiting || step.phase.is_live()) {
            step.phase = Phase::Closed;
        }
        self.void_effect();
        self.status = status;
        if status == Status::Returned {
            (self.returned_at, self.requester_reminded) = (self.now, 0);
        }
    }
}

/// Adds who is not there yet.
pub(crate) fn add(candidates: &mut Vec<Candidate>, more: Vec<Who>, level: u32, reserve: bool) {
    for who in more {
        if !reserve {
            candidates.retain(|known| known.who != who || !known.reserve);
        }
        if !candidates.iter().any(|known| known.who == who) {
            candidates.push(Candidate { who, level, reserve, givers: Vec::new(), of_role: false });
        }
    }
}
