//! `approvals transfer`.

use serde_json::json;

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
    /// Who asks from the next revision on.
    #[arg(long, value_name = "USER")]
    to: String,
    /// Why; it is recorded.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    once: Once,
}

/// Names another requester.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let body = json!({"to": args.to, "reason": args.reason});
    let (path, key) = (format!("/v1/requests/{}/transfer", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &body))?;
    Ok(show::after(&format!("transferred to {}", plain(&args.to)), &request, answer, session.style))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::Value;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::trial::{answer, server, session};

    #[test]
    fn a_transfer_names_the_next_requester_and_says_why() {
        let line = ["approvals", "transfer", "01h", "--to", "roy", "--reason", "rita has left"];
        let Command::Transfer(args) = Cli::parse_from(line).command else { unreachable!() };
        let found = json!({"id": "01h", "title": "Two chairs", "status": "returned", "revision": 1, "payload_hash": "HASH", "requester": "rita",
            "metadata": {}, "steps": []});
        let (url, thread) = server([answer("200 OK", &found)]);
        let shown = run(&args, &session(&url)).unwrap();
        assert!(shown.text.starts_with("transferred to roy\n"), "{}", shown.text);
        let calls = thread.join().unwrap();
        assert!(calls[0].0.starts_with("POST /v1/requests/01h/transfer "));
        assert_eq!(serde_json::from_str::<Value>(&calls[0].1).unwrap(), json!({"to": "roy", "reason": "rita has left"}));
    }
}
