//! The function `audit`: keys from Secrets Manager, the stream, the schedule, and who asks for the public keys.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use approvals::runtime::deadline::Deadline;
use approvals::runtime::entropy::Entropy;
use approvals::runtime::metrics::{heard, listen};
use approvals_domain::hash::Hash;
use approvals_domain::ids::RequestId;
use audit::keys::{Error as KeyError, Keys, Secret, Source};
use audit::{Audit, Error};
use audit_log::checkpoint::Checkpoint;
use audit_log::note::VerifierKey;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use base64::Engine;
use object_store::{ObjectStoreExt, path::Path};
use serde_json::{Value, json};

use super::bucket::Site;
use super::{tenant, words};
use crate::deployment::metrics::sums;

/// A secret with its versions by stage.
#[derive(Clone, Debug, Default)]
struct Secrets(Arc<Mutex<Versions>>);

#[derive(Debug, Default)]
struct Versions {
    present: Option<String>,
    before: Option<String>,
    read: usize,
}

impl HttpClient for Secrets {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Secrets {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert_eq!(request.headers().get("x-amz-target"), Some("secretsmanager.GetSecretValue"), "it asks for nothing else");
        let ask: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let mut versions = self.0.lock().unwrap();
        versions.read += 1;
        let found = if ask["VersionStage"] == "AWSCURRENT" { &versions.present } else { &versions.before };
        let (status, body) = match found {
            Some(text) => (200_u16, json!({ "SecretString": text })),
            None => (400, json!({ "__type": "ResourceNotFoundException", "Message": "no such version" })),
        };
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()))))
    }
}

/// The function, its secret and its clock.
pub(super) struct Deployed {
    pub(super) site: Site,
    audit: Audit,
    secrets: Secrets,
}

impl Deployed {
    pub(super) async fn new() -> Self {
        Self::over(Site::new().await, Secrets::default(), |secret| vec![secret])
    }

    /// The same stack, deployed anew: what signs is said by where the secret goes.
    pub(super) fn signed_from(self, sources: impl FnOnce(Source) -> Vec<Source>) -> Self {
        Self::over(self.site, self.secrets, sources)
    }

    fn over(site: Site, secrets: Secrets, sources: impl FnOnce(Source) -> Vec<Source>) -> Self {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(aws_sdk_secretsmanager::config::BehaviorVersion::latest())
            .region(aws_sdk_secretsmanager::config::Region::from_static("eu-west-1"))
            .endpoint_url("http://secrets.localhost")
            .allow_no_auth()
            .http_client(SharedHttpClient::new(secrets.clone()));
        let secret = Secret::new(aws_sdk_secretsmanager::Client::from_conf(config.build()), "signing");
        let keys = Keys::new(sources(Source::Secret(secret)));
        let audit = Audit::new(site.archiver(Vec::new()), site.table(), keys, site.clock(), Entropy::system());
        Self { site, audit, secrets }
    }

    /// One invocation with time enough.
    pub(super) async fn run(&self, asked: Value) -> Result<Value, Error> {
        self.run_for(asked, Duration::from_secs(60)).await
    }

    pub(super) async fn run_for(&self, asked: Value, time: Duration) -> Result<Value, Error> {
        self.audit.run(asked, Deadline::after(time)).await
    }

    pub(super) fn later(&self, millis: i64) {
        self.site.now.fetch_add(millis, Ordering::Relaxed);
    }

    pub(super) fn secret(&self, present: &str, before: Option<&str>) {
        let long = |text: &str| Some(text.repeat(64 / text.len() + 1));
        let mut versions = self.secrets.0.lock().unwrap();
        (versions.present, versions.before) = (long(present), before.and_then(long));
    }

    pub(super) async fn verifiers(&self) -> Vec<VerifierKey> {
        let answer = self.run(json!({ "verifiers": "default" })).await.unwrap();
        answer["verifiers"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().parse().unwrap()).collect()
    }

    /// Leaves of the published log.
    pub(super) async fn size(&self) -> u64 {
        let keys = self.verifiers().await;
        Checkpoint::open(&self.note().await, &keys).unwrap().checkpoint.size
    }

    pub(super) async fn note(&self) -> Vec<u8> {
        let objects = archive::bucket::open("logs", &self.site.access).unwrap();
        objects.get(&Path::from("archive/default/checkpoint")).await.unwrap().bytes().await.unwrap().to_vec()
    }

