//! A second, naive opinion: DESIGN §4 once more, written from its sentences and not from the code. It knows the whole directory.

mod clock;
mod rights;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::candidate::Candidate;
use approvals_domain::event::Decision::{self, Approve, Reject, Return};
use approvals_domain::ids::{PersonId, RoleId, StepId};
use approvals_domain::template::{Approver, OnReject, Step as Rules, Template};
use approvals_domain::time::Timestamp;

use self::rights::taken;
pub(crate) use self::steps::approvals;
use self::steps::flat;
use crate::world::World;

#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    pub(crate) state: &'static str,
    pub(crate) need: u32,
    pub(crate) votes: Vec<Cast>,
    candidates: Vec<Candidate>,
    released: BTreeSet<PersonId>,
    was_open: bool,
    opened_at: Option<Timestamp>,
    level: u32,
    /// Candidates that a level added, by level.
    added: BTreeMap<u32, Vec<Candidate>>,
    reminded: u32,
}

/// Who, whose right, which `any_of`, what.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    by: PersonId,
    person: PersonId,
    any_of: Option<Candidate>,
    decision: Decision,
}

/// The person whose right it is, and the `any_of` it is used on.
pub(crate) type Seat = (PersonId, Option<Candidate>);

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) world: World,
    pub(crate) template: Template,
    pub(crate) now: Timestamp,
    own: [PersonId; 2],
    pub(crate) steps: BTreeMap<StepId, Step>,
    earlier_voters: BTreeSet<PersonId>,
    phase: &'static str,
}

/// What a command comes to: a refusal's code, or whether anything was written.
pub(crate) type Told = Result<bool, &'static str>;

