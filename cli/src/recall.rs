//! `approvals recall` and `approvals withdraw-vote`: a change of mind.

use serde_json::{Map, Value, json};

use crate::Session;
use crate::answer::Request;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::options::Once;
use crate::output::{Shown, plain};
use crate::show;

/// Arguments of `recall`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// Why; it is recorded.
    #[arg(long)]
    reason: String,
    /// Take back the approval you gave for this person.
    #[arg(long, value_name = "USER")]
    on_behalf_of: Option<String>,
    #[command(flatten)]
    once: Once,
}

/// Arguments of `withdraw-vote`.
#[derive(Debug, clap::Args)]
pub struct Withdraw {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// The step.
    step: String,
    /// Take back the vote you cast for this person.
    #[arg(long, value_name = "USER")]
    on_behalf_of: Option<String>,
    #[command(flatten)]
    once: Once,
}

fn body(what: (&str, &str), on_behalf_of: Option<&String>) -> Value {
    let mut body = Map::from_iter([(what.0.to_owned(), json!(what.1))]);
    body.extend(on_behalf_of.map(|person| ("on_behalf_of".to_owned(), json!(person))));
    Value::Object(body)
}

/// Voids the approvals; the request goes back.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let body = body(("reason", &args.reason), args.on_behalf_of.as_ref());
    let (path, key) = (format!("/v1/requests/{}/recall", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &body))?;
    Ok(show::after("recalled", &request, answer, session.style))
}

/// Takes a vote back.
pub fn withdraw(args: &Withdraw, session: &Session) -> Result<Shown, Failure> {
    let body = body(("step", &args.step), args.on_behalf_of.as_ref());
    let (path, key) = (format!("/v1/requests/{}/withdraw-vote", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &body))?;
    Ok(show::after(&format!("took back the vote on {}", plain(&args.step)), &request, answer, session.style))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::trial::{answer, server, session};

    #[test]
    fn a_change_of_mind_says_what_is_taken_back() {
        let found = json!({"id": "01h", "title": "Two chairs", "status": "returned", "revision": 1, "payload_hash": "HASH", "requester": "rita",
            "metadata": {}, "steps": []});
        let (url, thread) = server([answer("200 OK", &found), answer("200 OK", &found)]);
        let line = ["approvals", "recall", "01h", "--reason", "wrong account"];
        let Command::Recall(args) = Cli::parse_from(line).command else { unreachable!() };
        assert!(run(&args, &session(&url)).unwrap().text.starts_with("recalled\n"));
        let line = ["approvals", "withdraw-vote", "01h", "finance", "--on-behalf-of", "ann"];
        let Command::WithdrawVote(args) = Cli::parse_from(line).command else { unreachable!() };
        assert!(withdraw(&args, &session(&url)).unwrap().text.starts_with("took back the vote on finance\n"));
        let calls = thread.join().unwrap();
        assert!(calls[0].0.starts_with("POST /v1/requests/01h/recall "));
        assert_eq!(serde_json::from_str::<Value>(&calls[0].1).unwrap(), json!({"reason": "wrong account"}));
        assert!(calls[1].0.starts_with("POST /v1/requests/01h/withdraw-vote "));
        assert_eq!(serde_json::from_str::<Value>(&calls[1].1).unwrap(), json!({"step": "finance", "on_behalf_of": "ann"}));
    }
}
