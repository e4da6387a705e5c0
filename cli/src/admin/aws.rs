//! AWS, with the credentials of the environment, as AWS's own tools read them.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::config::{BehaviorVersion, Region};
use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use serde_json::Value;

use crate::failure::Failure;

/// A function may work for a quarter of an hour.
const INVOCATION: Duration = Duration::from_secs(960);

/// Who calls, where, and over what.
pub(super) struct Access {
    region: Region,
    credentials: Credentials,
    https: SharedHttpClient,
}

fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Access {
    /// From the environment.
    ///
    /// # Errors
    /// [`Failure`] naming the variable that is missing.
    pub(super) fn from_env() -> Result<Self, Failure> {
        let needed = |name: &str| {
            let how = "`eval \"$(aws configure export-credentials --format env)\"` sets credentials";
            read(name).ok_or_else(|| Failure::usage(format!("`{name}` is not set; {how}")))
        };
        let region = read("AWS_REGION").or_else(|| read("AWS_DEFAULT_REGION")).map_or_else(|| needed("AWS_REGION"), Ok)?;
        let (key, secret) = (needed("AWS_ACCESS_KEY_ID")?, needed("AWS_SECRET_ACCESS_KEY")?);
        let credentials = Credentials::new(key, secret, read("AWS_SESSION_TOKEN"), None, "environment");
        let https = aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
        Ok(Self { region: Region::new(region), credentials, https })
    }

    fn endpoint(service: &str) -> Option<String> {
        read(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| read("AWS_ENDPOINT_URL"))
    }

    /// Lambda.
    pub(super) fn lambda(self) -> aws_sdk_lambda::Client {
        let mut config = aws_sdk_lambda::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region)
            .credentials_provider(self.credentials)
            .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(INVOCATION).build())
            .http_client(self.https);
        config.set_endpoint_url(Self::endpoint("LAMBDA"));
        aws_sdk_lambda::Client::from_conf(config.build())
    }

    /// SQS.
    pub(super) fn sqs(self) -> aws_sdk_sqs::Client {
        let mut config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region)
            .credentials_provider(self.credentials)
            .http_client(self.https);
        config.set_endpoint_url(Self::endpoint("SQS"));
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// Secrets Manager.
    pub(super) fn secrets(self) -> aws_sdk_secretsmanager::Client {
        let mut config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(self.region)
            .credentials_provider(self.credentials)
            .http_client(self.https);
        config.set_endpoint_url(Self::endpoint("SECRETS_MANAGER"));
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }
}

/// Invokes a function and waits for its answer.
///
/// # Errors
/// [`Failure::Unreachable`] if Lambda or the function does not answer well.
pub(super) async fn invoke(lambda: &aws_sdk_lambda::Client, function: &str, payload: &Value) -> Result<Value, Failure> {
    let failed = |cause: String| Failure::Unreachable { url: function.to_owned(), cause };
    let call = lambda.invoke().function_name(function).payload(Blob::new(payload.to_string()));
    let answer = call.send().await.map_err(|error| failed(DisplayErrorContext(error).to_string()))?;
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    let text = String::from_utf8_lossy(&payload);
    match answer.function_error {
        Some(_) => Err(failed(text.into_owned())),
        None => serde_json::from_str(&text).map_err(|error| failed(format!("the answer is not understood: {error}"))),
    }
}
