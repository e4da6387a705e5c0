//! A second, naive opinion: DESIGN §4 once more, written from its sentences and not from the code. It knows the whole directory.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::candidate::Candidate;
use approvals_domain::event::Decision::{self, Approve, Reject, Return};
use approvals_domain::ids::{PersonId, RoleId, StepId};
use approvals_domain::template::{Approver, Fallback, OnReject, Step as Rules, Template};
use approvals_domain::time::Timestamp;

use crate::world::World;

#[derive(Debug, Clone, Default)]
pub(crate) struct Step {
    pub(crate) state: &'static str,
    pub(crate) need: u32,
    pub(crate) votes: Vec<Cast>,
    candidates: Vec<Candidate>,
    released: BTreeSet<PersonId>,
    was_open: bool,
}

/// Who, whose right, which `any_of`, what.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    by: PersonId,
    person: PersonId,
    any_of: Option<Candidate>,
    decision: Decision,
}

type Seat = (PersonId, Option<Candidate>);

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

    // Who may vote

    fn barred(&self, rules: &Rules, person: &PersonId) -> bool {
        let barred = self.resolve(&self.template.barred).iter().flat_map(Candidate::members).any(|member| match member {
            Candidate::User(id) => id == person,
            Candidate::Role(role) => self.world.is_member(role, person),
            Candidate::AnyOf(_) => false,
        });
        !rules.allow_self && (self.own.contains(person) || barred)
    }

    fn counted(&self, rules: &Rules, person: &PersonId) -> bool {
        rules.distinct_from.iter().any(|id| self.steps[id].votes.iter().any(|cast| cast.by == *person || cast.person == *person))
    }

    fn own_seats(&self, step: &Step, person: &PersonId) -> Vec<Seat> {
        let is = |candidate: &Candidate| match candidate {
            Candidate::User(id) => id == person,
            Candidate::Role(role) => self.world.is_member(role, person) && !step.released.contains(person),
            Candidate::AnyOf(_) => false,
        };
        let single = step.candidates.iter().any(is).then(|| (person.clone(), None));
        let groups = step.candidates.iter().filter(|c| matches!(c, Candidate::AnyOf(_)) && c.members().iter().any(is));
        single.into_iter().chain(groups.map(|c| (person.clone(), Some(c.clone())))).collect()
    }

    /// Persons whose delegate the voter is, nearest first, then by id.
    fn delegators(&self, rules: &Rules, voter: &PersonId) -> Vec<PersonId> {
        let (mut all, mut edge) = (Vec::new(), vec![voter.clone()]);
        for _ in 0..3 {
            let from = |id: &PersonId| self.world.delegations_to(id).into_iter().cloned().collect::<Vec<_>>();
            let next: BTreeSet<PersonId> = edge
                .iter()
                .flat_map(from)
                .filter(|d| d.starts_at <= self.now && self.now < d.ends_at && d.steps.as_ref().is_none_or(|only| only.contains(&rules.id)))
                .map(|d| d.from)
                .filter(|id| id != voter && !all.contains(id) && self.world.is_active(id) && !self.barred(rules, id))
                .collect();
            edge = next.iter().cloned().collect();
            all.extend(next);
        }
        all
    }

    fn seats(&self, rules: &Rules, step: &Step, voter: &PersonId, behalf: Option<&PersonId>) -> Vec<Seat> {
        if !self.world.is_active(voter) || self.barred(rules, voter) || self.counted(rules, voter) {
            return Vec::new();
        }
        let own = self.own_seats(step, voter);
        match behalf {
            Some(person) if person == voter => own,
            None if !own.is_empty() => own,
            _ => {
                let wanted = |id: &PersonId| behalf.is_none_or(|person| person == id) && !self.counted(rules, id);
                self.delegators(rules, voter).iter().filter(|id| wanted(id)).flat_map(|id| self.own_seats(step, id)).collect()
            }
        }
    }

    /// The most further votes by distinct persons, each on a distinct seat.
    fn reach(&self, rules: &Rules, step: &Step) -> usize {
        let mut people: BTreeSet<PersonId> = BTreeSet::new();
        for member in step.candidates.iter().flat_map(Candidate::members) {
            match member {
                Candidate::User(id) => drop(people.insert(id.clone())),
                Candidate::Role(role) => people.extend(self.world.members(role)),
                Candidate::AnyOf(_) => {}
            }
        }
        let free = |id: &PersonId| -> Vec<Seat> {
            let used = step.votes.iter().any(|cast| cast.by == *id || cast.person == *id);
            if used || !self.world.is_active(id) || self.barred(rules, id) || self.counted(rules, id) {
                return Vec::new();
            }
            self.own_seats(step, id).into_iter().filter(|seat| taken(step, seat).is_none()).collect()
        };
        let rights: Vec<Vec<Seat>> = people.iter().map(free).collect();
        let mut sits: Vec<(Seat, usize)> = Vec::new();
        (0..rights.len()).filter(|who| settle(*who, &rights, &mut sits, &mut Vec::new())).count()
    }

    // Steps

    fn resolve(&self, approvers: &[Approver]) -> Vec<Candidate> {
        let mut found: Vec<Candidate> = Vec::new();
        for approver in approvers {
            let more = match approver {
                Approver::User(id) => vec![Candidate::User(id.clone())],
                Approver::Role(role) => vec![Candidate::Role(role.clone())],
                Approver::AnyOf(inner) => Some(self.resolve(inner)).filter(|c| !c.is_empty()).map(Candidate::AnyOf).into_iter().collect(),
                Approver::Expression(_) => Vec::new(),
                Approver::ManagerOf(of) => {
                    let heads: Vec<PersonId> = if of == "requester" {
                        vec![self.own[0].clone()]
                    } else {
                        let votes = self.steps.iter().filter(|(id, _)| id.as_str() == of).flat_map(|(_, step)| &step.votes);
                        votes.filter(|cast| cast.decision == Approve).map(|cast| cast.person.clone()).collect()
                    };
                    heads.iter().filter_map(|id| self.world.manager_of(id)).cloned().map(Candidate::User).collect()
                }
            };
            more.into_iter().for_each(|candidate| add(&mut found, candidate));
        }
        found
    }

    fn need(&self, rules: &Rules, step: &Step) -> u32 {
        rules.required.of(u32::try_from(self.reach(rules, &Step { votes: Vec::new(), ..step.clone() })).unwrap())
    }

    /// Adds who stands in while too few can vote; how many can in the end, up to what is wanted.
    fn reinforce(&self, rules: &Rules, step: &mut Step) -> (usize, usize) {
        let want = (step.need as usize).saturating_sub(approvals(step));
        let mut stages = vec![self.resolve(rules.fallback.approvers()), vec![Candidate::Role(RoleId::approval_admin())]];
        while self.reach(rules, step) < want && rules.fallback != Fallback::Nobody && !stages.is_empty() {
            stages.remove(0).into_iter().for_each(|candidate| add(&mut step.candidates, candidate));
        }
        (self.reach(rules, step), want)
    }

    /// The step as it would open; how many are wanted, and how many there are.
    fn opening(&self, rules: &Rules) -> (Step, usize, usize) {
        let mut step = Step { candidates: self.resolve(&rules.approvers), ..Step::default() };
        step.need = self.need(rules, &step);
        let (reach, want) = self.reinforce(rules, &mut step);
        step.state = if reach >= want { "open" } else { "blocked" };
        step.was_open = reach >= want;
        (step, want, reach)
    }

    fn skips(&self, rules: &Rules) -> bool {
        let step = Step { candidates: self.resolve(&rules.approvers), ..Step::default() };
        let there = rules.skip_if_approved_by.iter().flat_map(|id| &self.steps[id].votes).filter(|cast| cast.decision == Approve);
        let people: BTreeSet<&PersonId> = there.map(|cast| &cast.by).collect();
        let rights: Vec<Vec<Seat>> = people.iter().map(|id| self.seats(rules, &step, id, Some(id))).collect();
        let mut sits = Vec::new();
        let seated = (0..rights.len()).filter(|who| settle(*who, &rights, &mut sits, &mut Vec::new())).count();
        seated > 0 && seated >= self.need(rules, &step) as usize
    }

    fn advance(&mut self) {
        for group in self.template.clone().steps {
            for rules in group.steps() {
                if self.steps[&rules.id].state == "waiting" {
                    let step = if self.skips(rules) { Step { state: "skipped", ..Step::default() } } else { self.opening(rules).0 };
                    self.steps.insert(rules.id.clone(), step);
                }
            }
            if !group.steps().iter().all(|rules| ["approved", "skipped"].contains(&self.steps[&rules.id].state)) {
                return;
            }
        }
        self.end("approved");
    }

    fn end(&mut self, phase: &'static str) {
        self.phase = phase;
        for step in self.steps.values_mut().filter(|step| ["waiting", "open", "blocked"].contains(&step.state)) {
            step.state = "closed";
        }
    }

    /// True if it changed anything.
    fn review(&mut self, id: &StepId) -> bool {
        let rules = self.rules(id).clone();
        let before = self.steps[id].clone();
        if self.phase != "running" || !["open", "blocked"].contains(&before.state) {
            return false;
        }
        let mut step = before.clone();
        if step.state == "blocked" {
            let own: Vec<Candidate> = self
                .resolve(&rules.approvers)
                .into_iter()
                .filter(|c| !step.released.iter().any(|id| *c == Candidate::User(id.clone())))
                .collect();
            own.iter().cloned().for_each(|candidate| add(&mut step.candidates, candidate));
            if !step.was_open && rules.required.counts_seats() {
                let mut reserves = self.resolve(rules.fallback.approvers());
                reserves.push(Candidate::Role(RoleId::approval_admin()));
                let mut first = step.clone();
                first.candidates.retain(|c| own.contains(c) || !reserves.contains(c));
                step.need = self.need(&rules, &first);
            }
        }
        let (reach, want) = self.reinforce(&rules, &mut step);
        step.state = if reach >= want { "open" } else { "blocked" };
        step.was_open = step.was_open || step.state == "open";
        let changed = step.state != before.state || step.state == "open" && step.candidates.len() > before.candidates.len();
        if changed {
            self.steps.insert(id.clone(), step);
        }
        changed
    }

    // Commands

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
        let step = self.steps.get_mut(id).unwrap();
        step.candidates.retain(|c| *c != Candidate::User(whose.clone()));
        step.candidates.push(Candidate::User(to.clone()));
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
        Ok(ids.iter().map(|id| self.review(id)).fold(false, |any, changed| any || changed))
    }

    /// Who is whose delegate on open steps, taken seats too.
    pub(crate) fn rights_for_others(&self, people: &[PersonId]) -> Vec<(PersonId, StepId, PersonId)> {
        let mut all = Vec::new();
        for (id, step) in self.steps.iter().filter(|(_, step)| step.state == "open") {
            for by in people {
                let behalf =
                    self.delegators(self.rules(id), by).into_iter().filter(|of| !self.seats(self.rules(id), step, by, Some(of)).is_empty());
                all.extend(behalf.map(|of| (by.clone(), id.clone(), of)));
            }
        }
        all
    }

    /// Persons who could vote on an open step now.
    pub(crate) fn voters(&self, people: &[PersonId]) -> Vec<(PersonId, StepId)> {
        let open = self.steps.iter().filter(|(_, step)| step.state == "open");
        let may = |id: &StepId, step: &Step, person: &PersonId| {
            let seats = self.seats(self.rules(id), step, person, None);
            !step.votes.iter().any(|cast| cast.by == *person) && seats.iter().any(|seat| taken(step, seat).is_none())
        };
        open.flat_map(|(id, step)| people.iter().filter(move |p| may(id, step, p)).map(move |p| (p.clone(), id.clone()))).collect()
    }
}

