//! `approvals decide`: a vote, bound to what was shown.

use clap::ValueEnum;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Session;
use crate::answer::{Request, Step};
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::options::Once;
use crate::output::{Now, Shown, Style, plain};
use crate::show;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The request.
    #[arg(value_name = "REQUEST")]
    id: String,
    /// The step.
    step: String,
    /// The vote; a return goes back to the requester.
    #[arg(value_enum)]
    decision: Decision,
    /// A word to the others.
    #[arg(long)]
    comment: Option<String>,
    /// Use the right of this person, who delegated it.
    #[arg(long, value_name = "USER")]
    on_behalf_of: Option<String>,
    /// What you have seen: the payload hash `approvals show` gives. Without it the request is shown first, and you are asked.
    #[arg(long, value_name = "HASH")]
    payload_hash: Option<String>,
    /// The round of the seat: needed once a vote on it was taken back. `approvals show --json` gives it.
    #[arg(long, value_name = "N")]
    round: Option<u32>,
    /// Do not ask: vote on the request as it stands now.
    #[arg(long, short, conflicts_with = "payload_hash")]
    yes: bool,
    #[command(flatten)]
    once: Once,
}

/// A vote: yes, no, or back to the requester.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Decision {
    Approve,
    Reject,
    Return,
}

impl Decision {
    const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Return => "return",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::Return => "returned",
        }
    }
}

/// Votes.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let (hash, round) = match &args.payload_hash {
        Some(hash) => (hash.clone(), args.round),
        None => seen(args, session)?,
    };
    let mut body = Map::new();
    let mut put = |name: &str, value: &str| body.insert(name.to_owned(), Value::from(value));
    put("step", &args.step);
    put("decision", args.decision.word());
    put("payload_hash", &hash);
    if let Some(comment) = &args.comment {
        put("comment", comment);
    }
    if let Some(person) = &args.on_behalf_of {
        put("on_behalf_of", person);
    }
    if let Some(round) = round {
        body.insert("round".to_owned(), Value::from(round));
    }
    let (path, key) = (format!("/v1/requests/{}/decisions", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &Value::Object(body)))?;
    Ok(show::after(&format!("{} step {}", args.decision.done(), plain(&args.step)), &request, answer, session.style))
}

/// Reads the request, shows it, asks, and gives the hash and the round of what was shown.
fn seen(args: &Args, session: &Session) -> Result<(String, Option<u32>), Failure> {
    if !args.yes && !session.screen.can_ask() {
        return Err(Failure::usage("nobody is there to ask: pass --payload-hash HASH, or --yes to vote on the request as it stands"));
    }
    let (request, answer) = show::fetch(session, &args.id)?;
    if !args.yes {
        session.screen.say(&question(args, &request, session.style, answer.now));
        if !session.screen.confirm(&format!("{} step {}?", title_case(args.decision.word()), plain(&args.step)))? {
            return Err(Failure::Declined { reason: "nothing was sent".to_owned(), found: Shown::default() });
        }
    }
    let step = request.steps.iter().find(|step| step.id == args.step);
    let round = match (args.round, step) {
        (None, Some(step)) if !step.rounds.is_empty() => round(args, step, session)?,
        (given, _) => given,
    };
    Ok((request.payload_hash, round))
}

/// The round of the caller's vote, where answers were taken back on a step.
fn round(args: &Args, step: &Step, session: &Session) -> Result<Option<u32>, Failure> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Me {
        id: String,
    }
    let (me, _) = session.client.ask::<Me>(&Call::get("/v1/me".to_owned()))?;
    let of = [Some(&me.id), args.on_behalf_of.as_ref()].into_iter().flatten().filter_map(|id| step.rounds.get(id));
    Ok(of.max().and_then(|round| u32::try_from(*round).ok()))
}

/// What an approver has to know before the answer.
fn question(args: &Args, request: &Request, style: Style, now: Now) -> String {
    let mut lines = show::head(request, style, now);
    lines.push(String::new());
    lines.extend(show::content(request));
    let step = request.steps.iter().find(|step| step.id == args.step);
    if let Some(step) = step {
        lines.push(String::new());
        lines.push(show::steps(std::slice::from_ref(step), style, now));
    }
    lines.push(String::new());
    lines.push(meaning(args, step));
    lines.push(format!("payload hash {}", plain(&request.payload_hash)));
    lines.join("\n")
}

fn meaning(args: &Args, step: Option<&Step>) -> String {
    let behalf = args.on_behalf_of.as_deref().map(|person| format!(" on behalf of {}", plain(person))).unwrap_or_default();
    match args.decision {
        Decision::Approve => {
            let meaning = step.and_then(|step| step.meaning.as_deref()).unwrap_or("approval");
            format!("Your approval means: {}{behalf}. It is recorded for exactly what is shown above.", plain(meaning))
        }
        Decision::Reject => format!("You reject{behalf}. The template says whether one rejection ends the request."),
        Decision::Return => format!("You send the request back to its requester{behalf}, whatever others have voted."),
    }
}

fn title_case(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::trial::{answer, header_of, server, session};

    fn args(rest: &str) -> Args {
        let Command::Decide(args) = Cli::parse_from(format!("approvals decide {rest}").split(' ')).command else { unreachable!() };
        args
    }

    fn request() -> Value {
        json!({"id": "01h", "title": "Two chairs", "status": "in_progress", "revision": 1, "payload_hash": "HASH", "requester": "alice",
            "metadata": {"amount": 480}, "steps": [{"id": "manager", "name": "Manager", "state": "open", "meaning": "budget approval"}]})
    }

    #[test]
    fn a_vote_is_bound_to_the_request_that_was_read() {
        let (url, thread) = server([answer("200 OK", &request()), answer("200 OK", &request())]);
        let shown = run(&args("01h manager approve --yes --comment fine --on-behalf-of eve"), &session(&url)).unwrap();
        assert!(shown.text.starts_with("approved step manager\n"), "{}", shown.text);
        let calls = thread.join().unwrap();
        assert!(calls[0].0.starts_with("GET /v1/requests/01h "));
        assert!(calls[1].0.starts_with("POST /v1/requests/01h/decisions "));
        assert!(header_of(&calls[1].0, "idempotency-key").is_some_and(|key| key.len() == 36));
        let wanted = json!({"step": "manager", "decision": "approve", "payload_hash": "HASH", "comment": "fine", "on_behalf_of": "eve"});
        assert_eq!(serde_json::from_str::<Value>(&calls[1].1).unwrap(), wanted);
    }

    #[test]
    fn a_hash_given_is_sent_as_it_is_and_nothing_is_read_before() {
        let (url, thread) = server([answer("200 OK", &request())]);
        run(&args("01h manager reject --payload-hash OLD"), &session(&url)).unwrap();
        assert!(thread.join().unwrap()[0].1.contains(r#""payload_hash":"OLD""#));
    }

    #[test]
    fn the_question_says_what_an_approval_means() {
        let request: Request = serde_json::from_value(request()).unwrap();
        let asked = question(&args("01h manager approve"), &request, Style::default(), None);
        for words in ["Two chairs", "requested by alice", "amount  480", "Your approval means: budget approval.", "payload hash HASH"] {
            assert!(asked.contains(words), "{words} is missing in\n{asked}");
        }
    }
}
