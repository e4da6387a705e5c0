//! The directory: who is who, who holds which role, which template is in force. Each object has a decider and a hash chain of its own.
//!
//! A decider is `decide(view, command, attempt)`: pure and total. The view is all that the object's rules look at. The answer is an
//! [`Amendment`], or a [`Refusal`] that changes nothing.
//!
//! `hash = SHA-256("approvals/directory/1" ‖ previous hash ‖ RFC 8785 bytes)`. Names and addresses stand as one salted hash.

pub mod authority;
pub mod calendar;
pub mod delegation;
pub mod endpoint;
pub mod member;
pub mod preferences;
pub mod settings;
pub mod template;
pub mod user;

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::amount::Amount;
use crate::commit::SCHEMA;
use crate::facts::is_zero;
use crate::hash::{self, Hash, Salt};
use crate::ids::{PersonId, RoleId, StepId, TemplateKey, TenantId};
use crate::refusal::Refusal;
use crate::time::Timestamp;

/// One attempt of a command. Its loop reads, decides and writes again when somebody else was faster.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// When.
    pub now: Timestamp,
    /// Salts the hashes of what people wrote.
    pub salt: Salt,
    /// The version the caller saw, if they said (`If-Match`).
    pub if_match: Option<u64>,
    /// The version that the attempt before this one followed. Its write may hold although its answer was lost.
    pub tried: Option<u64>,
}

/// What a command comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Amendment<E = DirectoryEvent> {
    /// This is to be written.
    Change(E),
    /// The object is already as the command wants it. Nothing is written.
    Unchanged,
    /// An earlier attempt of this command wrote it, and its answer was lost.
    Written,
}

/// What is settled before any other rule: the command's own earlier write, the version the caller saw, an object that is already so.
/// `None`: the command changes something.
///
/// The own write comes first. Without that it would look like somebody else's, and `If-Match` would refuse it.
///
/// # Errors
/// [`Refusal::PreconditionFailed`] if the caller saw another version.
pub fn precondition<E>(version: u64, holds: bool, attempt: &Attempt) -> Result<Option<Amendment<E>>, Refusal> {
    if holds && attempt.tried.is_some_and(|tried| version == tried + 1) {
        return Ok(Some(Amendment::Written));
    }
    if attempt.if_match.is_some_and(|seen| seen != version) {
        return Err(Refusal::PreconditionFailed { version });
    }
    Ok(holds.then_some(Amendment::Unchanged))
}

/// An object that is written whole, and whose commits hold all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// From 1; 0: never written.
    pub version: u64,
    /// What stands, if anything.
    pub content: Option<serde_json::Value>,
}

/// Two objects of one kind never differ in letter case alone: whoever writes the one would mean the other. The one check for whatever the
/// directory holds under ids that people choose.
fn differs_in_letters(same_letters: Option<&impl ToString>) -> Result<(), Refusal> {
    same_letters.map_or(Ok(()), |other| Err(Refusal::IdCaseConflict(other.to_string())))
}

impl Document {
    /// Writes the object whole.
    ///
    /// # Errors
    /// As [`precondition`].
    pub fn write(&self, content: &serde_json::Value, attempt: &Attempt) -> Result<Amendment, Refusal> {
        let holds = self.content.as_ref() == Some(content);
        let settled = precondition(self.version, holds, attempt)?;
        Ok(settled.unwrap_or_else(|| Amendment::Change(DirectoryEvent::Document { content: Some(content.clone()) })))
    }
}

/// One change of one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryCommit {
    /// [`SCHEMA`].
    #[serde(rename = "s")]
    pub schema: u32,
    /// The tenant.
    #[serde(rename = "t")]
    pub tenant: TenantId,
    /// `user/ID`, `member/ROLE/ID`, `template/KEY`, `calendar/ID`, `settings`, `bootstrap`, `endpoint/ID`, `delegation/ID`.
    #[serde(rename = "o")]
    pub object: String,
    /// From 1, without gaps.
    #[serde(rename = "v")]
    pub version: u64,
    /// Hash of the commit before; [`Hash::ZERO`] before the first.
    #[serde(rename = "p")]
    pub prev_hash: Hash,
    /// When.
    pub at: Timestamp,
    /// Who.
    #[serde(rename = "a")]
    pub actor: Actor,
    /// Made before anybody administered, by the subject named for it.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    pub bootstrap: bool,
    /// Version of the mark of an end that stood then: another subject was named since; 0: nobody had ever administered.
    #[serde(rename = "w", default, skip_serializing_if = "is_zero_u64")]
    pub ended_before: u64,
    /// What holds from now on.
    #[serde(rename = "e")]
    pub event: DirectoryEvent,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero_u64(number: &u64) -> bool {
    *number == 0
}

