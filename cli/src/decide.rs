//! `approvals decide`: a vote, bound to what was shown.

use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::Session;
use crate::answer::{Request, Step};
use crate::args::Once;
use crate::client::{Call, segment};
use crate::failure::Failure;
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
    let hash = match &args.payload_hash {
        Some(hash) => hash.clone(),
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
    let (path, key) = (format!("/v1/requests/{}/decisions", segment(&args.id)), args.once.key());
    let (request, answer) = session.client.ask::<Request>(&Call::post(path, Some(&key), &Value::Object(body)))?;
    Ok(show::after(&format!("{} step {}", args.decision.done(), plain(&args.step)), &request, answer, session.style))
}

/// Reads the request, shows it, asks, and gives the hash of what was shown.
fn seen(args: &Args, session: &Session) -> Result<String, Failure> {
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
    Ok(request.payload_hash)
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
        Decision::Return => format!("You send the request back to {}{behalf}, whatever others have voted.", "its requester"),
    }
}

fn title_case(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
