//! How a request ended, for systems that wait for it: an EventBridge bus, if one is configured, and the Step Functions task that was named at
//! submission. Both get the event that webhooks get, to its last byte.

use approvals::app;
use approvals::notice::Notice;
use approvals::store::deliveries::Delivery;
use approvals::store::requests::Record;
use approvals::wire::event_v1::Told;
use approvals::wiring::{Config, Error};
use aws_sdk_eventbridge::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use crate::Desk;
use crate::results::{Failed, Sent};

/// The name of the bus in deliveries.
pub(crate) const BUS: &str = "bus";
/// The name of a task that waits.
pub(crate) const TASK: &str = "task";
/// To whom, on either: a request ends once.
pub(crate) const OUTCOME: &str = "outcome";
/// Who events on the bus come from.
const SOURCE: &str = "approvals";
/// Types that end a request.
const FINAL: [&str; 4] =
    ["approvals.request.approved.v1", "approvals.request.cancelled.v1", "approvals.request.expired.v1", "approvals.request.rejected.v1"];

/// The way to a bus.
#[derive(Debug, Clone)]
pub struct Bus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

impl Bus {
    /// Over a client, whose own retries are switched off, since the queue tries again; to the bus of this name.
    pub fn new(client: &aws_sdk_eventbridge::Client, name: &str) -> Self {
        let config = client.config().to_builder().retry_config(aws_sdk_eventbridge::config::retry::RetryConfig::disabled());
        Self { client: aws_sdk_eventbridge::Client::from_conf(config.build()), name: name.to_owned() }
    }

    /// From a function's configuration; none: no bus is configured.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn from_config(config: &Config) -> Result<Option<Self>, Error> {
        let Some(name) = config.event_bus() else { return Ok(None) };
        let (region, credentials, https, endpoint) = config.aws()?;
        let mut bus = aws_sdk_eventbridge::Config::builder()
            .behavior_version(aws_sdk_eventbridge::config::BehaviorVersion::latest())
            .region(region)
            .credentials_provider(credentials)
            .http_client(https);
        bus.set_endpoint_url(endpoint);
        Ok(Some(Self::new(&aws_sdk_eventbridge::Client::from_conf(bus.build()), &name)))
    }

    async fn send(&self, told: &Told) -> Result<Sent, Failed> {
        let entry = PutEventsRequestEntry::builder().event_bus_name(&self.name).source(SOURCE).detail_type(told.kind);
        let answer = match self.client.put_events().entries(entry.detail(&told.body).build()).send().await {
            Ok(answer) => answer,
            Err(error) => {
                let code = error.as_service_error().map(|error| error.code().unwrap_or("an unknown error").to_owned());
                tracing::warn!(error = %DisplayErrorContext(&error), "EventBridge took nothing");
                return Err(Failed::new(
                    &code.map_or_else(|| "EventBridge does not answer".to_owned(), |code| format!("EventBridge: {code}")),
                ));
            }
        };
        // The call succeeds whatever becomes of its entries.
        match answer.entries().first() {
            Some(entry) => match (entry.error_code(), entry.event_id()) {
                (None, Some(id)) => Ok(Sent { provider_id: Some(id.to_owned()), status: None }),
                (code, _) => Err(refused(code.unwrap_or("an entry without an id"))),
            },
            None => Err(Failed::new("EventBridge: an answer without entries")),
        }
    }
}

/// An entry that EventBridge did not take. What is wrong with the entry itself stays wrong; the rest may be mended, or passes.
fn refused(code: &str) -> Failed {
    let for_good =
        matches!(code, "MalformedDetail" | "InvalidArgument" | "NotAuthorizedForSourceException" | "NotAuthorizedForDetailTypeException");
    Failed { for_good, ..Failed::new(&format!("EventBridge: {code}")) }
}

/// The way to tasks.
#[derive(Debug, Clone)]
pub struct Tasks(aws_sdk_sfn::Client);

impl Tasks {
    /// Over a client, whose own retries are switched off: whether a task that is gone was woken by an earlier try, only the delivery knows.
    pub fn new(client: &aws_sdk_sfn::Client) -> Self {
        let config = client.config().to_builder().retry_config(aws_sdk_sfn::config::retry::RetryConfig::disabled());
        Self(aws_sdk_sfn::Client::from_conf(config.build()))
    }

