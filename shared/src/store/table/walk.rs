//! The one walk through the whole table, for reconciliations: after the stream lost something, or a restore. Its cost follows the size of
//! the table, so nothing that people wait for may use it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};

use super::keys::{Key, PK, SK};
use super::{Error, Freshness, Item, Page, Table, UNITS, classify, key_map};

/// What of the table to read.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Attributes; a policy can fence a scan by their names, and by nothing else.
    pub attributes: &'a [&'a str],
    /// Only partitions that begin with one of these; none: all.
    pub partitions: &'a [&'a str],
    /// Only this part of the table.
    pub segment: Segment,
    /// Of what is written meanwhile.
    pub freshness: Freshness,
    /// At most so many items looked at; none: as many as a page holds.
    pub limit: Option<i32>,
}

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

impl Table {
    /// One page, from a place on. It may hold nothing while there is more.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn walk(&self, look: Look<'_>, start: Option<HashMap<String, AttributeValue>>) -> Result<Page, Error> {
        let Look { attributes, partitions, segment, freshness, limit } = look;
        let mut call = self.client.scan().table_name(&*self.name).return_consumed_capacity(UNITS).set_exclusive_start_key(start);
        call = call.consistent_read(freshness == Freshness::Strong).set_limit(limit);
        let mut shown = Vec::new();
        for (n, name) in attributes.iter().enumerate() {
            call = call.expression_attribute_names(format!("#a{n}"), *name);
            shown.push(format!("#a{n}"));
        }
        // Said aloud, because the policy asks for it.
        call = call.projection_expression(shown.join(", ")).select(Select::SpecificAttributes);
        let mut wanted = Vec::new();
        for (n, prefix) in partitions.iter().enumerate() {
            call = call.expression_attribute_values(format!(":p{n}"), AttributeValue::S((*prefix).to_owned()));
            wanted.push(format!("begins_with(#pk, :p{n})"));
        }
        if !wanted.is_empty() {
            call = call.expression_attribute_names("#pk", PK).filter_expression(wanted.join(" OR "));
        }
        if segment.of > 1 {
            let whole = |number: u32| i32::try_from(number).map_err(|_| Error::Refused(format!("no segment {number}")));
            call = call.segment(whole(segment.number)?).total_segments(whole(segment.of)?);
        }
        let answer = call.send().await.map_err(classify)?;
        self.meter.read(answer.consumed_capacity());
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        Ok(Page { items: answer.items.unwrap_or_default().into_iter().map(Item::from).collect(), next })
    }
}

/// A walk through the keys of the whole table. What lies under a key is read by its own right.
#[derive(Debug, Clone)]
pub struct KeyWalk {
    table: Table,
}

impl KeyWalk {
    /// Over a table.
    pub const fn new(table: Table) -> Self {
        Self { table }
    }

    /// A page of keys in the table's own order, read strongly; and after which key the next page begins, if there may be one.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn page(&self, segment: Segment, after: Option<&Key>, limit: i32) -> Result<(Vec<Key>, Option<Key>), Error> {
        let look = Look { attributes: &[PK, SK], partitions: &[], segment, freshness: Freshness::Strong, limit: Some(limit) };
        let page = self.table.walk(look, after.map(key_map)).await?;
        let next = page.next.and_then(|key| Item::from(key).key());
        Ok((page.items.iter().filter_map(Item::key).collect(), next))
    }
}
