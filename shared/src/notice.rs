//! A notice: that something happened which somebody should hear of. What relay puts on the queue and `notifications` takes from it.
//!
//! It names a commit, and people or systems in general; who that is, what it means to each of them and whether it still matters is found
//! out when it is sent. So it holds nothing personal, and a notice that comes late, twice or out of order says nothing wrong.

use std::fmt;
use std::str::FromStr;

use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, RequestId, TenantId};
use approvals_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Domain of notice ids.
const DOMAIN: &[u8] = b"approvals/notice/1";
/// The format's number.
pub const SCHEMA: u32 = 2;

/// One commit, for one audience.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// [`SCHEMA`]. A consumer that reads another number leaves the message to a newer one.
    pub schema: u32,
    /// The same for the same commit and audience, however often it is made: SHA-256 over a domain, the commit's hash and the audience.
    pub id: Hash,
    /// Whose.
    pub tenant: TenantId,
    /// About which request; none: about an object of the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// About which object of the directory, such as `user/ann`; none: about a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Of the commit.
    pub version: u64,
    /// Of the commit.
    pub commit: Hash,
    /// When the commit was made.
    pub at: Timestamp,
    /// For whom.
    pub audience: Audience,
    /// Only this one, whose delivery is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
}

/// One delivery that is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The way it goes, such as `mail`.
    pub channel: String,
    /// To whom: a person's or an endpoint's id.
    pub to: String,
}

/// For whom a notice is. As text `people`, `endpoints`, `administrators`, `person:ID`, `former_address:ID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Audience {
    /// Everybody whom a commit of a request concerns.
    People,
    /// Systems: webhooks, the bus, a task that waits.
    Endpoints,
    /// Members of `approval_admin`, of a change of the directory.
    Administrators,
    /// One person, of a change of the directory that concerns them.
    Person(PersonId),
    /// The address that this one had before a commit.
    FormerAddress(PersonId),
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::People => f.write_str("people"),
            Self::Endpoints => f.write_str("endpoints"),
            Self::Administrators => f.write_str("administrators"),
            Self::Person(id) => write!(f, "person:{id}"),
            Self::FormerAddress(id) => write!(f, "former_address:{id}"),
        }
    }
}

/// A text that names no audience.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no audience: expected `people`, `endpoints`, `administrators`, `person:ID` or `former_address:ID`")]
pub struct NoAudience(String);

impl FromStr for Audience {
    type Err = NoAudience;

    fn from_str(text: &str) -> Result<Self, NoAudience> {
        let found = match text.split_once(':') {
            None if text == "people" => Some(Self::People),
            None if text == "endpoints" => Some(Self::Endpoints),
            None if text == "administrators" => Some(Self::Administrators),
            Some(("person", id)) => PersonId::new(id).ok().map(Self::Person),
            Some(("former_address", id)) => PersonId::new(id).ok().map(Self::FormerAddress),
            _ => None,
        };
        found.ok_or_else(|| NoAudience(text.to_owned()))
    }
}

impl TryFrom<String> for Audience {
    type Error = NoAudience;
    fn try_from(text: String) -> Result<Self, NoAudience> {
        text.parse()
    }
}

impl From<Audience> for String {
    fn from(audience: Audience) -> String {
        audience.to_string()
    }
}

/// What a commit of a request means to one person. Of several the first one here is told: what asks them to act stands before what informs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A seat passed to this person.
    Reassigned,
    /// They are asked as well, because a step was not decided yet.
    Escalated,
    /// A step waits for their answer.
    Asked,
    /// It still does.
    Reminded,
    /// A step cannot go on: too few may vote.
    Blocked,
    /// An effect was started and is not finished.
    EffectLate,
    /// The request was sent back to somebody who has left.
    RequesterLeft,
    /// The request is theirs to change.
    Returned,
    /// It still is.
    ReturnReminded,
    /// What was approved did not take effect, for good.
    EffectFailed,
    /// The end.
    Approved,
    /// The end.
    Rejected,
    /// The end.
    Cancelled,
    /// The end.
    Expired,
    /// Approvals are void, and the request is with its requester.
    Recalled,
    /// The request is with its requester, who is another.
    SentBack,
    /// The request has another requester now.
    Transferred,
    /// Somebody else passed their seat on.
    OffDesk,
    /// Somebody else took their vote back.
    Withdrawn,
    /// Somebody said something.
    Commented,
    /// A step was approved over their rejection.
    Outvoted,
    /// A step needs their answer no longer.
    Settled,
}

