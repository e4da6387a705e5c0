//! What an outage left behind, made good: on AWS two functions and a queue are asked for it, here the same code in this process.

use approvals::outbox::Outbox;
use approvals::runtime::deadline::Deadline;
use approvals::web::problem::Problem;
use approvals_domain::time::Timestamp;
use archive::archiver;
use archive::reconcile::{Ask, Report, reconcile};
use serde_json::{Value, json};

use super::{Error, Local, TICK, WHOLE};
use crate::admin::redrive::{Moved, redrive};
use crate::engine::queues::{NOTICES, PARKED};

/// Files a reconciliation because relay parked something: what the alarm `RelayParking` does on AWS.
///
/// # Errors
/// [`Error`] if the table does not answer.
pub(super) async fn file(relay: &Outbox, now: Timestamp) -> Result<(), Error> {
    let alarm = json!({ "source": "aws.cloudwatch", "time": now.to_string() });
    let filed = relay::run(relay, alarm, TICK).await;
    filed.map(drop).map_err(|error| approvals::store::Error::Unavailable(error.to_string()).into())
}

impl Local {
    /// What the function `relay` answers to `{"reconcile": asked}`; what was missed is then delivered.
    ///
    /// # Errors
    /// [`Problem`] if it is asked wrongly, or the store does not answer.
    pub async fn reconcile(&self, asked: &Value) -> Result<Value, Problem> {
        let answer = relay::run(&self.relay, json!({ "reconcile": asked }), TICK).await.map_err(|error| match error {
            relay::Error::Failed(error) => error.into(),
            other => Problem::new(400, "invalid_body", other.to_string()),
        });
        // The queue is gone when the process is: what was promised is on its way before the answer.
        self.notices.work().await.map_err(|error| Problem::busy(&error))?;
        let mut answer = answer?;
        // Once the walk is through: the archive too.
        if answer.get("next").is_none_or(Value::is_null) {
            let since = asked.get("since").and_then(Value::as_str).and_then(Timestamp::parse);
            let report = self.reconcile_archive(since).await.map_err(|error| Problem::internal(&error.to_string()))?;
            if let Some(answer) = answer.as_object_mut() {
                answer.insert("leaves_appended".to_owned(), json!(report.appended));
                answer.insert("leaves_held".to_owned(), json!(report.held));
            }
        }
        Ok(answer)
    }

    /// Puts the parked notices on the queue again, and has them delivered.
    ///
    /// # Errors
    /// What the queues answer.
    pub async fn redrive(&self) -> Result<Moved, String> {
        let moved = redrive(&self.notices.sqs, PARKED, NOTICES, |_| {}).await?;
        self.notices.work().await?;
        Ok(moved)
    }

    /// Appends what the logs lack of the table: what was written before there was an archive, or while its consumer stood still for a day.
    ///
    /// # Errors
    /// If a log cannot be read or written.
    pub async fn reconcile_archive(&self, since: Option<Timestamp>) -> Result<Report, archiver::Error> {
        let ask = Ask { since, place: None };
        reconcile(&self.archiver, &self.stores.table.metered(), ask, Deadline::after(WHOLE)).await
    }
}
