//! The effect of an approval: what it allows, from the approval to its end. Only templates with `effect.confirm` have one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::{EffectEnd, is_zero};
use crate::hash::Hash;
use crate::ids::PersonId;
use crate::limits;
use crate::time::Timestamp;

/// How far the effect of a request is. It exists from the first approval on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Where it stands.
    pub state: EffectState,
    /// How often it was started, all revisions together. The receipt of a start names its number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// How many attempts failed since the approval that stands.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// While it is pending: the request expires then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Attempt>,
    /// Who else started an attempt before the last one. They keep sight of the request.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub earlier_starters: BTreeSet<PersonId>,
}

/// One start of an effect, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Who started it.
    pub by: PersonId,
    /// When.
    pub started_at: Timestamp,
    /// `approval_admin` was told that it is not finished.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reminded: bool,
    /// When it was reported as done or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Salted hash of the reference given at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Hash>,
}

/// Where an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectState {
    /// Nothing may be started: the approval was recalled, cancelled, or has expired.
    None,
    /// Approved; it may be started once.
    Pending,
    /// Under way.
    Started,
    /// Final: it happened.
    Done,
    /// Final: the second attempt failed.
    Failed,
}

impl EffectState {
    /// As in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pending => "pending",
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl Effect {
    /// After an approval: it may be started until then. Attempts made before still count.
    pub(crate) fn pending(before: Option<Self>, until: Timestamp) -> Self {
        let (attempts, last, earlier_starters) =
            before.map_or((0, None, BTreeSet::new()), |before| (before.attempts, before.last, before.earlier_starters));
        Self { state: EffectState::Pending, attempts, failures: 0, expires_at: Some(until), last, earlier_starters }
    }

    /// Started by somebody.
    pub(crate) fn start(&mut self, attempt: u32, by: PersonId, at: Timestamp) {
        (self.state, self.attempts, self.expires_at) = (EffectState::Started, attempt, None);
        let before = self.last.replace(Attempt { by, started_at: at, reminded: false, finished_at: None, reference: None });
        self.earlier_starters.extend(before.map(|before| before.by));
    }

    /// Done or failed. After the first failure it may be started once more, until then.
    pub(crate) fn finish(&mut self, end: EffectEnd, reference: Option<Hash>, until: Option<Timestamp>, at: Timestamp) {
        self.state = match (end, until) {
            (EffectEnd::Done, _) => EffectState::Done,
            (EffectEnd::Failed, Some(_)) => EffectState::Pending,
            (EffectEnd::Failed, None) => EffectState::Failed,
        };
        self.failures += u32::from(end == EffectEnd::Failed);
        self.expires_at = until;
        if let Some(last) = &mut self.last {
            (last.finished_at, last.reference) = (Some(at), reference);
        }
    }

    /// The approval it rested on is void, or the request is over.
    pub(crate) fn lapse(&mut self) {
        (self.state, self.expires_at) = (EffectState::None, None);
    }

    /// The last attempt is this person's: they may report its end, whatever roles they hold now.
    pub fn is_started_by(&self, id: &PersonId) -> bool {
        self.last.as_ref().is_some_and(|last| last.by == *id)
    }

    /// Started an attempt, the last one or an earlier one.
    pub fn was_started_by(&self, id: &PersonId) -> bool {
        self.is_started_by(id) || self.earlier_starters.contains(id)
    }

    /// A failure reported now leaves another attempt.
    pub fn may_fail_again(&self) -> bool {
        self.failures + 1 < limits::EFFECT_FAILURES
    }

    /// When `approval_admin` is told, or was, that what was started is not finished.
    pub fn late_at(&self) -> Option<Timestamp> {
        let last = self.last.as_ref().filter(|_| self.state == EffectState::Started);
        last.map(|last| last.started_at.plus_hours(f64::from(limits::EFFECT_HOURS)))
    }
}
