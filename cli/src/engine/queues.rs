//! Queues in this process, behind the SDK's HTTP client: the few operations of SQS that the service calls.
//!
//! They live in memory. What is on them survives a crash elsewhere: the stream's position moves only when a notice is delivered or stands
//! as a delivery in the table. So a message that fails is not dropped here, but nor is it the only one that knows.
//!
//! Why not a mock of SQS from the registry: the one that fits the SDK's client brings a second TLS provider that needs a C++ toolchain.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tokio::time::Instant;

/// How long a received message is hidden from others, unless its receiver says how long.
const HIDDEN_SECONDS: u64 = 30;
/// A message received so often without being deleted goes to the dead-letter queue.
const RECEIVES_MAX: u32 = 50;
/// Of notices.
pub const NOTICES: &str = "http://queues.localhost/notices";
/// Of notices nobody tries any more.
pub const PARKED: &str = "http://queues.localhost/notices-parked";

/// Queues by URL. Clones share them.
#[derive(Clone, Default)]
pub struct Queues(Arc<Mutex<HashMap<String, Waiting>>>);

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Message>,
    made: u64,
}

struct Message {
    id: String,
    body: String,
    /// Hidden until then.
    until: Option<Instant>,
    receives: u32,
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queues")
    }
}

impl Queues {
    /// The seam: an SDK HTTP client that is answered in this process.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// How many messages a queue holds, hidden ones included.
    pub fn len(&self, url: &str) -> usize {
        self.lock().get(url).map_or(0, |queue| queue.messages.len())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, operation: &str, ask: &Value) -> Result<Value, String> {
        let text = |name: &str| ask.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let entries = || ask.get("Entries").and_then(Value::as_array).cloned().unwrap_or_default();
        let url = text("QueueUrl");
        match operation {
            "SendMessageBatch" => {
                let mut queues = self.lock();
                let queue = queues.entry(url).or_default();
                let taken = entries().into_iter().map(|entry| {
                    queue.made += 1;
                    let id = format!("message-{}", queue.made);
                    let body = entry.get("MessageBody").and_then(Value::as_str).unwrap_or_default().to_owned();
                    queue.messages.push_back(Message { id: id.clone(), body, until: None, receives: 0 });
                    json!({ "Id": entry.get("Id"), "MessageId": id, "MD5OfMessageBody": "" })
                });
                Ok(json!({ "Successful": taken.collect::<Vec<_>>(), "Failed": [] }))
            }
            "ReceiveMessage" => {
                let most = ask.get("MaxNumberOfMessages").and_then(Value::as_u64).unwrap_or(1);
                let hidden = ask.get("VisibilityTimeout").and_then(Value::as_u64).unwrap_or(HIDDEN_SECONDS);
                Ok(json!({ "Messages": self.receive(&url, usize::try_from(most).unwrap_or(1), Duration::from_secs(hidden)) }))
            }
            "ChangeMessageVisibilityBatch" => {
                for entry in entries() {
                    let handle = entry.get("ReceiptHandle").and_then(Value::as_str).unwrap_or_default();
                    let hidden = Duration::from_secs(entry.get("VisibilityTimeout").and_then(Value::as_u64).unwrap_or(0));
                    if let Some(message) = self.lock().get_mut(&url).and_then(|queue| queue.messages.iter_mut().find(|m| m.id == handle)) {
                        message.until = Some(now() + hidden);
                    }
                }
                let changed: Vec<Value> = entries().iter().map(|entry| json!({ "Id": entry.get("Id") })).collect();
                Ok(json!({ "Successful": changed, "Failed": [] }))
            }
            "DeleteMessageBatch" => {
                let handle = |entry: &Value| entry.get("ReceiptHandle").and_then(Value::as_str).map(str::to_owned);
                let gone: Vec<String> = entries().iter().filter_map(handle).collect();
                if let Some(queue) = self.lock().get_mut(&url) {
                    queue.messages.retain(|message| !gone.contains(&message.id));
                }
                let deleted: Vec<Value> = entries().iter().map(|entry| json!({ "Id": entry.get("Id") })).collect();
                Ok(json!({ "Successful": deleted, "Failed": [] }))
            }
            other => Err(format!("the embedded queue does not know `{other}`")),
        }
    }

    /// Messages that are not hidden, oldest first; they are hidden now.
    fn receive(&self, url: &str, most: usize, hidden: Duration) -> Vec<Value> {
        let now = now();
        let mut queues = self.lock();
        let queue = queues.entry(url.to_owned()).or_default();
        // What is parked stays, however often somebody looks.
        let gives_up =
            |message: &Message| url != PARKED && message.receives >= RECEIVES_MAX && message.until.is_none_or(|until| until <= now);
        let (given_up, kept): (VecDeque<Message>, _) = std::mem::take(&mut queue.messages).into_iter().partition(gives_up);
        queue.messages = kept;
        let ready = queue.messages.iter_mut().filter(|message| message.until.is_none_or(|until| until <= now)).take(most);
        let received = ready.map(|message| {
            message.receives += 1;
            message.until = Some(now + hidden);
            json!({ "MessageId": message.id, "ReceiptHandle": message.id, "Body": message.body, "MD5OfBody": "" })
        });
        let received = received.collect();
        let parked = given_up.into_iter().map(|message| Message { until: None, ..message });
        queues.entry(PARKED.to_owned()).or_default().messages.extend(parked);
        received
    }
}

/// The machine's time.
#[allow(clippy::disallowed_methods, reason = "a development engine; its waits are those of the machine")]
fn now() -> Instant {
    Instant::now()
}

impl HttpClient for Queues {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Queues {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let ask = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null);
        let (status, body) = match self.answer(operation, &ask) {
            Ok(answer) => (200, answer),
            Err(error) => (400, json!({ "__type": "com.amazonaws.sqs#UnsupportedOperation", "message": error })),
        };
        HttpConnectorFuture::ready(json_response(status, &body, "application/x-amz-json-1.0"))
    }
}

/// An answer with a JSON body.
pub(super) fn json_response(status: u16, body: &Value, media_type: &'static str) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", media_type);
    Ok(response)
}
