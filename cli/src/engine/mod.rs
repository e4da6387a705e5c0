//! The embedded engine: DynamoDB and its stream in this process, on one SQLite file in the data folder.
//!
//! Production code calls the AWS SDK and nothing else; the seam is the SDK's HTTP client (`Engine::http_client`).
//!
//! ```text
//! SDK client ── http_client ──▶ operations ──▶ database: one thread, one file, one sync per batch
//!    (a fault layer or a meter may stand here)      │ written
//! handler ◀── events ── stream::Pump ◀── SDK streams client
//! ```

mod clock;
mod connector;
mod database;
mod loopback;
mod operations;
mod position;
pub mod post;
pub mod queues;
mod records;
mod soonest;
mod sqlite;
pub mod stream;
pub mod systems;
#[cfg(test)]
mod tests;
mod tokens;
mod trim;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use approvals::store::table::schema::Schema;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use tokio::sync::watch;

use clock::Clock;
use connector::InProcess;
use database::{Database, Effect};
pub use loopback::Loopback;
use operations::Operations;

use crate::fence::Allowed;

/// The file in the data folder; SQLite keeps `-wal` and `-shm` beside it while it is open.
const FILE: &str = "approvals.sqlite";

/// Why the engine does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the data folder cannot be used: {0}")]
    Folder(#[from] std::io::Error),
    #[error("the data file cannot be opened: {0}")]
    Open(dynoxide::DynoxideError),
    #[error("the data file cannot be prepared: {0}")]
    Prepare(#[from] rusqlite::Error),
    /// SQLite's number is given; 2 would be FULL.
    #[error("SQLite would not sync every commit: `synchronous` is {0}")]
    NotDurable(i64),
    #[error("another engine is running on this data folder")]
    InUse,
    #[error("the engine failed: {0}")]
    Failed(String),
    #[error("the table cannot be made: {0}")]
    Table(String),
}

/// A running engine. Clones share it; it stops when the last clone, client and pump are gone.
#[derive(Clone, Debug)]
pub struct Engine {
    operations: Operations,
    clock: Arc<Clock>,
    folder: PathBuf,
}

/// The SDK's clients over one HTTP client.
#[derive(Clone, Debug)]
pub struct Clients {
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub streams: aws_sdk_dynamodbstreams::Client,
}

impl Engine {
    /// Opens or creates the data folder and its file. All that was answered before a stop or a crash is there again.
    ///
    /// # Errors
    /// `Error` if folder or file cannot be used, or SQLite would not be durable.
    pub fn start(data_dir: &Path) -> Result<Self, Error> {
        private(data_dir)?;
        let clock = Arc::new(Clock::system());
        let database = Database::open(&data_dir.join(FILE), Arc::clone(&clock))?;
        Ok(Self { operations: Operations::new(database), clock, folder: data_dir.to_owned() })
    }

    /// The seam: an SDK HTTP client that is answered in this process. Wrap it to count calls or to inject faults,
    /// and give the result to `connect`.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(InProcess::new(self.operations.clone()))
    }

    /// SDK clients straight on the engine.
    pub fn clients(&self) -> Clients {
        connect(self.http_client())
    }

    /// Opens a port of 127.0.0.1 (0: any) that speaks the same to other processes of this machine, under its own names and those given.
    ///
    /// # Errors
    /// `Error::Folder` if the port is taken.
    pub async fn listen(&self, port: u16, allowed: &Allowed) -> Result<Loopback, Error> {
        Ok(Loopback::listen(port, self.operations.clone(), allowed).await?)
    }

    /// Makes the table under `name` unless it is there.
    ///
    /// # Errors
    /// `Error::Table` with the SDK's reason.
    pub async fn create_table(&self, table: &Schema, name: &str) -> Result<(), Error> {
        let client = self.clients().dynamodb;
        let failed = |error: &dyn std::fmt::Display| Error::Table(error.to_string());
        match client.describe_table().table_name(name).send().await {
            Ok(_) => return Ok(()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {}
            Err(error) => return Err(failed(&DisplayErrorContext(error))),
        }
        let input = table.create(name).map_err(|error| failed(&error))?;
        input.send_with(&client).await.map_err(|error| failed(&DisplayErrorContext(error)))?;
        let expiry =
            TimeToLiveSpecification::builder().attribute_name(table.expires_at).enabled(true).build().map_err(|error| failed(&error))?;
        client
            .update_time_to_live()
            .table_name(name)
            .time_to_live_specification(expiry)
            .send()
            .await
            .map_err(|error| failed(&DisplayErrorContext(error)))?;
        Ok(())
    }

    /// What SQLite answers to `PRAGMA synchronous`: `FULL`, or the engine would not have started.
    ///
    /// # Errors
    /// `Error::Failed` if SQLite does not answer.
    pub async fn synchronous(&self) -> Result<&'static str, Error> {
        let asked = self.operations.database().run(Effect::Read, |storage| Ok(sqlite::synchronous(storage.conn())?));
        match asked.await.map_err(|error| Error::Failed(error.to_string()))? {
            0 => Ok("OFF"),
            1 => Ok("NORMAL"),
            2 => Ok("FULL"),
            _ => Ok("EXTRA"),
        }
    }

    /// Sets the clock that stamps stream records and judges TTL, in milliseconds since 1970; it stands still until
    /// the next call. Without a call the system's clock counts.
    pub fn set_now(&self, now_ms: i64) {
        self.follow(move || now_ms);
    }

    /// The same with a clock that runs: it tells milliseconds since 1970.
    pub fn follow(&self, now: impl Fn() -> i64 + Send + Sync + 'static) {
        self.clock.follow(now);
    }

    /// Watches an attribute of items, a text of milliseconds since 1970 by which an index is asked for what is due.
    pub fn watch(&self, attribute: &str) {
        self.operations.soonest().attribute(attribute);
    }

    /// Nothing stands in the watched attribute that is earlier than this; it may be later. `i64::MIN`: that is not known.
    pub fn nothing_before(&self) -> i64 {
        self.operations.soonest().earliest()
    }

    /// Looks anew what is due: `look` says the earliest time that stands there. What is written meanwhile counts besides.
    ///
    /// # Errors
    /// Those of `look`; what is due is not known then.
    pub async fn look_anew<E>(&self, look: impl Future<Output = Result<i64, E>>) -> Result<(), E> {
        self.operations.soonest().look_anew(look).await
    }

    /// Deletes what its TTL has expired, as DynamoDB does in the background; gives the number of items.
    ///
    /// # Errors
    /// `Error::Failed` with the engine's reason.
    pub async fn expire(&self) -> Result<usize, Error> {
        let swept =
            self.operations.database().run(Effect::ManyCommits, |storage| operations::now(dynoxide::ttl::sweep_expired_items(storage)));
        swept.await.map_err(|error| Error::Failed(error.to_string()))
    }

    fn written(&self) -> watch::Receiver<u64> {
        self.operations.database().written()
    }
}