fn flat(approver: &Approver) -> Vec<&Approver> {
    if let Approver::AnyOf(inner) = approver { inner.iter().collect() } else { vec![approver] }
}

fn add(candidates: &mut Vec<Candidate>, candidate: Candidate) {
    if !candidates.contains(&candidate) {
        candidates.push(candidate);
    }
}

fn approvals(step: &Step) -> usize {
    step.votes.iter().filter(|cast| cast.decision == Approve).count()
}

fn taken<'s>(step: &'s Step, (person, any_of): &Seat) -> Option<&'s Cast> {
    step.votes.iter().find(|cast| cast.person == *person || any_of.is_some() && cast.any_of == *any_of)
}

/// Finds a person a seat, making others move.
fn settle(who: usize, rights: &[Vec<Seat>], sits: &mut Vec<(Seat, usize)>, tried: &mut Vec<Seat>) -> bool {
    for seat in &rights[who] {
        if tried.contains(seat) {
            continue;
        }
        tried.push(seat.clone());
        let key = |s: &Seat| if s.1.is_some() { (None, s.1.clone()) } else { (Some(s.0.clone()), None) };
        let place = sits.iter().position(|(sat, _)| key(sat) == key(seat));
        let free = match place {
            None => true,
            Some(place) => settle(sits[place].1, rights, sits, tried),
        };
        if free {
            sits.retain(|(sat, _)| key(sat) != key(seat));
            sits.push((seat.clone(), who));
            return true;
        }
    }
    false
}