    /// How many of these keys signed the published checkpoint.
    pub(super) async fn signed_by(&self, keys: &[VerifierKey]) -> usize {
        let note = self.note().await;
        keys.iter().filter(|key| Checkpoint::open(&note, std::slice::from_ref(*key)).is_ok()).count()
    }
}

/// A value of an image as the SDK has it.
fn attribute(value: &Value) -> aws_sdk_dynamodb::types::AttributeValue {
    use aws_sdk_dynamodb::types::AttributeValue;
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "B" => {
            AttributeValue::B(aws_sdk_dynamodb::primitives::Blob::new(base64::engine::general_purpose::STANDARD.decode(text()).unwrap()))
        }
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(attribute).collect()),
        other => panic!("{other}"),
    }
}

/// An image as the service writes it: with its tags.
fn tagged(image: Value) -> Value {
    use approvals::store::Item;
    use approvals::store::table::authentic::{COMMIT_TAGS, TAG, sign};
    use futures_util::FutureExt;
    let members = image.as_object().unwrap().iter();
    let item: std::collections::HashMap<_, _> = members.map(|(name, value)| (name.clone(), attribute(value))).collect();
    let item = sign(&crate::stage::tags(), Item::from(item)).now_or_never().unwrap().unwrap();
    let mut image = image;
    for name in [TAG, COMMIT_TAGS] {
        let bytes = item.opt_b(name).unwrap();
        image[name] = json!({ "B": base64::engine::general_purpose::STANDARD.encode(bytes) });
    }
    image
}

/// A record of the stream that brings a word of the directory.
pub(super) fn batch(n: usize) -> Value {
    let words = words(n..n + 1).remove(0);
    let (header, bytes) = words.split_at(words.iter().position(|byte| *byte == b'\n').unwrap() + 1);
    let hash = std::str::from_utf8(header).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let (plain, url) = (base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE_NO_PAD);
    let (bytes, hash) = (plain.encode(bytes), plain.encode(url.decode(hash).unwrap()));
    let key = approvals::store::keys::directory_log(&tenant(), &format!("user/u{n}"), 1);
    let keys = json!({ "PK": { "S": key.pk }, "SK": { "S": key.sk } });
    let image = json!({ "PK": { "S": key.pk }, "SK": { "S": key.sk }, "c": { "B": bytes }, "h": { "B": hash } });
    let commit: Value = serde_json::from_slice(&plain.decode(&bytes).unwrap()).unwrap();
    let at = approvals_domain::time::Timestamp::parse(commit["at"].as_str().unwrap_or_default()).map_or(0, |at| at.millis());
    let at = commit["at"].as_i64().unwrap_or(at) as f64 / 1_000.0;
    let image = tagged(image);
    json!({ "Records": [{
        "eventID": "1", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
        "dynamodb": { "ApproximateCreationDateTime": at, "Keys": keys, "NewImage": image, "SequenceNumber": n.to_string(), "SizeBytes": 1,
            "StreamViewType": "NEW_AND_OLD_IMAGES" },
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:1:table/t/stream/1",
    }] })
}

#[tokio::test]
async fn the_stream_is_archived_and_a_rotation_leaves_nobody_behind() {
    let it = Deployed::new().await;
    it.secret("first", None);
    let answer = it.run(batch(1)).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let old = it.verifiers().await;
    assert_eq!((old.len(), it.signed_by(&old).await), (1, 1));
    assert_eq!(it.secrets.0.lock().unwrap().read, 2, "keys are remembered");

    // A new version: after five minutes both sign, the new one first.
    it.secret("second", Some("first"));
    it.later(300_000);
    it.run(json!({ "refresh": true })).await.unwrap();
    let both = it.verifiers().await;
    assert_eq!((both.len(), both[1] == old[0], it.signed_by(&both).await), (2, true, 2));

    // The label of the old version is gone: only the new one signs, and the log goes on.
    it.secret("second", None);
    it.later(300_000);
    it.run(batch(2)).await.unwrap();
    assert_eq!((it.signed_by(&both[..1]).await, it.signed_by(&old).await), (1, 0));
}

