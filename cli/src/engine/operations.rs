//! DynamoDB operations by name, from a JSON body to a JSON body, on dynoxide's own actions.
//!
//! dynoxide's server would do the same behind a socket; here the request is parsed and the answer written on the
//! caller's thread, so that the engine's thread does nothing but the work itself.

use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
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
use super::soonest::Soonest;
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
    soonest: Arc<Soonest>,
}

impl Operations {
    pub(super) fn new(database: Database) -> Self {
        Self { database, tokens: Tokens::default(), soonest: Arc::default() }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) fn soonest(&self) -> &Soonest {
        &self.soonest
    }

    /// Answers one call. `target` is the `x-amz-target` header, such as `DynamoDB_20120810.PutItem`.
    pub(super) async fn call(&self, target: &str, body: &[u8]) -> Reply {
        let operation = target.rsplit('.').next().unwrap_or_default();
        match self.answer(operation, body).await {
            Ok(body) => Reply { status: 200, body },
            Err(error) => Reply { status: error.status_code(), body: error.to_json() },
        }
    }

    fn answer(&self, operation: &str, body: &[u8]) -> Answer {
        match operation {
            "PutItem" => self.one(body, |s, q| now(put_item::execute(s, q))),
            "UpdateItem" => self.one(body, |s, q| now(update_item::execute(s, q))),
            "DeleteItem" => self.one(body, |s, q| now(delete_item::execute(s, q))),
            "TransactWriteItems" => self.transact(body),
            "BatchWriteItem" => self.many(body, |s, q| now(batch_write_item::execute(s, q))),
            "GetItem" => self.read(body, |s, q| now(get_item::execute(s, q))),
            "BatchGetItem" => self.read(body, |s, q| now(batch_get_item::execute(s, q))),
            "TransactGetItems" => self.read(body, |s, q| now(transact_get_items::execute(s, q))),
            "Query" => self.read(body, |s, q| now(query::execute(s, q))),
            "Scan" => self.read(body, |s, q| now(scan::execute(s, q))),
            "ListStreams" => self.read(body, |s, q| now(list_streams::execute(s, q))),
            "DescribeStream" => self.read(body, |s, q| now(describe_stream::execute(s, q))),
            "GetShardIterator" => self.read(body, |s, q| now(get_shard_iterator::execute(s, q))),
            "GetRecords" => self.read(body, |s, q| now(get_records::execute(s, q))),
            "ListTables" => self.read(body, |s, q| now(list_tables::execute(s, q))),
            "DescribeTable" => self.read(body, |s, q| now(describe_table::execute(s, q, &no_vectors()))),
            "DescribeTimeToLive" => self.read(body, |s, q| now(describe_time_to_live::execute(s, q))),
            "CreateTable" => self.many(body, |s, q| now(create_table::execute(s, q))),
            "UpdateTable" => self.many(body, |s, q| now(update_table::execute(s, q, &no_vectors()))),
            "DeleteTable" => self.many(body, |s, q| now(delete_table::execute(s, q, &no_vectors()))),
            "UpdateTimeToLive" => self.many(body, |s, q| now(update_time_to_live::execute(s, q))),
            other => {
                let unknown = format!("the embedded engine does not know `{other}`");
                Box::pin(ready(Err(DynoxideError::ValidationException(unknown))))
            }
        }
    }

    fn read<Q: Request, A: Response>(&self, body: &[u8], action: Action<Q, A>) -> Answer {
        self.on(Effect::Read, body, action)
    }

    fn one<Q: Request, A: Response>(&self, body: &[u8], action: Action<Q, A>) -> Answer {
        self.on(Effect::OneCommit, body, action)
    }

    fn many<Q: Request, A: Response>(&self, body: &[u8], action: Action<Q, A>) -> Answer {
        self.on(Effect::ManyCommits, body, action)
    }

    fn on<Q: Request, A: Response>(&self, effect: Effect, body: &[u8], action: Action<Q, A>) -> Answer {
        let request = parse::<Q>(body);
        let (database, noted) = (self.database.clone(), if effect == Effect::Read { None } else { self.noting(body) });
        Box::pin(async move {
            let request = request?;
            let done = database.run(effect, move |storage| action(storage, request)).await;
            noted.into_iter().for_each(|note| note());
            write(&done?)
        })
    }

    /// Notes the watched time that a call writes, once it is done; none: it writes none.
    fn noting(&self, body: &[u8]) -> Option<impl FnOnce() + Send + use<>> {
        let soonest = Arc::clone(&self.soonest);
        self.soonest.in_body(body).map(|time| move || soonest.written(time))
    }

    /// A transaction whose `ClientRequestToken` was seen before is answered again and not done again; the SDK sends
    /// one with each, so that its own retries are harmless.
    fn transact(&self, body: &[u8]) -> Answer {
        let request = parse::<transact_write_items::TransactWriteItemsRequest>(body);
        let database = self.database.clone();
        let (tokens, noted) = (self.tokens.clone(), self.noting(body));
        Box::pin(async move {
            let request = request?;
            let claim = Tokens::claim(&request)?;
            let (token, remembered) = (request.client_request_token.clone(), tokens.clone());
            let done =
                database.run(Effect::OneCommit, move |storage| tokens.once(claim, || now(transact_write_items::execute(storage, request))));
            let done = done.await;
            noted.into_iter().for_each(|note| note());
            if let (Err(DynoxideError::InternalServerError(_)), Some(token)) = (&done, &token) {
                // Remembered as done, but the commit failed after that: a retry has to do it.
                remembered.forget(token);
            }
            write(&done?)
        })
    }
}

/// A call under way; boxed, so that twenty operations do not make one huge future.
type Answer = Pin<Box<dyn Future<Output = dynoxide::Result<String>> + Send>>;

type Action<Q, A> = fn(&Storage, Q) -> dynoxide::Result<A>;

trait Request: DeserializeOwned + Send + 'static {}
impl<Q: DeserializeOwned + Send + 'static> Request for Q {}

trait Response: Serialize + Send + 'static {}
impl<A: Serialize + Send + 'static> Response for A {}

/// dynoxide wants to know which vector indexes are being built; there are none.
fn no_vectors() -> VectorIndexLifecycle {
    VectorIndexLifecycle::new()
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
