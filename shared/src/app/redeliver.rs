//! A delivery is due: it goes on the queue again.

use super::{App, Error};
use crate::store::keys::Key;

impl App {
    /// Puts a delivery that is due on the queue again, for its recipient alone. For the tick. `false`: it is not due any more, or this
    /// function has no queue.
    ///
    /// # Errors
    /// [`Error`] if the store or the queue does not answer: it stays due.
    pub async fn redeliver(&self, key: &Key) -> Result<bool, Error> {
        let now = self.clock.now();
        let Some(queue) = &self.notices else { return Ok(false) };
        let Some(delivery) = self.store.due_delivery(key, now).await? else { return Ok(false) };
        // On the queue first: whoever dies in between sends it twice, and the delivery takes care of that.
        queue.send(&[delivery.again()]).await.map_err(|error| Error::Busy(error.to_string()))?;
        self.store.postpone_delivery(&delivery, now).await?;
        Ok(true)
    }
}
