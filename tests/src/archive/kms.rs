//! A signing key in KMS: the service never has it, and whoever verifies sees no difference.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use audit::Error;
use audit::keys::{Error as KeyError, Source, kms};
use audit_log::folder::Disk;
use audit_log::note::VerifierKey;
use audit_log::verify::{Options, verify};
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer, SigningKey};
use object_store::ObjectStoreExt;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::function::{Deployed, batch};

const ARN: &str = "arn:aws:kms:eu-west-1:123456789012:key/0b2c";

/// KMS with one key, as far as the service knows it: a server that takes signed calls and no others.
#[derive(Clone)]
struct Kms(Arc<Mutex<Held>>);

struct Held {
    key: SigningKey,
    /// What it signs with, where that is another key.
    lies: Option<SigningKey>,
    /// What stands before the public key: of another kind, another one.
    head: Vec<u8>,
    denied: bool,
    calls: Vec<String>,
}

impl Kms {
    fn new() -> Self {
        // RFC 8410: a sequence of the algorithm 1.3.101.112 and a bit string of 32 bytes.
        let head = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        Self(Arc::new(Mutex::new(Held { key: SigningKey::from_bytes(&[7; 32]), lies: None, head, denied: false, calls: Vec::new() })))
    }

    /// Serves; gives the key as the function has it.
    async fn serve(&self) -> kms::Key {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .endpoint_url(endpoint)
            .http_client(approvals::runtime::trust::https());
        kms::Key::new(aws_sdk_kms::Client::from_conf(config.build()), ARN)
    }

    fn calls(&self, operation: &str) -> usize {
        self.0.lock().unwrap().calls.iter().filter(|call| *call == operation).count()
    }
}

async fn answer(State(kms): State<Kms>, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let signed = header("authorization");
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=id/") && signed.contains("/eu-west-1/kms/aws4_request"), "{signed}");
    let operation = header("x-amz-target").strip_prefix("TrentService.").unwrap().to_owned();
    let ask: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(ask["KeyId"], ARN, "it asks for no other key");
    let mut held = kms.0.lock().unwrap();
    held.calls.push(operation.clone());
    if held.denied {
        let body = json!({ "__type": "AccessDeniedException", "Message": "not authorized to perform: kms:Sign" });
        return (StatusCode::BAD_REQUEST, body.to_string()).into_response();
    }
    let told = match operation.as_str() {
        "GetPublicKey" => {
            let der: Vec<u8> = held.head.iter().chain(held.key.verifying_key().as_bytes()).copied().collect();
            json!({ "KeyId": ARN, "KeySpec": "ECC_NIST_EDWARDS25519", "KeyUsage": "SIGN_VERIFY", "PublicKey": STANDARD.encode(der) })
        }
        "Sign" => {
            // KMS refuses a digest here, and any other algorithm of this key is another signature.
            assert_eq!((&ask["MessageType"], &ask["SigningAlgorithm"]), (&json!("RAW"), &json!("ED25519_SHA_512")));
            let message = STANDARD.decode(ask["Message"].as_str().unwrap()).unwrap();
            assert!(message.len() <= 4_096, "KMS takes no longer message");
            let signature = held.lies.as_ref().unwrap_or(&held.key).sign(&message);
            json!({ "KeyId": ARN, "SigningAlgorithm": "ED25519_SHA_512", "Signature": STANDARD.encode(signature.to_bytes()) })
        }
        other => panic!("{other}: the service may not do that"),
    };
    ([("content-type", "application/x-amz-json-1.1")], told.to_string()).into_response()
}

/// Both verifiers over what lies in the bucket: our own, and the one in Python, which knows Ed25519 by its specification alone.
async fn verified(it: &Deployed, key: &VerifierKey) -> (bool, bool) {
    let (home, objects) = (TempDir::new().unwrap(), archive::bucket::open("logs", &it.site.access).unwrap());
    for name in it.site.s3.names("logs/archive/default/") {
        let name = name.strip_prefix("logs/").unwrap();
        let bytes = objects.get(&object_store::path::Path::from(name)).await.unwrap().bytes().await.unwrap();
        let file = home.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
    let log = home.path().join("archive/default");
    let keys = std::slice::from_ref(key);
    let report = verify(&Disk::new(&log), &Options { keys, ignore_unknown_signatures: true, ..Options::default() }, &mut |_| {});
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_log.py");
    let python = Command::new("python3").arg(script).args(["--key", &key.to_string()]).arg(&log).output().unwrap();
    let said: Value = serde_json::from_slice(&python.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&python.stderr)));
    (report.ok, said["ok"] == true)
}

