//! The seam under the SDK, where the network would be: counts what crosses it, and does to it what networks do.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use tokio::sync::Semaphore;

/// What happens to one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It arrives and is answered.
    None,
    /// It never arrives.
    DropBefore,
    /// It arrives and takes effect; the answer is lost.
    DropAfter,
    /// The table is over its throughput; nothing happens.
    Throttle,
    /// The service fails; nothing happens.
    ServerError,
    /// Some other answer of the service; nothing happens.
    Answer(u16, &'static str),
    /// It never arrives, and nothing ever comes back.
    Hang,
}

type Script = Box<dyn FnMut(&str) -> Fault + Send>;

/// A process that dies at its nth call: that one is lost before it arrives, or its answer after; and nothing comes after it.
pub(crate) fn dying(at: usize, last: Fault) -> impl FnMut(&str) -> Fault + Send + 'static {
    let mut calls = 0;
    move |_| {
        calls += 1;
        match calls - 1 {
            n if n < at => Fault::None,
            n if n == at => last,
            _ => Fault::DropBefore,
        }
    }
}

/// An HTTP client around another. Clones share their counts and their script.
#[derive(Clone)]
pub(crate) struct Seam {
    inner: SharedHttpClient,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    script: Script,
    latency: Duration,
    calls: Vec<String>,
    rounds: usize,
    in_flight: usize,
    gate: Option<(&'static str, Arc<Gate>)>,
}

/// Calls that wait to be let through.
#[derive(Debug)]
struct Gate {
    waiting: AtomicUsize,
    open: Semaphore,
}

/// What crossed the seam.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crossed {
    /// Operations in the order they began, such as `PutItem`.
    pub(crate) calls: Vec<String>,
    /// Round trips one after the other: calls that were under way together are one.
    pub(crate) rounds: usize,
}

impl Seam {
    pub(crate) fn new(inner: SharedHttpClient) -> Self {
        let latency = Duration::ZERO;
        let shared = Shared { script: Box::new(|_| Fault::None), latency, calls: Vec::new(), rounds: 0, in_flight: 0, gate: None };
        Self { inner, shared: Arc::new(Mutex::new(shared)) }
    }

    /// From now on `script` says what happens to each call, told its operation.
    pub(crate) fn script(&self, script: impl FnMut(&str) -> Fault + Send + 'static) {
        self.shared.lock().unwrap().script = Box::new(script);
    }

    /// From now on nothing goes wrong.
    pub(crate) fn heal(&self) {
        self.script(|_| Fault::None);
    }

    /// From now on each call is so long on its way: calls made together are then seen together.
    pub(crate) fn latency(&self, latency: Duration) {
        self.shared.lock().unwrap().latency = latency;
    }

    /// From now on calls of one operation wait before they are sent; those that waited before are let through.
    pub(crate) fn hold(&self, operation: &'static str) {
        let gate = Arc::new(Gate { waiting: AtomicUsize::new(0), open: Semaphore::new(0) });
        if let Some((_, before)) = self.shared.lock().unwrap().gate.replace((operation, gate)) {
            before.open.add_permits(1_000);
        }
    }

    /// Returns once a call waits at the gate.
    pub(crate) async fn somebody_waits(&self) {
        let gate = Arc::clone(&self.shared.lock().unwrap().gate.as_ref().unwrap().1);
        let waits = async {
            while gate.waiting.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waits).await.expect("a call was to wait here, and none came");
    }

    /// Lets them through, and from now on everybody.
    pub(crate) fn let_through(&self) {
        if let Some((_, gate)) = self.shared.lock().unwrap().gate.take() {
            gate.open.add_permits(1_000);
        }
    }

    /// What crossed since the last time.
    pub(crate) fn take(&self) -> Crossed {
        let mut shared = self.shared.lock().unwrap();
        Crossed { calls: std::mem::take(&mut shared.calls), rounds: std::mem::take(&mut shared.rounds) }
    }

    fn gate(&self, operation: &str) -> Option<Arc<Gate>> {
        let shared = self.shared.lock().unwrap();
        shared.gate.as_ref().filter(|(held, _)| *held == operation).map(|(_, gate)| Arc::clone(gate))
    }

    fn begin(&self, operation: &str) -> (Fault, Duration) {
        let mut shared = self.shared.lock().unwrap();
        shared.calls.push(operation.to_owned());
        shared.rounds += usize::from(shared.in_flight == 0);
        shared.in_flight += 1;
        ((shared.script)(operation), shared.latency)
    }
}

impl fmt::Debug for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seam")
    }
}

impl HttpClient for Seam {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Faulty { seam: self.clone(), inner: self.inner.http_connector(settings, components) })
    }
}

#[derive(Debug)]
struct Faulty {
    seam: Seam,
    inner: SharedHttpConnector,
}

/// Counts a call as over, however it ends.
struct UnderWay(Seam);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.shared.lock().unwrap().in_flight -= 1;
    }
}

impl HttpConnector for Faulty {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // SES has no target but a path, `…/outbound-emails`.
        let target = request.headers().get("x-amz-target").unwrap_or_else(|| request.uri()).to_owned();
        let operation = target.rsplit(['.', '/']).next().unwrap_or_default();
        let (fault, latency) = self.seam.begin(operation);
        let gate = self.seam.gate(operation);
        let (under_way, inner) = (UnderWay(self.seam.clone()), self.inner.clone());
        HttpConnectorFuture::new(async move {
            let _under_way = under_way;
            if let Some(gate) = gate {
                gate.waiting.fetch_add(1, Ordering::SeqCst);
                let _through = gate.open.acquire().await.unwrap();
            }
            if !latency.is_zero() {
                tokio::time::sleep(latency).await;
            }
            let lost = |what: &str| ConnectorError::io(what.to_owned().into());
            match fault {
                Fault::None => inner.call(request).await,
                Fault::DropBefore => Err(lost("the call was dropped")),
                Fault::DropAfter => inner.call(request).await.and_then(|_| Err(lost("the answer was dropped"))),
                Fault::Throttle => Ok(error(400, "ProvisionedThroughputExceededException")),
                Fault::ServerError => Ok(error(500, "InternalServerError")),
                Fault::Answer(status, code) => Ok(error(status, code)),
                Fault::Hang => std::future::pending().await,
            }
        })
    }
}

fn error(status: u16, code: &'static str) -> HttpResponse {
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"made by a test"}}"#);
    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    // Where REST APIs say it.
    response.headers_mut().insert("x-amzn-errortype", code);
    response
}
