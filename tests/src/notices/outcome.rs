//! How requests end, for a bus and for tasks that wait: once each, whatever is delivered twice, fails or dies.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::stage::tick;
use approvals::destinations::Destinations;
use approvals::notice::{Audience, Notice};
use approvals::store::deliveries::{Delivery, Stage as Standing};
use approvals::store::requests::Record;
use approvals_domain::event::Decision;
use approvals_domain::time::Timestamp;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use cli::dev::notices::{Notices, Ways};
use cli::dev::{Local, Start};
use cli::engine::queues::{PARKED, Queues};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::Stage;
use crate::stage::api::Api;
use crate::stage::seam::{Fault, dying};

const START: &str = "2026-01-05T09:00:00.000Z";
const TOKEN: &str = "AQCEAAAAKgAAAAMAAAAA-a-secret-of-the-state-machine";

/// What AWS does with a call.
#[derive(Debug, Clone)]
enum Does {
    /// As it should.
    Works,
    /// It never arrives.
    Lost,
    /// It takes effect, and nobody hears of it.
    Mute,
    /// Says this instead.
    Says(u16, Value),
}

type Script = Box<dyn FnMut(&str) -> Does + Send>;

/// EventBridge and Step Functions behind a script.
#[derive(Clone)]
struct Aws {
    inner: SharedHttpClient,
    script: Arc<Mutex<Script>>,
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aws")
    }
}

impl HttpClient for Aws {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Scripted(self.clone(), self.inner.http_connector(settings, components)))
    }
}

#[derive(Debug)]
struct Scripted(Aws, SharedHttpConnector);

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap().rsplit('.').next().unwrap().to_owned();
        let does = (self.0.script.lock().unwrap())(&operation);
        let inner = self.1.clone();
        HttpConnectorFuture::new(async move {
            let lost = || ConnectorError::io("lost".into());
            match does {
                Does::Works => inner.call(request).await,
                Does::Lost => Err(lost()),
                Does::Mute => inner.call(request).await.and_then(|_| Err(lost())),
                Does::Says(status, body) => {
                    let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
                    response.headers_mut().insert("content-type", "application/x-amz-json-1.1");
                    Ok(response)
                }
            }
        })
    }
}

/// The works of notifications with a bus, on a stage whose every call can be lost.
struct Works {
    stage: Stage,
    app: crate::stage::Side,
    notices: Notices,
    queues: Queues,
    script: Arc<Mutex<Script>>,
    asked: AtomicUsize,
    _folder: TempDir,
}

