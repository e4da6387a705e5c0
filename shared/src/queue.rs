//! The queues between relay and `notifications`: SQS, through the SDK. What systems get has one of its own: a receiver that does not answer holds
//! a function for its time, and no mail may wait for that.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use crate::notice::{Audience, Notice};
use crate::runtime::pause::pause;

/// Messages of one call, as SQS allows.
const BATCH: usize = 10;
/// Bytes of one call: SQS takes 256 KiB (or more), message attributes included; the rest is left free.
const BATCH_BYTES: usize = 250_000;
/// Tries for the entries of a call that SQS did not take.
const ROUNDS: u32 = 5;

/// The queue of notices: for people, and for systems.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    people: Arc<str>,
    systems: Arc<str>,
}

/// Notices that are not on the queue.
#[derive(Debug, thiserror::Error)]
#[error("{} notices could not be sent: {reason}", unsent.len())]
pub struct Error {
    /// Their places in what was to be sent, ascending.
    pub unsent: Vec<usize>,
    /// Why the last one failed.
    pub reason: String,
}

impl Queue {
    /// Over a client and a queue's URL, for all notices.
    pub fn new(client: Client, url: impl Into<Arc<str>>) -> Self {
        let people = url.into();
        Self { client, systems: Arc::clone(&people), people }
    }

    /// The same with another queue for what systems get.
    #[must_use]
    pub fn with_systems(self, url: impl Into<Arc<str>>) -> Self {
        Self { systems: url.into(), ..self }
    }

    fn url(&self, notice: &Notice) -> &Arc<str> {
        match notice.audience {
            Audience::Endpoints => &self.systems,
            Audience::People | Audience::Administrators | Audience::Person(_) | Audience::FormerAddress(_) => &self.people,
        }
    }

    /// Sends notices, ten a call. What SQS does not take of a call is sent again.
    ///
    /// # Errors
    /// [`Error`] names those that may not be on the queue after all tries; all others are.
    pub async fn send(&self, notices: &[Notice]) -> Result<(), Error> {
        let mut bodies: BTreeMap<&Arc<str>, Vec<(usize, String)>> = BTreeMap::new();
        for (place, notice) in notices.iter().enumerate() {
            bodies.entry(self.url(notice)).or_default().push((place, notice.body()));
        }
        let (mut unsent, mut reason) = (Vec::new(), String::new());
        for (url, chunk) in bodies.into_iter().flat_map(|(url, bodies)| chunks(bodies).into_iter().map(move |chunk| (url, chunk))) {
            let mut left = chunk;
            for round in 0..ROUNDS {
                pause(round).await;
                (left, reason) = match self.call(url, &left).await {
                    Ok((refused, why)) => (left.into_iter().filter(|(place, _)| refused.contains(place)).collect(), why),
                    Err(why) => (left, why),
                };
                if left.is_empty() {
                    break;
                }
            }
            unsent.extend(left.into_iter().map(|(place, _)| place));
        }
        unsent.sort_unstable();
        if unsent.is_empty() { Ok(()) } else { Err(Error { unsent, reason }) }
    }

    /// One call; gives the places of the messages that SQS did not take.
    async fn call(&self, url: &str, messages: &[(usize, String)]) -> Result<(HashSet<usize>, String), String> {
        let mut call = self.client.send_message_batch().queue_url(url);
        for (place, body) in messages {
            let entry = SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(body);
            call = call.entries(entry.build().map_err(|error| error.to_string())?);
        }
        let answer = call.send().await.map_err(|error| DisplayErrorContext(error).to_string())?;
        // What is not said to be taken is not: an answer that forgets an entry must not lose it.
        let taken: HashSet<usize> = answer.successful().iter().filter_map(|entry| entry.id().parse().ok()).collect();
        let reason =
            answer.failed().last().map_or_else(String::new, |entry| format!("{} {}", entry.code(), entry.message().unwrap_or_default()));
        Ok((messages.iter().map(|(place, _)| *place).filter(|place| !taken.contains(place)).collect(), reason))
    }
}

/// Parts that one call each may carry.
fn chunks(bodies: Vec<(usize, String)>) -> Vec<Vec<(usize, String)>> {
    let mut chunks: Vec<Vec<(usize, String)>> = Vec::new();
    let mut bytes = 0;
    for (place, body) in bodies {
        bytes += body.len();
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < BATCH && bytes <= BATCH_BYTES => chunk.push((place, body)),
            _ => {
                bytes = body.len();
                chunks.push(vec![(place, body)]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_carries_ten_messages_and_no_more_bytes_than_sqs_takes() {
        let bodies = |count: usize, bytes: usize| (0..count).map(|place| (place, "x".repeat(bytes))).collect::<Vec<_>>();
        let lengths = |bodies| chunks(bodies).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(bodies(25, 100)), [10, 10, 5]);
        assert_eq!(lengths(bodies(5, 100_000)), [2, 2, 1]);
        assert_eq!(lengths(bodies(2, 300_000)), [1, 1], "too large alone is for SQS to refuse");
        assert_eq!(lengths(Vec::new()), [] as [usize; 0]);
    }
}
