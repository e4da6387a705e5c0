//! Where secrets are kept: Secrets Manager on AWS, files that nobody else may read on a development machine.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;

/// A secret's text, or why it cannot be had.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<String, String>> + Send + 'a>>;

/// Where one secret is kept.
pub trait Source: Send + Sync {
    /// Reads it as it is now.
    fn read(&self) -> Reading<'_>;
}

/// A secret of Secrets Manager.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
    id: String,
}

impl SecretsManager {
    /// By its ARN or name.
    pub fn new(client: Client, id: impl Into<String>) -> Self {
        Self { client, id: id.into() }
    }
}

impl Source for SecretsManager {
    fn read(&self) -> Reading<'_> {
        Box::pin(async {
            let found = self.client.get_secret_value().secret_id(&self.id).send().await;
            let found = found.map_err(|error| DisplayErrorContext(error).to_string())?;
            found.secret_string.ok_or_else(|| "it is not text".to_owned())
        })
    }
}

/// A file of this machine.
#[derive(Debug, Clone)]
pub struct File(pub PathBuf);

impl Source for File {
    fn read(&self) -> Reading<'_> {
        Box::pin(async { std::fs::read_to_string(&self.0).map_err(|error| format!("{}: {error}", self.0.display())) })
    }
}

/// What a client shows to its issuer. It is read each time it is needed: a new one counts at once.
#[derive(Clone)]
pub struct Password(Arc<dyn Source>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

impl Password {
    /// Kept there.
    pub fn new(source: impl Source + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// As it is now.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn read(&self) -> Result<String, String> {
        self.0.read().await
    }
}

/// A text that never changes: of tests, and of development servers.
#[derive(Clone)]
pub struct Fixed(pub String);

impl std::fmt::Debug for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fixed")
    }
}

impl Source for Fixed {
    fn read(&self) -> Reading<'_> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}
