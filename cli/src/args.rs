//! What can be typed.

use clap::{Parser, Subcommand};

use crate::local::Local;
use crate::options::Shared;
use crate::{
    admin, cancel, comment, decide, delegate, effect, endpoint, erase, explain, history, inbox, list, preview, reassign, recall, resubmit,
    role, show, submit, template, token, transfer, user,
};

const AFTER_HELP: &str = "\
Exit codes:
   0  done
   1  refused: the service, or a check here, says no
   2  wrong arguments, or a file that cannot be used
   3  not found, or not for you to see
   4  conflict: somebody was faster, or it is over
   5  not signed in, or not allowed
  69  the service does not answer, or failed
  74  standard output or the keyboard failed

Start here, in two terminals:
  approvals dev --demo
  approvals --as alice submit --template purchase_order --entity order/PO-1 --title 'Two chairs' \\
      --metadata '{\"amount\": 480, \"currency\": \"EUR\"}'";

/// Approvals: requests pass ordered human steps before they take effect.
#[derive(Debug, Parser)]
#[command(name = "approvals", version, after_help = AFTER_HELP, max_term_width = 110, next_line_help = false)]
pub struct Cli {
    #[command(flatten)]
    pub shared: Shared,
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Submit a request.
    Submit(submit::Args),
    /// Say what submitting would do; writes nothing.
    Preview(preview::Args),
    /// Show what waits for you.
    Inbox(inbox::Args),
    /// Vote on a step of a request.
    Decide(decide::Args),
    /// Show a request.
    Show(show::Args),
    /// Show what happened to a request, and who did it.
    History(history::Args),
    /// Say who may act on a request now, and why.
    Explain(explain::Args),
    /// List requests.
    List(list::Args),
    /// Answer a return with a new revision.
    Resubmit(resubmit::Args),
    /// Take a request back.
    Cancel(cancel::Args),
    /// Comment on a request.
    Comment(comment::Args),
    /// Pass a seat to another person.
    Reassign(reassign::Args),
    /// Let another person ask from the next revision on.
    Transfer(transfer::Args),
    /// Erase what people wrote in a request that is over: title, metadata, attachments, comments.
    Erase(erase::Args),
    /// Take back an approval, until its effect is started: the request goes back to the requester.
    Recall(recall::Args),
    /// Take back your vote on a step that is open.
    WithdrawVote(recall::Withdraw),
    /// Start what was approved, and report what came of it.
    #[command(subcommand)]
    Effect(effect::Action),
    /// Let somebody else act for you for a time.
    #[command(subcommand)]
    Delegate(delegate::Action),
    /// Check, publish and show templates.
    #[command(subcommand)]
    Template(template::Action),
    /// People of the directory.
    #[command(subcommand)]
    User(user::Action),
    /// Roles of the directory.
    #[command(subcommand)]
    Role(role::Action),
    /// Webhook endpoints: where events go.
    #[command(subcommand)]
    Endpoint(endpoint::Action),
    /// Mend what an outage left behind.
    #[command(subcommand)]
    Admin(admin::Action),
    /// Print a token of a development server on this machine.
    Token(token::Args),
    #[command(flatten)]
    Local(Local),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn shared_options_stand_before_or_after_the_command() {
        for line in ["approvals --as bob --json show 01h", "approvals show 01h --json --as bob"] {
            let cli = parse(line).unwrap();
            assert_eq!((cli.shared.acting_as.as_deref(), cli.shared.json), (Some("bob"), true));
            assert!(matches!(cli.command, Command::Show(_)));
        }
    }

    #[test]
    fn json_reaches_a_command_that_has_the_option_itself() {
        for line in ["approvals --json replay log.xes", "approvals replay log.xes --json"] {
            let Command::Local(Local::Replay(args)) = parse(line).unwrap().command else { panic!("{line}") };
            assert!(args.json, "{line}");
        }
    }

    #[test]
    fn a_token_is_nowhere_in_what_is_printed() {
        let cli = parse("approvals --token hush inbox").unwrap();
        assert!(!format!("{cli:?}").contains("hush"));
    }

    #[test]
    fn wrong_arguments_end_with_2() {
        for line in [
            "approvals",
            "approvals frobnicate",
            "approvals show",
            "approvals decide 01h manager maybe",
            "approvals submit --template k --entity order --title t --metadata {}",
            "approvals list --blocked --requester bob",
            "approvals user put bob --name Bob --email b@x --attribute nothing",
            "approvals admin redrive --parked https://sqs/parked",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
        assert_eq!(parse("approvals --help").unwrap_err().exit_code(), 0);
    }

    #[test]
    fn every_command_of_the_contract_parses() {
        for line in [
            "approvals token --user alice --scopes submit,read --tenant t",
            "approvals template lint a.yaml b.yaml",
            "approvals template lint a.yaml --against",
            "approvals template publish a.yaml --no-activate",
            "approvals template show purchase_order --version 2",
            "approvals user put bob --name Bob --email b@x --manager eve --inactive --time-zone Europe/Berlin --attribute team=a",
            "approvals role add finance bob",
            "approvals role remove finance bob",
            "approvals role show finance",
            "approvals endpoint put erp https://x --event a --event b --inactive",
            "approvals endpoint show erp",
            "approvals endpoint rotate erp",
            "approvals endpoint replay erp --from t --to t --event a --idempotency-key k",
            "approvals endpoint deliveries erp --limit 5",
            "approvals endpoint remove erp",
            "approvals dev --webhooks-to-loopback",
            "approvals submit --template k --entity order/PO/1 --title t --metadata {} --requester u --attachment {}",
            "approvals inbox --all",
            "approvals decide 01h finance return --comment no --on-behalf-of eve --payload-hash h",
            "approvals decide 01h finance approve --yes",
            "approvals explain 01h --user bob",
            "approvals list --template k --status approved",
            "approvals resubmit 01h --metadata {} --comment c",
            "approvals cancel 01h --reason r",
            "approvals comment 01h hello",
            "approvals erase 01h --reason r",
            "approvals reassign 01h finance --from bob --to eve --reason r",
            "approvals preview --template k --entity order/1 --metadata {}",
            "approvals admin reconcile --since 2026-01-05T09:00:00Z",
            "approvals admin reconcile --function approvals-Relay-1",
            "approvals admin redrive --parked https://sqs/parked --notices https://sqs/notices",
            "approvals admin rotate-links --secret arn:aws:secretsmanager:eu-west-1:1:secret:links",
        ] {
            parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
