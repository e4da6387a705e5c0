//! Audit: the table's stream into the archive's logs, and a fresh signature on each of them every hour.
//!
//! - [`keys`]: what is signed with;
//! - the work itself is the crate `archive`: the embedded engine runs the same.

pub mod keys;

use std::sync::Arc;

use approvals::runtime::clock::Clock;
use approvals::runtime::config::{self, Config};
use approvals::runtime::entropy::Entropy;
use approvals_domain::ids::TenantId;
use approvals_domain::time::Timestamp;
use archive::archiver::{self, Archiver};
use archive::bucket::{self, Access};
use aws_lambda_events::event::dynamodb::Event;
use aws_sdk_secretsmanager::config::BehaviorVersion;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use keys::Keys;

/// For so long keys are believed; then they are read again. A rotation is seen by every instance after this.
const KEYS_MILLIS: i64 = 5 * 60_000;

/// Why the function does not start.
#[derive(Debug, thiserror::Error)]
pub enum Misconfigured {
    /// A variable.
    #[error(transparent)]
    Variable(#[from] config::Error),
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
    /// Neither a batch of the stream, nor the schedule's word, nor a question for keys.
    #[error("what is asked is not known: send a stream's records, `{{\"refresh\": true}}` or `{{\"verifiers\": \"TENANT\"}}`")]
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
}

impl Asked {
    fn read(asked: Value) -> Option<Self> {
        if asked.get("Records").is_some() {
            return serde_json::from_value(asked).ok().map(Self::Append);
        }
        if asked == json!({ "refresh": true }) {
            return Some(Self::Refresh);
        }
        let tenant = asked.get("verifiers").and_then(Value::as_str)?;
        TenantId::new(tenant).ok().map(Self::Verifiers)
    }
}

/// The archive, and the keys it is signed with.
#[derive(Debug)]
pub struct Audit {
    archiver: Archiver,
    keys: Keys,
    clock: Clock,
    /// When they were read.
    read_at: Mutex<Option<Timestamp>>,
}

impl Audit {
    /// Over an archiver; what it signs with is read from `keys`.
    pub fn new(archiver: Archiver, keys: Keys, clock: Clock) -> Self {
        Self { archiver, keys, clock, read_at: Mutex::default() }
    }

    /// From a function's configuration.
    ///
    /// # Errors
    /// [`Misconfigured`].
    pub fn from_config(config: &Config) -> Result<Self, Misconfigured> {
        let (region, credentials, https, endpoint) = config.aws()?;
        let config::Archive { bucket, staging, secret, installation, endpoint: s3 } = config.archive()?;
        let access = Access {
            region: region.to_string(),
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
            endpoint: s3,
        };
        let mut secrets = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(region)
            .credentials_provider(credentials)
            .http_client(https);
        secrets.set_endpoint_url(endpoint);
        let keys = Keys::new(aws_sdk_secretsmanager::Client::from_conf(secrets.build()), &secret);
        let (logs, desk) = (Arc::new(bucket::open(&bucket, &access)?), Arc::new(bucket::open(&staging, &access)?));
        let clock = Clock::system();
        let archiver = Archiver::new(logs, config.locks()?, &installation, Vec::new(), clock.clone(), Entropy::system());
        Ok(Self::new(archiver.preparing_in(desk), keys, clock))
    }

    /// One invocation: a batch of the stream, the schedule, or a question for keys.
    ///
    /// # Errors
    /// [`Error`]; what failed in a batch of the stream is answered, and no error.
    pub async fn run(&self, asked: Value) -> Result<Value, Error> {
        let asked = Asked::read(asked).ok_or(Error::Unknown)?;
        self.know_keys().await?;
        Ok(match asked {
            Asked::Append(event) => json!(archive::handle(&self.archiver, event).await),
            Asked::Refresh => {
                self.archiver.refresh_all().await?;
                json!({ "refreshed": true })
            }
            Asked::Verifiers(tenant) => {
                let keys = self.archiver.verifiers(&tenant)?;
                json!({ "verifiers": keys.iter().map(ToString::to_string).collect::<Vec<_>>() })
            }
        })
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
