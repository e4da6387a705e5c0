//! The first line of a letter: what happened, in one plain sentence. And what somebody said along with it.

use approvals::app;
use approvals::app::queries::brief::Names;
use approvals::app::queries::conversation::words::expiry;
use approvals::notice::Kind;
use approvals::wire::plain::{line, lines};
use approvals_domain::event::{Decision, Event};
use approvals_domain::ids::PersonId;
use approvals_domain::limits;
use approvals_domain::state::{Request, StepPhase};

use crate::matter::Of;

/// What a first line is made of.
pub(crate) struct Lead<'a> {
    pub(crate) of: &'a Of<'a>,
    pub(crate) names: &'a Names,
    pub(crate) requester: &'a str,
}

impl Lead<'_> {
    /// What happened, to somebody of this kind.
    pub(crate) fn sentence(&self, kind: Kind) -> String {
        let (of, requester) = (self.of, self.requester);
        let (before, after) = (&of.turn.before, &of.turn.after);
        let by = || of.by().map_or_else(|| "The service".to_owned(), |id| self.names.of(id));
        let ended = || after.outcome().map_or_else(by, |outcome| self.names.actor(&outcome.by));
        match kind {
            Kind::Asked => format!("{requester} asks for your approval."),
            Kind::Reminded => format!("A reminder: a request of {requester} still waits for your answer."),
            Kind::Escalated => format!("A request of {requester} is not decided yet, so now you are asked as well."),
            Kind::Reassigned => format!("{} passed a request of {requester} on to you.", by()),
            Kind::OffDesk => {
                format!("{} passed your part in a request of {requester} on to {}. It is off your desk.", by(), self.passed_to())
            }
            Kind::Blocked => format!(
                "A request of {requester} cannot go on: too few people may vote on {}. It goes on by itself once the directory has enough.",
                self.blocked()
            ),
            Kind::EffectLate => {
                let state = &of.record.state;
                let who = state.effect.as_ref().and_then(|effect| effect.last.as_ref()).map_or_else(by, |last| self.names.of(&last.by));
                format!(
                    "{who} started the effect of this request more than a day ago, and has not reported its end. Find out what became of it, \
                     and report it: approvals effect finish {} done, or failed.",
                    state.id
                )
            }
            Kind::RequesterLeft => self.left(&by()),
            Kind::EffectFailed => "The effect of this request failed for good: it was approved, and did not take effect.".to_owned(),
            Kind::Outvoted => format!("Enough others approved a step of a request of {requester} that you had rejected."),
            Kind::Returned if of.has(|event| matches!(event, Event::Transferred { .. })) => {
                format!("{} made you the requester of this request. Change it and submit it again, or cancel it.", by())
            }
            Kind::Returned if of.has(|event| matches!(event, Event::Recalled { .. })) => {
                format!("{} recalled the request: its approvals are void. Change it and submit it again, or cancel it.", by())
            }
            Kind::Returned => format!("{} sent the request back to you. Change it and submit it again, or cancel it.", by()),
            Kind::ReturnReminded => "A reminder: the request is still with you. Change it and submit it again, or cancel it.".to_owned(),
            Kind::Approved if after.is_pending() => "The request is approved. It has not taken effect yet.".to_owned(),
            Kind::Approved => "The request is approved.".to_owned(),
            Kind::Rejected => format!("The request was rejected by {}.", ended()),
            Kind::Cancelled => format!("The request was cancelled by {}.", ended()),
            Kind::Expired => format!("The request expired: {}.", expiry(before.as_ref())),
            Kind::Recalled => {
                let approved = before.iter().flat_map(Request::votes).any(|vote| vote.voted.decision == Decision::Approve);
                let void = if approved { "Its approvals are void, and nothing" } else { "Nothing" };
                format!("{} recalled a request of {requester}. {void} is asked of you now.", by())
            }
            Kind::SentBack => format!("{} sent a request of {requester} back. Nothing is asked of you now.", by()),
            Kind::Transferred => {
                format!("{} made {} the requester of this request.", by(), self.names.of(after.asks()))
            }
            Kind::Withdrawn => format!("{} took back the vote that you cast on a request of {requester}.", by()),
            Kind::Commented => format!("{} commented on the request.", by()),
            Kind::Settled => format!("A request of {requester} does not need your answer any more."),
        }
    }

    /// To administrators: the request is with somebody who has left.
    fn left(&self, by: &str) -> String {
        let (of, asks) = (self.of, self.names.of(self.of.turn.after.asks()));
        let what = if of.has(|event| matches!(event, Event::RequesterReminded { .. })) {
            format!("A reminder: a request of {asks}, who has left, was sent back and waits.")
        } else if of.has(|event| matches!(event, Event::Recalled { .. })) {
            format!("{by} recalled a request of {asks}, who has left.")
        } else {
            format!("{by} sent back a request of {asks}, who has left.")
        };
        format!("{what} As an administrator you can hand it over, change it and submit it again, or cancel it.")
    }

    /// Who has the seat now that was passed on.
    fn passed_to(&self) -> String {
        let to = self.of.events().find_map(|event| if let Event::Reassigned { to, .. } = event { Some(to) } else { None });
        to.map_or_else(|| "somebody else".to_owned(), |id| self.names.of(id))
    }

    fn blocked(&self) -> String {
        let blocked = self.of.record.state.steps.iter().filter(|step| step.phase == StepPhase::Blocked);
        let titles = blocked.map(|step| self.of.template.step(&step.id).map_or(step.id.as_str(), |rules| rules.title()));
        line(&titles.collect::<Vec<_>>().join(", "), 200)
    }
}

impl Of<'_> {
    /// People whom first lines name.
    pub(crate) fn named(&self) -> Vec<&PersonId> {
        let to = self.events().filter_map(|event| match event {
            Event::Reassigned { to, .. } | Event::Transferred { to, .. } => Some(to),
            _ => None,
        });
        self.by().into_iter().chain(to).chain([self.turn.after.asks()]).collect()
    }

    /// What somebody said along with it, as far as it concerns a reader of this kind: a comment, or the reason of an act. What was said with
    /// a vote stands in what happened so far.
    pub(crate) async fn words(&self, kind: Kind) -> Result<Vec<String>, app::Error> {
        let said = self.events().find_map(|event| match (event, kind) {
            (Event::Commented { comment }, Kind::Commented) => Some(*comment),
            (Event::Recalled { reason, .. }, Kind::Returned | Kind::Recalled | Kind::RequesterLeft) => Some(*reason),
            (Event::Transferred { reason, .. }, Kind::Returned | Kind::Transferred | Kind::SentBack) => Some(*reason),
            (Event::Reassigned { reason, .. }, Kind::Reassigned | Kind::OffDesk) => Some(*reason),
            (Event::Cancelled { reason }, Kind::Cancelled) => *reason,
            (Event::EffectFinished { reference, .. }, Kind::EffectFailed) => *reference,
            _ => None,
        });
        let Some(hash) = said else { return Ok(Vec::new()) };
        let texts = self.desk.app.requests.texts(self.record, [hash]).await?;
        Ok(texts.get(&hash).map(|text| lines(&text.words, limits::COMMENT_CHARS)).unwrap_or_default())
    }
}
