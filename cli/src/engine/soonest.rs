//! How soon something written stands in an index that is asked by time: nothing is looked for before that.
//!
//! It errs on one side: what it says may be too early, never too late.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

/// The earliest time in the watched attribute of all that was written since it was last reset, milliseconds since 1970.
#[derive(Debug)]
pub(super) struct Soonest {
    /// The attribute's name as it stands in the body of a call.
    name: OnceLock<String>,
    earliest: AtomicI64,
}

impl Default for Soonest {
    /// Nothing is known of what was written before.
    fn default() -> Self {
        Self { name: OnceLock::new(), earliest: AtomicI64::new(i64::MIN) }
    }
}

impl Soonest {
    /// Watches an attribute from now on.
    pub(super) fn attribute(&self, name: &str) {
        let _ = self.name.set(format!("\"{name}\""));
    }

    /// Looks at the body of a call that writes, before it is done.
    pub(super) fn note(&self, body: &[u8]) {
        let Some(name) = self.name.get() else { return };
        for at in memchr::memmem::find_iter(body, name) {
            let value = body.get(at + name.len()..).and_then(|rest| rest.strip_prefix(b":{\"S\":\""));
            let digits = value.map(|value| value.split(|byte| *byte == b'"').next().unwrap_or_default());
            let time = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            // Written in another form, or not as an attribute: at any time, then.
            self.no_later_than(time.unwrap_or(i64::MIN));
        }
    }

    pub(super) fn no_later_than(&self, time: i64) {
        self.earliest.fetch_min(time, Ordering::SeqCst);
    }

    pub(super) fn earliest(&self) -> i64 {
        self.earliest.load(Ordering::SeqCst)
    }

    /// Only what is written from now on counts, until [`Soonest::no_later_than`] says what stands there.
    pub(super) fn reset(&self) {
        self.earliest.store(i64::MAX, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(body: &str) -> i64 {
        let soonest = Soonest::default();
        soonest.attribute("ds");
        soonest.reset();
        soonest.note(body.as_bytes());
        soonest.earliest()
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
}