#[tokio::test]
async fn a_log_signed_in_kms_is_sound_to_both_verifiers() {
    let kms = Kms::new();
    let key = kms.serve().await;
    let it = Deployed::new().await.signed_from(|_| vec![Source::Kms(key)]);
    for n in 1..=3 {
        assert_eq!(it.run(batch(n)).await.unwrap(), json!({ "batchItemFailures": [] }));
    }
    assert_eq!(it.size().await, 3);
    let keys = it.verifiers().await;
    assert_eq!((keys.len(), keys[0].name()), (1, "test/default"));
    assert_eq!(verified(&it, &keys[0]).await, (true, true));
    assert_eq!(kms.calls("Sign"), 6, "two signatures a checkpoint");
    // Its public key never changes: it is asked for once, though keys are looked at again after five minutes.
    it.later(300_000);
    it.run(json!({ "refresh": true })).await.unwrap();
    assert_eq!((kms.calls("GetPublicKey"), kms.calls("Sign")), (1, 8));
    assert_eq!(verified(&it, &keys[0]).await, (true, true));
}

/// From the secret to KMS, and nobody who verifies is left behind: for a while both sign.
#[tokio::test]
async fn from_a_secret_to_kms_by_way_of_both() {
    let kms = Kms::new();
    let it = Deployed::new().await;
    it.secret("first", None);
    it.run(batch(1)).await.unwrap();
    let old = it.verifiers().await.remove(0);

    // At once it is refused: the log was signed by nobody whom the function knows now.
    let key = kms.serve().await;
    let it = it.signed_from(|_| vec![Source::Kms(key)]);
    assert_eq!(it.run(batch(2)).await.unwrap()["batchItemFailures"].as_array().unwrap().len(), 1);
    assert_eq!(it.signed_by(std::slice::from_ref(&old)).await, 1, "the published checkpoint is as it was");

    let key = kms.serve().await;
    let it = it.signed_from(|secret| vec![Source::Kms(key), secret]);
    it.run(json!({ "refresh": true })).await.unwrap();
    let both = it.verifiers().await;
    assert_eq!((both.len(), &both[1], it.signed_by(&both).await), (2, &old, 2), "the one in KMS first");

    let key = kms.serve().await;
    let it = it.signed_from(|_| vec![Source::Kms(key)]);
    assert_eq!(it.run(batch(2)).await.unwrap(), json!({ "batchItemFailures": [] }));
    assert_eq!((it.size().await, it.signed_by(&both[..1]).await, it.signed_by(&[old]).await), (2, 1, 0));
    assert_eq!(verified(&it, &both[0]).await, (true, true));
}

/// Whatever KMS says, no checkpoint is published that its key did not sign; and what could not be signed comes again.
#[tokio::test]
async fn what_kms_does_not_sign_is_not_published() {
    let kms = Kms::new();
    let key = kms.serve().await;
    let it = Deployed::new().await.signed_from(|_| vec![Source::Kms(key)]);
    it.run(batch(1)).await.unwrap();
    let (before, key) = (it.note().await, it.verifiers().await.remove(0));
    let failed = async |n| it.run(batch(n)).await.unwrap()["batchItemFailures"].as_array().unwrap().len();
    kms.0.lock().unwrap().denied = true;
    assert_eq!(failed(2).await, 1);
    kms.0.lock().unwrap().denied = false;
    kms.0.lock().unwrap().lies = Some(SigningKey::from_bytes(&[8; 32]));
    assert_eq!((failed(2).await, it.note().await == before), (1, true), "a signature of another key");
    kms.0.lock().unwrap().lies = None;
    assert_eq!((failed(2).await, verified(&it, &key).await), (0, (true, true)));
}

/// A key of another kind signs nothing: the function says which it needs.
#[tokio::test]
async fn a_key_of_another_kind_is_named() {
    let kms = Kms::new();
    kms.0.lock().unwrap().head = vec![0x30, 0x59, 0x30, 0x13];
    let key = kms.serve().await;
    let it = Deployed::new().await.signed_from(|_| vec![Source::Kms(key)]);
    let failed = it.run(batch(1)).await.unwrap_err();
    assert!(matches!(failed, Error::Keys(KeyError::Kind)) && failed.to_string().contains("ECC_NIST_EDWARDS25519"), "{failed}");
    assert_eq!((it.site.s3.names(""), kms.calls("Sign")), (Vec::<String>::new(), 0));
}
