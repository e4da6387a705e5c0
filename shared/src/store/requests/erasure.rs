//! Erasure: what lies beside a request whose commits say that it was erased.
//!
//! The write that says so takes away what lies in the item itself ([`Record::after`]). What lies beside is replaced by marks after it: whoever
//! dies in between gives the same command again. A mark is an item of its own with a tag, so a removal stays somebody else's.

use std::collections::BTreeSet;

use approvals_domain::hash::Hash;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Ask, Condition, Error, Freshness, Item, Range, Record, Requests, keys};
use approvals_domain::limits;

/// The version that erased what stood in an item.
const MARK: &str = "er";

/// Whether something stood there and was erased.
pub fn is_mark(item: &Item) -> bool {
    item.opt_n(MARK).is_some()
}

impl Requests {
    /// Takes away contents of all revisions, and texts of commits before the one that erased them. Nothing if there is nothing left.
    ///
    /// # Errors
    /// [`Error`]: it may be called again.
    pub async fn erase_beside(&self, record: &Record) -> Result<(), Error> {
        let state = &record.state;
        let (tenant, id) = (&state.tenant, &state.id);
        let Some(erased) = state.erased else { return Ok(()) };
        let (commits, _) = self.history(record).await?;
        let texts = |after: bool| -> BTreeSet<Hash> {
            let some = commits.iter().filter(|sealed| (sealed.commit.version >= erased) == after);
            some.flat_map(|sealed| &sealed.commit.events).filter_map(|event| event.text()).collect()
        };
        let stay = texts(true);
        let gone: BTreeSet<Hash> = texts(false).difference(&stay).copied().collect();
        let payloads = state.earlier_payloads.iter().chain([&state.payload_hash]).map(|hash| keys::payload(tenant, id, hash));
        let beside: Vec<_> = payloads.chain(gone.iter().map(|hash| keys::text(tenant, id, hash))).collect();
        for item in self.table.batch_get(&beside, Freshness::Strong).await? {
            if let Some(key) = item.key().filter(|_| !is_mark(&item)) {
                self.table.put(Item::new(&key).number(MARK, erased), None).await?;
            }
        }
        let (first, last) = (keys::page(tenant, id, 1), keys::page(tenant, id, limits::COMMITS));
        let pages = self.table.query_all(Ask { sk: Range::Between(&first.sk, &last.sk), ..Ask::partition(&first.pk) }).await?;
        for page in pages {
            let Some(AttributeValue::M(texts)) = page.get("x") else { continue };
            let kept = texts.iter().filter(|(hash, _)| !Hash::try_from((*hash).clone()).is_ok_and(|hash| gone.contains(&hash)));
            let kept: std::collections::HashMap<_, _> = kept.map(|(hash, text)| (hash.clone(), text.clone())).collect();
            if kept.len() < texts.len() {
                let written = Condition::equals("n", AttributeValue::N(page.n("n")?.to_string()));
                self.table.put(page.with("x", AttributeValue::M(kept)).number(MARK, erased), Some(written)).await?;
            }
        }
        Ok(())
    }
}