impl Model {
    pub(crate) fn submit(
        world: World,
        template: Template,
        by: &PersonId,
        requester: &PersonId,
        now: Timestamp,
    ) -> Result<Self, &'static str> {
        if !world.is_active(by) || !world.is_active(requester) {
            return Err("unknown_user");
        }
        let own = [requester.clone(), by.clone()];
        let mut model = Self { world, template, now, own, steps: BTreeMap::new(), earlier_voters: BTreeSet::new(), phase: "running" };
        model.start()?;
        Ok(model)
    }

    fn start(&mut self) -> Result<(), &'static str> {
        let mut next = self.clone();
        next.phase = "running";
        next.steps = next.template.all_steps().map(|rules| (rules.id.clone(), Step { state: "waiting", ..Step::default() })).collect();
        for rules in next.template.all_steps() {
            let awaits = |of: &str| next.template.all_steps().any(|step| step.id.as_str() == of);
            let late = rules.approvers.iter().flat_map(flat).any(|a| matches!(a, Approver::ManagerOf(of) if awaits(of)));
            if !late && next.opening(rules).2 == 0 {
                return Err("unroutable");
            }
        }
        next.advance();
        *self = next;
        Ok(())
    }

    pub(crate) fn status(&self) -> &'static str {
        match self.phase {
            "running" if self.steps.values().any(|step| step.state == "open") => "in_progress",
            "running" => "pending",
            other => other,
        }
    }

    fn rules(&self, id: &StepId) -> &Rules {
        self.template.step(id).unwrap()
    }

    pub(crate) fn vote(&mut self, by: &PersonId, id: &StepId, decision: Decision, hash: Option<bool>, behalf: Option<&PersonId>) -> Told {
        if !self.world.is_active(by) {
            return Err("unknown_user");
        }
        let (rules, step) = (self.rules(id).clone(), self.steps[id].clone());
        if let Some(cast) = step.votes.iter().find(|cast| cast.by == *by) {
            let same = cast.decision == decision && behalf.is_none_or(|person| *person == cast.person);
            return if same { Ok(false) } else { Err("already_voted") };
        }
        let asked = if step.need == 0 { Step { candidates: self.resolve(&rules.approvers), ..Step::default() } } else { step.clone() };
        let seats = self.seats(&rules, &asked, by, behalf);
        if seats.is_empty() {
            return Err("not_eligible");
        }
        if !["running", "returned"].contains(&self.phase) {
            return Err("request_closed");
        }
        if step.state != "open" {
            return Err("step_not_open");
        }
        let Some((person, any_of)) = seats.into_iter().find(|seat| taken(&step, seat).is_none()) else { return Err("seat_taken") };
        match hash {
            None if decision == Approve => return Err("payload_hash_required"),
            Some(false) => return Err("stale_revision"),
            _ => {}
        }
        let live: Vec<StepId> =
            self.steps.iter().filter(|(_, s)| ["open", "blocked"].contains(&s.state)).map(|(id, _)| id.clone()).collect();
        let plain = person == *by && any_of.is_none();
        self.steps.get_mut(id).unwrap().votes.push(Cast { by: by.clone(), person, any_of, decision });
        self.counting(id, &rules, decision);
        for other in live.iter().filter(|other| *other != id || !plain) {
            self.review(other);
        }
        Ok(true)
    }

    fn counting(&mut self, id: &StepId, rules: &Rules, decision: Decision) {
        let step = self.steps[id].clone();
        let set = |model: &mut Self, state| model.steps.get_mut(id).unwrap().state = state;
        let lost = || approvals(&step) + self.reach(rules, &step) < step.need as usize;
        let rejections = step.votes.iter().any(|cast| cast.decision == Reject);
        if decision == Approve && approvals(&step) >= step.need as usize {
            set(self, "approved");
            self.advance();
        } else if decision == Return || decision == Reject && rules.on_reject == OnReject::Return {
            set(self, "returned");
            self.end("returned");
        } else if decision == Reject && rules.on_reject == OnReject::Reject || rules.on_reject == OnReject::Majority && rejections && lost()
        {
            set(self, "rejected");
            self.end("rejected");
        }
    }

    fn admin(&self, by: &PersonId) -> bool {
        self.world.is_member(&RoleId::approval_admin(), by)
    }

    fn may_end(&self, by: &PersonId) -> Result<(), &'static str> {
        match () {
            () if !self.world.is_active(by) => Err("unknown_user"),
            () if !self.own.contains(by) && !self.admin(by) => Err("not_allowed"),
            () if !["running", "returned"].contains(&self.phase) => Err("request_closed"),
            () => Ok(()),
        }
    }

    pub(crate) fn cancel(&mut self, by: &PersonId) -> Told {
        self.may_end(by)?;
        self.end("cancelled");
        Ok(true)
    }

    pub(crate) fn resubmit(&mut self, by: &PersonId) -> Told {
        self.may_end(by)?;
        if self.phase != "returned" {
            return Err("not_returned");
        }
        let voters: Vec<PersonId> =
            self.steps.values().flat_map(|step| &step.votes).flat_map(|cast| [cast.by.clone(), cast.person.clone()]).collect();
        self.start()?;
        self.earlier_voters.extend(voters);
        Ok(true)
    }

    pub(crate) fn comment(&mut self, by: &PersonId) -> Told {
        if !self.world.is_active(by) {
            return Err("unknown_user");
        }
        let voted = self.steps.values().flat_map(|step| &step.votes).any(|cast| cast.by == *by || cast.person == *by);
        let live = self.steps.iter().filter(|(_, step)| ["open", "blocked"].contains(&step.state));
        let mut asked = live.map(|(id, step)| !self.seats(self.rules(id), step, by, None).is_empty());
        if !(self.own.contains(by) || voted || self.earlier_voters.contains(by) || self.admin(by) || asked.any(|asked| asked)) {
            return Err("not_found");
        }
        if ["running", "returned"].contains(&self.phase) { Ok(true) } else { Err("request_closed") }
    }

    pub(crate) fn reassign(&mut self, by: &PersonId, id: &StepId, from: Option<&PersonId>, to: &PersonId) -> Told {
        if !self.world.is_active(by) {
            return Err("unknown_user");
        }
        let open = ["running", "returned"].contains(&self.phase);
        let (rules, step) = (self.rules(id).clone(), self.steps[id].clone());
        if step.need == 0 {
            return Err(if open { "step_not_open" } else { "request_closed" });
        }
        let whose = from.unwrap_or(by);
        if whose != by && !self.admin(by) {
            return Err("not_allowed");
        }
        if whose != by && self.barred(&rules, by) {
            return Err("not_eligible");
        }
        let seats = self.seats(&rules, &step, whose, Some(whose));
        let single = seats.iter().any(|(_, any_of)| any_of.is_none());
        let named = step.candidates.contains(&Candidate::User(whose.clone()));
        if whose == by && seats.is_empty() && !(from.is_none() && self.admin(by)) {
            return Err("not_eligible");
        }
        if from.is_none() && !single {
            return Err("from_required");
        }
        if !open {
            return Err("request_closed");
        }
        if !["open", "blocked"].contains(&step.state) {
            return Err("step_not_open");
        }
        let held = single || named && seats.is_empty();
        if !held || step.votes.iter().any(|cast| cast.by == *whose || cast.person == *whose) {
            return Err("no_such_seat");
        }
        let seated = self.own_seats(&step, to).iter().any(|(_, any_of)| any_of.is_none());
        let voted = step.votes.iter().any(|cast| cast.by == *to || cast.person == *to);
        if !self.world.is_active(to) || self.barred(&rules, to) || self.counted(&rules, to) || seated || voted {
            return Err("invalid_target");
        }
        let seat = step.candidates.iter().find(|c| match c {
            Candidate::User(id) => id == whose,
            Candidate::Role(role) => self.world.is_member(role, whose) && !step.released.contains(whose),
            Candidate::AnyOf(_) => false,
        });
        let level = seat.and_then(|seat| step.added.iter().find(|(_, who)| who.contains(seat))).map_or(0, |(level, _)| *level);
        let step = self.steps.get_mut(id).unwrap();
        let (left, came) = (Candidate::User(whose.clone()), Candidate::User(to.clone()));
        step.candidates.retain(|c| *c != left);
        step.added.values_mut().for_each(|who| who.retain(|c| *c != left && *c != came));
        step.candidates.push(came.clone());
        step.added.entry(level).or_default().push(came);
        step.released.insert(whose.clone());
        step.released.remove(to);
        let ids: Vec<StepId> = self.steps.keys().cloned().collect();
        for other in ids.iter().filter(|other| *other == id || self.steps[*other].state == "blocked").cloned().collect::<Vec<_>>() {
            self.review(&other);
        }
        Ok(true)
    }

    pub(crate) fn reroute(&mut self) -> Told {
        let ids: Vec<StepId> = self.steps.keys().cloned().collect();
        let changed: Vec<bool> = ids.iter().map(|id| self.review(id)).collect();
        Ok(changed.contains(&true))
    }
}
