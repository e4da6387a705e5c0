//! Before it takes effect: start and finish, recall, a vote taken back. The core has none of it yet, so the model plays it alone and holds
//! itself against what must be true; `translate` gets these acts when the core does.

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::template::Approver;
use approvals_domain::time::Timestamp;

use super::{Answer, Model, Phase, Status};

/// `effect: {confirm: true, within, by}` and `recall` of a template.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) within_hours: f64,
    pub(crate) by: Vec<Approver>,
    pub(crate) recall: bool,
}

/// How far it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// Approved; may start until then.
    Pending {
        until: Timestamp,
        failures: u32,
    },
    Started {
        at: Timestamp,
        failures: u32,
    },
    Done,
    /// Failed twice: final.
    Failed,
}

/// What may be asked around the effect.
#[derive(Debug, Clone)]
pub(crate) enum Move {
    Start { by: PersonId, shown: bool },
    Finish { by: PersonId, done: bool },
    Recall { by: PersonId, behalf: Option<PersonId> },
    WithdrawVote { by: PersonId, on: StepId, behalf: Option<PersonId> },
    Lapse,
}

impl Model {
    /// Approved is open until the effect starts: the request can still be recalled, cancelled, or lapse.
    pub(crate) fn approve_before_effect(&mut self) {
        if self.status == Status::Approved
            && self.effect.is_none()
            && let Some(terms) = &self.terms
        {
            self.effect = Some(Effect::Pending { until: self.now.plus_hours(terms.within_hours), failures: 0 });
        }
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.status == Status::Approved && matches!(self.effect, Some(Effect::Pending { .. }))
    }

    /// Submitter, or somebody the template names; and they may see the request.
    fn carries_out(&self, by: &PersonId) -> bool {
        let named = || self.terms.iter().flat_map(|terms| &terms.by).flat_map(|spec| self.resolve(spec, &self.steps[0]));
        *by == self.submitter || named().any(|who| self.persons(&who).contains(by))
    }

    pub(crate) fn make(&mut self, what: &Move) -> Answer {
        let before = self.clone();
        let answer = match what {
            Move::Start { by, shown } => self.start(by, *shown),
            Move::Finish { by, done } => self.finish(by, *done),
            Move::Recall { by, behalf } => self.recall(by, behalf.as_ref()),
            Move::WithdrawVote { by, on, behalf } => self.withdraw_vote(by, on, behalf.as_ref()),
            Move::Lapse => self.lapse(),
        };
        if answer.is_err() {
            *self = before;
        }
        answer
    }

    /// Succeeds once, and on what was approved.
    fn start(&mut self, by: &PersonId, shown: bool) -> Answer {
        if self.sight(by).is_none() {
            return Err("not_found");
        }
        if !self.carries_out(by) {
            return Err("not_allowed");
        }
        let Some(Effect::Pending { failures, .. }) = self.effect.clone().filter(|_| self.status == Status::Approved) else {
            return Err(if self.effect.is_some() { "effect_started" } else { "not_approved" });
        };
        if !shown {
            return Err("stale_revision");
        }
        self.effect = Some(Effect::Started { at: self.now, failures });
        Ok(true)
    }

    /// The first failure opens start, recall and cancel once more. After a day `approval_admin` may finish as well.
    fn finish(&mut self, by: &PersonId, done: bool) -> Answer {
        if self.sight(by).is_none() {
            return Err("not_found");
        }
        let late = |at: Timestamp| at.plus_hours(24.0) <= self.now && self.directory.is_admin(by);
        match self.effect.clone() {
            Some(Effect::Started { at, failures }) if self.carries_out(by) || late(at) => {
                self.effect = Some(match (done, failures, &self.terms) {
                    (true, ..) => Effect::Done,
                    (false, 0, Some(terms)) => Effect::Pending { until: self.now.plus_hours(terms.within_hours), failures: 1 },
                    _ => Effect::Failed,
                });
                Ok(true)
            }
            Some(Effect::Started { .. }) => Err("not_allowed"),
            _ if self.carries_out(by) => Err("effect_not_started"),
            _ => Err("not_allowed"),
        }
    }

    /// By whoever counted in an approval, or `approval_admin`, before the start; by the requester while it is in progress. The request goes
    /// back and its approvals are void.
    fn recall(&mut self, by: &PersonId, behalf: Option<&PersonId>) -> Answer {
        if self.sight(by).is_none() {
            return Err("not_found");
        }
        let own = *by == self.requester && self.status == Status::Running;
        let person = behalf.unwrap_or(by);
        let mut votes = self.steps.iter().flat_map(|step| &step.votes).filter(|vote| vote.decision == Decision::Approve);
        let counted =
            votes.any(|vote| vote.by == *by && behalf.is_none_or(|person| vote.person == *person) || vote.person == *by && person == by);
        if own && !self.terms.as_ref().is_none_or(|terms| terms.recall) || !own && !counted && !self.directory.is_admin(by) {
            return Err("not_allowed");
        }
        match self.status {
            Status::Approved if self.is_pending() => self.effect = None,
            Status::Approved if self.effect.is_some() => return Err("effect_started"),
            Status::Running if own => {}
            Status::Running => return Err("not_approved"),
            _ => return Err("request_closed"),
        }
        self.steps.iter_mut().for_each(|step| step.round += 1);
        self.close(Status::Returned);
        Ok(true)
    }

    /// By the voter or the seat's holder, while the step is open: the seat is free again.
    fn withdraw_vote(&mut self, by: &PersonId, on: &StepId, behalf: Option<&PersonId>) -> Answer {
        if self.sight(by).is_none() {
            return Err("not_found");
        }
        let at = self.at(on).ok_or("unknown_step")?;
        let person = behalf.unwrap_or(by);
        let theirs =
            |vote: &super::Vote| (vote.by == *by && (behalf.is_none() || vote.person == *person)) || vote.person == *by && person == by;
        let nth = self.steps[at].votes.iter().position(theirs).ok_or("not_allowed")?;
        if self.is_closed() {
            return Err("request_closed");
        }
        if self.steps[at].phase != Phase::Open {
            return Err("step_not_open");
        }
        self.steps[at].votes.remove(nth);
        self.steps[at].round += 1;
        self.reinforce_all();
        Ok(true)
    }

    /// Not started in time.
    fn lapse(&mut self) -> Answer {
        match self.effect {
            Some(Effect::Pending { until, .. }) if self.is_pending() && until <= self.now => {
                self.status = Status::Expired;
                Ok(true)
            }
            _ => Err("not_due"),
        }
    }
}
