//! DynamoDB. One request is one item; one command is one conditional write.
//!
//! - [`keys`] knows every key; [`table`] the table's shape;
//! - [`request`] loads and commits requests; [`chain`] links the commits of a directory object; [`directory`], [`roles`], [`documents`], [`endpoints`], [`templates`] the rest; [`queries`] the lists;
//! - [`walk`] goes through the whole table, for reconciliations;
//! - this file and that one are the only ones that call the SDK: it retries what was left unprocessed, sorts errors, counts units.

pub mod chain;
pub mod cursor;
pub mod delegations;
pub mod deliveries;
pub mod directory;
pub mod documents;
pub mod endpoint_log;
pub mod endpoints;
pub mod item;
pub mod jobs;
pub mod keys;
pub mod links;
pub mod meter;
pub mod queries;
pub mod request;
pub mod roles;
pub mod table;
pub mod templates;
pub mod walk;
pub mod webhook;

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, WriteRequest,
};

pub use crate::runtime::pause::pause;
pub use item::Item;
use keys::{Key, PK, SK};
use meter::Meter;

/// The table, through the SDK.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: Arc<str>,
    meter: Arc<Meter>,
}

/// Why the store did not answer. Sorted by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Try again later: throttled, timed out, or out of reach. A write may or may not have happened.
    #[error("the store is not available now: {0}")]
    Unavailable(String),
    /// Stored bytes are not what was written: page a human.
    #[error("the store holds something damaged at {at}: {what}")]
    Damaged {
        /// Which item.
        at: String,
        /// What is wrong with it.
        what: String,
    },
    /// The call itself is wrong: page a human.
    #[error("the store refused a call: {0}")]
    Refused(String),
}

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Half the price; may miss the last second.
    Eventual,
    /// Sees every acknowledged write.
    Strong,
}

/// What became of a conditional write.
#[derive(Debug)]
pub enum Written {
    /// It holds.
    Done,
    /// The condition failed; the item as it is.
    Conflict(Option<Item>),
}

/// One item of a failed transaction.
#[derive(Debug)]
pub enum Reason {
    /// This one was fine.
    None,
    /// Its condition failed; the item as it is.
    Condition(Option<Item>),
    /// Another transaction held it, or it was throttled: try again.
    Busy,
}

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

const UNITS: ReturnConsumedCapacity = ReturnConsumedCapacity::Indexes;
const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;
/// Rounds for what a batch left unprocessed.
const BATCH_ROUNDS: u32 = 8;

impl Store {
    /// Over a client and a table's name.
    pub fn new(client: Client, table: impl Into<Arc<str>>) -> Self {
        Self { client, table: table.into(), meter: Arc::default() }
    }

    /// Counts the units this store used.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The same table with a meter of its own.
    pub fn metered(&self) -> Self {
        Self { meter: Arc::default(), ..self.clone() }
    }

    /// One item.
    pub async fn get(&self, key: &Key, freshness: Freshness) -> Result<Option<Item>, Error> {
        let call = self.client.get_item().table_name(&*self.table).set_key(Some(key_map(key))).return_consumed_capacity(UNITS);
        let answer = call.consistent_read(freshness == Freshness::Strong).send().await.map_err(sort)?;
        self.meter.read(answer.consumed_capacity());
        Ok(answer.item.map(Item::from))
    }

    /// Opens a connection, by reading nothing: half a unit.
    pub async fn connect(&self) -> Result<(), Error> {
        self.get(&keys::nowhere(), Freshness::Eventual).await.map(|_| ())
    }

