//! How many commands came lately: one item for each person who sends more than a few in a minute, and one for each such tenant. Nothing is
//! decided by it but whether a call may come now, so it carries no tag.

use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::pace::Bucket;
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Condition, Error, Item, Paces, Written, keys};

/// So long after its last command an item is of no use: the bucket is empty.
const KEPT_SECONDS: i64 = 120;

/// A bucket as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Counts its writes.
    pub version: u64,
    /// The bucket.
    pub bucket: Bucket,
}

impl Paces {
    /// Writes the bucket of a person, or with none of a whole tenant, if it stands as the caller knows it. `Some`: it
    /// does not, and this is how it stands.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer.
    pub async fn put(
        &self,
        tenant: &TenantId,
        person: Option<&PersonId>,
        known: Option<Counted>,
        next: Counted,
        now: Timestamp,
    ) -> Result<Option<Option<Counted>>, Error> {
        let item = Item::new(&keys::pace(tenant, person)).json("d", &next.bucket).number("n", next.version);
        let item = item.number("ttl", now.millis() / 1_000 + KEPT_SECONDS);
        let unmoved = |known: Counted| Condition::equals("n", AttributeValue::N(known.version.to_string()));
        match self.table.put(item, Some(known.map_or_else(Condition::absent, unmoved))).await? {
            Written::Done => Ok(None),
            Written::Conflict(None) => Ok(Some(None)),
            Written::Conflict(Some(item)) => Ok(Some(Some(Counted { version: item.n("n")?, bucket: item.of_json("d")? }))),
        }
    }
}
