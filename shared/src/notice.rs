//! A notice: that something happened which somebody should hear of. What relay puts on the queue and `notifications` takes from it.
//!
//! It names what happened and for whom in general; who that is, what they are told and whether it still matters is found out when it is
//! sent. So it holds nothing personal, and a notice that comes late, twice or out of order says nothing wrong.

use std::fmt;
use std::str::FromStr;

use approvals_domain::candidate::Candidate;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, RequestId, StepId, TenantId};
use approvals_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Domain of notice ids.
const DOMAIN: &[u8] = b"approvals/notice/1";
/// The format's number.
pub const SCHEMA: u32 = 1;

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
    /// Which of the commit's events, from 0: the first one that concerns the audience.
    pub event: u32,
    /// When the commit was made.
    pub at: Timestamp,
    /// For whom.
    pub audience: Audience,
    /// What happened, as far as the audience is concerned.
    pub kind: Kind,
    /// Whose act it was, if a person's: nobody is told of what they did themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonId>,
    /// Only these of the audience; empty: all of it. For candidates added to a step whose first ones know already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Candidate>,
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

/// For whom a notice is. As text `approvers:STEP`, `requester`, `administrators`, `endpoints`, `person:ID`, `former_address:ID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Audience {
    /// Whoever may vote on a step when it is sent.
    Approvers(StepId),
    /// One person, whom an act concerns.
    Person(PersonId),
    /// Who asked, and who called for them.
    Requester,
    /// Members of `approval_admin`.
    Administrators,
    /// Systems: webhooks, the bus, a task that waits.
    Endpoints,
    /// The address that this one had before a commit.
    FormerAddress(PersonId),
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approvers(step) => write!(f, "approvers:{step}"),
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Requester => f.write_str("requester"),
            Self::Administrators => f.write_str("administrators"),
            Self::Endpoints => f.write_str("endpoints"),
            Self::FormerAddress(id) => write!(f, "former_address:{id}"),
        }
    }
}

/// A text that names no audience.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no audience: expected `approvers:STEP`, `requester`, `administrators`, `endpoints`, `person:ID` or `former_address:ID`")]
pub struct NoAudience(String);

impl FromStr for Audience {
    type Err = NoAudience;

    fn from_str(text: &str) -> Result<Self, NoAudience> {
        let found = match text.split_once(':') {
            None if text == "requester" => Some(Self::Requester),
            None if text == "administrators" => Some(Self::Administrators),
            None if text == "endpoints" => Some(Self::Endpoints),
            Some(("approvers", step)) => StepId::new(step).ok().map(Self::Approvers),
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

/// What happened, as far as an audience is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A step waits for an answer.
    Asked,
    /// The same, said again because time passes.
    Reminded,
    /// It waits for more people, because nobody answered in time.
    Escalated,
    /// A seat passed to this person.
    Reassigned,
    /// Somebody else passed this person's seat on.
    OffDesk,
    /// A step cannot go on: too few may vote.
    Blocked,
    /// The request came back.
    Returned,
    /// Somebody said something.
    Commented,
    /// The end.
    Approved,
    /// The end.
    Rejected,
    /// The end.
    Cancelled,
    /// The end.
    Expired,
    /// An effect was started and is not finished.
    EffectLate,
    /// For systems: whatever the commit says.
    Committed,
    /// Mails to a person go to another address.
    AddressChanged,
    /// Somebody administers, or does so no longer.
    OfficeChanged,
}

impl Kind {
    /// As on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Reminded => "reminded",
            Self::Escalated => "escalated",
            Self::Reassigned => "reassigned",
            Self::OffDesk => "off_desk",
            Self::Blocked => "blocked",
            Self::Returned => "returned",
            Self::Commented => "commented",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::EffectLate => "effect_late",
            Self::Committed => "committed",
            Self::AddressChanged => "address_changed",
            Self::OfficeChanged => "office_changed",
        }
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
    const GOLDEN: &str = include_str!("../golden/notices_v1.jsonl");

    #[test]
    fn notices_of_every_build_are_read_and_written_alike() {
        for line in GOLDEN.lines() {
            let notice = Notice::read(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(notice.body(), line);
        }
        let kinds: std::collections::BTreeSet<Kind> = GOLDEN.lines().map(|line| Notice::read(line).unwrap().kind).collect();
        assert_eq!(kinds.len(), 15, "a line for each kind");
    }

    #[test]
    fn a_strange_message_says_what_is_wrong_and_nothing_of_itself() {
        let good = GOLDEN.lines().next().unwrap();
        for bad in [
            "",
            "{}",
            "[1]",
            &good.replace("\"schema\":1", "\"schema\":2"),
            &good.replace("\"kind\":\"asked\"", "\"kind\":\"secret_kind\""),
            &good.replace("approvers:manager", "approvers:other"),
            &good.replace("approvers:manager", "secret"),
        ] {
            let error = Notice::read(bad).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
