//! Wiring: from the environment to clients, and from clients to the service. The environment is read once, at start; a bad variable fails
//! the start with its name.

use std::env;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::identity::ClaimNames;
use crate::queue::Queue;
use crate::runtime::trust::https;
use crate::store::{Stores, Table};

/// For so long a start waits for DynamoDB; Lambda gives it ten seconds.
const CONNECT: Duration = Duration::from_secs(2);

/// A variable that is missing or wrong.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {name}: {what}")]
pub struct Error {
    name: &'static str,
    what: &'static str,
}

/// What every function needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// `TABLE_NAME`.
    pub table: String,
    /// `SUBJECT_CLAIM`, `TENANT_CLAIM`, `SCOPE_CLAIM`.
    pub claims: ClaimNames,
}

/// Where the archive lies and who signs it.
#[derive(Debug, Clone)]
pub struct Archive {
    /// `ARCHIVE_BUCKET`: of the logs; nothing in it is ever taken away.
    pub bucket: String,
    /// `STAGING_BUCKET`: where appends are prepared.
    pub staging: String,
    /// `SIGNING_SECRET`: ARN or name of what signing keys are made from.
    pub secret: String,
    /// `INSTALLATION`: names the logs, such as `approvals.example.com`. For ever: another name, other logs.
    pub installation: String,
    /// Of S3, if it is an emulator's.
    pub endpoint: Option<String>,
}

fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &'static str) -> Result<String, Error> {
    optional(name).ok_or(Error { name, what: "is not set" })
}

impl Error {
    /// A variable that says something wrong.
    pub const fn wrong(name: &'static str, what: &'static str) -> Self {
        Self { name, what }
    }
}

impl Config {
    /// From the environment.
    pub fn from_env() -> Result<Self, Error> {
        let defaults = ClaimNames::default();
        let claims = ClaimNames {
            subject: optional("SUBJECT_CLAIM").unwrap_or(defaults.subject),
            tenant: optional("TENANT_CLAIM"),
            scope: optional("SCOPE_CLAIM").unwrap_or(defaults.scope),
        };
        Ok(Self { table: required("TABLE_NAME")?, claims })
    }

    /// The queue of notices, `NOTICE_QUEUE_URL`.
    ///
    /// # Errors
    /// [`Error`] if no queue is configured.
    pub fn queue(&self) -> Result<Queue, Error> {
        Ok(Queue::new(sqs()?, required("NOTICE_QUEUE_URL")?))
    }

    /// The queue of notices that nobody tries any more.
    ///
    /// # Errors
    /// [`Error`] if none is configured.
    pub fn parked_queue(&self) -> Result<Queue, Error> {
        Ok(Queue::new(sqs()?, required("NOTICE_DLQ_URL")?))
    }

    /// `PUBLIC_URL`: where people reach the service, without a slash at its end.
    ///
    /// # Errors
    /// [`Error`] if it is missing, or no address of a site.
    pub fn public_address(&self) -> Result<String, Error> {
        let url = required("PUBLIC_URL")?;
        let site = url.starts_with("https://") && !url.contains(char::is_whitespace);
        if site { Ok(url.trim_end_matches('/').to_owned()) } else { Err(Error { name: "PUBLIC_URL", what: "is no https address" }) }
    }

    /// `RECEIPT_SECRET`: ARN or name of what receipts of effects are signed with.
    ///
    /// # Errors
    /// [`Error`] if it is missing.
    pub fn receipt_secret(&self) -> Result<String, Error> {
        required("RECEIPT_SECRET")
    }

    /// `MAIL_FROM`: whom mails come from, such as `Approvals <approvals@example.com>`.
    ///
    /// # Errors
    /// [`Error`] if it is missing.
    pub fn mail_from(&self) -> Result<String, Error> {
        required("MAIL_FROM")
    }

    /// `EVENT_BUS`: the EventBridge bus that hears how requests end; none: nothing goes to one.
    pub fn event_bus(&self) -> Option<String> {
        optional("EVENT_BUS")
    }

    /// What an AWS client needs besides its service: region, credentials and the way out, from Lambda's own environment.
    ///
    /// # Errors
    /// [`Error`] if the environment is not Lambda's.
    pub fn aws(&self) -> Result<(Region, Credentials, SharedHttpClient, Option<String>), Error> {
        Ok((Region::new(required("AWS_REGION")?), credentials()?, https(), optional("AWS_ENDPOINT_URL")))
    }

    /// The table of locks, `LOCK_TABLE_NAME`: how long each tenant's log is.
    ///
    /// # Errors
    /// [`Error`] if it is missing.
    pub fn locks(&self) -> Result<Table, Error> {
        Ok(Table::new(dynamodb()?, required("LOCK_TABLE_NAME")?.as_str()))
    }

    /// Where the archive lies and who signs it.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn archive(&self) -> Result<Archive, Error> {
        Ok(Archive {
            bucket: required("ARCHIVE_BUCKET")?,
            staging: required("STAGING_BUCKET")?,
            secret: required("SIGNING_SECRET")?,
            installation: required("INSTALLATION")?,
            endpoint: optional("AWS_ENDPOINT_URL_S3").or_else(|| optional("AWS_ENDPOINT_URL")),
        })
    }

    /// The table's rooms. Wiring hands each function its own.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn stores(&self) -> Result<Stores, Error> {
        Ok(Stores::new(Table::new(dynamodb()?, self.table.as_str())))
    }

    /// As [`Config::stores`], with the connection to DynamoDB already open: a start has processor time to spare, the first caller has none.
    /// If it cannot be opened now, the first call opens it and says what is wrong.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub async fn stores_connected(&self) -> Result<Stores, Error> {
        let stores = self.stores()?;
        match tokio::time::timeout(CONNECT, stores.table.connect()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "no connection to DynamoDB at the start"),
            Err(_) => tracing::warn!("no connection to DynamoDB at the start, in time"),
        }
        Ok(stores)
    }
}

/// A client from Lambda's own environment: no credential chain to walk, so a cold start stays short.
fn dynamodb() -> Result<aws_sdk_dynamodb::Client, Error> {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(credentials()?)
        .http_client(https());
    config.set_endpoint_url(optional("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| optional("AWS_ENDPOINT_URL")));
    Ok(aws_sdk_dynamodb::Client::from_conf(config.build()))
}

/// As [`dynamodb`].
fn sqs() -> Result<aws_sdk_sqs::Client, Error> {
    let mut config = aws_sdk_sqs::Config::builder()
        .behavior_version(aws_sdk_sqs::config::BehaviorVersion::latest())
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(credentials()?)
        .http_client(https());
    config.set_endpoint_url(optional("AWS_ENDPOINT_URL_SQS").or_else(|| optional("AWS_ENDPOINT_URL")));
    Ok(aws_sdk_sqs::Client::from_conf(config.build()))
}

fn credentials() -> Result<Credentials, Error> {
    let (key, secret) = (required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
    Ok(Credentials::new(key, secret, optional("AWS_SESSION_TOKEN"), None, "environment"))
}