/// Whether an engine was ever started on a data folder.
pub fn has_data(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// Makes a folder that nobody else on this machine may look into, or makes it so: it holds keys, tokens and mails.
///
/// # Errors
/// If it cannot be made, or belongs to somebody else.
pub fn private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(folder)?;
        if std::fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        }
    }
    #[cfg(not(unix))]
    builder.create(folder)?;
    Ok(())
}

/// SDK clients over `http_client`: no signatures (the engine checks none), no timeouts (nothing can stall that a
/// timeout would help with); retries as in production.
pub fn connect(http_client: SharedHttpClient) -> Clients {
    // The name is never looked up.
    let endpoint = "http://engine.localhost";
    let dynamodb = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint)
        .allow_no_auth()
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http_client.clone())
        .build();
    let streams = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url(endpoint)
        .allow_no_auth()
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http_client)
        .build();
    Clients { dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb), streams: aws_sdk_dynamodbstreams::Client::from_conf(streams) }
}

/// An SQS client over `http_client`, as [`connect`].
pub fn queueing(http_client: SharedHttpClient) -> aws_sdk_sqs::Client {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://queues.localhost")
        .allow_no_auth()
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http_client);
    aws_sdk_sqs::Client::from_conf(config.build())
}

/// An EventBridge client over `http_client`, as [`connect`].
pub fn bus(http_client: SharedHttpClient) -> aws_sdk_eventbridge::Client {
    let config = aws_sdk_eventbridge::Config::builder()
        .behavior_version(aws_sdk_eventbridge::config::BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://bus.localhost")
        .allow_no_auth()
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http_client);
    aws_sdk_eventbridge::Client::from_conf(config.build())
}

/// A Step Functions client over `http_client`, as [`connect`].
pub fn tasks(http_client: SharedHttpClient) -> aws_sdk_sfn::Client {
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(aws_sdk_sfn::config::BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://tasks.localhost")
        .allow_no_auth()
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http_client);
    aws_sdk_sfn::Client::from_conf(config.build())
}

/// An SES client over `http_client`, as [`connect`].
pub fn email(http_client: SharedHttpClient) -> aws_sdk_sesv2::Client {
    let config = aws_sdk_sesv2::Config::builder()
        .behavior_version(aws_sdk_sesv2::config::BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://post.localhost")
        .allow_no_auth()
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(http_client);
    aws_sdk_sesv2::Client::from_conf(config.build())
}
