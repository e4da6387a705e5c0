//! `approvals reassign`.

use serde_json::{Value, json};

use crate::Session;
use crate::answer::Request;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::options::Once;
use crate::output::{Shown, plain};
use crate::show;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// The step.
    step: String,
    /// Whose seat [default: the caller's own].
    #[arg(long, value_name = "USER")]
    from: Option<String>,
    /// Who has it from now on, for this revision.
    #[arg(long, value_name = "USER")]
    to: String,
    /// Why; it is recorded.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    once: Once,
}

/// Passes a seat on.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let mut body = json!({"step": args.step, "to": args.to, "reason": args.reason});
    if let (Some(from), Some(fields)) = (&args.from, body.as_object_mut()) {
        fields.insert("from".to_owned(), Value::from(from.as_str()));
    }
    let (path, key) = (format!("/v1/requests/{}/reassign", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &body))?;
    Ok(show::after(&format!("the seat on step {} passed to {}", plain(&args.step), plain(&args.to)), &request, answer, session.style))
}
