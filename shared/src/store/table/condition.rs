//! Conditions of writes, and the writes of a transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem};

use super::keys::Key;
use super::{ALL_OLD, Error, Item, key_map};

/// When a write may happen.
#[derive(Debug, Clone)]
pub struct Condition {
    pub(super) expression: String,
    pub(super) values: Option<HashMap<String, AttributeValue>>,
}

impl Condition {
    /// The item is not there.
    pub fn absent() -> Self {
        Self { expression: "attribute_not_exists(PK)".to_owned(), values: None }
    }

    /// The item is there in this version.
    pub fn version(version: u64) -> Self {
        Self::equals("v", AttributeValue::N(version.to_string()))
    }

    /// An attribute has this value.
    pub fn equals(attribute: &str, value: AttributeValue) -> Self {
        Self { expression: format!("{attribute} = :is"), values: Some(HashMap::from([(":is".to_owned(), value)])) }
    }

    /// An attribute is not there, nor need the item be.
    pub fn without(attribute: &str) -> Self {
        Self { expression: format!("attribute_not_exists({attribute})"), values: None }
    }

    /// The item is not there, or an attribute is at most this number.
    pub fn absent_or_at_most(attribute: &str, number: u64) -> Self {
        let values = HashMap::from([(":is".to_owned(), AttributeValue::N(number.to_string()))]);
        Self { expression: format!("attribute_not_exists(PK) OR {attribute} <= :is"), values: Some(values) }
    }
}

/// A write of a transaction.
#[derive(Debug)]
pub enum Write {
    /// Puts an item.
    Put(Item, Option<Condition>),
    /// Deletes one.
    Delete(Key),
    /// Writes nothing, and holds the others to a condition.
    Check(Key, Condition),
}

impl Write {
    pub(super) fn build(self, table: &str) -> Result<TransactWriteItem, Error> {
        let refused = |error: BuildError| Error::Refused(error.to_string());
        let builder = TransactWriteItem::builder();
        Ok(match self {
            Self::Put(item, condition) => {
                let mut put = Put::builder().table_name(table).set_item(Some(item.into()));
                if let Some(Condition { expression, values }) = condition {
                    put = put.condition_expression(expression).set_expression_attribute_values(values);
                    put = put.return_values_on_condition_check_failure(ALL_OLD);
                }
                builder.put(put.build().map_err(refused)?)
            }
            Self::Check(key, Condition { expression, values }) => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key_map(&key))).condition_expression(expression);
                builder.condition_check(check.set_expression_attribute_values(values).build().map_err(refused)?)
            }
            Self::Delete(key) => builder.delete(Delete::builder().table_name(table).set_key(Some(key_map(&key))).build().map_err(refused)?),
        }
        .build())
    }
}
