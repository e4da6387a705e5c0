//! `approvals erase`.

use serde_json::json;

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
    /// The request, which must be over.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// Why; it is recorded and stays, so name nobody in it.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    once: Once,
}

/// Erases what people wrote in a request.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let (path, key) = (format!("/v1/requests/{}/erase", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &json!({"reason": args.reason})))?;
    Ok(show::after(
        "erased: title, metadata, attachments and all that was written; hashes and commits stay",
        &request,
        answer,
        session.style,
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::trial::{answer, server, session};

    #[test]
    fn an_erasure_says_why_and_shows_that_the_content_is_gone() {
        let line = ["approvals", "erase", "01h", "--reason", "asked by its author"];
        let Command::Erase(args) = Cli::parse_from(line).command else { unreachable!() };
        let found = json!({"id": "01h", "title": null, "status": "approved", "revision": 1, "payload_hash": "HASH", "requester": "rita",
            "metadata": null, "erased": true, "steps": []});
        let (url, thread) = server([answer("200 OK", &found)]);
        let shown = run(&args, &session(&url)).unwrap();
        assert!(shown.text.starts_with("erased: ") && shown.text.contains("(title erased)"), "{}", shown.text);
        let calls = thread.join().unwrap();
        assert!(calls[0].0.starts_with("POST /v1/requests/01h/erase "));
        assert_eq!(serde_json::from_str::<Value>(&calls[0].1).unwrap(), json!({"reason": "asked by its author"}));
    }
}