/// What holds from now on. `k` in the bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "k", rename_all = "snake_case")]
pub enum DirectoryEvent {
    /// A person.
    User {
        /// Inactive persons neither ask nor vote.
        #[serde(rename = "a")]
        active: bool,
        /// Whom they report to.
        #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
        manager: Option<PersonId>,
        /// Salted hash of name, address, time zone and attributes.
        #[serde(rename = "h")]
        details: Hash,
        /// Of their links and sessions: those of an earlier one do nothing.
        #[serde(rename = "l", default, skip_serializing_if = "is_zero")]
        link_epoch: u32,
        /// Of their memberships and delegations: those of an earlier one do not count.
        #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
        term: u32,
    },
    /// A membership.
    Member {
        /// The role.
        #[serde(rename = "r")]
        role: RoleId,
        /// The person.
        #[serde(rename = "u")]
        user: PersonId,
        /// Holds, or holds no longer.
        #[serde(rename = "m")]
        member: bool,
        /// The person's term by then.
        #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
        term: u32,
    },
    /// A template's version exists.
    Template {
        /// Its number.
        #[serde(rename = "n")]
        number: u32,
        /// SHA-256 of its canonical content.
        #[serde(rename = "h")]
        content: Hash,
    },
    /// Which version new requests start with; none: the template is inactive.
    TemplateCurrent {
        /// Its number.
        #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
        number: Option<u32>,
    },
    /// A calendar, the tenant's settings or the end of the bootstrap, whole.
    Document {
        /// Its content; none: removed.
        #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
        content: Option<serde_json::Value>,
    },
    /// A webhook endpoint.
    Endpoint {
        /// Salted hash of its address; none: removed.
        #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
        url: Option<Hash>,
        /// Which events it gets.
        #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
        events: Vec<String>,
        /// Switched on.
        #[serde(rename = "a")]
        active: bool,
    },
    /// A right passed on for a time.
    Delegation {
        /// Whose right.
        #[serde(rename = "f")]
        from: PersonId,
        /// The giver's term by then.
        #[serde(rename = "g", default, skip_serializing_if = "is_zero")]
        from_term: u32,
        /// Who may use it.
        #[serde(rename = "u")]
        to: PersonId,
        /// The receiver's term by then.
        #[serde(rename = "w", default, skip_serializing_if = "is_zero")]
        to_term: u32,
        /// From then on.
        #[serde(rename = "b")]
        starts_at: Timestamp,
        /// Until just before then.
        #[serde(rename = "z")]
        ends_at: Timestamp,
        /// Only these templates.
        #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
        templates: Option<Vec<TemplateKey>>,
        /// Only these steps.
        #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
        steps: Option<Vec<StepId>>,
        /// Only up to this amount.
        #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
        max: Option<Amount>,
        /// Salted hash of the reason.
        #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
        reason: Option<Hash>,
        /// Taken back.
        #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
        revoked: bool,
    },
}

impl DirectoryCommit {
    /// The commit that follows version `version` with `prev_hash`.
    pub fn next(tenant: &TenantId, object: &str, after: (u64, Hash), at: Timestamp, actor: &Actor, event: DirectoryEvent) -> Self {
        let (version, prev_hash) = (after.0 + 1, after.1);
        let (tenant, object, actor) = (tenant.clone(), object.to_owned(), actor.clone());
        Self { schema: SCHEMA, tenant, object, version, prev_hash, at, actor, bootstrap: false, ended_before: 0, event }
    }

    /// Its bytes and hash.
    pub fn seal(&self) -> (Vec<u8>, Hash) {
        let bytes = hash::canonical(self);
        let hash = Hash::of(&[hash::DIRECTORY, &self.prev_hash.0, &bytes]);
        (bytes, hash)
    }
}