    /// Items by key, in the order of the keys; those that do not exist are missing. Any number.
    pub async fn batch_get(&self, keys: &[Key], freshness: Freshness) -> Result<Vec<Item>, Error> {
        let mut found: HashMap<Key, Item> = HashMap::new();
        for chunk in keys.chunks(100) {
            let mut wanted: Vec<_> = chunk.iter().map(key_map).collect();
            for round in 0..BATCH_ROUNDS {
                if wanted.is_empty() {
                    break;
                }
                pause(round).await;
                let ask = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(freshness == Freshness::Strong);
                let ask = ask.build().map_err(|error| Error::Refused(error.to_string()))?;
                let call = self.client.batch_get_item().request_items(&*self.table, ask).return_consumed_capacity(UNITS);
                let mut answer = call.send().await.map_err(sort)?;
                answer.consumed_capacity().iter().for_each(|units| self.meter.read(Some(units)));
                let items = answer.responses.as_mut().and_then(|tables| tables.remove(&*self.table)).unwrap_or_default();
                found.extend(items.into_iter().map(Item::from).filter_map(|item| Some((item.key()?, item))));
                let left = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&*self.table));
                wanted = left.map(|left| left.keys).unwrap_or_default();
            }
            if !wanted.is_empty() {
                return Err(Error::Unavailable("a batch was not read to its end".to_owned()));
            }
        }
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    /// One page.
    pub async fn query(&self, ask: Ask<'_>) -> Result<Page, Error> {
        let (index, pk, sk) = match ask.index {
            None => (None, PK, SK),
            Some((index, pk)) => (Some(index.to_owned()), pk, if index == keys::DUE.0 { keys::DUE_AT } else { keys::CREATED }),
        };
        let s = |text: &str| AttributeValue::S(text.to_owned());
        let mut call = self.client.query().table_name(&*self.table).set_index_name(index).return_consumed_capacity(UNITS);
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
        let answer = call.send().await.map_err(sort)?;
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

    /// One put, on a condition if there is one.
    pub async fn put(&self, item: Item, condition: Option<Condition>) -> Result<Written, Error> {
        let mut call = self.client.put_item().table_name(&*self.table).set_item(Some(item.into())).return_consumed_capacity(UNITS);
        if let Some(Condition { expression, values }) = condition {
            call = call
                .condition_expression(expression)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(ALL_OLD);
        }
        match call.send().await {
            Ok(answer) => {
                self.meter.write(answer.consumed_capacity());
                Ok(Written::Done)
            }
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                self.meter.refused_write();
                match error.into_err() {
                    aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) => {
                        Ok(Written::Conflict(failed.item.map(Item::from)))
                    }
                    other => Err(Error::Refused(other.to_string())),
                }
            }
            Err(error) => Err(sort(error)),
        }
    }

    /// One delete, on a condition. An item that is not there, or not so any more, is none of ours.
    pub async fn delete(&self, key: &Key, condition: Condition) -> Result<(), Error> {
        let call = self.client.delete_item().table_name(&*self.table).set_key(Some(key_map(key))).return_consumed_capacity(UNITS);
        let call = call.condition_expression(condition.expression).set_expression_attribute_values(condition.values);
        match call.send().await {
            Ok(answer) => {
                self.meter.write(answer.consumed_capacity());
                Ok(())
            }
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                self.meter.refused_write();
                Ok(())
            }
            Err(error) => Err(sort(error)),
        }
    }

    /// Sets text attributes of an item, or takes them away where none is given, on a condition. An item that is not so any more stays.
    pub async fn update(&self, key: &Key, attributes: &[(&str, Option<String>)], condition: Condition) -> Result<(), Error> {
        let mut call = self.client.update_item().table_name(&*self.table).set_key(Some(key_map(key))).return_consumed_capacity(UNITS);
        let (mut set, mut gone) = (Vec::new(), Vec::new());
        for (n, (name, value)) in attributes.iter().enumerate() {
            call = call.expression_attribute_names(format!("#u{n}"), *name);
            match value {
                Some(value) => {
                    call = call.expression_attribute_values(format!(":u{n}"), AttributeValue::S(value.clone()));
                    set.push(format!("#u{n} = :u{n}"));
                }
                None => gone.push(format!("#u{n}")),
            }
        }
        let part = |word: &str, parts: Vec<String>| if parts.is_empty() { String::new() } else { format!("{word} {} ", parts.join(", ")) };
        call = call.update_expression(part("SET", set) + &part("REMOVE", gone)).condition_expression(condition.expression);
        for (name, value) in condition.values.into_iter().flatten() {
            call = call.expression_attribute_values(name, value);
        }
        match call.send().await {
            Ok(answer) => {
                self.meter.write(answer.consumed_capacity());
                Ok(())
            }
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                self.meter.refused_write();
                Ok(())
            }
            Err(error) => Err(sort(error)),
        }
    }

    /// All or nothing. An empty answer: all. Else a reason for each write, in order.
    pub async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Reason>, Error> {
        let items = writes.into_iter().map(|write| write.build(&self.table)).collect::<Result<Vec<_>, _>>()?;
        let call = self.client.transact_write_items().set_transact_items(Some(items)).return_consumed_capacity(UNITS);
        match call.send().await {
            Ok(answer) => {
                answer.consumed_capacity().iter().for_each(|units| self.meter.write(Some(units)));
                Ok(Vec::new())
            }
            Err(SdkError::ServiceError(error)) => match error.into_err() {
                TransactWriteItemsError::TransactionCanceledException(cancelled) => cancelled
                    .cancellation_reasons
                    .unwrap_or_default()
                    .into_iter()
                    .map(|reason| match reason.code.as_deref() {
                        None | Some("None") => Ok(Reason::None),
                        Some("ConditionalCheckFailed") => Ok(Reason::Condition(reason.item.map(Item::from))),
                        Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded") => Ok(Reason::Busy),
                        Some(_) => Err(Error::Refused(reason.message.unwrap_or_default())),
                    })
                    .collect(),
                other => Err(sort_service(&other, other.to_string())),
            },
            Err(error) => Err(sort(error)),
        }
    }

    /// Puts and deletes without conditions, 25 a call. Any number.
    pub async fn batch_write(&self, puts: Vec<Item>, deletes: &[Key]) -> Result<(), Error> {
        let refused = |error: aws_sdk_dynamodb::error::BuildError| Error::Refused(error.to_string());
        let mut writes = Vec::new();
        for item in puts {
            let put = PutRequest::builder().set_item(Some(item.into())).build().map_err(refused)?;
            writes.push(WriteRequest::builder().put_request(put).build());
        }
        for key in deletes {
            let delete = DeleteRequest::builder().set_key(Some(key_map(key))).build().map_err(refused)?;
            writes.push(WriteRequest::builder().delete_request(delete).build());
        }
        for chunk in writes.chunks(25) {
            let mut left = chunk.to_vec();
            for round in 0..BATCH_ROUNDS {
                if left.is_empty() {
                    break;
                }
                pause(round).await;
                let call = self.client.batch_write_item().request_items(&*self.table, left).return_consumed_capacity(UNITS);
                let mut answer = call.send().await.map_err(sort)?;
                answer.consumed_capacity().iter().for_each(|units| self.meter.write(Some(units)));
                left = answer.unprocessed_items.as_mut().and_then(|tables| tables.remove(&*self.table)).unwrap_or_default();
            }
            if !left.is_empty() {
                return Err(Error::Unavailable("a batch was not written to its end".to_owned()));
            }
        }
        Ok(())
    }
}

