//! Configuration: read from the environment once, at start; a bad one fails the start with the variable's name.

use std::env;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

use super::actor::ClaimNames;
use super::clock::Clock;
use super::entropy::Entropy;
use crate::app::App;
use crate::store::Store;

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

fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &'static str) -> Result<String, Error> {
    optional(name).ok_or(Error { name, what: "is not set" })
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

    /// The service on DynamoDB.
    pub fn app(&self) -> Result<App, Error> {
        Ok(App::new(Store::new(dynamodb()?, self.table.as_str()), Clock::system(), Entropy::system()))
    }
}

/// A DynamoDB client from Lambda's own environment: no credential chain to walk, so a cold start stays short.
fn dynamodb() -> Result<aws_sdk_dynamodb::Client, Error> {
    let credentials = Credentials::new(
        required("AWS_ACCESS_KEY_ID")?,
        required("AWS_SECRET_ACCESS_KEY")?,
        optional("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let http_client = aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(credentials)
        .http_client(http_client);
    config.set_endpoint_url(optional("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| optional("AWS_ENDPOINT_URL")));
    Ok(aws_sdk_dynamodb::Client::from_conf(config.build()))
}