impl Works {
    async fn new() -> Self {
        let (stage, folder, queues) = (Stage::new().await, TempDir::new().unwrap(), Queues::default());
        stage.people("rita bob").await;
        let steps = json!([{ "id": "s", "approvers": [{ "user": "bob" }] }]);
        stage.template(json!({ "key": "t", "title": "T", "unique_entity": false, "steps": steps })).await;
        let ways = Ways::local(folder.path()).unwrap();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(|_| Does::Works)));
        let aws = Aws { inner: ways.systems.clone(), script: Arc::clone(&script) };
        let (sqs, systems) = (queues.http_client(), SharedHttpClient::new(aws));
        let ways = Ways { sqs, systems, event_bus: Some("outcomes".to_owned()), ..ways };
        let notices =
            Notices::new((&stage.app.stores, crate::stage::links()), stage.app.app.clone(), ways, "http://127.0.0.1:8080".to_owned())
                .unwrap();
        let app = stage.app.with_notices(notices.queue.clone());
        Self { stage, app, notices, queues, script, asked: AtomicUsize::new(0), _folder: folder }
    }

    fn script(&self, script: impl FnMut(&str) -> Does + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// An approved request that a task waits for, and its last commit's notice for systems.
    async fn approved(&self) -> Notice {
        let n = self.asked.fetch_add(1, Ordering::Relaxed);
        let body = json!({ "template": "t", "entity": { "type": "order", "id": n.to_string() }, "title": "Two chairs", "metadata": {},
            "callback": { "task_token": format!("{TOKEN}-{n}") } });
        let asked = self.stage.submit_body("rita", &body, None).await.unwrap().record;
        let over = self.stage.vote("bob", &asked, "s", Decision::Approve, "v").await.unwrap().record;
        self.stage.drain().await;
        systems(&over).pop().unwrap()
    }

    async fn bring(&self, notices: &[Notice]) {
        self.notices.queue.send(notices).await.unwrap();
        let _ = self.notices.work().await;
    }

    /// So often so many minutes go by, with a tick after each and what it brings.
    async fn minutes(&self, minutes: i64, count: usize) {
        for _ in 0..count {
            self.stage.advance_seconds(minutes * 60);
            let _ = tick(&self.app, std::time::Duration::from_secs(60)).await;
            self.notices.work().await.unwrap();
        }
    }

    /// What arrived of a request: each channel with its event's type.
    fn arrived(&self, notice: &Notice) -> Vec<String> {
        let all = self.notices.outbox().unwrap();
        let of_it = all.iter().filter(|item| item["channel"] != "mail" && item["text"].as_str().unwrap().contains(notice.about()));
        let mut all: Vec<String> = of_it.map(|item| format!("{} {}", item["channel"], item["subject"]).replace('"', "")).collect();
        all.sort();
        all
    }

    async fn delivery(&self, notice: &Notice, channel: &str) -> Option<Delivery> {
        self.stage.aside.stores.deliveries.get(notice, channel, "outcome").await.unwrap()
    }
}

fn systems(record: &Record) -> Vec<Notice> {
    record.commits.iter().flat_map(approvals::outbox::notices::notices).filter(|notice| notice.audience == Audience::Endpoints).collect()
}

fn both() -> Vec<String> {
    ["bus", "task"].map(|channel| format!("{channel} approvals.request.approved.v1")).into()
}

/// A service from outside: every way to end, with a bus and a task each time; and nothing else that happens is told them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_outcome_reaches_the_bus_and_the_task_once() {
    let folder = TempDir::new().unwrap();
    let ways = Ways { event_bus: Some("outcomes".to_owned()), ..Ways::local(folder.path()).unwrap() };
    let start = Start { data: folder.path(), clock: Timestamp::parse(START), clients: None };
    let local = Local::start_through(start, "http://127.0.0.1:8080", ways, Destinations::Internet).await.unwrap();
    let api = Api::with(local, folder);
    api.people("rita bob").await;
    let step = json!({ "id": "s", "approvers": [{ "user": "bob" }], "sla": { "hours": 8 }, "on_timeout": "expire" });
    api.template(&json!({ "key": "t", "title": "T", "steps": [step] })).await;
    let submit = async |entity: &str| {
        let body = json!({ "template": "t", "entity": { "type": "order", "id": entity }, "title": "A chair", "metadata": {},
            "callback": { "task_token": format!("token of {entity}") } });
        api.done("rita", "POST /v1/requests", Some(&body)).await
    };
    let about = |request: &Value, what: &str| format!("POST /v1/requests/{}/{what}", request["id"].as_str().unwrap());
    let (approved, rejected) = (submit("approved").await, submit("rejected").await);
    let (cancelled, expired) = (submit("cancelled").await, submit("expired").await);
    assert_eq!(api.vote("bob", &approved, "s", "approve", None).await.status, 200);
    assert_eq!(api.vote("bob", &rejected, "s", "reject", None).await.status, 200);
    api.done("rita", &about(&cancelled, "cancel"), Some(&json!({ "reason": "no longer" }))).await;
    api.submit("rita", "t", "unawaited", json!({})).await;
    api.drain().await;
    api.clock("2026-01-06T09:00:00Z").await;
    let shown = api.done("rita", &format!("GET /v1/requests/{}", expired["id"].as_str().unwrap()), None).await;
    assert_eq!(shown["status"], "expired");
    assert!(!shown.to_string().contains("token of"), "a token is shown to nobody");

    let all = api.done("root", "GET /_dev/outbox", None).await;
    let mut told: Vec<String> = Vec::new();
    for item in all["items"].as_array().unwrap().iter().filter(|item| item["channel"] != "mail") {
        let event: Value = serde_json::from_str(item["text"].as_str().unwrap()).unwrap();
        assert_eq!((&item["subject"], &event["specversion"]), (&event["type"], &json!("1.0")));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        told.push(format!("{} {} {}", text(&item["channel"]), text(&item["to"]), text(&event["data"]["request"]["status"])));
    }
    told.sort();
    let mut wanted: Vec<String> =
        ["approved", "rejected", "cancelled", "expired", "expired"].map(|end| format!("bus outcomes {end}")).into();
    wanted.extend(["approved", "rejected", "cancelled", "expired"].map(|end| format!("task token of {end} {end}")));
    wanted.sort();
    assert_eq!(told, wanted);

    for bad in ["", "\u{7}", &"x".repeat(2_049)] {
        let body = json!({ "template": "t", "entity": { "type": "order", "id": "bad" }, "title": "A chair", "metadata": {},
            "callback": { "task_token": bad } });
        let answer = api.call("rita", "POST /v1/requests", Some(&body)).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["pointer"]), (400, &json!("/callback/task_token")), "{}", answer.body);
    }
}

