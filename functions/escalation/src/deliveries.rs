//! Deliveries that failed and are due again: each goes on the queue, for its recipient alone.

use approvals::store::keys::Key;

use super::{Tick, count};

/// Puts one on the queue. What fails is logged, counted, and still due.
pub(super) async fn again(tick: &Tick, key: &Key) {
    match tick.app.redeliver(key).await {
        Ok(true) => count(&tick.counts.redelivered),
        Ok(false) => {}
        Err(error) => {
            count(&tick.counts.failed);
            tracing::error!(code = error.code(), %error, "a delivery could not be put on the queue");
        }
    }
}
