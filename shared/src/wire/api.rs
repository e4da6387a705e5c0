//! Bodies that come in. Unknown fields are refused.

use approvals_domain::event::{Decision, EffectEnd};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{Entity, PersonId, RequestId, StepId, TemplateKey};
use approvals_domain::limits;
use approvals_domain::payload::Attachment;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::{Faults, invalid};

pub use check::{UNSEEN, check_attachments, check_scope, check_title, check_words};

mod check;

/// `POST /v1/requests`, `POST /v1/requests/preview`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitBody {
    /// The template's key.
    #[schema(value_type = String, example = "purchase_order")]
    pub template: TemplateKey,
    /// What the request is about.
    #[schema(value_type = EntityShape)]
    pub entity: Entity,
    /// One line, at most 200 characters.
    #[schema(max_length = 200)]
    pub title: String,
    /// The caller's data, at most 64 kB; checked against the template's fields.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// Who asks, if not the caller; needs the scope `submit_for`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub requester: Option<PersonId>,
    /// References to files, at most 20.
    #[serde(default)]
    #[schema(value_type = Vec<AttachmentShape>, max_items = 20)]
    pub attachments: Vec<Attachment>,
    /// Whom to tell when it is over.
    #[serde(default)]
    pub callback: Option<Callback>,
}

/// Whom to tell when a request is over.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    /// Of a Step Functions task that waits: it succeeds with the event that ends the request, whatever the outcome.
    #[schema(min_length = 1, max_length = 2048)]
    pub task_token: String,
}

/// Whoever has the token can end the task.
impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callback(…)")
    }
}

impl Callback {
    /// Whether this can be a token.
    ///
    /// # Errors
    /// [`Faults`] if it cannot.
    pub fn check(&self) -> Result<(), Faults> {
        let length = self.task_token.chars().count();
        if (1..=limits::TASK_TOKEN_CHARS).contains(&length) && !self.task_token.chars().any(char::is_control) {
            return Ok(());
        }
        let detail = format!("a task token has 1 to {} characters, none of them a control character", limits::TASK_TOKEN_CHARS);
        Err(invalid("/callback/task_token", "invalid", detail))
    }
}

/// Type and id of the thing a request is about, in the caller's own terms.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = Entity)]
pub struct EntityShape {
    /// For example `purchase_order`.
    pub r#type: String,
    /// The caller's id of it.
    pub id: String,
}

/// A reference to a file kept elsewhere.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = Attachment)]
pub struct AttachmentShape {
    /// File name.
    pub name: String,
    /// For example `application/pdf`.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Where it lies, https.
    pub url: String,
}

/// `POST /v1/requests/{id}/resubmit`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResubmitBody {
    /// As before if left out.
    #[serde(default)]
    pub title: Option<String>,
    /// The caller's data.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// As before if left out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<AttachmentShape>>)]
    pub attachments: Option<Vec<Attachment>>,
    /// What changed.
    #[serde(default)]
    pub comment: Option<String>,
}

/// `POST /v1/requests/{id}/cancel`.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    /// Why, at most 4,000 characters.
    #[serde(default)]
    pub reason: Option<String>,
}

/// `POST /v1/requests/{id}/transfer`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// Who asks from the next revision on.
    #[schema(value_type = String)]
    pub to: PersonId,
    /// Why, 1 to 4,000 characters.
    pub reason: String,
}

/// `POST /v1/requests/{id}/erase`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EraseBody {
    /// Why, 1 to 4,000 characters. It stays: name nobody in it.
    pub reason: String,
}

/// `POST /v1/requests/{id}/effect/start`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartEffectBody {
    /// What was approved, as the caller has it.
    #[schema(value_type = String)]
    pub payload_hash: Hash,
}

/// What was started, for whoever carries it out.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StartedEffect {
    /// The request.
    pub request: String,
    /// What was approved.
    pub payload_hash: String,
    /// A compact JWS, for the system that acts on it. The same key gives the same one.
    pub receipt: String,
}

/// `POST /v1/requests/{id}/effect/finish`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinishEffectBody {
    /// What came of it.
    #[schema(value_type = EffectEndShape)]
    pub outcome: EffectEnd,
    /// The caller's own name of it, such as a payment's number: at most 4,000 characters.
    #[serde(default)]
    pub reference: Option<String>,
}

