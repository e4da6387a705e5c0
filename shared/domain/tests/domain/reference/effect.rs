//! Before it takes effect: start and finish, recall, a vote taken back.

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::time::Timestamp;

use super::clock::Due;
use super::{Answer, Model, Phase, Status, Vote};

/// For so many hours a start may stand without an end before somebody is told.
const LATE: f64 = 24.0;

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
        told: bool,
    },
    Done,
    /// Failed twice: final.
    Failed,
    /// Its approval stands no more.
    Void,
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
        if self.status == Status::Approved && matches!(self.effect, None | Some(Effect::Void)) {
            self.effect = self.until().map(|until| Effect::Pending { until, failures: 0 });
        }
    }

    /// Until when an effect that may be started from now on must be; none: the template has none.
    fn until(&self) -> Option<Timestamp> {
        self.template.confirms().map(|terms| self.now.plus_hours(f64::from(terms.within.hours())))
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.status == Status::Approved && matches!(self.effect, Some(Effect::Pending { .. }))
    }

    pub(crate) fn effect_state(&self) -> &'static str {
        match self.effect {
            None | Some(Effect::Void) => "none",
            Some(Effect::Pending { .. }) => "pending",
            Some(Effect::Started { .. }) => "started",
            Some(Effect::Done) => "done",
            Some(Effect::Failed) => "failed",
        }
    }

    /// The request goes back, or ends.
    pub(crate) fn void_effect(&mut self) {
        if matches!(self.effect, Some(Effect::Pending { .. })) {
            self.effect = Some(Effect::Void);
        }
    }

    pub(crate) fn not_started(&self) -> Result<(), &'static str> {
        let started = matches!(self.effect, Some(Effect::Started { .. } | Effect::Done | Effect::Failed));
        if started { Err("effect_started") } else { Ok(()) }
    }

    /// Submitter, or somebody the template names; and they may see the request.
    pub(crate) fn carries_out(&self, by: &PersonId) -> bool {
        let named = || self.template.confirms().into_iter().flat_map(|terms| &terms.by).flat_map(|spec| self.resolve(spec));
        self.submitter.as_ref() == Some(by) || named().any(|who| self.persons(&who).contains(by))
    }

    pub(crate) fn effect_waits(&self) -> Option<(Timestamp, Due)> {
        match self.effect {
            Some(Effect::Pending { until, .. }) => Some((until, Due::Lapse)),
            Some(Effect::Started { at, told: false, .. }) => Some((at.plus_hours(LATE), Due::Late)),
            _ => None,
        }
    }

    pub(crate) fn make(&mut self, what: &Move) -> Answer {
        let before = self.clone();
        let answer = match what {
            Move::Start { by, shown } => self.start(by, *shown),
            Move::Finish { by, done } => self.finish(by, *done),
            Move::Recall { by, behalf } => self.recall(by, behalf.as_ref()),
            Move::WithdrawVote { by, on, behalf } => self.withdraw_vote(by, on, behalf.as_ref()),
            Move::Lapse => self.wait_over(&Due::Expire),
        };
        if answer.is_err() {
            *self = before;
        }
        answer
    }

    /// Succeeds once, in time, and on what was approved.
    fn start(&mut self, by: &PersonId, shown: bool) -> Answer {
        self.gate(by)?;
        if !self.carries_out(by) {
            return Err("not_allowed");
        }
        self.not_started()?;
        let Some(Effect::Pending { failures, until }) = self.effect else { return Err("not_approved") };
        if until <= self.now {
            return Err("request_closed");
        }
        if !shown {
            return Err("stale_revision");
        }
        self.effect = Some(Effect::Started { at: self.now, failures, told: false });
        self.starters.push(by.clone());
        self.attempts += 1;
        Ok(true)
    }

    /// The first failure opens start, recall and cancel once more. Whoever started it may finish it, whatever they hold now. After a day `approval_admin` may finish as well.
    fn finish(&mut self, by: &PersonId, done: bool) -> Answer {
        self.gate(by)?;
        let late = matches!(self.effect, Some(Effect::Started { at, .. }) if at.plus_hours(LATE) <= self.now);
        if !(self.carries_out(by) || self.starters.last() == Some(by) || late && self.directory.is_admin(by)) {
            return Err("not_allowed");
        }
        let Some(Effect::Started { failures, .. }) = self.effect else { return Err("effect_not_started") };
        self.effect = Some(match (done, failures, self.until()) {
            (true, ..) => Effect::Done,
            (false, 0, Some(until)) => Effect::Pending { until, failures: 1 },
            _ => Effect::Failed,
        });
        Ok(true)
    }

    /// By whoever counted in an approval, or `approval_admin`, until the start; by the requester while it is in progress, if the template
    /// lets them. The request goes back and its approvals are void.
    fn recall(&mut self, by: &PersonId, behalf: Option<&PersonId>) -> Answer {
        self.gate(by)?;
        let own = self.template.recall && self.status == Status::Running && (*by == self.requester || self.submitter.as_ref() == Some(by));
        let mut approvals = self.steps.iter().flat_map(|step| &step.votes).filter(|vote| vote.decision == Decision::Approve);
        let counted = approvals.any(|vote| is_of(vote, by, behalf));
        if !counted && (behalf.is_some() || !own && !self.directory.is_admin(by)) {
            return Err("not_allowed");
        }
        self.not_started()?;
        self.not_closed()?;
        if self.status == Status::Returned {
            return Err("not_approved");
        }
        self.close(Status::Returned);
        // Void: no step is approved any more.
        self.steps.iter_mut().filter(|step| step.phase == Phase::Approved).for_each(|step| step.phase = Phase::Closed);
        Ok(true)
    }

    /// By the voter or the seat's holder, while the step is open or blocked: the seat is free again. The vote one cast goes before the one cast for one.
    fn withdraw_vote(&mut self, by: &PersonId, on: &StepId, behalf: Option<&PersonId>) -> Answer {
        self.gate(by)?;
        let at = self.at(on).ok_or("unknown_step")?;
        let votes = &self.steps[at].votes;
        let cast = votes.iter().position(|vote| vote.by == *by && is_of(vote, by, behalf));
        let nth = cast.or_else(|| votes.iter().position(|vote| is_of(vote, by, behalf))).ok_or("no_such_vote")?;
        self.not_closed()?;
        // An approval of a step that is through is taken back by a recall.
        let counted = |vote: &Vote| vote.decision == Decision::Approve && is_of(vote, by, behalf);
        if self.steps[at].phase == Phase::Approved && self.steps.iter().flat_map(|step| &step.votes).any(counted) {
            return Err("vote_counted");
        }
        if !self.steps[at].phase.is_live() {
            return Err("step_not_open");
        }
        self.steps[at].votes.remove(nth);
        self.reinforce_all();
        Ok(true)
    }

    /// Not started in time.
    pub(crate) fn lapse(&mut self) -> Answer {
        match self.effect {
            Some(Effect::Pending { until, .. }) if until <= self.now => {
                self.close(Status::Expired);
                Ok(true)
            }
            _ => Err("not_due"),
        }
    }

    /// Once for each start.
    pub(crate) fn tell_it_is_late(&mut self) -> Answer {
        match &mut self.effect {
            Some(Effect::Started { told: true, .. }) => Ok(false),
            Some(Effect::Started { at, told, .. }) if at.plus_hours(LATE) <= self.now => {
                *told = true;
                Ok(true)
            }
            Some(Effect::Started { .. }) => Err("not_due"),
            _ => Err("effect_not_started"),
        }
    }
}

/// A vote that somebody cast or that was cast on their right; on a person's right, if one is named.
fn is_of(vote: &Vote, by: &PersonId, behalf: Option<&PersonId>) -> bool {
    (vote.by == *by || vote.person == *by) && behalf.is_none_or(|person| vote.person == *person)
}
