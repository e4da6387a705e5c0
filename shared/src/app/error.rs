//! Why the service did not do what was asked. Sorted by what the caller does next: mend the call, try again, or page a human.

use approvals_domain::refusal::Refusal;

use crate::wire::fault::Faults;
use crate::{identity, secrets, store};

/// Why the service did not do what was asked. It knows no transport: `web` says it in HTTP.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The domain declines. Nothing was changed.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The content of the call is wrong.
    #[error("{0}")]
    Invalid(#[from] Faults),
    /// The client or its token does not allow the call.
    #[error("{0}")]
    Denied(#[from] identity::Error),
    /// What was asked for does not exist, or the caller may not see it.
    #[error("there is nothing here, or nothing you may see")]
    NotFound,
    /// The same key came with two bodies.
    #[error("this Idempotency-Key was used with another body; use a fresh key for another call")]
    KeyReused,
    /// Commands come too fast. Nothing was done.
    #[error("{whose} come too fast: try again in {seconds} seconds")]
    TooFast {
        /// Of one person, or of all.
        whose: Whose,
        /// Seconds after which the next one is taken.
        seconds: u32,
    },
    /// Others hold what is needed. The text says what.
    #[error("{0}")]
    Busy(String),
    /// The store cannot be reached now. A write may or may not have happened. The text is for the log.
    #[error("the store is not available now: {0}")]
    Unavailable(String),
    /// What is stored is not what was written: page a human. The text is for the log.
    #[error("{0}")]
    Damaged(String),
    /// Something else is not as it must be: page a human. The text is for the log.
    #[error("{0}")]
    Broken(String),
}

/// Whose commands come too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// One person's.
    Person,
    /// Those of all people of a tenant together.
    Tenant,
}

impl std::fmt::Display for Whose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Person => "your commands",
            Self::Tenant => "the commands of all people of your organisation together",
        })
    }
}

impl Error {
    /// Whether the same call may succeed in a moment.
    pub const fn retryable(&self) -> bool {
        match self {
            Self::TooFast { .. } | Self::Busy(_) | Self::Unavailable(_) => true,
            Self::Refused(_)
            | Self::Invalid(_)
            | Self::Denied(_)
            | Self::NotFound
            | Self::KeyReused
            | Self::Damaged(_)
            | Self::Broken(_) => false,
        }
    }

    /// Stable code, for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Invalid(faults) => faults.part.code(),
            Self::Denied(identity::Error::Unknown(_)) => "unauthorized",
            Self::Denied(identity::Error::ScopeNeeded(_)) => "insufficient_scope",
            Self::Denied(identity::Error::LoginNeeded) => "login_required",
            Self::NotFound => "not_found",
            Self::KeyReused => "idempotency_key_reused",
            Self::TooFast { whose: Whose::Person, .. } => "too_many_commands",
            Self::TooFast { whose: Whose::Tenant, .. } => "tenant_throttled",
            Self::Busy(_) | Self::Unavailable(_) => "busy",
            Self::Damaged(_) => "damaged",
            Self::Broken(_) => "internal",
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(what) => Self::Unavailable(what),
            store::Error::Damaged { .. } => Self::Damaged(error.to_string()),
            store::Error::Newer { .. } | store::Error::Refused(_) => Self::Broken(error.to_string()),
        }
    }
}

impl From<secrets::Error> for Error {
    fn from(error: secrets::Error) -> Self {
        match error {
            // No further try helps: a human puts the secret right.
            secrets::Error::Malformed(..) => Self::Broken(error.to_string()),
            secrets::Error::Unreadable(..) | secrets::Error::Unknown(..) => Self::Unavailable(error.to_string()),
        }
    }
}
