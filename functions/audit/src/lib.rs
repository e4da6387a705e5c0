//! Audit: the table's stream into the archive's logs, a fresh signature on each of them every hour, and what the stream did not bring.
//!
//! - [`keys`]: what is signed with;
//! - [`alarmed`]: the reconciliation that an alarm starts;
//! - the work itself is the crate `archive`: the embedded engine runs the same.

mod alarmed;
pub mod keys;

use std::sync::Arc;

use approvals::runtime::clock::Clock;
use approvals::runtime::deadline::{self, Deadline};
use approvals::runtime::entropy::Entropy;
use approvals::runtime::metrics::{Unit, emit};
use approvals::store::Table;
use approvals::wiring::{self, Config, Signing};
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;
use archive::archiver::{self, Archiver};
use archive::bucket::{self, Access};
use archive::reconcile::{Ask, Place, reconcile};
use aws_lambda_events::event::dynamodb::Event;
use aws_sdk_secretsmanager::config::BehaviorVersion;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use alarmed::Share;
use keys::{Keys, Secret, Source, kms};

/// For so long keys are believed; then they are read again. A rotation is seen by every instance after this.
const KEYS_MILLIS: i64 = 5 * 60_000;

/// Why the function does not start.
#[derive(Debug, thiserror::Error)]
pub enum Misconfigured {
    /// A variable.
    #[error(transparent)]
    Variable(#[from] wiring::Error),
    /// A bucket's name or S3's address.
    #[error("the archive's bucket: {0}")]
    Bucket(#[from] object_store::Error),
}

/// Why an invocation failed; a batch of the stream then comes again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The signing key.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// A log.
    #[error(transparent)]
    Archive(#[from] archiver::Error),
    /// What an alarm started cannot be brought to its end.
    #[error("a reconciliation was begun three times at one place and never left it: it is given up, see the runbook, `ArchiveFailing`")]
    GivenUp,
    /// Some logs are not sound: nothing was appended to them.
    #[error("{0} logs are not sound: they were passed over, see the runbook, `ArchiveParked`")]
    PassedOver(u64),
    /// Nothing of what it does.
    #[error(
        "what is asked is not known: send a stream's records, `{{\"refresh\": true}}`, `{{\"verifiers\": \"TENANT\"}}` \
         or `{{\"reconcile\": {{}}}}`"
    )]
    Unknown,
}

/// What the function is invoked with.
#[derive(Debug)]
enum Asked {
    /// By the stream.
    Append(Event),
    /// By the schedule: sign every log anew.
    Refresh,
    /// By an administrator: what a tenant's log is verified with. Public keys.
    Verifiers(TenantId),
    /// By an administrator: what the logs lack of the table.
    Reconcile(Ask),
    /// By an alarm: the same, and what is not done in this invocation is done with the schedule's.
    Alarm,
    /// By an alarm that is over.
    Calm,
}

/// What may be said about a reconciliation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    since: Option<String>,
    place: Option<Place>,
}

impl Asked {
    fn read(asked: Value) -> Option<Self> {
        if asked.get("Records").is_some() {
            return serde_json::from_value(asked).ok().map(Self::Append);
        }
        if asked == json!({ "refresh": true }) {
            return Some(Self::Refresh);
        }
        if asked.get("source").and_then(Value::as_str) == Some("aws.cloudwatch") {
            // CloudWatch tells each change of an alarm's state to those whom its state names.
            let state = asked.pointer("/alarmData/state/value").and_then(Value::as_str)?;
            return Some(if state == "ALARM" { Self::Alarm } else { Self::Calm });
        }
        if let Some(words) = asked.get("reconcile") {
            let Words { since, place } = Words::deserialize(words).ok()?;
            let since = since.map(|text| Timestamp::parse(&text).ok_or(())).transpose().ok()?;
            return Some(Self::Reconcile(Ask { since, place }));
        }
        let tenant = asked.get("verifiers").and_then(Value::as_str)?;
        TenantId::new(tenant).ok().map(Self::Verifiers)
    }
}

/// The archive, the table it is of, and the keys it is signed with.
#[derive(Debug)]
pub struct Audit {
    archiver: Archiver,
    /// Read, and by reconciliations only.
    table: Table,
    entropy: Entropy,
    keys: Keys,
    clock: Clock,
    /// When they were read.
    read_at: Mutex<Option<Timestamp>>,
}

impl Audit {
    /// Over an archiver and the table; what is signed with is read from `keys`.
    pub fn new(archiver: Archiver, table: Table, keys: Keys, clock: Clock, entropy: Entropy) -> Self {
        Self { archiver, table, entropy, keys, clock, read_at: Mutex::default() }
    }

    /// How long a function that ends at `deadline_ms` (milliseconds since 1970) may take more on.
    pub fn until(&self, deadline_ms: u64) -> Deadline {
        Deadline::after(deadline::left(deadline_ms, self.clock.now()))
    }

