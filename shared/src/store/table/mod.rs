//! DynamoDB. This folder alone calls the SDK: it retries what a batch left unprocessed, sorts errors, and counts units.
//!
//! - [`keys`] builds and parses every key; [`schema`] is the table's shape;
//! - [`authentic`] tags what is written and checks what is read; [`item`] is an item with typed access; [`condition`] says when a write may happen;
//! - [`query`] reads part of a partition; [`walk`] goes through the whole table, for reconciliations.

pub mod authentic;
pub mod condition;
pub mod item;
pub mod keys;
pub mod meter;
pub mod query;
pub mod schema;
pub mod walk;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, WriteRequest,
};

use crate::runtime::pause::pause;
use crate::secrets::{self, Tags};
pub use condition::{Condition, Write};
pub use item::Item;
use keys::{Key, PK, SK};
use meter::Meter;
pub use query::{Ask, Page, Range};

/// One table, through the SDK.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: Arc<str>,
    meter: Arc<Meter>,
    /// Who may write what decides; none: who only reads, or keeps locks.
    tags: Option<Tags>,
}

/// Why the store did not answer. Sorted by what the caller does next.
#[derive(Debug, Clone, thiserror::Error)]
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
    /// A newer build wrote it, in words that this one does not know: nothing is wrong with it.
    #[error("a newer build wrote {at}: {what}")]
    Newer {
        /// Which item.
        at: String,
        /// What is not known.
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

const UNITS: ReturnConsumedCapacity = ReturnConsumedCapacity::Indexes;
const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;
/// Rounds for what a batch left unprocessed.
const BATCH_ROUNDS: u32 = 8;

impl Table {
    /// Over a client and a table's name, without the secret of tags: it checks nothing, and writes nothing that decides.
    pub fn new(client: Client, name: impl Into<Arc<str>>) -> Self {
        Self { client, name: name.into(), meter: Arc::default(), tags: None }
    }

    /// The same with the secret of tags: it makes and checks them.
    #[must_use]
    pub fn with_tags(self, tags: Tags) -> Self {
        Self { tags: Some(tags), ..self }
    }

    /// Counts the units this table used.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The same table with a meter of its own.
    pub fn metered(&self) -> Self {
        Self { meter: Arc::default(), ..self.clone() }
    }

    /// One item.
    pub async fn get(&self, key: &Key, freshness: Freshness) -> Result<Option<Item>, Error> {
        let call = self.client.get_item().table_name(&*self.name).set_key(Some(key_map(key))).return_consumed_capacity(UNITS);
        let answer = call.consistent_read(freshness == Freshness::Strong).send().await.map_err(classify)?;
        self.meter.read(answer.consumed_capacity());
        self.checked(answer.item.map(Item::from)).await
    }

    /// Opens a connection, by reading nothing: half a unit. Reads the secret of tags beside it.
    pub async fn connect(&self) -> Result<(), Error> {
        let nowhere = keys::nowhere();
        let secret = async { Ok(self.secret().await?) };
        tokio::try_join!(self.get(&nowhere, Freshness::Eventual), secret).map(|_| ())
    }

    /// Reads the secret of tags, if there is one.
    ///
    /// # Errors
    /// [`secrets::Error`] if it cannot be read, or is none.
    pub async fn secret(&self) -> Result<(), secrets::Error> {
        match &self.tags {
            Some(tags) => tags.ready().await,
            None => Ok(()),
        }
    }

    /// Items by key, in the order of the keys; those that do not exist are missing. Any number.
    pub async fn batch_get(&self, keys: &[Key], freshness: Freshness) -> Result<Vec<Item>, Error> {
        let found = self.batch_get_each(keys, freshness).await?;
        for item in &found {
            self.authentic(item).await?;
        }
        Ok(found)
    }

    /// The same; whether one of ours wrote each is for the caller to ask.
    pub(in crate::store) async fn batch_get_each(&self, keys: &[Key], freshness: Freshness) -> Result<Vec<Item>, Error> {
        let mut found: HashMap<Key, Item> = HashMap::new();
        // Rows that somebody forged may name one item twice, and DynamoDB refuses a call that does.
        let mut asked = HashSet::new();
        let once: Vec<&Key> = keys.iter().filter(|key| asked.insert(*key)).collect();
        for chunk in once.chunks(100) {
            let mut wanted: Vec<_> = chunk.iter().map(|key| key_map(key)).collect();
            for round in 0..BATCH_ROUNDS {
                if wanted.is_empty() {
                    break;
                }
                pause(round).await;
                let ask = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(freshness == Freshness::Strong);
                let ask = ask.build().map_err(|error| Error::Refused(error.to_string()))?;
                let call = self.client.batch_get_item().request_items(&*self.name, ask).return_consumed_capacity(UNITS);
                let mut answer = call.send().await.map_err(classify)?;
                answer.consumed_capacity().iter().for_each(|units| self.meter.read(Some(units)));
                let items = answer.responses.as_mut().and_then(|tables| tables.remove(&*self.name)).unwrap_or_default();
                found.extend(items.into_iter().map(Item::from).filter_map(|item| Some((item.key()?, item))));
                let left = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&*self.name));
                wanted = left.map(|left| left.keys).unwrap_or_default();
            }
            if !wanted.is_empty() {
                return Err(Error::Unavailable("a batch was not read to its end".to_owned()));
            }
        }
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    /// One put, on a condition if there is one.
    pub async fn put(&self, item: Item, condition: Option<Condition>) -> Result<Written, Error> {
        let item = self.signed(item).await?;
        let mut call = self.client.put_item().table_name(&*self.name).set_item(Some(item.into())).return_consumed_capacity(UNITS);
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
                        Ok(Written::Conflict(self.checked(failed.item.map(Item::from)).await?))
                    }
                    other => Err(Error::Refused(other.to_string())),
                }
            }
            Err(error) => Err(classify(error)),
        }
    }

    /// Deletes one item if the condition holds. A missing item or a failed condition is not an error.
    pub async fn delete(&self, key: &Key, condition: Condition) -> Result<(), Error> {
        let call = self.client.delete_item().table_name(&*self.name).set_key(Some(key_map(key))).return_consumed_capacity(UNITS);
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
            Err(error) => Err(classify(error)),
        }
    }

    /// Sets (`Some`) or removes (`None`) text attributes if the condition holds; otherwise changes nothing.
    pub async fn update(&self, key: &Key, attributes: &[(&str, Option<String>)], condition: Condition) -> Result<(), Error> {
        let mut call = self.client.update_item().table_name(&*self.name).set_key(Some(key_map(key))).return_consumed_capacity(UNITS);
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
            Err(error) => Err(classify(error)),
        }
    }

    /// All or nothing. An empty answer: all. Else a reason for each write, in order.
    pub async fn transact(&self, writes: Vec<Write>) -> Result<Vec<Reason>, Error> {
        let mut items = Vec::with_capacity(writes.len());
        for write in writes {
            let write = match write {
                Write::Put(item, condition) => Write::Put(self.signed(item).await?, condition),
                other => other,
            };
            items.push(write.build(&self.name)?);
        }
        let call = self.client.transact_write_items().set_transact_items(Some(items)).return_consumed_capacity(UNITS);
        match call.send().await {
            Ok(answer) => {
                answer.consumed_capacity().iter().for_each(|units| self.meter.write(Some(units)));
                Ok(Vec::new())
            }
            Err(SdkError::ServiceError(error)) => match error.into_err() {
                TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                    let mut reasons = Vec::new();
                    for reason in cancelled.cancellation_reasons.unwrap_or_default() {
                        reasons.push(match reason.code.as_deref() {
                            None | Some("None") => Reason::None,
                            Some("ConditionalCheckFailed") => Reason::Condition(self.checked(reason.item.map(Item::from)).await?),
                            Some("TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded") => Reason::Busy,
                            Some(_) => return Err(Error::Refused(reason.message.unwrap_or_default())),
                        });
                    }
                    Ok(reasons)
                }
                other => Err(classify_service(&other, other.to_string())),
            },
            Err(error) => Err(classify(error)),
        }
    }

    /// Puts and deletes without conditions, 25 a call. Any number.
    pub async fn batch_write(&self, puts: Vec<Item>, deletes: &[Key]) -> Result<(), Error> {
        let refused = |error: aws_sdk_dynamodb::error::BuildError| Error::Refused(error.to_string());
        let mut writes = Vec::new();
        for item in puts {
            let item = self.signed(item).await?;
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
                let call = self.client.batch_write_item().request_items(&*self.name, left).return_consumed_capacity(UNITS);
                let mut answer = call.send().await.map_err(classify)?;
                answer.consumed_capacity().iter().for_each(|units| self.meter.write(Some(units)));
                left = answer.unprocessed_items.as_mut().and_then(|tables| tables.remove(&*self.name)).unwrap_or_default();
            }
            if !left.is_empty() {
                return Err(Error::Unavailable("a batch was not written to its end".to_owned()));
            }
        }
        Ok(())
    }
}

pub(super) fn key_map(key: &Key) -> HashMap<String, AttributeValue> {
    HashMap::from([(PK.to_owned(), AttributeValue::S(key.pk.clone())), (SK.to_owned(), AttributeValue::S(key.sk.clone()))])
}

fn classify<E>(error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let text = DisplayErrorContext(&error).to_string();
    match error {
        SdkError::ServiceError(service) => classify_service(service.err(), text),
        SdkError::ConstructionFailure(_) => Error::Refused(text),
        _ => Error::Unavailable(text),
    }
}

fn classify_service(error: &impl ProvideErrorMetadata, text: String) -> Error {
    match error.code() {
        Some("ValidationException" | "ResourceNotFoundException" | "AccessDeniedException" | "SerializationException") => {
            Error::Refused(text)
        }
        // Throttles, internal errors, transactions in progress, and whatever is new: a later try may succeed.
        _ => Error::Unavailable(text),
    }
}
