//! Systems that hear of a commit. Each kind says whom it tells; another kind is another line here and another variant of [`Recipient`].

use approvals::app;
use approvals::notice::Notice;
use approvals::store::requests::Record;

use crate::Desk;
use crate::channel::Recipient;
use crate::{outcome, webhook};

/// All of them, of every kind; of a delivery that is tried again, that one.
pub(crate) async fn recipients(desk: &Desk, notice: &Notice, record: Option<&Record>) -> Result<Vec<Recipient>, app::Error> {
    let hooks = webhook::recipients(desk, notice).await?.into_iter().map(|hook| Recipient::Hook(Box::new(hook)));
    let outcomes = outcome::recipients(desk, notice, record).await?.into_iter().map(|outcome| Recipient::Outcome(Box::new(outcome)));
    Ok(hooks.chain(outcomes).collect())
}
