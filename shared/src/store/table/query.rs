//! Queries: part of one partition, in the order of its sort keys.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::keys::{self, PK, SK};
use super::{Error, Freshness, Item, Table, UNITS, classify};

/// One page of a query.
#[derive(Debug)]
pub struct Page {
    /// The items.
    pub items: Vec<Item>,
    /// Where the next page starts, if there may be one.
    pub next: Option<HashMap<String, AttributeValue>>,
}

/// A query within one partition.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// An index and its partition key attribute; the table itself if none.
    pub index: Option<(&'a str, &'a str)>,
    /// The partition.
    pub pk: &'a str,
    /// Sort key condition.
    pub sk: Range<'a>,
    /// Largest first.
    pub descending: bool,
    /// At most so many items read.
    pub limit: Option<i32>,
    /// Where to start.
    pub start: Option<HashMap<String, AttributeValue>>,
    /// Indexes know only eventual reads.
    pub freshness: Freshness,
}

/// Part of a partition.
#[derive(Debug, Clone, Copy)]
pub enum Range<'a> {
    /// All of it.
    All,
    /// Sort keys above this one.
    After(&'a str),
    /// From the first to the second, both included.
    Between(&'a str, &'a str),
}

impl<'a> Ask<'a> {
    /// A whole partition, strongly.
    pub fn partition(pk: &'a str) -> Self {
        Self { index: None, pk, sk: Range::All, descending: false, limit: None, start: None, freshness: Freshness::Strong }
    }
}

impl Table {
    /// One page of a query.
    pub async fn query(&self, ask: Ask<'_>) -> Result<Page, Error> {
        let (index, pk, sk) = match ask.index {
            None => (None, PK, SK),
            Some((index, pk)) => (Some(index.to_owned()), pk, if index == keys::DUE.0 { keys::DUE_AT } else { keys::CREATED }),
        };
        let s = |text: &str| AttributeValue::S(text.to_owned());
        let mut call = self.client.query().table_name(&*self.name).set_index_name(index).return_consumed_capacity(UNITS);
        call = call.expression_attribute_names("#p", pk).expression_attribute_values(":p", s(ask.pk));
        let condition = match ask.sk {
            Range::All => "#p = :p",
            Range::After(after) => {
                call = call.expression_attribute_values(":a", s(after));
                "#p = :p AND #s > :a"
            }
            Range::Between(from, to) => {
                call = call.expression_attribute_values(":a", s(from)).expression_attribute_values(":b", s(to));
                "#p = :p AND #s BETWEEN :a AND :b"
            }
        };
        if !matches!(ask.sk, Range::All) {
            call = call.expression_attribute_names("#s", sk);
        }
        call = call.key_condition_expression(condition).scan_index_forward(!ask.descending).set_limit(ask.limit);
        call = call.set_exclusive_start_key(ask.start);
        if ask.index.is_none() {
            call = call.consistent_read(ask.freshness == Freshness::Strong);
        }
        let answer = call.send().await.map_err(classify)?;
        self.meter.read(answer.consumed_capacity());
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        Ok(Page { items: answer.items.unwrap_or_default().into_iter().map(Item::from).collect(), next })
    }

    /// All pages, for partitions that are small by their limits.
    pub async fn query_all(&self, mut ask: Ask<'_>) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        loop {
            let page = self.query(ask.clone()).await?;
            items.extend(page.items);
            match page.next {
                None => return Ok(items),
                next => ask.start = next,
            }
        }
    }
}