#[tokio::test]
async fn everything_twice_and_in_any_order_is_as_once() {
    let works = Works::new().await;
    let over = works.approved().await;
    works.bring(&[over.clone(), over.clone()]).await;
    works.minutes(60, 2).await;
    works.bring(std::slice::from_ref(&over)).await;
    works.minutes(720, 7).await;
    assert_eq!(works.arrived(&over), both());
    for channel in ["bus", "task"] {
        let delivery = works.delivery(&over, channel).await.unwrap();
        assert_eq!((delivery.stage, delivery.event.as_deref()), (Standing::Sent, Some("approvals.request.approved.v1")));
    }
    assert!(!format!("{:?}", works.delivery(&over, "task").await).contains(TOKEN), "the token stands in no delivery");
    assert_eq!(works.queues.len(PARKED), 0);
}

fn error(status: u16, code: &str) -> Does {
    Does::Says(status, json!({ "__type": code, "message": "made by a test" }))
}

fn entry(code: &str) -> Does {
    Does::Says(200, json!({ "FailedEntryCount": 1, "Entries": [{ "ErrorCode": code, "ErrorMessage": "made by a test" }] }))
}

/// Each way to fail: what is worth another try gets one and arrives once; what is not is parked, and says its class.
#[tokio::test]
async fn every_failure_is_tried_again_or_parked_for_good() {
    let passing: [(&str, Does); 10] = [
        ("PutEvents", Does::Lost),
        ("PutEvents", error(500, "InternalException")),
        ("PutEvents", error(400, "ResourceNotFoundException")),
        ("PutEvents", error(400, "AccessDeniedException")),
        ("PutEvents", entry("ThrottlingException")),
        ("PutEvents", entry("InternalFailure")),
        ("SendTaskSuccess", Does::Lost),
        ("SendTaskSuccess", Does::Mute),
        ("SendTaskSuccess", error(400, "ThrottlingException")),
        ("SendTaskSuccess", error(400, "AccessDeniedException")),
    ];
    let works = Works::new().await;
    for (operation, does) in passing {
        let over = works.approved().await;
        let (of, fault) = (operation.to_owned(), does.clone());
        works.script(move |operation| if operation == of { fault.clone() } else { Does::Works });
        works.bring(std::slice::from_ref(&over)).await;
        let failing = if operation == "PutEvents" { "bus" } else { "task" };
        let delivery = works.delivery(&over, failing).await.unwrap();
        assert_eq!(delivery.stage, Standing::Failed, "{operation} {does:?}");
        let other = works.delivery(&over, if failing == "bus" { "task" } else { "bus" }).await.unwrap();
        assert_eq!(other.stage, Standing::Sent, "{operation} {does:?}: one harms not the other");
        works.minutes(24, 1).await;
        works.script(|_| Does::Works);
        works.minutes(180, 1).await;
        assert_eq!(works.arrived(&over), both(), "{operation} {does:?}");
        assert_eq!(works.delivery(&over, failing).await.unwrap().stage, Standing::Sent, "{operation} {does:?}");
        assert_eq!(works.queues.len(PARKED), 0, "{operation} {does:?}");
    }
    let lasting: [(&str, Does, &str); 6] = [
        ("PutEvents", entry("MalformedDetail"), "EventBridge: MalformedDetail"),
        ("PutEvents", entry("InvalidArgument"), "EventBridge: InvalidArgument"),
        ("SendTaskSuccess", error(400, "TaskTimedOut"), "Step Functions: TaskTimedOut"),
        ("SendTaskSuccess", error(400, "TaskDoesNotExist"), "Step Functions: TaskDoesNotExist"),
        ("SendTaskSuccess", error(400, "InvalidToken"), "Step Functions: InvalidToken"),
        ("SendTaskSuccess", error(400, "InvalidOutput"), "Step Functions: InvalidOutput"),
    ];
    for (place, (operation, does, class)) in lasting.into_iter().enumerate() {
        let over = works.approved().await;
        let of = operation.to_owned();
        works.script(move |operation| if operation == of { does.clone() } else { Does::Works });
        works.bring(std::slice::from_ref(&over)).await;
        let failing = if operation == "PutEvents" { "bus" } else { "task" };
        let delivery = works.delivery(&over, failing).await.unwrap();
        assert_eq!((delivery.stage, delivery.error.as_deref()), (Standing::Parked, Some(class)));
        assert_eq!((works.queues.len(PARKED), works.arrived(&over).len()), (place + 1, 1), "{class}");
    }
    // For three days nobody answers.
    let before = works.queues.len(PARKED);
    let over = works.approved().await;
    works.script(|_| Does::Lost);
    works.bring(std::slice::from_ref(&over)).await;
    works.minutes(480, 11).await;
    for channel in ["bus", "task"] {
        assert_eq!(works.delivery(&over, channel).await.unwrap().stage, Standing::Parked);
    }
    assert_eq!(works.queues.len(PARKED) - before, 2);
}

