//! Erasure: what people wrote in a request goes, in its item and beside it.

use approvals_domain::command::Command;

use super::authority;
use super::execute::{Order, Outcome};
use crate::app::{App, Error};
use crate::identity::Identity;

impl App {
    /// Erases a request. Whoever hears no answer gives the command again: what is left beside it then goes too.
    ///
    /// Who administers nothing hears so before anything is looked up, as of all that the scope `admin` opens; the core asks again.
    ///
    /// # Errors
    /// [`Error`]: a refusal, or a store that does not answer.
    pub async fn erase(&self, identity: &Identity, order: Order) -> Result<Outcome, Error> {
        debug_assert!(matches!(order.command, Command::Erase { .. }));
        authority::administers_requests(&self.directory, identity).await?;
        let outcome = self.execute(order).await?;
        self.requests.erase_beside(&outcome.record).await?;
        Ok(outcome)
    }
}
