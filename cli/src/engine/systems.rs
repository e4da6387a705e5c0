//! A bus and waiting tasks in this process, behind the SDK's HTTP client: EventBridge's `PutEvents` and Step Functions' `SendTaskSuccess`. What
//! is sent is kept beside the mails.

use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde_json::{Value, json};

use super::post::Post;
use super::queues::json_response;

/// What a kept event of the bus ends in.
pub const BUS: &str = "bus";
/// And an output of a task.
pub const TASK: &str = "task";
/// Bytes of a task's output, as Step Functions takes them.
const OUTPUT_BYTES: usize = 256 * 1024;

/// Both of them. Clones share what they keep.
#[derive(Clone)]
pub struct Systems(Post);

impl fmt::Debug for Systems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Systems")
    }
}

/// An answer, or the error's code.
type Said = Result<Value, (u16, &'static str)>;

impl Systems {
    /// Keeps what is sent there.
    pub fn new(post: Post) -> Self {
        Self(post)
    }

    /// The seam: an SDK HTTP client that is answered in this process.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    fn answer(&self, operation: &str, ask: &Value) -> Said {
        match operation {
            "PutEvents" => self.put_events(ask),
            "SendTaskSuccess" => self.send_task_success(ask),
            _ => Err((400, "UnknownOperationException")),
        }
    }

    fn put_events(&self, ask: &Value) -> Said {
        let entries = ask.get("Entries").and_then(Value::as_array).ok_or((400, "ValidationException"))?;
        let mut answers = Vec::new();
        for entry in entries {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let is_whole = ["Source", "DetailType"].iter().all(|name| !text(name).is_empty());
            let fault = match serde_json::from_str::<Value>(text("Detail")) {
                _ if !is_whole => Some("InvalidArgument"),
                Ok(Value::Object(_)) => None,
                _ => Some("MalformedDetail"),
            };
            answers.push(match fault {
                Some(code) => json!({ "ErrorCode": code, "ErrorMessage": "not taken" }),
                None => {
                    let kept = json!({ "to": text("EventBusName"), "subject": text("DetailType"), "text": text("Detail") });
                    let number = self.0.put(BUS, kept.to_string().as_bytes()).map_err(|_| (500, "InternalException"))?;
                    json!({ "EventId": format!("event-{number}") })
                }
            });
        }
        let failed = answers.iter().filter(|answer| answer.get("ErrorCode").is_some()).count();
        Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
    }

    fn send_task_success(&self, ask: &Value) -> Said {
        let text = |name: &str| ask.get(name).and_then(Value::as_str).unwrap_or_default();
        let (token, output) = (text("taskToken"), text("output"));
        if token.is_empty() {
            return Err((400, "InvalidToken"));
        }
        let subject = match serde_json::from_str::<Value>(output) {
            Ok(value) if output.len() <= OUTPUT_BYTES => value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned(),
            _ => return Err((400, "InvalidOutput")),
        };
        let broken = |_| (500, "InternalServerError");
        // A task ends once, over a restart as well.
        let is_same =
            |bytes: &[u8]| serde_json::from_slice(bytes).is_ok_and(|kept: Value| kept.get("to").and_then(Value::as_str) == Some(token));
        if self.0.all().map_err(broken)?.iter().any(|(kind, bytes)| kind == TASK && is_same(bytes)) {
            return Err((400, "TaskTimedOut"));
        }
        let kept = json!({ "to": token, "subject": subject, "text": output });
        self.0.put(TASK, kept.to_string().as_bytes()).map_err(broken)?;
        Ok(json!({}))
    }
}

impl HttpClient for Systems {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Systems {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or_default();
        let ask = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null);
        let (status, body) = match self.answer(operation, &ask) {
            Ok(answer) => (200, answer),
            Err((status, code)) => (status, json!({ "__type": code, "message": "said by the embedded engine" })),
        };
        HttpConnectorFuture::ready(json_response(status, &body, "application/x-amz-json-1.1"))
    }
}