/// Dies at its nth call to the table, with the calls to AWS between: the queue brings the message again, and time goes by.
async fn dies(works: &Works, at: usize, last: Fault, mute: bool) -> bool {
    let over = works.approved().await;
    works.stage.seam.take();
    works.stage.seam.script(dying(at, last));
    if mute {
        works.script(|_| Does::Mute);
    }
    works.bring(std::slice::from_ref(&over)).await;
    let crossed = works.stage.seam.take().calls.len();
    works.stage.seam.heal();
    works.script(|_| Does::Works);
    works.bring(std::slice::from_ref(&over)).await;
    works.minutes(24, 2).await;
    let place = format!("killed at call {at}, {last:?}, mute: {mute}");
    let arrived = works.arrived(&over);
    let tasks = arrived.iter().filter(|line| line.starts_with("task ")).count();
    // What was on its way when somebody died, or whose answer was lost, comes to the bus once more.
    assert!(tasks == 1 && (1..=3).contains(&(arrived.len() - 1)), "{place}: {arrived:?}");
    for channel in ["bus", "task"] {
        assert_eq!(works.delivery(&over, channel).await.unwrap().stage, Standing::Sent, "{place}: {channel}");
    }
    assert_eq!(works.queues.len(PARKED), 0, "{place}");
    crossed > at
}

#[tokio::test]
async fn whoever_dies_between_any_two_calls_loses_no_outcome() {
    let works = Works::new().await;
    for (last, mute) in [(Fault::DropBefore, false), (Fault::DropAfter, false), (Fault::DropAfter, true)] {
        let mut at = 0;
        while dies(&works, at, last, mute).await {
            at += 1;
        }
        assert!(at > 6, "only {at} places to die at were tried");
    }
}
