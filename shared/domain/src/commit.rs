//! A commit: the events of one command, who gave it, and what was known, hash-linked to the commit before.
//!
//! These bytes are for ever: an archive holds them and a stranger recomputes them. `hash = SHA-256("approvals/commit/1" ‖ previous
//! hash (32 zero bytes before the first) ‖ RFC 8785 bytes)`. Short keys: see the fields' `serde` names; docs/events.md lists them all.

use serde::{Deserialize, Serialize};

use crate::actor::{Actor, Caller, Channel};
use crate::event::Event;
use crate::facts::Facts;
use crate::hash::{self, Hash};
use crate::ids::{RequestId, TenantId};
use crate::time::Timestamp;

/// The format's number.
pub const SCHEMA: u32 = 1;

/// The events of one command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// [`SCHEMA`].
    #[serde(rename = "s")]
    pub schema: u32,
    /// The tenant.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// The request.
    #[serde(rename = "r")]
    pub request: RequestId,
    /// From 1, without gaps.
    #[serde(rename = "v")]
    pub version: u64,
    /// Hash of the commit before; [`Hash::ZERO`] before the first.
    #[serde(rename = "p")]
    pub prev_hash: Hash,
    /// When it was decided.
    pub at: Timestamp,
    /// What was asked.
    #[serde(rename = "c")]
    pub command: CommandTag,
    /// Who asked.
    #[serde(rename = "a")]
    pub actor: Actor,
    /// What the decision knew and used.
    #[serde(rename = "f", default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    /// What happened.
    #[serde(rename = "e")]
    pub events: Vec<Event>,
}

/// Which command a commit answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandTag {
    /// The command's own id; a retry carries the same.
    #[serde(rename = "i")]
    pub id: String,
    /// Its kind.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// The way it came.
    #[serde(rename = "w", default, skip_serializing_if = "Channel::is_api")]
    pub channel: Channel,
    /// No person hears of the commit: it was imported. Systems do.
    #[serde(rename = "q", default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
}

/// Kinds of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A new request.
    Submit,
    /// An approver's answer.
    Vote,
    /// A new revision.
    Resubmit,
    /// The end, by the requester.
    Cancel,
    /// A seat passes on.
    Reassign,
    /// A comment.
    Comment,
    /// The directory changed.
    Reroute,
    /// A reminder is due.
    Remind,
    /// A level of escalation is due.
    Escalate,
    /// A step's time is up.
    TimeOut,
    /// Another person asks.
    Transfer,
    /// A reminder of a returned request is due.
    RemindRequester,
    /// A returned request lay too long, or an approved one was not started in time.
    Expire,
    /// An effect is started.
    StartEffect,
    /// An effect is done, or failed.
    FinishEffect,
    /// A started effect is late.
    RemindEffect,
    /// Approvals are void.
    Recall,
    /// A vote is taken back.
    WithdrawVote,
    /// What people wrote is erased.
    Erase,
}

impl Kind {
    /// As in commits.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Vote => "vote",
            Self::Resubmit => "resubmit",
            Self::Cancel => "cancel",
            Self::Reassign => "reassign",
            Self::Comment => "comment",
            Self::Reroute => "reroute",
            Self::Remind => "remind",
            Self::Escalate => "escalate",
            Self::TimeOut => "time_out",
            Self::Transfer => "transfer",
            Self::RemindRequester => "remind_requester",
            Self::Expire => "expire",
            Self::StartEffect => "start_effect",
            Self::FinishEffect => "finish_effect",
            Self::RemindEffect => "remind_effect",
            Self::Recall => "recall",
            Self::WithdrawVote => "withdraw_vote",
            Self::Erase => "erase",
        }
    }
}

/// A commit with its bytes and hash.
#[derive(Debug, Clone, PartialEq)]
pub struct Sealed {
    /// What it says.
    pub commit: Commit,
    /// RFC 8785.
    pub bytes: Vec<u8>,
    /// Over the hash before and the bytes.
    pub hash: Hash,
}

/// Why bytes are no link of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Not a commit.
    #[error("not a commit: {0}")]
    Shape(String),
    /// Not the canonical form.
    #[error("not in canonical form")]
    Form,
    /// Does not follow the commit before.
    #[error("version {found} stands where {wanted} must")]
    Version {
        /// What must stand there.
        wanted: u64,
        /// What does.
        found: u64,
    },
    /// Names another commit before it.
    #[error("version {0} does not name the hash of the commit before")]
    Link(u64),
}

impl Commit {
    /// Its bytes and hash.
    pub fn seal(mut self) -> Sealed {
        if let Actor::Person(Caller { auth_time: Some(seconds), .. }) = &mut self.actor {
            // A token may claim anything; a number beyond 2^53 − 1 would make bytes that cannot be read again.
            *seconds = (*seconds).clamp(-Timestamp::MAX.millis(), Timestamp::MAX.millis());
        }
        let bytes = hash::canonical(&self);
        let hash = Hash::of(&[hash::COMMIT, &self.prev_hash.0, &bytes]);
        Sealed { commit: self, bytes, hash }
    }
}

impl Sealed {
    /// Reads bytes that must follow `version` and `prev_hash`.
    pub fn read(bytes: &[u8], version: u64, prev_hash: Hash) -> Result<Self, Broken> {
        let commit: Commit = serde_json::from_slice(bytes).map_err(|error| Broken::Shape(error.to_string()))?;
        if commit.schema != SCHEMA {
            return Err(Broken::Shape(format!("schema {} is not known", commit.schema)));
        }
        if commit.version != version + 1 {
            return Err(Broken::Version { wanted: version + 1, found: commit.version });
        }
        if commit.prev_hash != prev_hash {
            return Err(Broken::Link(commit.version));
        }
        let sealed = commit.seal();
        if sealed.bytes != bytes { Err(Broken::Form) } else { Ok(sealed) }
    }
}
