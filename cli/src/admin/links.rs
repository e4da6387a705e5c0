//! `approvals admin rotate-links`: a new version of the secret that makes action links.

use approvals::runtime::clock::Clock;
use approvals::secrets::{Keys, secret_of};
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use serde_json::json;

use super::aws::Access;
use crate::client::Client;
use crate::dev;
use crate::failure::Failure;
use crate::options::Shared;
use crate::output::Shown;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The secret of a stack on AWS: its output `LinksSecretArn` [default: the development server at --url]. The secrets of tags, of
    /// cursors and of receipts (`ReceiptsSecretArn`) are of the same form, and take a new version the same way.
    #[arg(long, value_name = "ARN")]
    secret: Option<String>,
}

pub(super) fn run(args: &Args, shared: &Shared) -> Result<Shown, Failure> {
    match &args.secret {
        None => drop(super::ask_dev(&Client::new(&shared.url, None)?, "rotate-links", &json!({}))?),
        Some(secret) => {
            let rotated = dev::runtime()?.block_on(rotate(&Access::from_env()?.secrets(), secret));
            rotated.map_err(|cause| Failure::Unreachable { url: secret.clone(), cause })?;
        }
    }
    let text = "New links are made with a new version. Links made with the one before it stay good until the next rotation.";
    Ok(Shown { body: json!({ "rotated": true }).to_string(), text: text.to_owned() })
}

/// Puts a new version of a secret beside the old ones, which stay.
async fn rotate(client: &aws_sdk_secretsmanager::Client, secret: &str) -> Result<(), String> {
    let found = client.get_secret_value().secret_id(secret).send().await;
    let found = found.map_err(|error| DisplayErrorContext(error).to_string())?;
    let keys = Keys::parse(found.secret_string().unwrap_or_default())?;
    let keys = keys.rotated(secret_of([rand::random(), rand::random()]), Clock::system().now());
    let put = client.put_secret_value().secret_id(secret).secret_string(keys.text()).send().await;
    put.map(|_| ()).map_err(|error| DisplayErrorContext(error).to_string())
}
