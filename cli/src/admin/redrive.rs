//! `approvals admin redrive`: what nobody tried any more goes back on the queue. A message that is no notice stays where it is, and is named.

use std::collections::BTreeSet;
use std::time::Duration;

use approvals::notice::Notice;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::error::{BuildError, DisplayErrorContext};
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, SendMessageBatchRequestEntry};
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::aws::Access;
use crate::client::Client;
use crate::dev;
use crate::failure::Failure;
use crate::options::Shared;
use crate::output::{Shown, plain};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The queue of parked notices of a stack on AWS: its output `ParkedQueueUrl` [default: the development server at --url].
    #[arg(long, value_name = "URL", requires = "notices")]
    parked: Option<String>,
    /// The queue of notices: its output `NoticeQueueUrl`.
    #[arg(long, value_name = "URL", requires = "parked")]
    notices: Option<String>,
}

/// Messages of one call, as SQS allows.
const BATCH: i32 = 10;
/// So long a message that is being moved is hidden from others, seconds.
const HIDDEN: i32 = 120;
/// Calls that bring nothing new before the queue is taken for empty: SQS asks only some of its servers each time.
const QUIET: u32 = 3;

/// What became of the parked messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Notices on the queue again.
    pub moved: u64,
    /// Ids of the messages that are no notices; they stay.
    pub left: Vec<String>,
}

pub(super) fn run(args: &Args, shared: &Shared) -> Result<Shown, Failure> {
    let moved: Moved = match (&args.parked, &args.notices) {
        (Some(from), Some(to)) => {
            let bar = if shared.json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
            bar.enable_steady_tick(Duration::from_millis(100));
            let sqs = Access::from_env()?.sqs();
            let moved = dev::runtime()?.block_on(redrive(&sqs, from, to, |moved| bar.set_message(format!("{moved} moved"))));
            bar.finish_and_clear();
            moved.map_err(|cause| Failure::Unreachable { url: from.clone(), cause })?
        }
        _ => {
            let client = Client::new(&shared.url, None)?;
            let answer = super::ask_dev(&client, "redrive", &json!({}))?;
            serde_json::from_value(answer).map_err(|error| client.not_understood(&error))?
        }
    };
    Ok(Shown { text: moved.draw(), body: json!(moved).to_string() })
}

impl Moved {
    fn draw(&self) -> String {
        let notices = if self.moved == 1 { "notice is" } else { "notices are" };
        let mut lines = vec![format!("{} {notices} on the queue again.", self.moved)];
        lines.extend(self.left.iter().map(|id| format!("left where it is, since it is no notice: {}", plain(id))));
        lines.join("\n")
    }
}

/// Moves every notice from one queue to another: sent first, then deleted, so that whoever dies in between leaves it twice and not lost.
///
/// # Errors
/// What SQS answers; what was moved until then is moved.
pub async fn redrive(sqs: &Sqs, from: &str, to: &str, progress: impl Fn(u64)) -> Result<Moved, String> {
    let mut moved = Moved::default();
    let mut left: Vec<Message> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut quiet = 0;
    while quiet < QUIET {
        let call = sqs.receive_message().queue_url(from).max_number_of_messages(BATCH).visibility_timeout(HIDDEN);
        let answer = call.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
        let fresh = |message: &Message| seen.insert(message.message_id().unwrap_or_default().to_owned());
        let messages: Vec<Message> = answer.messages.unwrap_or_default().into_iter().filter(fresh).collect();
        quiet = if messages.is_empty() { quiet + 1 } else { 0 };
        let is_notice = |message: &Message| Notice::read(message.body().unwrap_or_default()).is_ok();
        let (notices, foreign): (Vec<Message>, Vec<Message>) = messages.into_iter().partition(is_notice);
        left.extend(foreign);
        moved.moved += pass_on(sqs, from, to, &notices).await?;
        progress(moved.moved);
    }
    moved.left = left.iter().filter_map(|message| message.message_id().map(str::to_owned)).collect();
    show_again(sqs, from, &left).await?;
    Ok(moved)
}

/// Sends a batch on and deletes what was taken; gives their number.
async fn pass_on(sqs: &Sqs, from: &str, to: &str, messages: &[Message]) -> Result<u64, String> {
    if messages.is_empty() {
        return Ok(0);
    }
    let send = |(place, message): (usize, &Message)| {
        SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(message.body().unwrap_or_default()).build()
    };
    let entries = messages.iter().enumerate().map(send).collect::<Result<Vec<_>, BuildError>>().map_err(|error| error.to_string())?;
    let call = sqs.send_message_batch().queue_url(to).set_entries(Some(entries));
    let answer = call.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
    let taken: BTreeSet<usize> = answer.successful().iter().filter_map(|entry| entry.id().parse().ok()).collect();
    let delete = |place: &usize| {
        let handle = messages.get(*place).and_then(|message| message.receipt_handle()).unwrap_or_default();
        DeleteMessageBatchRequestEntry::builder().id(place.to_string()).receipt_handle(handle).build()
    };
    let entries = taken.iter().map(delete).collect::<Result<Vec<_>, BuildError>>().map_err(|error| error.to_string())?;
    if !entries.is_empty() {
        let call = sqs.delete_message_batch().queue_url(from).set_entries(Some(entries));
        call.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
    }
    Ok(taken.len() as u64)
}

/// What stays is to be seen by whoever looks next.
async fn show_again(sqs: &Sqs, from: &str, left: &[Message]) -> Result<(), String> {
    for chunk in left.chunks(10) {
        let show = |(place, message): (usize, &Message)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(place.to_string()).visibility_timeout(0);
            entry.receipt_handle(message.receipt_handle().unwrap_or_default()).build()
        };
        let entries = chunk.iter().enumerate().map(show).collect::<Result<Vec<_>, BuildError>>().map_err(|error| error.to_string())?;
        let call = sqs.change_message_visibility_batch().queue_url(from).set_entries(Some(entries));
        call.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
    }
    Ok(())
}
