//! What signs receipts, from Secrets Manager. Nobody but this function may read it; Secrets Manager makes it, and no human has to see it.

use approvals::receipt::Secrets;
use approvals::wiring::{Config, Error};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, SharedCredentialsProvider};
use aws_sdk_secretsmanager::error::DisplayErrorContext;

/// Reads the secret's present version, and the one before it while there is one, so that receipts signed before a rotation stay good.
///
/// # Errors
/// [`Error`] naming the variable that is missing.
pub fn source(config: &Config) -> Result<impl Fn() -> Secrets + Send + Sync + 'static, Error> {
    let (region, credentials, http_client, endpoint) = config.aws()?;
    let secret = config.receipt_secret()?;
    let mut made = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client);
    made.set_endpoint_url(endpoint);
    let client = Client::from_conf(made.build());
    Ok(move || -> Secrets {
        let (client, secret) = (client.clone(), secret.clone());
        Box::pin(async move {
            let present = version(&client, &secret, "AWSCURRENT").await?.ok_or("the secret of receipts has no present version")?;
            let before = version(&client, &secret, "AWSPREVIOUS").await?.filter(|before| *before != present);
            Ok(std::iter::once(present).chain(before).collect())
        })
    })
}

async fn version(client: &Client, secret: &str, stage: &str) -> Result<Option<String>, String> {
    match client.get_secret_value().secret_id(secret).version_stage(stage).send().await {
        Ok(found) => Ok(found.secret_string),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(DisplayErrorContext(error).to_string()),
    }
}