    /// From a function's configuration.
    ///
    /// # Errors
    /// [`Misconfigured`].
    pub fn from_config(config: &Config) -> Result<Self, Misconfigured> {
        let (region, credentials, https, endpoint) = config.aws()?;
        let wiring::Archive { bucket, staging, signing, installation, endpoint: s3 } = config.archive()?;
        let access = Access {
            region: region.to_string(),
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
            endpoint: s3,
        };
        let held = {
            let config = aws_sdk_kms::Config::builder().behavior_version(aws_sdk_kms::config::BehaviorVersion::latest());
            let mut config = config.region(region.clone()).credentials_provider(credentials.clone()).http_client(https.clone());
            config.set_endpoint_url(endpoint.clone()).set_timeout_config(Some(wiring::patience()));
            aws_sdk_kms::Client::from_conf(config.build())
        };
        let secrets = {
            let config = aws_sdk_secretsmanager::Config::builder().behavior_version(BehaviorVersion::latest());
            let mut config = config.region(region).credentials_provider(credentials).http_client(https);
            config.set_endpoint_url(endpoint).set_timeout_config(Some(wiring::patience()));
            aws_sdk_secretsmanager::Client::from_conf(config.build())
        };
        let source = |signing| match signing {
            Signing::Kms(arn) => Source::Kms(kms::Key::new(held.clone(), &arn)),
            Signing::Secret(id) => Source::Secret(Secret::new(secrets.clone(), &id)),
        };
        let keys = Keys::new(signing.into_iter().map(source).collect());
        let (logs, desk) = (Arc::new(bucket::open(&bucket, &access)?), Arc::new(bucket::open(&staging, &access)?));
        let clock = Clock::system();
        let entropy = Entropy::system();
        let archiver = Archiver::new(logs, (config.locks()?, config.tags()?), &installation, Vec::new(), clock.clone(), entropy.clone());
        Ok(Self::new(archiver.preparing_in(desk), config.stores()?.table, keys, clock, entropy))
    }

    /// One invocation: a batch of the stream, the schedule, an alarm, or an administrator's question. Nothing new is begun after `until`.
    ///
    /// # Errors
    /// [`Error`]; what failed in a batch of the stream is answered, and no error.
    pub async fn run(&self, asked: Value, until: Deadline) -> Result<Value, Error> {
        let asked = Asked::read(asked).ok_or(Error::Unknown)?;
        self.know_keys().await?;
        Ok(match asked {
            Asked::Append(event) => json!(archive::handle(&self.archiver, event).await),
            Asked::Refresh => {
                let refreshed = self.archiver.refresh_all().await;
                if refreshed.is_ok() {
                    self.count("Refreshes", 1);
                }
                // What an alarm started goes on, whether all logs could be signed or not.
                let share = self.go_on(until).await?;
                refreshed?;
                json!({ "refreshed": true, "reconciled": share })
            }
            Asked::Reconcile(ask) => json!(reconcile(&self.archiver, &self.table, ask, until).await?),
            Asked::Alarm => {
                alarmed::begin(&self.archiver, self.entropy.command_id()).await?;
                json!({ "reconciled": self.go_on(until).await? })
            }
            Asked::Calm => json!({ "reconciled": null }),
            Asked::Verifiers(tenant) => {
                let keys = self.archiver.verifiers(&tenant)?;
                json!({ "verifiers": keys.iter().map(ToString::to_string).collect::<Vec<_>>() })
            }
        })
    }

    /// A share of the reconciliation that an alarm started, if one is under way.
    async fn go_on(&self, until: Deadline) -> Result<Value, Error> {
        match alarmed::go_on(&self.archiver, &self.table, until).await? {
            Share::None => Ok(Value::Null),
            Share::GivenUp => {
                self.count("LogsNotReconciled", 1);
                Err(Error::GivenUp)
            }
            Share::Done(report) if report.passed_over > 0 && report.next.is_none() => {
                self.count("LogsNotReconciled", report.passed_over);
                Err(Error::PassedOver(report.passed_over))
            }
            Share::Done(report) => {
                let (items, appended, is_through) = (report.items, report.appended, report.next.is_none());
                tracing::info!(items, appended, is_through, "a share of a reconciliation is done");
                Ok(json!(report))
            }
        }
    }

    /// Counts what an alarm looks at: each is one error among many calls, which no count of errors shows.
    fn count(&self, name: &str, count: u64) {
        emit("audit", self.clock.now(), &[(name, count, Unit::Count)]);
    }

    /// Reads the keys if they are old.
    async fn know_keys(&self) -> Result<(), Error> {
        let mut read_at = self.read_at.lock().await;
        let now = self.clock.now();
        if read_at.is_none_or(|at| now.millis() - at.millis() >= KEYS_MILLIS) {
            self.archiver.sign_with(self.keys.read().await?);
            *read_at = Some(now);
        }
        Ok(())
    }
}
