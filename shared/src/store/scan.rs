//! The one walk through the whole table. Only `reconcile` goes it: after the stream lost something, or a restore.
//!
//! It sees keys and nothing else, and a policy can hold it to that: what lies under a key is read by its own right.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};

use super::keys::{Key, PK, SK};
use super::{Error, Item, Store, UNITS, key_map, sort};

/// A part of the table: many can be walked side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Which, from 0.
    pub number: u32,
    /// Of how many.
    pub of: u32,
}

impl Segment {
    /// All of it.
    pub const WHOLE: Self = Self { number: 0, of: 1 };
}

impl Store {
    /// A page of the keys of everything, in the table's own order; and after which key the next page begins, if there may be one.
    pub async fn scan_keys(&self, segment: Segment, after: Option<&Key>, limit: i32) -> Result<(Vec<Key>, Option<Key>), Error> {
        let whole = |number: u32| i32::try_from(number).map_err(|_| Error::Refused(format!("no segment {number}")));
        let mut call = self.client.scan().table_name(&*self.table).set_exclusive_start_key(after.map(key_map)).limit(limit);
        call = call.select(Select::SpecificAttributes).projection_expression("#p, #s").return_consumed_capacity(UNITS);
        call = call.expression_attribute_names("#p", PK).expression_attribute_names("#s", SK).consistent_read(true);
        if segment.of > 1 {
            call = call.segment(whole(segment.number)?).total_segments(whole(segment.of)?);
        }
        let answer = call.send().await.map_err(sort)?;
        self.meter.read(answer.consumed_capacity());
        let key = |item: HashMap<String, AttributeValue>| Item::from(item).key();
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty()).and_then(key);
        Ok((answer.items.unwrap_or_default().into_iter().filter_map(key).collect(), next))
    }
}
