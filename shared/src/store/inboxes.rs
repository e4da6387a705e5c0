//! Inboxes: hints of who may vote on which step, soonest due first. What stands in the request decides.

use std::collections::BTreeSet;

use approvals_domain::ids::{RequestId, StepId};

use super::keys::{self, Key};
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

    /// Which of these hints exist, read strongly.
    pub async fn existing(&self, hints: &[Key]) -> Result<BTreeSet<Key>, Error> {
        Ok(self.table.batch_get(hints, Freshness::Strong).await?.iter().filter_map(Item::key).collect())
    }

    /// Puts hints and deletes others. Any number; each may exist already, or be missing.
    pub async fn write<'a>(&self, puts: impl IntoIterator<Item = &'a Key>, deletes: &[Key]) -> Result<(), Error> {
        self.table.batch_write(puts.into_iter().map(Item::new).collect(), deletes).await
    }
}
