//! What people do, and how it is refused: authority before state, state before content.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, RoleId, StepId};
use approvals_domain::template::{Reasoned, Template};
use approvals_domain::time::Timestamp;
use approvals_domain::timers::Timer;

use super::clock::Due;
use super::people::{Delegation, Directory};
use super::seats::{Candidate, Ticket, Who};
use super::{Answer, Content, Model, Phase, Status, Step, Vote};

/// One act, named in full.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Vote(Ballot),
    Resubmit {
        by: PersonId,
        content: Content,
    },
    Cancel {
        by: PersonId,
    },
    Comment {
        by: PersonId,
    },
    Reassign {
        by: PersonId,
        on: StepId,
        from: Option<PersonId>,
        to: PersonId,
    },
    Transfer {
        by: PersonId,
        to: PersonId,
    },
    Reroute,
    /// The clock of a returned request.
    Returned(Due),
    Fire {
        on: StepId,
        timer: Timer,
    },
    Directory(Change),
    Wait {
        millis: i64,
    },
}

/// A vote as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Ballot {
    pub(crate) by: PersonId,
    pub(crate) on: StepId,
    pub(crate) decision: Decision,
    /// The payload hash sent along: the right one, another, or none.
    pub(crate) shown: Option<bool>,
    /// The revision sent along, in the same way.
    pub(crate) revision: Option<bool>,
    /// A comment was sent along.
    pub(crate) comment: bool,
    pub(crate) behalf: Option<PersonId>,
}

/// A change of the directory.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Leave(PersonId),
    Join(PersonId),
    Members(RoleId, BTreeSet<PersonId>),
    Manager(PersonId, PersonId),
    Delegate(Delegation),
    Revoke(usize),
}

/// A new request.
#[derive(Debug, Clone)]
pub(crate) struct Submission {
    pub(crate) by: PersonId,
    pub(crate) requester: PersonId,
    /// The caller's client may name another requester.
    pub(crate) submit_for: bool,
    pub(crate) content: Content,
}

impl Directory {
    pub(crate) fn change(&mut self, change: &Change) {
        match change {
            Change::Leave(id) => {
                self.people.get_mut(id).unwrap().active = false;
                self.roles.values_mut().for_each(|members| members.retain(|member| member != id));
            }
            Change::Join(id) => self.people.get_mut(id).unwrap().active = true,
            Change::Members(role, members) => drop(self.roles.insert(role.clone(), members.clone())),
            Change::Manager(of, id) => self.people.get_mut(of).unwrap().manager = Some(id.clone()),
            Change::Delegate(delegation) => self.delegations.push(delegation.clone()),
            Change::Revoke(nth) if *nth < self.delegations.len() => drop(self.delegations.remove(*nth)),
            Change::Revoke(_) => {}
        }
    }
}

