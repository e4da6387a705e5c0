//! The effect of an approval in an answer.

use approvals_domain::effect::{Effect, EffectState};
use approvals_domain::hash::Hash;
use approvals_domain::ids::PersonId;
use serde::Serialize;

/// How far the effect of an approval is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Effect)]
pub struct EffectView {
    /// `none`, `pending`, `started`, `done` or `failed`.
    state: &'static str,
    /// How often it was started.
    attempts: u32,
    /// Who started it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    by: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<String>,
    /// While it is pending: the request expires then.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// As given when it was finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

impl EffectView {
    pub(super) fn new(effect: Option<&Effect>, words: &impl Fn(Option<Hash>) -> Option<String>) -> Self {
        let last = effect.and_then(|effect| effect.last.as_ref());
        Self {
            state: effect.map_or(EffectState::None, |effect| effect.state).as_str(),
            attempts: effect.map_or(0, |effect| effect.attempts),
            by: last.map(|last| last.by.clone()),
            started_at: last.map(|last| last.started_at.to_string()),
            finished_at: last.and_then(|last| last.finished_at).map(|at| at.to_string()),
            expires_at: effect.and_then(|effect| effect.expires_at).map(|at| at.to_string()),
            reference: last.and_then(|last| words(last.reference)),
        }
    }
}
