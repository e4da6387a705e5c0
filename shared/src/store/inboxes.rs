//! Inboxes: hints of who may vote on which step, soonest due first; and lists of requests, newest first. What stands in the request decides.

use std::collections::BTreeSet;

use approvals_domain::ids::{RequestId, StepId};

use super::keys::{self, Key};
use super::requests::lists::{Place, Window};
use super::{Ask, Error, Freshness, Inboxes, Item, Range};

/// A hint: somebody may vote on a step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint {
    /// The sort key; due first.
    pub sk: String,
    /// The request.
    pub request: RequestId,
    /// The step.
    pub step: StepId,
}

impl Inboxes {
    /// Hints of one inbox, soonest due first, after a sort key; and, if there may be more, the last sort key read: the page itself may be
    /// short or empty.
    pub async fn hints(
        &self,
        pk: &str,
        after: Option<&str>,
        limit: i32,
        freshness: Freshness,
    ) -> Result<(Vec<Hint>, Option<String>), Error> {
        let sk = after.map_or(Range::All, Range::After);
        let page = self.table.query(Ask { sk, limit: Some(limit), freshness, ..Ask::partition(pk) }).await?;
        let last = page.next.as_ref().and_then(|key| key.get(keys::SK)).and_then(|value| value.as_s().ok()).cloned();
        let hint = |sk: &str| keys::parse_hint_sk(sk).map(|(_, request, step)| Hint { sk: sk.to_owned(), request, step });
        Ok((page.items.iter().filter_map(|item| hint(item.opt_s(keys::SK)?)).collect(), last))
    }

    /// Ids in a list, newest first.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn listed(
        &self,
        pk: &str,
        window: Window,
        after: Option<&Place>,
        limit: i32,
    ) -> Result<(Vec<RequestId>, Option<Place>), Error> {
        let Some((from, to)) = window.bounds(after) else { return Ok((Vec::new(), None)) };
        let sk = Range::Between(&from, &to);
        let ask = Ask { sk, descending: true, limit: Some(limit), freshness: Freshness::Eventual, ..Ask::partition(pk) };
        let page = self.table.query(ask).await?;
        let last = page.next.as_ref().and_then(|key| key.get(keys::SK)).and_then(|value| value.as_s().ok()).cloned();
        let ids = page.items.iter().filter_map(|item| keys::parse_created(item.opt_s(keys::SK)?)).collect();
        Ok((ids, last.map(|created| Place { created, month: None })))
    }

    /// Which of these hints exist, read strongly.
    pub async fn existing(&self, hints: &[Key]) -> Result<BTreeSet<Key>, Error> {
        Ok(self.table.batch_get(hints, Freshness::Strong).await?.iter().filter_map(Item::key).collect())
    }

    /// Puts hints and deletes others. Any number; each may exist already, or be missing.
    pub async fn write<'a>(&self, puts: impl IntoIterator<Item = &'a Key>, deletes: &[Key]) -> Result<(), Error> {
        self.table.batch_write(puts.into_iter().map(Item::new).collect(), deletes).await
    }
}
