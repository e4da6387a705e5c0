//! Wiring: from the environment to clients, and from clients to the service. The environment is read once, at start; a bad variable fails
//! the start with its name.

use std::env;
use std::time::Duration;

use approvals_domain::directory::authority::FirstAdmin;
use approvals_domain::ids::PersonId;
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::app::{Pace, PerMinute};
use crate::identity::ClaimNames;
use crate::queue::Queue;
use crate::runtime::clock::Clock;
use crate::runtime::trust::https;
use crate::secrets::source::{Password, SecretsManager};
use crate::secrets::{self, Cursors, Links, ReceiptKeys, Ring, Tags};
use crate::store::{Stores, Table};

/// For so long a start waits for DynamoDB; Lambda gives it ten seconds.
const CONNECT: Duration = Duration::from_secs(2);
/// For so long one attempt of a call may take, with its connection. A connection that died while the function was frozen never answers, and
/// the SDK alone waits for ever. A page of a scan has twice the time.
const ATTEMPT: Duration = Duration::from_millis(1500);
/// For so long all attempts of one call may take: an HTTP function has 15 seconds.
const CALL: Duration = Duration::from_secs(5);

/// The name of a session's cookie, where the pages are reached by TLS: no other site of the domain can set it.
pub const COOKIE: &str = "__Host-session";

/// How long calls of AWS may take.
pub fn patience() -> TimeoutConfig {
    TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(CALL).build()
}

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
    /// `SUBJECT_CLAIM`, `TENANT_CLAIM`, and `SCOPE_CLAIM`, which is a list with commas.
    pub claims: ClaimNames,
}

/// A client of an issuer of OpenID Connect.
#[derive(Clone)]
pub struct Client {
    /// The issuer, letter by letter.
    pub issuer: String,
    /// The client's id.
    pub id: String,
    /// Its secret, if it has one.
    pub secret: Option<Password>,
    /// Which claims say who somebody is.
    pub claims: ClaimNames,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Client({} at {})", self.id, self.issuer)
    }
}

/// Where a key lies that signs the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// `SIGNING_KMS_KEY`: the ARN of a key in KMS.
    Kms(String),
    /// `SIGNING_SECRET`: ARN or name of what keys are made from.
    Secret(String),
}

