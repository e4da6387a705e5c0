//! `approvals comment`.

use serde_json::json;

use crate::Session;
use crate::answer::Request;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::options::Once;
use crate::output::{Shown, plain};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// What to say; at most 4,000 characters.
    comment: String,
    #[command(flatten)]
    once: Once,
}

/// Says it.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let (path, key) = (format!("/v1/requests/{}/comments", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &json!({"comment": args.comment})))?;
    let title = request.title.as_deref().map(|title| format!(" on “{}”", plain(title))).unwrap_or_default();
    Ok(Shown { text: format!("commented{title}"), body: answer.body })
}