impl Model {
    /// A request, or why there is none.
    pub(crate) fn submit(directory: Directory, template: Template, now: Timestamp, new: &Submission) -> Result<Self, &'static str> {
        if !directory.is_active(&new.by) {
            return Err("unknown_user");
        }
        if new.by != new.requester && !new.submit_for {
            return Err("submit_for_required");
        }
        if !directory.is_active(&new.requester) {
            return Err("unknown_user");
        }
        let mut model = Self {
            template,
            directory,
            now,
            requester: new.requester.clone(),
            submitter: Some(new.by.clone()),
            transferred: false,
            bound: [new.requester.clone(), new.by.clone()].into(),
            revision: 1,
            content: new.content.clone(),
            status: Status::Running,
            steps: Vec::new(),
            returned_at: now,
            requester_reminded: 0,
            asked: BTreeMap::new(),
            asked_roles: BTreeMap::new(),
            voters: BTreeSet::new(),
            effect: None,
            starters: Vec::new(),
            attempts: 0,
        };
        model.plan()?;
        Ok(model)
    }

    /// The one place where acts change the request. What is refused changes nothing.
    pub(crate) fn act(&mut self, deed: &Deed) -> Answer {
        let before = self.clone();
        let answer = match deed {
            Deed::Vote(ballot) => self.vote(ballot),
            Deed::Resubmit { by, content } => self.resubmit(by, content),
            Deed::Cancel { by } => self.cancel(by),
            Deed::Comment { by } => self.comment(by),
            Deed::Reassign { by, on, from, to } => self.reassign(by, on, from.as_ref(), to),
            Deed::Transfer { by, to } => self.transfer(by, to),
            Deed::Reroute => Ok(self.reroute()),
            Deed::Returned(due) => self.wait_over(due),
            Deed::Fire { on, timer } => self.fire(on, *timer),
            Deed::Directory(change) => {
                self.directory.change(change);
                Ok(false)
            }
            Deed::Wait { millis } => {
                self.now = self.now.plus_millis(*millis);
                Ok(false)
            }
        };
        if answer.is_err() {
            *self = before;
        }
        answer
    }

    /// Authority before content: whoever may not see the request hears that there is none, whatever they send.
    pub(crate) fn gate(&self, by: &PersonId) -> Result<(), &'static str> {
        match (self.sight(by), self.is_party(by)) {
            (Some(_), _) => Ok(()),
            (None, true) => Err("unknown_user"),
            (None, false) => Err("not_found"),
        }
    }

    pub(crate) fn not_closed(&self) -> Result<(), &'static str> {
        if self.is_closed() { Err("request_closed") } else { Ok(()) }
    }

    /// Requester, submitter, or an administrator.
    fn may_steer(&self, by: &PersonId) -> Result<(), &'static str> {
        let own = *by == self.requester || self.submitter.as_ref() == Some(by);
        if own || self.directory.is_admin(by) { Ok(()) } else { Err("not_allowed") }
    }

    fn vote(&mut self, ballot: &Ballot) -> Answer {
        let Ballot { by, on, decision, shown, revision, comment, behalf } = ballot;
        self.gate(by)?;
        let at = self.at(on).ok_or("unknown_step")?;
        let step = &self.steps[at];
        if let Some(vote) = step.votes.iter().find(|vote| vote.by == *by) {
            let same = vote.decision == *decision && behalf.as_ref().is_none_or(|person| *person == vote.person);
            return if same { Ok(false) } else { Err("already_voted") };
        }
        let all = self.tickets(step, by);
        let mut tickets = all.clone();
        tickets.retain(|ticket| behalf.as_ref().is_none_or(|person| *person == ticket.person));
        if tickets.is_empty() {
            return Err("not_eligible");
        }
        self.not_closed()?;
        if step.phase != Phase::Open {
            return Err("step_not_open");
        }
        let ticket = self.seat_for(step, &tickets).ok_or("seat_taken")?;
        // No order of votes blocks what another order approves: whose right one uses is a choice, as long as another would not do better.
        let blocks = |ticket: &Ticket| {
            let mut then = self.clone();
            then.cast(at, ticket, *decision);
            then.steps[at].phase == Phase::Blocked
        };
        let mut others = all.iter().filter(|other| **other != ticket && other.is_free(&step.votes));
        if behalf.is_some() && blocks(&ticket) && others.any(|other| !blocks(other)) {
            return Err("would_block");
        }
        if *decision == Decision::Approve && shown.is_none() {
            return Err("payload_hash_required");
        }
        if *shown == Some(false) || *revision == Some(false) {
            return Err("stale_revision");
        }
        if shown.is_none() && revision.is_none() && self.revision > 1 {
            return Err("revision_required");
        }
        if !comment && self.wants_reason(step, *decision) {
            return Err("reason_required");
        }
        self.cast(at, &ticket, *decision);
        Ok(true)
    }

    fn cast(&mut self, at: usize, ticket: &Ticket, decision: Decision) {
        self.steps[at].votes.push(Vote::with(ticket, decision));
        self.voters.extend([ticket.human.clone(), ticket.person.clone()]);
        self.count(at, ticket, decision);
    }

    fn resubmit(&mut self, by: &PersonId, content: &Content) -> Answer {
        self.gate(by)?;
        self.may_steer(by)?;
        self.not_closed()?;
        if self.status != Status::Returned {
            return Err("not_returned");
        }
        self.bound.insert(by.clone());
        // Whoever wrote the first revision after a transfer is its submitter.
        if std::mem::take(&mut self.transferred) {
            self.submitter = Some(by.clone());
        }
        self.revision += 1;
        self.content = content.clone();
        self.plan()?;
        Ok(true)
    }

    fn cancel(&mut self, by: &PersonId) -> Answer {
        self.gate(by)?;
        self.may_steer(by)?;
        self.not_started()?;
        self.not_closed()?;
        self.close(Status::Cancelled);
        Ok(true)
    }

    /// Taken after the end, too.
    fn comment(&mut self, by: &PersonId) -> Answer {
        self.gate(by)?;
        if self.as_party(by) == Some(self.revision) || self.directory.is_admin(by) { Ok(true) } else { Err("not_allowed") }
    }

    /// By an administrator: another person asks from the next revision on. A running request is returned by it.
    fn transfer(&mut self, by: &PersonId, to: &PersonId) -> Answer {
        self.gate(by)?;
        if !self.directory.is_admin(by) {
            return Err("not_allowed");
        }
        self.not_closed()?;
        if !self.directory.is_active(to) || *to == self.requester {
            return Err("invalid_target");
        }
        if self.status == Status::Running || self.is_pending() {
            self.close(Status::Returned);
        }
        // The old requester has no power any more, not even as the one who submitted it.
        if self.submitter.as_ref() == Some(&self.requester) {
            self.submitter = None;
        }
        self.transferred = true;
        self.requester = to.clone();
        self.bound.insert(to.clone());
        Ok(true)
    }

    /// The step says which decisions need a comment, else the template.
    fn wants_reason(&self, step: &Step, decision: Decision) -> bool {
        let reasons = self.rules(step).reasons.as_ref().unwrap_or(&self.template.reasons);
        match decision {
            Decision::Approve => false,
            Decision::Reject => reasons.contains(&Reasoned::Reject),
            Decision::Return => reasons.contains(&Reasoned::Return),
        }
    }

    /// A seat passes on: one's own, or by an administrator anybody's; but whoever is on the requester's side chooses nobody who answers in
    /// another's place. An `any_of` is nobody's own seat.
    fn reassign(&mut self, by: &PersonId, on: &StepId, from: Option<&PersonId>, to: &PersonId) -> Answer {
        self.gate(by)?;
        let at = self.at(on).ok_or("unknown_step")?;
        let step = &self.steps[at];
        let rights = |id: &PersonId| self.tickets(step, id).into_iter().filter(|ticket| ticket.person == *id).collect::<Vec<_>>();
        let holds = |id: &PersonId| rights(id).iter().any(|ticket| ticket.any_of.is_none());
        let (own, admin) = (from.is_none_or(|from| from == by), self.directory.is_admin(by));
        match () {
            () if own && !rights(by).is_empty() => {}
            () if !admin => return Err(if own { "not_eligible" } else { "not_allowed" }),
            () if from == Some(by) || self.is_barred(step, by) => return Err("not_eligible"),
            () => {}
        }
        self.not_closed()?;
        if !step.phase.is_live() {
            return Err("step_not_open");
        }
        let from = from.or(Some(by).filter(|by| holds(by))).ok_or("from_required")?;
        let voted = |id: &PersonId| step.votes.iter().any(|vote| vote.by == *id || vote.person == *id);
        // A named person's seat may pass on even if they have left or are barred: that is when administrators need it.
        let named = || step.candidates.iter().any(|candidate| candidate.who == Who::User(from.clone()));
        if voted(from) || !(holds(from) || rights(from).is_empty() && named()) {
            return Err("no_such_seat");
        }
        if !self.directory.is_active(to) || self.is_excluded(step, to) || holds(to) || voted(to) {
            return Err("invalid_target");
        }
        self.pass(at, from, to);
        self.reinforce(at);
        Ok(true)
    }

    fn pass(&mut self, at: usize, from: &PersonId, to: &PersonId) {
        let step = &self.steps[at];
        let own = Who::User(from.clone());
        let named: Vec<usize> = (0..step.candidates.len()).filter(|n| step.candidates[*n].who == own).collect();
        let role = step.candidates.iter().find(|c| matches!(c.who, Who::Role(_)) && self.persons(&c.who).contains(from)).cloned();
        let step = &mut self.steps[at];
        step.released.insert(from.clone());
        // Whoever is given a seat is asked again, by name.
        step.released.remove(to);
        for n in &named {
            let Candidate { who: Who::User(last), givers, .. } = &mut step.candidates[*n] else { continue };
            givers.push(std::mem::replace(last, to.clone()));
        }
        if let (true, Some(Candidate { level, reserve, .. })) = (named.is_empty(), role) {
            step.candidates.push(Candidate { who: Who::User(to.clone()), level, reserve, givers: vec![from.clone()], of_role: true });
        }
        self.note_asked(at);
    }

    /// The directory changed: are live steps stuck, or free again? Whether anything was written.
    fn reroute(&mut self) -> bool {
        let seen = |model: &Self| -> Vec<(Phase, u32, Vec<Candidate>)> {
            model.steps.iter().map(|step| (step.phase, step.need, step.candidates.clone())).collect()
        };
        let before = seen(self);
        self.reinforce_all();
        seen(self) != before
    }
}