    /// From a function's configuration.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn from_config(config: &Config) -> Result<Self, Error> {
        let (region, credentials, https, endpoint) = config.aws()?;
        let mut tasks = aws_sdk_sfn::Config::builder()
            .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
            .region(region)
            .credentials_provider(credentials)
            .http_client(https);
        tasks.set_endpoint_url(endpoint);
        Ok(Self::new(&aws_sdk_sfn::Client::from_conf(tasks.build())))
    }

    /// Wakes a task, whatever the outcome: the state machine reads it and chooses. A failure would say that asking went wrong.
    async fn send(&self, token: &Token, told: &Told, delivery: &Delivery) -> Result<Sent, Failed> {
        let failed = match self.0.send_task_success().task_token(&token.0).output(&told.body).send().await {
            Ok(_) => return Ok(Sent::default()),
            Err(error) => error,
        };
        let Some(code) = failed.as_service_error().map(|error| error.code().unwrap_or("an unknown error").to_owned()) else {
            tracing::warn!(error = %DisplayErrorContext(&failed), "Step Functions does not answer");
            return Err(Failed::new("Step Functions does not answer"));
        };
        let gone = matches!(code.as_str(), "TaskTimedOut" | "TaskDoesNotExist");
        if gone && delivery.attempts > 1 {
            // An earlier try may have woken it, and its answer was lost; if not, nobody waits, which the state machine knows itself.
            tracing::warn!(code, notice = %delivery.notice.id, "the task is over; an earlier try may have ended it");
            return Ok(Sent::default());
        }
        let for_good = gone || matches!(code.as_str(), "InvalidToken" | "InvalidOutput" | "ValidationException");
        Err(Failed { for_good, ..Failed::new(&format!("Step Functions: {code}")) })
    }
}

/// Whoever has it can end the task: it stands in no log.
#[derive(Clone)]
pub(crate) struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// One outcome on its way.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// To the bus.
    Bus(Told),
    /// To a task.
    Task(Token, Told),
}

impl Outcome {
    /// The way it goes.
    pub(crate) fn channel(&self) -> &'static str {
        match self {
            Self::Bus(_) => BUS,
            Self::Task(..) => TASK,
        }
    }

    /// Its event.
    pub(crate) fn told(&self) -> &Told {
        match self {
            Self::Bus(told) | Self::Task(_, told) => told,
        }
    }

    /// Sends.
    pub(crate) async fn send(&self, desk: &Desk, delivery: &Delivery) -> Result<Sent, Failed> {
        match (self, &desk.bus) {
            (Self::Bus(told), Some(bus)) => bus.send(told).await,
            (Self::Bus(_), None) => Err(Failed { for_good: true, ..Failed::new("no bus is configured any more") }),
            (Self::Task(token, told), _) => desk.tasks.send(token, told, delivery).await,
        }
    }
}

/// The bus and the task that hear of a commit which ends its request; of a delivery that is tried again, that one.
pub(crate) async fn recipients(desk: &Desk, notice: &Notice, record: Option<&Record>) -> Result<Vec<Outcome>, app::Error> {
    // One that is tried again goes on, though no bus is configured any more: somebody must hear that it was not sent.
    let bus = if notice.retry.is_some() { notice.is_for(BUS, OUTCOME) } else { desk.bus.is_some() };
    let task = notice.is_for(TASK, OUTCOME);
    if !bus && !task {
        return Ok(Vec::new());
    }
    let Some(record) = record else { return Ok(Vec::new()) };
    let token = record.callback.as_ref().filter(|_| task).and_then(|callback| callback.get("task_token")?.as_str());
    if record.state.outcome().is_none() || !bus && token.is_none() {
        return Ok(Vec::new());
    }
    let Some(told) = desk.app.told(notice).await?.into_iter().find(|told| FINAL.contains(&told.kind)) else { return Ok(Vec::new()) };
    let token = token.map(|token| Token(token.to_owned()));
    let bus = bus.then(|| Outcome::Bus(told.clone()));
    Ok(bus.into_iter().chain(token.map(|token| Outcome::Task(token, told))).collect())
}