#[tokio::test]
async fn without_a_key_nothing_is_written_and_the_batch_comes_again() {
    let it = Deployed::new().await;
    let failed = it.run(batch(1)).await.unwrap_err();
    assert!(matches!(failed, Error::Keys(KeyError::Unreadable(_))), "{failed}");
    assert_eq!(it.site.s3.names(""), Vec::<String>::new());
    it.secret("first", None);
    it.run(batch(1)).await.unwrap();
    assert!(it.site.s3.names("logs/archive/default/").len() > 1);
}

/// A record that nobody can read is named, alone; those before it are archived at once, those after it when it is out of the way.
#[tokio::test]
async fn a_poison_record_harms_no_neighbour() {
    let it = Deployed::new().await;
    it.secret("first", None);
    let mut records: Vec<Value> = (1..=4).map(|n| batch(n)["Records"][0].clone()).collect();
    records[2]["dynamodb"]["Keys"] = json!({ "PK": { "N": "7" } });
    let run = |from: usize, to: usize| it.run(json!({ "Records": records[from..to] }));
    let failed = |n: usize| json!({ "batchItemFailures": [{ "itemIdentifier": n.to_string() }] });
    assert_eq!(run(0, 4).await.unwrap(), failed(3));
    assert_eq!(it.size().await, 2);
    // As Lambda does: from the failed one on, then in halves, until it stands alone and is parked.
    assert_eq!(run(2, 4).await.unwrap(), failed(3));
    assert_eq!(run(2, 3).await.unwrap(), failed(3));
    assert_eq!(run(3, 4).await.unwrap(), json!({ "batchItemFailures": [] }));
    assert_eq!(it.size().await, 3);
}

/// A commit in words of a newer build: no violation, and not passed over; it comes again until this build is deployed too.
#[tokio::test]
async fn words_of_a_newer_build_wait_and_accuse_nobody() {
    let it = Deployed::new().await;
    it.secret("first", None);
    let mut event: Value = batch(1)["Records"][0].clone();
    let plain = base64::engine::general_purpose::STANDARD;
    let bytes = plain.decode(event["dynamodb"]["NewImage"]["c"]["B"].as_str().unwrap()).unwrap();
    let mut commit: Value = serde_json::from_slice(&bytes).unwrap();
    commit["e"] = json!({ "k": "promoted", "x": 1 });
    let bytes = approvals_domain::hash::canonical(&commit);
    let hash = Hash::of(&[approvals_domain::hash::DIRECTORY, &[0; 32], &bytes]);
    event["dynamodb"]["NewImage"]["c"]["B"] = json!(plain.encode(&bytes));
    event["dynamodb"]["NewImage"]["h"]["B"] = json!(plain.encode(hash.0));
    event["dynamodb"]["NewImage"] = tagged(event["dynamodb"]["NewImage"].take());
    let mut request = request_record(&json!([{ "k": "promoted" }]));
    request["dynamodb"]["NewImage"] = tagged(request["dynamodb"]["NewImage"].take());
    for (record, n) in [(event, "1"), (request, "9")] {
        let failed = json!({ "batchItemFailures": [{ "itemIdentifier": n }] });
        assert_eq!(it.run(json!({ "Records": [record] })).await.unwrap(), failed);
    }
    assert_eq!(it.site.s3.names("logs/"), Vec::<String>::new(), "nothing was written down");
}

