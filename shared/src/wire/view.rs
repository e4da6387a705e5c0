//! A request in an answer.

use std::collections::BTreeMap;

use approvals_domain::actor::{Actor, Caller, Channel};
use approvals_domain::candidate::Placed;
use approvals_domain::event::Decision;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{DelegationId, Entity, PersonId, RequestId};
use approvals_domain::payload::{Attachment, TemplateRef};
use approvals_domain::state::{self, StepPhase};
use approvals_domain::template::{self, Template};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::store::requests::{Data, Record, Text};

mod effect;
mod timer;

pub use effect::EffectView;
pub use timer::TimerView;

/// A request.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Request)]
pub struct RequestView {
    #[schema(value_type = String)]
    id: RequestId,
    #[schema(value_type = TemplateRefShape)]
    template: TemplateRef,
    #[schema(value_type = super::api::EntityShape)]
    entity: Entity,
    requester: String,
    submitted_by: String,
    /// Who else wrote a revision: they never vote on the request either.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    revised_by: Vec<PersonId>,
    /// Who asks from the next revision on, after a transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next_requester: Option<PersonId>,
    /// Null once erased.
    title: Option<String>,
    #[schema(value_type = StatusShape)]
    status: state::Status,
    /// A step waits for somebody who may vote on it.
    blocked: bool,
    revision: u32,
    version: u64,
    /// What an approval must name.
    payload_hash: String,
    /// With this and what is shown, anybody makes the payload hash again: see docs/events.md. Null once erased.
    salt: Option<String>,
    /// Title, metadata, attachments and what people wrote before are erased; hashes and commits stay.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
    /// As it was sent, in canonical form. Missing in lists; null once erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<super::api::AttachmentShape>>)]
    attachments: Option<Vec<Attachment>>,
    steps: Vec<StepView>,
    /// The closed request of the same entity before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    previous: Option<RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<OutcomeView>,
    /// How far the effect of the approval is. Whoever carries it out acts on its start, never on `approved`.
    effect: EffectView,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    /// `already_applied` when a call changed nothing because its effect held already.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// A template's version.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = TemplateRef)]
pub struct TemplateRefShape {
    /// Its key.
    pub key: String,
    /// From 1.
    pub version: u32,
}

/// Where a request stands; the last four are final, but for `approved` while its effect is pending.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = Status, rename_all = "snake_case")]
pub enum StatusShape {
    /// Its next step is blocked and nothing is open.
    Pending,
    /// A step is open.
    InProgress,
    /// With the requester.
    Returned,
    /// Final.
    Approved,
    /// Final.
    Rejected,
    /// Final.
    Cancelled,
    /// Final.
    Expired,
}

/// A step.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RequestStep)]
pub struct StepView {
    id: String,
    name: String,
    /// `waiting`, `open`, `blocked`, `approved`, `rejected`, `skipped`, `returned` or `closed`.
    state: &'static str,
    required: RequiredView,
    votes: Vec<VoteView>,
    /// Who may vote; empty unless the step is open or blocked.
    candidates: Vec<CandidateView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<String>,
    /// Escalation level reached.
    level: u32,
    /// What the clock does next, if it does anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_timer: Option<TimerView>,
    /// What an approval here means.
    meaning: String,
    /// The round, from 1: raised whenever all votes of the step are void within a revision. A vote names its seat's round above 1.
    round: u32,
    /// Seats and voters whose vote was taken back, with the round that a new vote there must name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rounds: BTreeMap<String, u32>,
}

/// How many approvals a step needs and has.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RequiredVotes)]
pub struct RequiredView {
    /// As the template says: a number, `all`, `majority` or a percentage.
    #[schema(value_type = Value)]
    rule: Value,
    /// Fixed when the step opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<u32>,
    have: usize,
}

/// A candidate.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Candidate)]
pub struct CandidateView {
    /// `user:ID`, `role:NAME`, or `any_of:` and these.
    pub seat: String,
    /// The escalation level that added it.
    pub level: u32,
    /// True: only stands in while too few others can vote.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reserve: bool,
}

impl From<&Placed> for CandidateView {
    fn from(placed: &Placed) -> Self {
        Self { seat: placed.candidate.to_string(), level: placed.level, reserve: placed.reserve }
    }
}

impl CandidateView {
    /// All candidates of a step.
    pub fn of(opening: &state::Opening) -> Vec<Self> {
        opening.candidates.iter().map(Self::from).collect()
    }
}

/// A vote.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Vote)]
pub struct VoteView {
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    #[schema(value_type = super::api::DecisionShape)]
    decision: Decision,
    at: String,
    revision: u32,
    /// What was shown, as the voter named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    meaning: String,
    via: ViaView,
    /// `api`, `bulk`, `cli`, `page` or `link`.
    #[schema(value_type = String)]
    channel: Channel,
    auth: AuthView,
    /// Hash of the commit that holds it.
    commit: String,
    /// The request was recalled since: it counts no more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    void: bool,
}

/// By which right a vote was cast.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Via)]
pub struct ViaView {
    /// The person whose right it was, or the `any_of` candidate filled.
    seat: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// Ids of the delegations between, the voter's own first.
    #[schema(value_type = Vec<String>)]
    delegations: Vec<DelegationId>,
    level: u32,
}

/// How a voter proved who they are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Auth)]
pub struct AuthView {
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<String>,
}

/// How a request ended.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Outcome)]
pub struct OutcomeView {
    /// A person's id, or `system`.
    by: String,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Who acted: a person's id, or `system`.
pub fn actor_name(actor: &Actor) -> String {
    actor.person().map_or_else(|| "system".to_owned(), ToString::to_string)
}

/// Hashes of the texts a view of the request shows.
pub fn texts_of(record: &Record) -> Vec<Hash> {
    let comments = record.state.votes().filter_map(|vote| vote.voted.comment);
    let reference = record.state.effect.as_ref().and_then(|effect| effect.last.as_ref()?.reference);
    comments.chain(record.state.outcome().and_then(|outcome| outcome.reason)).chain(reference).collect()
}

impl RequestView {
    /// Puts an answer together. `data`: `None` in lists; `Some(None)` once erased.
    pub fn new(record: &Record, template: &Template, data: Option<Option<Data>>, texts: &BTreeMap<Hash, Text>) -> Self {
        let state = &record.state;
        let words = |hash: Option<Hash>| hash.and_then(|hash| texts.get(&hash)).map(|text| text.words.clone());
        let (metadata, attachments) = match data {
            None => (None, None),
            Some(None) => (RawValue::from_string("null".to_owned()).ok(), Some(Vec::new())),
            Some(Some(data)) => (RawValue::from_string(data.metadata).ok(), Some(data.attachments)),
        };
        let outcome = state.outcome();
        Self {
            id: state.id.clone(),
            template: state.template.clone(),
            entity: state.entity.clone(),
            requester: state.requester.to_string(),
            submitted_by: state.submitted_by.to_string(),
            revised_by: state.revised_by.iter().cloned().collect(),
            next_requester: state.successor.clone(),
            title: record.title().map(str::to_owned),
            status: state.status(),
            blocked: state.blocked(),
            revision: state.revision,
            version: state.version,
            payload_hash: state.payload_hash.to_string(),
            salt: record.content.as_ref().map(|content| content.salt.to_string()),
            erased: record.content.is_none(),
            metadata,
            attachments,
            steps: state.steps.iter().map(|step| step_view(state, step, template.step(&step.id), &words)).collect(),
            previous: state.previous.clone(),
            outcome: outcome.map(|o| OutcomeView { by: actor_name(&o.by), at: o.at.to_string(), reason: words(o.reason) }),
            created_at: state.created_at.to_string(),
            updated_at: state.updated_at.to_string(),
            effect: EffectView::new(state.effect.as_ref(), &words),
            closed_at: outcome.filter(|_| state.is_over()).map(|o| o.at.to_string()),
            code: None,
        }
    }