/// Where the archive lies and who signs it.
#[derive(Debug, Clone)]
pub struct Archive {
    /// `ARCHIVE_BUCKET`: of the logs; nothing in it is ever taken away.
    pub bucket: String,
    /// `STAGING_BUCKET`: where appends are prepared.
    pub staging: String,
    /// What signs: a key in KMS before one that is made from a secret, and at least one of the two.
    pub signing: Vec<Signing>,
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
            scopes: optional("SCOPE_CLAIM").map_or(defaults.scopes, |names| names.split(',').map(|name| name.trim().to_owned()).collect()),
        };
        Ok(Self { table: required("TABLE_NAME")?, claims })
    }

    /// The queues of notices: `NOTICE_QUEUE_URL` for people, `SYSTEM_QUEUE_URL` for systems.
    ///
    /// # Errors
    /// [`Error`] if one is not configured.
    pub fn queue(&self) -> Result<Queue, Error> {
        Ok(Queue::new(sqs()?, required("NOTICE_QUEUE_URL")?).with_systems(required("SYSTEM_QUEUE_URL")?))
    }

    /// The queue of notices that nobody tries any more.
    ///
    /// # Errors
    /// [`Error`] if none is configured.
    pub fn parked_queue(&self) -> Result<Queue, Error> {
        Ok(Queue::new(sqs()?, required("NOTICE_DLQ_URL")?))
    }

    /// `PUBLIC_URL`: where people reach the service, without a slash at its end, if it is said.
    ///
    /// # Errors
    /// [`Error`] if it is no address of a site.
    pub fn public_address(&self) -> Result<Option<String>, Error> {
        let Some(url) = optional("PUBLIC_URL") else { return Ok(None) };
        let site = url.starts_with("https://") && !url.contains(char::is_whitespace);
        if site { Ok(Some(url.trim_end_matches('/').to_owned())) } else { Err(Error { name: "PUBLIC_URL", what: "is no https address" }) }
    }

    /// How people log in to the pages: `OIDC_CLIENT_ID` at `ISSUER`, with a secret, if the client has one:
    /// `OIDC_CLIENT_SECRET` is the ARN or name under which Secrets Manager keeps it. Who they are by
    /// `LOGIN_SUBJECT_CLAIM` and `LOGIN_TENANT_CLAIM`, by default as for the API. None: nobody can.
    ///
    /// # Errors
    /// [`Error`] if a client is named and no issuer.
    pub fn login(&self) -> Result<Option<Client>, Error> {
        let Some(id) = optional("OIDC_CLIENT_ID") else { return Ok(None) };
        let claims = ClaimNames {
            subject: optional("LOGIN_SUBJECT_CLAIM").unwrap_or_else(|| self.claims.subject.clone()),
            tenant: optional("LOGIN_TENANT_CLAIM").or_else(|| self.claims.tenant.clone()),
            scopes: self.claims.scopes.clone(),
        };
        let secret = match optional("OIDC_CLIENT_SECRET") {
            Some(secret) => Some(Password::new(kept(secret)?)),
            None => None,
        };
        Ok(Some(Client { issuer: required("ISSUER")?, id, secret, claims }))
    }

    /// Whether people can log in to the pages: a client is named, `OIDC_CLIENT_ID`.
    pub fn has_pages(&self) -> bool {
        optional("OIDC_CLIENT_ID").is_some()
    }

    /// `FIRST_ADMIN`: the subject who may become the first administrator.
    ///
    /// # Errors
    /// [`Error`] if that is no id of a person.
    pub fn first_administrator(&self) -> Result<FirstAdmin, Error> {
        let Some(named) = optional("FIRST_ADMIN") else { return Ok(FirstAdmin::Nobody) };
        PersonId::new(named).map(FirstAdmin::Named).map_err(|_| Error { name: "FIRST_ADMIN", what: "is no id of a person" })
    }

    /// `MAIL_FROM`: whom mails come from, such as `Approvals <approvals@mycompany.com>`; none: no mail is sent.
    pub fn mail_from(&self) -> Option<String> {
        optional("MAIL_FROM")
    }

    /// `MAIL_CONFIGURATION_SET`: what SES is to send with; none: what the identity says.
    pub fn mail_configuration_set(&self) -> Option<String> {
        optional("MAIL_CONFIGURATION_SET")
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
        let signing: Vec<Signing> =
            optional("SIGNING_KMS_KEY").map(Signing::Kms).into_iter().chain(optional("SIGNING_SECRET").map(Signing::Secret)).collect();
        if signing.is_empty() {
            return Err(Error::wrong("SIGNING_SECRET", "is not set, and neither is SIGNING_KMS_KEY: nothing could be signed"));
        }
        Ok(Archive {
            signing,
            bucket: required("ARCHIVE_BUCKET")?,
            staging: required("STAGING_BUCKET")?,
            installation: required("INSTALLATION")?,
            endpoint: optional("AWS_ENDPOINT_URL_S3").or_else(|| optional("AWS_ENDPOINT_URL")),
        })
    }

    /// The table's rooms for who neither decides nor writes what decides. Wiring hands each function its own.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn stores(&self) -> Result<Stores, Error> {
        Ok(Stores::new(Table::new(dynamodb()?, self.table.as_str())))
    }

    /// The same for who decides: with the secret of tags.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn stores_with_tags(&self) -> Result<Stores, Error> {
        Ok(Stores::new(Table::new(dynamodb()?, self.table.as_str()).with_tags(self.tags()?)))
    }

    /// `COMMANDS_PER_MINUTE` and `TENANT_COMMANDS_PER_MINUTE`: how fast the commands of one person, and of all people of a tenant, may come;
    /// 0, as fast as they like.
    ///
    /// # Errors
    /// [`Error`] if one is missing, or no number.
    pub fn pace(&self, stores: &Stores) -> Result<Pace, Error> {
        let number = |name, text: String| text.parse().map_err(|_| Error::wrong(name, "is no number"));
        let person = number("COMMANDS_PER_MINUTE", required("COMMANDS_PER_MINUTE")?)?;
        let tenant = number("TENANT_COMMANDS_PER_MINUTE", required("TENANT_COMMANDS_PER_MINUTE")?)?;
        Ok(Pace::limited(PerMinute { person, tenant }, stores.paces.clone()))
    }

    /// `TAGS_SECRET`: who writes and who decides.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn tags(&self) -> Result<Tags, Error> {
        Ok(Tags::new(ring(Tags::NAME, "TAGS_SECRET")?))
    }

    /// `LINKS_SECRET`: action links and webhook secrets.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn links(&self) -> Result<Links, Error> {
        Ok(Links::new(ring(Links::NAME, "LINKS_SECRET")?))
    }

    /// `CURSORS_SECRET`: where lists go on.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn cursors(&self) -> Result<Cursors, Error> {
        Ok(Cursors::new(ring(Cursors::NAME, "CURSORS_SECRET")?))
    }

    /// `RECEIPTS_SECRET`: what receipts of effects are signed with.
    ///
    /// # Errors
    /// [`Error`] naming the variable that is missing.
    pub fn receipt_keys(&self) -> Result<ReceiptKeys, Error> {
        Ok(ReceiptKeys::new(ring(ReceiptKeys::NAME, "RECEIPTS_SECRET")?))
    }
}

