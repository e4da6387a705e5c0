//! The command line: one file per command. A command turns its arguments into one or two calls of the HTTP API and returns what to
//! show; printing happens here, once, at the end.

pub mod answer;
pub mod args;
pub mod client;
pub mod failure;
pub mod local;
pub mod options;
pub mod output;
pub mod problem;

pub mod admin;
pub mod audit;
pub mod bench;
pub mod cancel;
pub mod comment;
pub mod content;
pub mod decide;
pub mod delegate;
pub mod dev;
pub mod effect;
pub mod endpoint;
pub mod engine;
pub mod erase;
pub mod explain;
pub mod fence;
pub mod history;
pub mod inbox;
pub mod list;
pub mod preview;
mod progress;
pub mod reassign;
pub mod recall;
pub mod replay;
pub mod resubmit;
pub mod role;
pub mod show;
pub mod submit;
pub mod template;
pub mod token;
pub mod transfer;
pub mod user;

#[cfg(test)]
mod trial;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use client::Client;
use failure::Failure;
use options::Shared;
use output::{Screen, Shown, Style};

/// What a command works with.
#[derive(Debug)]
pub struct Session {
    /// The service, as the person who calls.
    pub client: Client,
    /// How text is drawn.
    pub style: Style,
    /// The answer goes to a program.
    pub json: bool,
    /// Standard error and the keyboard, for questions.
    pub screen: Screen,
}

/// The whole program.
pub fn main() -> ExitCode {
    let Cli { shared, command } = Cli::parse();
    match command {
        Command::Local(local) => local.run(&shared),
        command => {
            let (json, style) = (shared.json, Style::detect());
            finish(run(shared, style, command), json, style)
        }
    }
}

fn run(shared: Shared, style: Style, command: Command) -> Result<Shown, Failure> {
    // It calls the service as nobody, or AWS past it.
    if let Command::Admin(action) = &command {
        return admin::run(action, &shared);
    }
    // The one command that calls nobody.
    if let Command::Template(template::Action::Lint { files, against: false }) = &command {
        return template::lint::run(files, style);
    }
    let session = Session { client: token::client(&shared)?, style, json: shared.json, screen: Screen };
    match command {
        Command::Submit(args) => submit::run(&args, &session),
        Command::Preview(args) => preview::run(&args, &session),
        Command::Inbox(args) => inbox::run(&args, &session),
        Command::Decide(args) => decide::run(&args, &session),
        Command::Show(args) => show::run(&args, &session),
        Command::History(args) => history::run(&args, &session),
        Command::Explain(args) => explain::run(&args, &session),
        Command::List(args) => list::run(&args, &session),
        Command::Resubmit(args) => resubmit::run(&args, &session),
        Command::Cancel(args) => cancel::run(&args, &session),
        Command::Comment(args) => comment::run(&args, &session),
        Command::Reassign(args) => reassign::run(&args, &session),
        Command::Erase(args) => erase::run(&args, &session),
        Command::Transfer(args) => transfer::run(&args, &session),
        Command::Recall(args) => recall::run(&args, &session),
        Command::WithdrawVote(args) => recall::withdraw(&args, &session),
        Command::Effect(action) => effect::run(&action, &session),
        Command::Delegate(action) => delegate::run(&action, &session),
        Command::Template(action) => template::run(&action, &session),
        Command::User(action) => user::run(&action, &session),
        Command::Role(action) => role::run(&action, &session),
        Command::Endpoint(action) => endpoint::run(&action, &session),
        Command::Token(args) => token::run(&args, &session),
        // Handled before a session is opened.
        Command::Admin(_) | Command::Local(_) => Ok(Shown::default()),
    }
}

/// Prints the answer or the failure: for programs the body on standard output, for people what went wrong on standard error.
fn finish(result: Result<Shown, Failure>, json: bool, style: Style) -> ExitCode {
    let shown = |shown: &Shown| Screen.print(if json { &shown.body } else { &shown.text });
    let failure = match result {
        Ok(answer) => match shown(&answer) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => Failure::from(error),
        },
        Err(failure) => failure,
    };
    // If standard output fails as well, the exit code still tells.
    let _ = match &failure {
        Failure::Refused(problem) if json => Screen.print(&problem.raw),
        Failure::Declined { found, .. } => shown(found),
        _ => Ok(()),
    };
    match &failure {
        Failure::Refused(problem) if json && problem.is_json() => {}
        Failure::Refused(problem) => Screen.say(&problem.draw(style)),
        other => Screen.say(&other.line()),
    }
    ExitCode::from(failure.exit())
}
