//! Backoff between attempts. Its jitter affects no result, so it is the only randomness that is not injected.

use std::time::Duration;

/// Waits before a further try: nothing, then about 10, 20, 40 … ms, at most 1 s, with jitter.
pub async fn pause(round: u32) {
    if round > 0 {
        let most = 10u64.saturating_mul(1 << round.min(7)).min(1_000);
        tokio::time::sleep(Duration::from_millis(rand::random_range(most / 2..=most))).await;
    }
}