/// Opens the connection to DynamoDB and reads the secret of tags, if there is one: a start has processor time to spare, the first caller has
/// none. If it cannot be done now, the first call does it and says what is wrong.
///
/// # Errors
/// [`secrets::Error::Malformed`]: what stands there is no secret, and no call could do anything. A human puts the version before back.
pub async fn connected(stores: Stores) -> Result<Stores, secrets::Error> {
    match tokio::time::timeout(CONNECT, stores.table.connect()).await {
        Ok(Ok(())) => return Ok(stores),
        Ok(Err(error)) => tracing::warn!(%error, "no connection to DynamoDB at the start"),
        Err(_) => tracing::warn!("no connection to DynamoDB at the start, in time"),
    }
    match tokio::time::timeout(CONNECT, stores.table.secret()).await {
        Ok(Err(error @ secrets::Error::Malformed(..))) => Err(error),
        _ => Ok(stores),
    }
}

/// A secret of Secrets Manager, named by a variable.
fn ring(name: &'static str, variable: &'static str) -> Result<Ring, Error> {
    Ok(Ring::new(name, kept(required(variable)?)?, Clock::system()))
}

/// A secret of Secrets Manager, by its ARN or name.
fn kept(id: String) -> Result<SecretsManager, Error> {
    let mut config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
        .region(aws_sdk_secretsmanager::config::Region::new(required("AWS_REGION")?))
        .credentials_provider(credentials()?)
        .timeout_config(patience())
        .http_client(https());
    config.set_endpoint_url(optional("AWS_ENDPOINT_URL_SECRETS_MANAGER").or_else(|| optional("AWS_ENDPOINT_URL")));
    let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
    Ok(SecretsManager::new(client, id))
}

/// A client from Lambda's own environment: no credential chain to walk, so a cold start stays short.
fn dynamodb() -> Result<aws_sdk_dynamodb::Client, Error> {
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(credentials()?)
        .timeout_config(patience())
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
        .timeout_config(patience())
        .http_client(https());
    config.set_endpoint_url(optional("AWS_ENDPOINT_URL_SQS").or_else(|| optional("AWS_ENDPOINT_URL")));
    Ok(aws_sdk_sqs::Client::from_conf(config.build()))
}

fn credentials() -> Result<Credentials, Error> {
    let (key, secret) = (required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
    Ok(Credentials::new(key, secret, optional("AWS_SESSION_TOKEN"), None, "environment"))
}
