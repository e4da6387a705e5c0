//! Deliveries that failed and are due again: each goes on the queue, for its recipient alone.

use approvals::app;
use approvals::store::keys::Key;

use super::Tick;

/// Puts one on the queue. What fails is logged, counted, and still due.
pub(super) async fn again(tick: &Tick, key: &Key) {
    match redeliver(tick, key).await {
        Ok(true) => tick.count(|report| report.redelivered += 1),
        Ok(false) => {}
        Err(error) => {
            tick.count(|report| report.failed += 1);
            tracing::error!(code = error.code(), %error, "a delivery could not be put on the queue");
        }
    }
}

/// Puts a delivery that is due on the queue again, for its recipient alone. `false`: it is not due any more.
async fn redeliver(tick: &Tick, key: &Key) -> Result<bool, app::Error> {
    let (deliveries, now) = (&tick.parts.deliveries, tick.app().clock.now());
    let Some(delivery) = deliveries.due(key, now).await? else { return Ok(false) };
    // On the queue first: whoever dies in between sends it twice, and the delivery takes care of that.
    tick.parts.outbox.queue.send(&[delivery.again()]).await.map_err(|error| app::Error::Busy(error.to_string()))?;
    deliveries.postpone(&delivery, now).await?;
    Ok(true)
}