impl Kind {
    /// As in logs and tests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reassigned => "reassigned",
            Self::Escalated => "escalated",
            Self::Asked => "asked",
            Self::Reminded => "reminded",
            Self::Blocked => "blocked",
            Self::EffectLate => "effect_late",
            Self::RequesterLeft => "requester_left",
            Self::EffectFailed => "effect_failed",
            Self::Outvoted => "outvoted",
            Self::Returned => "returned",
            Self::ReturnReminded => "return_reminded",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Recalled => "recalled",
            Self::SentBack => "sent_back",
            Self::Transferred => "transferred",
            Self::OffDesk => "off_desk",
            Self::Withdrawn => "withdrawn",
            Self::Commented => "commented",
            Self::Settled => "settled",
        }
    }

    /// Whether it asks its reader to act: for an answer to a step, or, of an administrator, to see to it that something goes on.
    pub const fn is_to_do(self) -> bool {
        matches!(
            self,
            Self::Reassigned | Self::Escalated | Self::Asked | Self::Reminded | Self::Blocked | Self::EffectLate | Self::RequesterLeft
        )
    }
}

impl Notice {
    /// The id of a commit's notice for an audience.
    pub fn id_of(commit: &Hash, audience: &Audience) -> Hash {
        Hash::of(&[DOMAIN, &commit.0, audience.to_string().as_bytes()])
    }

    /// What it is about, for logs: a request's id, or an object of the directory.
    pub fn about(&self) -> &str {
        self.request.as_ref().map(RequestId::as_str).or(self.object.as_deref()).unwrap_or_default()
    }

    /// As on the queue: JSON.
    pub fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what stands on the queue.
    ///
    /// # Errors
    /// What is wrong with it; never part of its content.
    pub fn read(body: &str) -> Result<Self, String> {
        let notice: Self =
            serde_json::from_str(body).map_err(|error| format!("not a notice: {:?} in column {}", error.classify(), error.column()))?;
        if notice.schema != SCHEMA {
            return Err(format!("a notice of schema {}, which this build does not know", notice.schema));
        }
        if notice.request.is_some() == notice.object.is_some() {
            return Err("a notice about nothing, or about two things".to_owned());
        }
        if notice.id != Self::id_of(&notice.commit, &notice.audience) {
            return Err("a notice whose id is not that of its commit and audience".to_owned());
        }
        Ok(notice)
    }

    /// Whether it concerns this recipient on this channel: a delivery that is tried again concerns nobody else.
    pub fn is_for(&self, channel: &str, to: &str) -> bool {
        self.retry.as_ref().is_none_or(|retry| retry.channel == channel && retry.to == to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For ever: messages of an older build may wait on the queue while a newer one starts.
    const GOLDEN: &str = include_str!("../golden/notices_v2.jsonl");

    #[test]
    fn notices_of_every_build_are_read_and_written_alike() {
        for line in GOLDEN.lines() {
            let notice = Notice::read(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(notice.body(), line);
        }
    }

    #[test]
    fn a_strange_message_says_what_is_wrong_and_nothing_of_itself() {
        let good = GOLDEN.lines().next().unwrap();
        for bad in [
            "",
            "{}",
            "[1]",
            &good.replace("\"schema\":2", "\"schema\":1"),
            &good.replace("\"version\"", "\"secret\":1,\"version\""),
            &good.replace("\"people\"", "\"endpoints\""),
            &good.replace("\"people\"", "\"secret\""),
        ] {
            let error = Notice::read(bad).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