/// When a write may happen.
#[derive(Debug, Clone)]
pub struct Condition {
    expression: String,
    values: Option<HashMap<String, AttributeValue>>,
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
    fn build(self, table: &str) -> Result<TransactWriteItem, Error> {
        use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put};
        let refused = |error: aws_sdk_dynamodb::error::BuildError| Error::Refused(error.to_string());
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

fn key_map(key: &Key) -> HashMap<String, AttributeValue> {
    HashMap::from([(PK.to_owned(), AttributeValue::S(key.pk.clone())), (SK.to_owned(), AttributeValue::S(key.sk.clone()))])
}

fn sort<E>(error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let text = DisplayErrorContext(&error).to_string();
    match error {
        SdkError::ServiceError(service) => sort_service(service.err(), text),
        SdkError::ConstructionFailure(_) => Error::Refused(text),
        _ => Error::Unavailable(text),
    }
}

fn sort_service(error: &impl ProvideErrorMetadata, text: String) -> Error {
    match error.code() {
        Some("ValidationException" | "ResourceNotFoundException" | "AccessDeniedException" | "SerializationException") => {
            Error::Refused(text)
        }
        // Throttles, internal errors, transactions in progress, and whatever is new: a later try may succeed.
        _ => Error::Unavailable(text),
    }
}
