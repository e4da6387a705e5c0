//! Who gives a command, and by which way it came. Part of the hashed bytes of commits.

use serde::{Deserialize, Serialize};

use crate::ids::PersonId;

/// The way a command came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The HTTP API.
    #[default]
    Api,
    /// Many at once.
    Bulk,
    /// The command line.
    Cli,
    /// The web inbox.
    Page,
    /// An action link.
    Link,
}

impl Channel {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_api(&self) -> bool {
        *self == Self::Api
    }
}

/// Who gave a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Actor {
    /// A person, with how they proved who they are.
    Person(Caller),
    /// The service itself; never counted as a person.
    System {
        /// Which part.
        #[serde(rename = "y")]
        part: SystemPart,
    },
}

impl Actor {
    /// The person, if it is one.
    pub fn person(&self) -> Option<&PersonId> {
        match self {
            Self::Person(caller) => Some(&caller.id),
            Self::System { .. } => None,
        }
    }
}

/// A person who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// The token's subject.
    #[serde(rename = "u")]
    pub id: PersonId,
    /// How the identity was proved, for example `jwt`.
    #[serde(rename = "m")]
    pub method: String,
    /// The client that called for the person.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// When the person logged in, seconds since 1970 (OpenID Connect `auth_time`).
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// OpenID Connect `acr`.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// OpenID Connect `amr`.
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The client may submit for others.
    #[serde(rename = "f", default, skip_serializing_if = "std::ops::Not::not")]
    pub submit_for: bool,
}

impl Caller {
    /// A person of whom nothing else is known.
    pub fn bare(id: PersonId) -> Self {
        Self { id, method: String::new(), client_id: None, auth_time: None, acr: None, amr: Vec::new(), submit_for: false }
    }
}

/// Parts of the service that act on their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemPart {
    /// Timers.
    Escalation,
    /// Changes of the directory.
    Directory,
    /// The template's own rules: `when_empty: approve`.
    Template,
}
