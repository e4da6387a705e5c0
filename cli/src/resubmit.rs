//! `approvals resubmit`.

use serde_json::Value;

use crate::Session;
use crate::answer::Request;
use crate::client::{Call, segment};
use crate::content::Content;
use crate::failure::Failure;
use crate::options::Once;
use crate::output::Shown;
use crate::show;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request that came back.
    #[arg(value_name = "REQUEST")]
    id: String,
    #[command(flatten)]
    content: Content,
    /// A new title [default: as before].
    #[arg(long)]
    title: Option<String>,
    /// What has changed, for the approvers.
    #[arg(long)]
    comment: Option<String>,
    #[command(flatten)]
    once: Once,
}

/// Makes the next revision; its steps start again.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let mut body = args.content.read()?;
    for (name, value) in [("title", &args.title), ("comment", &args.comment)] {
        if let Some(text) = value {
            body.insert(name.to_owned(), Value::from(text.as_str()));
        }
    }
    let (path, key) = (format!("/v1/requests/{}/resubmit", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &Value::Object(body)))?;
    Ok(show::after(&format!("resubmitted as revision {}", request.revision), &request, answer, session.style))
}
