//! What a decision may look at, and the two ways of giving no events: a refusal, or a fact that is missing.

use crate::actor::{Actor, Channel};
use crate::facts::{Evidence, FactsQuery, Wanted};
use crate::ids::{RequestId, TenantId};
use crate::refusal::Refusal;
use crate::template::Template;
use crate::time::Timestamp;

/// All a decision may look at besides the state.
#[derive(Debug)]
pub struct Context<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The request's id.
    pub request: &'a RequestId,
    /// Who asks.
    pub actor: &'a Actor,
    /// The way it came.
    pub channel: Channel,
    /// Never before the last commit.
    pub now: Timestamp,
    /// The pinned template.
    pub template: &'a Template,
    /// What is known of the directory.
    pub evidence: Evidence<'a>,
}

/// Why there are no events.
#[derive(Debug, Clone, PartialEq)]
pub enum No {
    /// The domain declines.
    Refused(Refusal),
    /// A fact is missing: load all of these and ask again. Never a default.
    Needs(FactsQuery),
}

impl No {
    pub(crate) fn needs(wanted: impl IntoIterator<Item = Wanted>) -> Self {
        Self::Needs(wanted.into_iter().collect())
    }

    /// What an answer lacks. Only ever asked for along with what is missing anyway: facts nobody used are not recorded, and a
    /// verifier that has only the recorded ones must not be asked for more.
    pub(crate) fn wanted<T>(answer: Result<T, Self>) -> FactsQuery {
        match answer {
            Err(Self::Needs(query)) => query,
            Ok(_) | Err(Self::Refused(_)) => FactsQuery::new(),
        }
    }

    /// If facts are missing, these are loaded in the same round.
    pub(crate) fn along(self, wishes: impl FnOnce() -> FactsQuery) -> Self {
        match self {
            Self::Needs(mut query) => {
                query.extend(wishes());
                Self::Needs(query)
            }
            refused @ Self::Refused(_) => refused,
        }
    }

    /// Asks for all members of a role, or for delegates: those who are asked for first did not do.
    pub(crate) fn asks_for_the_rest(&self) -> bool {
        let rest = |wanted: &Wanted| matches!(wanted, Wanted::Role(_, usize::MAX) | Wanted::Delegates(_));
        matches!(self, Self::Needs(query) if query.iter().any(rest))
    }
}

/// What independent questions lack, so that one round loads it all.
#[derive(Default)]
pub(crate) struct Missing(FactsQuery);

impl Missing {
    /// The answer, unless facts are missing for it.
    pub(crate) fn take<T>(&mut self, answer: Result<T, No>) -> Result<Option<T>, Refusal> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(No::Needs(query)) => {
                self.0.extend(query);
                Ok(None)
            }
            Err(No::Refused(refusal)) => Err(refusal),
        }
    }

    /// Nothing is missing.
    pub(crate) fn none(self) -> Result<(), No> {
        if self.0.is_empty() { Ok(()) } else { Err(No::Needs(self.0)) }
    }
}

impl From<FactsQuery> for No {
    fn from(query: FactsQuery) -> Self {
        Self::Needs(query)
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
