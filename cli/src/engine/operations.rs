//! DynamoDB operations by name, from a JSON body to a JSON body, on dynoxide's own actions.
//!
//! dynoxide's server would do the same behind a socket; here the request is parsed and the answer written on the
//! caller's thread, so that the engine's thread does nothing but the work itself.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use dynoxide::DynoxideError;
use dynoxide::actions::{
    batch_get_item, batch_write_item, create_table, delete_item, delete_table, describe_stream, describe_table, describe_time_to_live,
    get_item, get_records, get_shard_iterator, list_streams, list_tables, put_item, query, scan, transact_get_items, transact_write_items,
    update_item, update_table, update_time_to_live, vector_lifecycle::VectorIndexLifecycle,
};
use dynoxide::storage::Storage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::database::{Database, Effect};
use super::tokens::Tokens;

/// What would go over the wire.
pub(super) struct Reply {
    /// The HTTP status: 200, or 4xx and 5xx with a DynamoDB error body.
    pub(super) status: u16,
    pub(super) body: String,
}

/// Every DynamoDB and DynamoDB Streams operation the engine answers.
#[derive(Clone, Debug)]
pub(super) struct Operations {
    database: Database,
    tokens: Tokens,
}

impl Operations {
    pub(super) fn new(database: Database) -> Self {
        Self { database, tokens: Tokens::default() }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Answers one call. `target` is the `x-amz-target` header, such as `DynamoDB_20120810.PutItem`.
    pub(super) async fn call(&self, target: &str, body: &[u8]) -> Reply {
        let operation = target.rsplit('.').next().unwrap_or_default();
        match self.dispatch(operation, body).await {
            Ok(body) => Reply { status: 200, body },
            Err(error) => Reply { status: error.status_code(), body: error.to_json() },
        }
    }

    async fn dispatch(&self, operation: &str, body: &[u8]) -> dynoxide::Result<String> {
        use Effect::{ManyCommits, OneCommit, Read};
        match operation {
            "PutItem" => self.on(OneCommit, body, |s, q| now(put_item::execute(s, q))).await,
            "UpdateItem" => self.on(OneCommit, body, |s, q| now(update_item::execute(s, q))).await,
            "DeleteItem" => self.on(OneCommit, body, |s, q| now(delete_item::execute(s, q))).await,
            "TransactWriteItems" => self.transact(body).await,
            "BatchWriteItem" => self.on(ManyCommits, body, |s, q| now(batch_write_item::execute(s, q))).await,
            "GetItem" => self.on(Read, body, |s, q| now(get_item::execute(s, q))).await,
            "BatchGetItem" => self.on(Read, body, |s, q| now(batch_get_item::execute(s, q))).await,
            "TransactGetItems" => self.on(Read, body, |s, q| now(transact_get_items::execute(s, q))).await,
            "Query" => self.on(Read, body, |s, q| now(query::execute(s, q))).await,
            "Scan" => self.on(Read, body, |s, q| now(scan::execute(s, q))).await,
            "ListStreams" => self.on(Read, body, |s, q| now(list_streams::execute(s, q))).await,
            "DescribeStream" => self.on(Read, body, |s, q| now(describe_stream::execute(s, q))).await,
            "GetShardIterator" => self.on(Read, body, |s, q| now(get_shard_iterator::execute(s, q))).await,
            "GetRecords" => self.on(Read, body, |s, q| now(get_records::execute(s, q))).await,
            "ListTables" => self.on(Read, body, |s, q| now(list_tables::execute(s, q))).await,
            "DescribeTable" => self.on(Read, body, |s, q| now(describe_table::execute(s, q, &VectorIndexLifecycle::new()))).await,
            "CreateTable" => self.on(ManyCommits, body, |s, q| now(create_table::execute(s, q))).await,
            "UpdateTable" => self.on(ManyCommits, body, |s, q| now(update_table::execute(s, q, &VectorIndexLifecycle::new()))).await,
            "DeleteTable" => self.on(ManyCommits, body, |s, q| now(delete_table::execute(s, q, &VectorIndexLifecycle::new()))).await,
            "UpdateTimeToLive" => self.on(ManyCommits, body, |s, q| now(update_time_to_live::execute(s, q))).await,
            "DescribeTimeToLive" => self.on(Read, body, |s, q| now(describe_time_to_live::execute(s, q))).await,
            other => Err(DynoxideError::ValidationException(format!("the embedded engine does not know `{other}`"))),
        }
    }

    /// A transaction whose `ClientRequestToken` was seen before is answered again and not done again; the SDK sends
    /// one with each, so that its own retries are harmless.
    async fn transact(&self, body: &[u8]) -> dynoxide::Result<String> {
        let request: transact_write_items::TransactWriteItemsRequest = parse(body)?;
        let tokens = self.tokens.clone();
        let claim = Tokens::claim(&request)?;
        let done = self
            .database
            .run(Effect::OneCommit, move |storage| tokens.once(claim, || now(transact_write_items::execute(storage, request))));
        write(&done.await?)
    }

    async fn on<Q, A>(&self, effect: Effect, body: &[u8], action: fn(&Storage, Q) -> dynoxide::Result<A>) -> dynoxide::Result<String>
    where
        Q: DeserializeOwned + Send + 'static,
        A: Serialize + Send + 'static,
    {
        let request: Q = parse(body)?;
        let done = self.database.run(effect, move |storage| action(storage, request));
        write(&done.await?)
    }
}

/// The SDK sends well-formed requests, so whatever does not parse here is a value dynoxide refuses; its own readers
/// mark the kind of refusal in front of the text.
fn parse<Q: DeserializeOwned>(body: &[u8]) -> dynoxide::Result<Q> {
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        let said = text.split(" at line ").next().unwrap_or_default();
        let said = ["VALIDATION_REQUEST:", "VALIDATION_AS_READ:", "VALIDATION:"]
            .into_iter()
            .find_map(|mark| said.strip_prefix(mark))
            .unwrap_or(said);
        DynoxideError::ValidationException(said.to_owned())
    })
}

fn write<A: Serialize>(answer: &A) -> dynoxide::Result<String> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// dynoxide's actions are `async` for its browser build alone; over SQLite they are done at the first poll.
pub(super) fn now<T>(action: impl Future<Output = dynoxide::Result<T>>) -> dynoxide::Result<T> {
    match pin!(action).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(DynoxideError::InternalServerError("an action waited for something".to_owned())),
    }
}