    /// Says that nothing was changed because it held already.
    #[must_use]
    pub fn already_applied(self, already: bool) -> Self {
        Self { code: already.then_some("already_applied"), ..self }
    }
}

fn step_view(
    request: &state::Request,
    step: &state::Step,
    rules: Option<&template::Step>,
    words: &impl Fn(Option<Hash>) -> Option<String>,
) -> StepView {
    let opening = step.opening.as_ref();
    let live = opening.filter(|_| step.phase.is_live());
    let fixed = rules.and_then(|rules| match rules.required {
        template::Required::Count(count) => Some(count),
        _ => None,
    });
    let meaning = rules.map_or_else(|| "approval".to_owned(), |rules| rules.meaning.clone());
    StepView {
        id: step.id.to_string(),
        name: rules.map_or_else(|| step.id.to_string(), |rules| rules.title().to_owned()),
        state: step.phase.as_str(),
        required: RequiredView {
            rule: rules.map_or(Value::Null, |rules| json!(rules.required)),
            need: opening.map(|opening| opening.need).or(fixed.filter(|_| step.phase != StepPhase::Skipped)),
            have: step.approvals(),
        },
        votes: step.votes.iter().map(|vote| vote_view(vote, step.voided > 0, words)).collect(),
        candidates: live.map_or_else(Vec::new, CandidateView::of),
        opened_at: opening.map(|opening| opening.opened_at.to_string()),
        due_at: opening.map(|opening| opening.due_at.to_string()),
        closed_at: opening.and_then(|opening| opening.closed_at).map(|at| at.to_string()),
        level: opening.map_or(0, |opening| opening.level),
        next_timer: rules.and_then(|rules| TimerView::next(request, rules, step)),
        meaning,
        round: 1 + step.voided,
        rounds: step.withdrawn.iter().map(|(seat, taken_back)| (seat.clone(), 1 + step.voided + taken_back)).collect(),
    }
}

fn vote_view(vote: &state::Vote, void: bool, words: &impl Fn(Option<Hash>) -> Option<String>) -> VoteView {
    let voted = &vote.voted;
    let Caller { method, client_id, auth_time, acr, amr, .. } = vote.by.clone();
    VoteView {
        by: vote.by.id.to_string(),
        on_behalf_of: voted.on_behalf_of.as_ref().map(ToString::to_string),
        decision: voted.decision,
        at: vote.at.to_string(),
        revision: vote.revision,
        payload_hash: voted.payload_hash.map(|hash| hash.to_string()),
        comment: words(voted.comment),
        meaning: voted.meaning.clone().unwrap_or_else(|| "approval".to_owned()),
        via: ViaView {
            seat: vote.seat(),
            role: voted.role.as_ref().map(ToString::to_string),
            delegations: voted.delegations.clone(),
            level: voted.level,
        },
        channel: vote.channel,
        auth: AuthView { method, client_id, auth_time, acr, amr },
        commit: vote.commit.to_string(),
        void,
    }
}
