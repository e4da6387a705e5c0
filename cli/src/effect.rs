//! `approvals effect`: start what was approved, once, and report what came of it.

use clap::{Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Session;
use crate::answer::Request;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::options::Once;
use crate::output::{Shown, plain};
use crate::show;

/// What can be done with an effect.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Start the effect of an approved request; prints the receipt.
    Start(Start),
    /// Report that an effect is done, or failed.
    Finish(Finish),
}

/// Arguments of `start`.
#[derive(Debug, clap::Args)]
pub struct Start {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// What was approved: the payload hash `approvals show` gives.
    #[arg(long, value_name = "HASH")]
    payload_hash: String,
    #[command(flatten)]
    once: Once,
}

/// Arguments of `finish`.
#[derive(Debug, clap::Args)]
pub struct Finish {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// What came of it.
    #[arg(value_enum)]
    outcome: End,
    /// Your own name of it, such as a payment's number.
    #[arg(long)]
    reference: Option<String>,
    #[command(flatten)]
    once: Once,
}

/// What came of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum End {
    Done,
    Failed,
}

impl End {
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

#[derive(Deserialize)]
struct Started {
    request: String,
    receipt: String,
}

/// Does it.
pub fn run(action: &Action, session: &Session) -> Result<Shown, Failure> {
    match action {
        Action::Start(args) => start(args, session),
        Action::Finish(args) => finish(args, session),
    }
}

fn start(args: &Start, session: &Session) -> Result<Shown, Failure> {
    let (path, key) = (format!("/v1/requests/{}/effect/start", segment(&args.id)), args.once.key());
    let body = json!({ "payload_hash": args.payload_hash });
    let (started, answer) = session.client.ask::<Started>(&Call::post(path, Some(&key), &body))?;
    let done = if answer.replayed { "started before, with the same key" } else { "started" };
    let text = format!("{done}: {}\nreceipt {}", plain(&started.request), plain(&started.receipt));
    Ok(Shown { text, body: answer.body })
}

fn finish(args: &Finish, session: &Session) -> Result<Shown, Failure> {
    let mut body = Map::from_iter([("outcome".to_owned(), json!(args.outcome.word()))]);
    body.extend(args.reference.iter().map(|reference| ("reference".to_owned(), json!(reference))));
    let (path, key) = (format!("/v1/requests/{}/effect/finish", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &Value::Object(body)))?;
    Ok(show::after(&format!("reported as {}", args.outcome.word()), &request, answer, session.style))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::trial::{answer, server, session};

    #[test]
    fn an_effect_is_started_with_what_was_approved_and_reported() {
        let found = json!({"id": "01h", "title": "Two chairs", "status": "approved", "revision": 1, "payload_hash": "HASH", "requester": "rita",
            "metadata": {}, "steps": []});
        let started = json!({"request": "01h", "payload_hash": "HASH", "receipt": "a.b.c"});
        let (url, thread) = server([answer("200 OK", &started), answer("200 OK", &found)]);
        let act = |line: &[&str]| {
            let Command::Effect(action) = Cli::parse_from(line).command else { unreachable!() };
            run(&action, &session(&url)).unwrap().text
        };
        assert_eq!(act(&["approvals", "effect", "start", "01h", "--payload-hash", "HASH"]), "started: 01h\nreceipt a.b.c");
        assert!(act(&["approvals", "effect", "finish", "01h", "done", "--reference", "P-17"]).starts_with("reported as done\n"));
        let calls = thread.join().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&calls[0].1).unwrap(), json!({"payload_hash": "HASH"}));
        assert_eq!(serde_json::from_str::<Value>(&calls[1].1).unwrap(), json!({"outcome": "done", "reference": "P-17"}));
    }
}