/// A record of a request's first commit with these events, whose chain is right.
fn request_record(events: &Value) -> Value {
    let plain = base64::engine::general_purpose::STANDARD;
    let id = RequestId::new("0aaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
    let commit = json!({ "s": 1, "t": "default", "r": id, "v": 1, "p": Hash::ZERO, "at": 0, "c": { "i": "x", "k": "submit" },
        "a": { "y": "escalation" }, "e": events });
    let bytes = approvals_domain::hash::canonical(&commit);
    let hash = Hash::of(&[approvals_domain::hash::COMMIT, &[0; 32], &bytes]);
    let key = approvals::store::keys::request(&tenant(), &id);
    let mut record = batch(9)["Records"][0].clone();
    let keys = json!({ "PK": { "S": key.pk }, "SK": { "S": key.sk } });
    record["dynamodb"]["Keys"] = keys.clone();
    record["dynamodb"]["NewImage"] = keys;
    record["dynamodb"]["NewImage"]["c"] = json!({ "L": [{ "B": plain.encode(&bytes) }] });
    record["dynamodb"]["NewImage"]["h"] = json!({ "B": plain.encode(hash.0) });
    record["dynamodb"]["NewImage"]["v"] = json!({ "N": "1" });
    record
}

/// A commit whose time is not that of its record was written into the past, whoever wrote it.
#[tokio::test]
async fn a_commit_of_another_time_than_its_record_is_told() {
    let it = Deployed::new().await;
    it.secret("first", None);
    for (n, millis, leaves) in [(1, 600_000_i64, 1), (2, 602_000, 3)] {
        let mut batch = batch(n);
        batch["Records"][0]["dynamodb"]["ApproximateCreationDateTime"] = json!(millis as f64 / 1_000.0);
        it.run(batch).await.unwrap();
        assert_eq!(it.size().await, leaves, "{millis} ms apart");
    }
}

/// An hour without leaves: the same log, signed later, so that a reader knows it is not held back.
#[tokio::test]
async fn a_quiet_log_is_signed_anew_each_hour() {
    let it = Deployed::new().await;
    it.secret("first", None);
    it.run(batch(1)).await.unwrap();
    let keys = it.verifiers().await;
    let signed_at = async || Checkpoint::open(&it.note().await, &keys).unwrap().at_seconds.unwrap();
    let first = signed_at().await;
    it.later(3_600_000);
    it.run(json!({ "refresh": true })).await.unwrap();
    assert_eq!((signed_at().await - first, it.size().await), (3_600, 1));
}

/// `ArchiveUnsigned`, `ArchiveLate`, `ArchiveViolated`, `StreamUnread`: what their alarms look at is written when it must be, and only then.
#[tokio::test]
async fn what_the_archive_s_alarms_look_at() {
    let it = Deployed::new().await;
    it.secret("first", None);
    listen();
    let written = async |asked: Value| {
        let _ = it.run(asked).await;
        let sums = sums(&heard());
        listen();
        ["Refreshes", "LeavesAppended", "ArchiveViolations", "ArchiveLag"]
            .map(|name| sums.get(&("audit".to_owned(), name.to_owned())).copied())
    };
    let mut late = batch(1);
    // The commit is of the beginning of time, and so is its record; it is published now.
    late["Records"][0]["dynamodb"]["ApproximateCreationDateTime"] = json!(0);
    let [refreshes, appended, violations, lag] = written(late).await;
    assert_eq!((refreshes, appended, violations), (None, Some(1), None));
    assert!(lag > Some(60_000), "{lag:?}");
    assert_eq!(written(json!({ "refresh": true })).await, [Some(1), None, None, None]);

    // Somebody writes past the service: a record without a tag of ours.
    let mut forged = batch(2);
    forged["Records"][0]["dynamodb"]["NewImage"].as_object_mut().unwrap().remove(approvals::store::table::authentic::TAG);
    let [_, _, violations, _] = written(forged).await;
    assert_eq!(violations, Some(1));

    // A log that cannot be signed: no refresh is counted, and two hours without one ring.
    it.site.s3.refuse(true);
    assert_eq!(written(json!({ "refresh": true })).await, [None; 4]);
}

#[tokio::test]
async fn what_is_not_known_is_refused() {
    let it = Deployed::new().await;
    it.secret("first", None);
    for asked in [
        json!({}),
        json!({ "refresh": false }),
        json!({ "verifiers": "no tenant" }),
        json!({ "Records": 1 }),
        json!([]),
        json!({ "reconcile": { "since": "yesterday" } }),
        json!({ "reconcile": { "all": true } }),
        json!({ "reconcile": true }),
        json!({ "source": "aws.cloudwatch" }),
    ] {
        assert!(matches!(it.run(asked.clone()).await, Err(Error::Unknown)), "{asked}");
    }
}

/// `events/`: what the stream and the schedule send, and what `docs/sam-local.md` shows.
#[tokio::test]
async fn the_samples_of_the_stream_and_of_the_schedule_are_taken() {
    let it = Deployed::new().await;
    it.secret("first", None);
    let sample = |name: &str| -> Value {
        let path = crate::tidy::root().join("events").join(format!("{name}.json"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let stream = sample("audit_stream");
    assert_eq!(it.run(stream.clone()).await.unwrap(), json!({ "batchItemFailures": [] }));
    let size = it.size().await;
    assert!(size >= stream["Records"].as_array().unwrap().len() as u64, "{size} leaves");
    assert_eq!(it.run(sample("audit_refresh")).await.unwrap()["refreshed"], true);
    assert_eq!(it.size().await, size);
}