/// What came of an effect.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = EffectEnd, rename_all = "snake_case")]
pub enum EffectEndShape {
    /// It happened.
    Done,
    /// It did not.
    Failed,
}

/// `POST /v1/requests/{id}/recall`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecallBody {
    /// Why, 1 to 4,000 characters.
    pub reason: String,
    /// The person whose approval it was, if the caller gave it for another.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub on_behalf_of: Option<PersonId>,
}

/// `POST /v1/requests/{id}/withdraw-vote`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawVoteBody {
    /// The step.
    #[schema(value_type = String)]
    pub step: StepId,
    /// The person whose right was used, if not the caller's own.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub on_behalf_of: Option<PersonId>,
}

/// `POST /v1/requests/{id}/comments`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CommentBody {
    /// 1 to 4,000 characters.
    pub comment: String,
}

/// `POST /v1/requests/{id}/decisions`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionBody {
    /// The step.
    #[schema(value_type = String)]
    pub step: StepId,
    /// The answer.
    #[schema(value_type = DecisionShape)]
    pub decision: Decision,
    /// What was shown: needed to approve.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub payload_hash: Option<Hash>,
    /// The revision that was shown: this or `payload_hash` is needed to reject or return from the second one on.
    #[serde(default)]
    pub revision: Option<u32>,
    /// The round of the seat that was shown: needed once a vote on it was taken back.
    #[serde(default)]
    pub round: Option<u32>,
    /// At most 4,000 characters.
    #[serde(default)]
    pub comment: Option<String>,
    /// The person voted for, if several are possible.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub on_behalf_of: Option<PersonId>,
}

/// `POST /v1/actions/{token}/decide`: the link says on what.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkDecisionBody {
    /// The answer.
    #[schema(value_type = DecisionShape)]
    pub decision: Decision,
    /// At most 4,000 characters.
    #[serde(default)]
    pub comment: Option<String>,
    /// Whose seat it fills, if another's; without it the one that the link's page shows.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub on_behalf_of: Option<PersonId>,
}

/// An approver's answer.
#[derive(Debug, utoipa::ToSchema)]
#[schema(as = Decision, rename_all = "snake_case")]
pub enum DecisionShape {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Back to the requester.
    Return,
}

/// `POST /v1/decisions`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkBody {
    /// 1 to 100 votes.
    #[schema(max_items = 100, value_type = Vec<BulkItem>)]
    pub items: Vec<Value>,
}

/// One vote of many.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkItem {
    /// The request.
    #[schema(value_type = String)]
    pub request: RequestId,
    /// The step.
    #[schema(value_type = String)]
    pub step: StepId,
    /// The answer.
    #[schema(value_type = DecisionShape)]
    pub decision: Decision,
    /// What was shown: needed to approve.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub payload_hash: Option<Hash>,
    /// The revision that was shown: this or `payload_hash` is needed to reject or return from the second one on.
    #[serde(default)]
    pub revision: Option<u32>,
    /// The round of the seat that was shown: needed once a vote on it was taken back.
    #[serde(default)]
    pub round: Option<u32>,
    /// At most 4,000 characters.
    #[serde(default)]
    pub comment: Option<String>,
    /// The person voted for, if several are possible.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub on_behalf_of: Option<PersonId>,
}

/// What became of each vote.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct BulkAnswer {
    /// In the order sent.
    pub items: Vec<BulkResult>,
}

/// What became of one vote.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct BulkResult {
    /// As sent.
    pub request: Value,
    /// As sent.
    pub step: Value,
    /// The HTTP status it would have had alone.
    pub status: u16,
    /// Why not, or `already_applied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Hash of the commit that holds the vote: a receipt, should it be missing in the archive one day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// `POST /v1/requests/{id}/reassign`.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReassignBody {
    /// The step.
    #[schema(value_type = String)]
    pub step: StepId,
    /// Whose seat; the caller's own if left out.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub from: Option<PersonId>,
    /// Whose it becomes.
    #[schema(value_type = String)]
    pub to: PersonId,
    /// 1 to 4,000 characters.
    pub reason: String,
}
