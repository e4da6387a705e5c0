//! What the schedules and the queue do on AWS, done by two loops of this process.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{Local, TICK};

/// A quiet log is signed anew after so many: an hour.
const REFRESH_TICKS: u32 = 60;
/// How often messages that failed are looked at again.
const RETRY: Duration = Duration::from_secs(2);

impl Local {
    /// Ticks as the schedule does, for ever. What fails is due again at the next one.
    pub(super) async fn keep_ticking(self) {
        let mut schedule = tokio::time::interval(TICK);
        schedule.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut ticks = 0;
        loop {
            schedule.tick().await;
            if let Err(error) = self.tick().await {
                tracing::error!(%error, "a tick failed");
            }
            ticks = (ticks + 1) % REFRESH_TICKS;
            if ticks == 0
                && let Err(error) = self.archiver.refresh_all().await
            {
                tracing::error!(%error, "a log was not signed anew");
            }
        }
    }

    /// Looks for messages that failed and may be tried again, for ever.
    pub(super) async fn keep_notifying(self) {
        let mut schedule = tokio::time::interval(RETRY);
        schedule.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            schedule.tick().await;
            if let Err(error) = self.notices.work().await {
                tracing::error!(error, "notices were not sent");
            }
        }
    }
}
