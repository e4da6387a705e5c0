//! Effect: what was approved is started, once, and the receipt of the start is made again for a retry.

use approvals_domain::command::Command;
use approvals_domain::commit::Sealed;
use approvals_domain::evolve::apply;
use approvals_domain::state::Request;

use super::execute::{How, Order, Outcome};
use crate::app::{App, Error};
use crate::identity::{self, Identity, Scope};
use crate::store::Freshness;
use crate::store::requests::Record;

/// A start, and the request as it left it.
#[derive(Debug, Clone)]
pub struct Started {
    /// Its commit.
    pub commit: Sealed,
    /// The request then.
    pub request: Request,
    /// The request now.
    pub record: Record,
    /// An earlier call made it.
    pub replayed: bool,
}

impl App {
    /// Starts an effect.
    ///
    /// # Errors
    /// [`Error`]: a refusal, or a store that does not answer.
    pub async fn start_effect(&self, order: Order) -> Result<Started, Error> {
        debug_assert!(matches!(order.command, Command::StartEffect { .. }));
        let id = order.id.clone();
        let outcome = self.execute(order).await?;
        let (record, replayed) = (outcome.record, outcome.how != How::Done);
        if let Some(commit) = record.commits.last().filter(|sealed| sealed.commit.command.id == id) {
            return Ok(Started { commit: commit.clone(), request: record.state.clone(), record, replayed });
        }
        let (history, _) = self.requests.history(&record).await?;
        let mut state = None;
        for commit in history {
            state = apply(state, &commit);
            if let (true, Some(request)) = (commit.commit.command.id == id, &state) {
                return Ok(Started { request: request.clone(), commit, record, replayed });
            }
        }
        Err(Error::Damaged("a start that is not in its request".to_owned()))
    }

    /// Recalls a request. To take back one's own is the act of a client that submits; to void an approval is one that decides.
    ///
    /// # Errors
    /// [`Error`]: a refusal, a scope that is missing, or a store that does not answer.
    pub async fn recall(&self, identity: &Identity, mut order: Order) -> Result<Outcome, Error> {
        debug_assert!(matches!(order.command, Command::Recall { .. }));
        if !identity.scopes.contains(&Scope::Decide) {
            let record = self.requests.load(&order.tenant, &order.request, Freshness::Strong).await?.ok_or(Error::NotFound)?;
            if record.state.requester != identity.caller.id {
                let mut known = self.reading(identity).await?;
                let sees = self.may_see(identity, &record, &mut known).await?;
                return Err(if sees { identity::Error::ScopeNeeded(vec![Scope::Decide]).into() } else { Error::NotFound });
            }
            order.loaded = Some(Box::new(record));
        }
        self.execute(order).await
    }
}
