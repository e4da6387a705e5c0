//! `approvals cancel`.

use serde_json::{Map, Value};

use crate::Session;
use crate::answer::Request;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::options::Once;
use crate::output::Shown;
use crate::show;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    once: Once,
}

/// Takes it back.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let mut body = Map::new();
    if let Some(reason) = &args.reason {
        body.insert("reason".to_owned(), Value::from(reason.as_str()));
    }
    let (path, key) = (format!("/v1/requests/{}/cancel", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &Value::Object(body)))?;
    Ok(show::after("cancelled", &request, answer, session.style))
}
