//! How soon something written stands in an index that is asked by time: nothing is looked for before that.
//!
//! It errs on one side: what it says may be too early, never too late.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Mutex as Turn;

/// The earliest time in the watched attribute, milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Soonest {
    /// The attribute's name as it stands in the body of a call.
    name: OnceLock<String>,
    times: Mutex<Times>,
    /// One look at a time.
    looking: Turn<()>,
}

#[derive(Debug)]
struct Times {
    /// Of what stood there when somebody looked last.
    standing: i64,
    /// Of all that was written since that look began.
    written: i64,
}

impl Default for Times {
    /// Nothing is known of what was written before.
    fn default() -> Self {
        Self { standing: i64::MIN, written: i64::MAX }
    }
}

impl Soonest {
    /// Watches an attribute from now on.
    pub(super) fn attribute(&self, name: &str) {
        let _ = self.name.set(format!("\"{name}\""));
    }

    /// The earliest time that a call would write; none: it writes no such attribute.
    pub(super) fn in_body(&self, body: &[u8]) -> Option<i64> {
        let name = self.name.get()?;
        let times = memchr::memmem::find_iter(body, name).map(|at| {
            let value = body.get(at + name.len()..).and_then(|rest| rest.strip_prefix(b":{\"S\":\""));
            let digits = value.map(|value| value.split(|byte| *byte == b'"').next().unwrap_or_default());
            let time = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            // Written in another form, or not as an attribute: at any time, then.
            time.unwrap_or(i64::MIN)
        });
        times.min()
    }

    /// Notes what a call wrote, before it is answered and after it is done: a look that began later has seen it.
    pub(super) fn written(&self, time: i64) {
        let mut times = self.times();
        times.written = times.written.min(time);
    }

    pub(super) fn earliest(&self) -> i64 {
        let times = self.times();
        times.standing.min(times.written)
    }

    /// Takes what `look` finds for what stands there. Until it is done the times of before hold too.
    pub(super) async fn look_anew<E>(&self, look: impl Future<Output = Result<i64, E>>) -> Result<(), E> {
        let _turn = self.looking.lock().await;
        {
            let mut times = self.times();
            *times = Times { standing: times.standing.min(times.written), written: i64::MAX };
        }
        let found = look.await;
        self.times().standing = *found.as_ref().unwrap_or(&i64::MIN);
        found.map(|_| ())
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(body: &str) -> i64 {
        let soonest = Soonest::default();
        soonest.attribute("ds");
        soonest.in_body(body.as_bytes()).unwrap_or(i64::MAX)
    }

    #[test]
    fn the_earliest_time_that_is_written_counts_and_what_cannot_be_read_is_any_time() {
        assert_eq!(seen(r#"{"Item":{"PK":{"S":"a"},"ds":{"S":"0000000000500"}}}"#), 500);
        assert_eq!(seen(r#"[{"ds":{"S":"0000000000900"}},{"ds":{"S":"0000000000700"}}]"#), 700);
        assert_eq!(seen(r#"{"Item":{"PK":{"S":"ds"},"other":{"S":"0000000000500"}}}"#), i64::MIN);
        assert_eq!(seen(r#"{"ds": {"S": "0000000000500"}}"#), i64::MIN);
        assert_eq!(seen(r##"{"ExpressionAttributeNames":{"#u":"ds"},"v":{"S":"0000000000500"}}"##), i64::MIN);
        assert_eq!(seen(r#"{"Item":{"PK":{"S":"a"}}}"#), i64::MAX);
        assert_eq!(Soonest::default().earliest(), i64::MIN, "what was there before is not known");
    }

    #[tokio::test]
    async fn until_a_look_is_done_the_times_of_before_hold_and_what_is_written_meanwhile_stays() {
        let soonest = Soonest::default();
        let meanwhile = async {
            assert_eq!(soonest.earliest(), i64::MIN);
            soonest.written(700);
            Ok::<_, ()>(900)
        };
        soonest.look_anew(meanwhile).await.unwrap();
        assert_eq!(soonest.earliest(), 700);
        soonest.look_anew(async { Ok::<_, ()>(900) }).await.unwrap();
        assert_eq!(soonest.earliest(), 900);
        assert!(soonest.look_anew(async { Err(()) }).await.is_err());
        assert_eq!(soonest.earliest(), i64::MIN, "a look that failed knows nothing");
    }
}
