//! A walk through the whole table with what its items say, for the reconciliation of the archive. Its cost follows the size of the table, so nothing that people wait for may use it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};

use super::{Error, Item, Page, Store, UNITS, keys, sort};

/// What of the table to read.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Attributes; a policy can fence a scan by their names, and by nothing else.
    pub attributes: &'a [&'a str],
    /// Only partitions that begin with one of these.
    pub partitions: &'a [&'a str],
}

impl Store {
    /// One page, from a place on. It may hold nothing while there is more.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn walk(&self, look: Look<'_>, start: Option<HashMap<String, AttributeValue>>) -> Result<Page, Error> {
        let mut call = self.client.scan().table_name(&*self.table).return_consumed_capacity(UNITS).set_exclusive_start_key(start);
        let mut shown = Vec::new();
        for (n, name) in look.attributes.iter().enumerate() {
            call = call.expression_attribute_names(format!("#a{n}"), *name);
            shown.push(format!("#a{n}"));
        }
        let mut wanted = Vec::new();
        for (n, prefix) in look.partitions.iter().enumerate() {
            call = call.expression_attribute_values(format!(":p{n}"), AttributeValue::S((*prefix).to_owned()));
            wanted.push(format!("begins_with(#pk, :p{n})"));
        }
        call = call.expression_attribute_names("#pk", keys::PK).projection_expression(shown.join(", "));
        // Said aloud, because the policy asks for it.
        call = call.select(Select::SpecificAttributes);
        let answer = call.filter_expression(wanted.join(" OR ")).send().await.map_err(sort)?;
        self.meter.read(answer.consumed_capacity());
        let next = answer.last_evaluated_key.filter(|key| !key.is_empty());
        Ok(Page { items: answer.items.unwrap_or_default().into_iter().map(Item::from).collect(), next })
    }
}
