//! The archive in S3: the real client, against a server that answers the few calls as S3 does, and takes what S3 would not take as an error.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::store::Table;
use approvals::store::table::schema::{APPROVALS, LOCKS};
use approvals_domain::hash::Hash;
use approvals_domain::time::Timestamp;
use archive::archiver::Archiver;
use archive::bucket::{self, Access};
use archive::signer::in_memory;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use cli::engine::Engine;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, path::Path};
use tempfile::TempDir;

use super::{tenant, words};
use crate::stage::tags;

/// Names on a page: less than any log has.
const PAGE: usize = 3;

/// Buckets by name; whether every write is refused; and what stood there before, by name.
#[derive(Clone, Default)]
pub(super) struct S3(Arc<Mutex<BTreeMap<String, Vec<u8>>>>, Arc<AtomicBool>, Arc<Mutex<BTreeMap<String, Vec<Vec<u8>>>>>);

impl S3 {
    /// Serves; gives what it takes to reach it.
    pub(super) async fn serve(&self) -> Access {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Access {
            region: "eu-west-1".into(),
            key_id: "id".into(),
            secret_key: "secret".into(),
            token: Some("token".into()),
            endpoint: Some(endpoint),
        }
    }

    /// Whether every write is refused from now on, as after a change of rights.
    pub(super) fn refuse(&self, refuse: bool) {
        self.1.store(refuse, Ordering::Relaxed);
    }

    /// Names that begin like this.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        self.0.lock().unwrap().keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }
}

async fn answer(
    State(s3): State<S3>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    assert!(header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=id/"), "every call is signed");
    assert_eq!(header("x-amz-security-token"), "token");
    let name = uri.path().trim_start_matches('/').to_owned();
    let mut objects = s3.0.lock().unwrap();
    let tag = |bytes: &[u8]| [("etag", format!("\"{}\"", Hash::of(&[bytes])))];
    match method {
        Method::GET if query.contains_key("versions") => versions(&objects, &s3.2.lock().unwrap(), &name, &query).into_response(),
        Method::GET if query.get("versionId").is_some_and(|id| id != "now") => {
            let old: usize = query["versionId"].parse().unwrap();
            s3.2.lock().unwrap()[&name][old].clone().into_response()
        }
        Method::GET if query.contains_key("list-type") => list(&objects, &name, &query).into_response(),
        Method::GET => match objects.get(&name) {
            Some(bytes) => (tag(bytes), [("last-modified", "Mon, 02 Mar 2026 09:00:00 GMT")], bytes.clone()).into_response(),
            None => (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response(),
        },
        Method::PUT if s3.1.load(Ordering::Relaxed) => (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>").into_response(),
        Method::PUT => {
            use base64::Engine;
            let sum = base64::engine::general_purpose::STANDARD.encode(Hash::of(&[&body]).0);
            assert_eq!(header("x-amz-checksum-sha256"), sum, "Object Lock asks for a checksum");
            if header("if-none-match") == "*" && objects.contains_key(&name) {
                return (StatusCode::PRECONDITION_FAILED, "<Error><Code>PreconditionFailed</Code></Error>").into_response();
            }
            let tag = tag(&body);
            if let Some(old) = objects.insert(name.clone(), body.to_vec()) {
                s3.2.lock().unwrap().entry(name).or_default().push(old);
            }
            (tag, "").into_response()
        }
        Method::DELETE => {
            objects.remove(&name);
            StatusCode::NO_CONTENT.into_response()
        }
        other => panic!("{other} {uri}: the archive has no need of it"),
    }
}

/// `ListObjectsV2`, a few names a page.
fn list(objects: &BTreeMap<String, Vec<u8>>, bucket: &str, query: &BTreeMap<String, String>) -> String {
    let prefix = query.get("prefix").map_or("", String::as_str);
    let after = query.get("continuation-token").map_or("", String::as_str);
    let mut found: BTreeMap<String, Option<&Vec<u8>>> = BTreeMap::new();
    for (name, bytes) in objects {
        let Some(name) = name.strip_prefix(&format!("{bucket}/")).filter(|name| name.starts_with(prefix)) else { continue };
        match name[prefix.len()..].split_once('/').filter(|_| query.contains_key("delimiter")) {
            Some((folder, _)) => found.insert(format!("{prefix}{folder}/"), None),
            None => found.insert(name.to_owned(), Some(bytes)),
        };
    }
    let mut rest = found.into_iter().filter(|(name, _)| name.as_str() > after);
    let page: Vec<_> = rest.by_ref().take(PAGE).collect();
    let next = rest.next().and(page.last()).map(|(name, _)| format!("<NextContinuationToken>{name}</NextContinuationToken>"));
    let entries: String = page
        .iter()
        .map(|(name, bytes)| match bytes {
            None => format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
            Some(bytes) => format!(
                "<Contents><Key>{name}</Key><LastModified>2026-03-02T09:00:00.000Z</LastModified><ETag>\"{}\"</ETag><Size>{}</Size></Contents>",
                Hash::of(&[bytes]),
                bytes.len()
            ),
        })
        .collect();
    let cut = next.is_some();
    format!("<ListBucketResult><IsTruncated>{cut}</IsTruncated>{}{entries}</ListBucketResult>", next.unwrap_or_default())
}

/// `ListObjectVersions`, one version a page.
fn versions(
    objects: &BTreeMap<String, Vec<u8>>,
    old: &BTreeMap<String, Vec<Vec<u8>>>,
    bucket: &str,
    query: &BTreeMap<String, String>,
) -> String {
    let (prefix, marker) = (query["prefix"].as_str(), |name: &str| query.get(name).cloned().unwrap_or_default());
    let mut all: Vec<(String, String)> = Vec::new();
    for name in objects.keys() {
        let Some(key) = name.strip_prefix(&format!("{bucket}/")).filter(|key| key.starts_with(prefix)) else { continue };
        all.push((key.to_owned(), "now".to_owned()));
        all.extend((0..old.get(name).map_or(0, Vec::len)).rev().map(|n| (key.to_owned(), n.to_string())));
    }
    let after = (marker("key-marker"), marker("version-id-marker"));
    let start = all.iter().position(|one| *one == after).map_or(0, |place| place + 1);
    let page = &all[start..all.len().min(start + 40)];
    let cut = start + page.len() < all.len();
    let entries: String = page.iter().map(|(key, id)| format!("<Version><Key>{key}</Key><VersionId>{id}</VersionId></Version>")).collect();
    let next = page
        .last()
        .filter(|_| cut)
        .map(|(key, id)| format!("<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>{id}</NextVersionIdMarker>"));
    format!("<ListVersionsResult><IsTruncated>{cut}</IsTruncated>{}{entries}</ListVersionsResult>", next.unwrap_or_default())
}

/// Archivers over one log in S3, with a table of locks each may write.
pub(super) struct Site {
    pub(super) engine: Engine,
    pub(super) s3: S3,
    pub(super) access: Access,
    /// The archivers' clock, in milliseconds.
    pub(super) now: Arc<AtomicI64>,
    _folder: TempDir,
}

impl Site {
    pub(super) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let engine = Engine::start(folder.path()).unwrap();
        engine.create_table(&LOCKS, LOCKS.name).await.unwrap();
        engine.create_table(&APPROVALS, APPROVALS.name).await.unwrap();
        let s3 = S3::default();
        let access = s3.serve().await;
        let now = Arc::new(AtomicI64::new(1_772_710_000_000));
        let follow = Arc::clone(&now);
        engine.follow(move || follow.load(Ordering::Relaxed));
        Self { engine, s3, access, now, _folder: folder }
    }

    pub(super) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::new(move || Timestamp::from_millis(now.load(Ordering::Relaxed)))
    }

    pub(super) fn table(&self) -> Table {
        Table::new(self.engine.clients().dynamodb, APPROVALS.name).with_tags(tags())
    }

    pub(super) fn archiver(&self, seeds: Vec<[u8; 32]>) -> Archiver {
        let open = |name| Arc::new(bucket::open(name, &self.access).unwrap());
        let locks = Table::new(self.engine.clients().dynamodb, LOCKS.name);
        Archiver::new(open("logs"), (locks, tags()), "test", seeds.iter().map(in_memory).collect(), self.clock(), Entropy::system())
            .preparing_in(open("desk"))
    }
}

#[tokio::test]
async fn a_bucket_creates_once_and_lists_page_by_page() {
    let s3 = S3::default();
    let objects = bucket::open("logs", &s3.serve().await).unwrap();
    let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    for n in 0..8 {
        objects.put_opts(&Path::from(format!("archive/a/{n}")), "x".into(), create()).await.unwrap();
    }
    let again = objects.put_opts(&Path::from("archive/a/0"), "y".into(), create()).await;
    assert!(matches!(again, Err(object_store::Error::AlreadyExists { .. })), "{again:?}");
    assert_eq!(objects.list_with_delimiter(Some(&Path::from("archive/a"))).await.unwrap().objects.len(), 8);
    assert_eq!(objects.get(&Path::from("archive/a/0")).await.unwrap().bytes().await.unwrap(), "x");
    let missing = objects.get(&Path::from("archive/a/9")).await;
    assert!(matches!(missing, Err(object_store::Error::NotFound { .. })), "{missing:?}");
    objects.delete(&Path::from("archive/a/0")).await.unwrap();
    assert_eq!(s3.names("logs/").len(), 7);
}

/// Not a test: `approvals audit verify`, in a process with an environment of its own.
#[test]
fn child() {
    let Ok(words) = std::env::var("APPROVALS_VERIFY") else { return };
    let cli = <cli::args::Cli as clap::Parser>::parse_from(words.split(' '));
    let cli::args::Command::Local(cli::local::Local::Audit(action)) = cli.command else { panic!("only audit") };
    let mut out = Vec::new();
    let done = cli::audit::run(&action, &cli.shared, &mut out);
    println!("\n{}{done:?}", String::from_utf8(out).unwrap());
}

/// Two archivers write one log in S3; the command line verifies it there, whole and by its own address, and tells an edit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_in_s3_is_written_by_two_and_verified_by_a_stranger() {
    let site = Site::new().await;
    let (one, other) = (site.archiver(vec![[1; 32]]), site.archiver(vec![[1; 32]]));
    for n in 0..6 {
        let (a, b) = (words(n * 100..n * 100 + 30), words(n * 100 + 50..n * 100 + 80));
        let tenant = tenant();
        let done = tokio::join!(one.append(&tenant, &a), other.append(&tenant, &b));
        done.0.unwrap();
        done.1.unwrap();
    }
    assert_eq!(site.s3.names("desk/"), Vec::<String>::new(), "what was prepared is cleared away, in its own bucket");
    let key = one.verifiers(&tenant()).unwrap().remove(0).to_string();
    let verify = |place: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "archive::bucket::child", "--nocapture"])
            .env("APPROVALS_VERIFY", format!("approvals audit verify {place} --key {key}"))
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "id")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_SESSION_TOKEN", "token")
            .env("AWS_ENDPOINT_URL_S3", site.access.endpoint.as_deref().unwrap())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for (place, shown) in [("s3://logs", "s3://logs/archive/default"), ("s3://logs/archive/default", "s3://logs/archive/default")] {
        let said = verify(place);
        assert!(said.contains(&format!("sound: test/default in {shown}\n  360 leaves")) && said.contains("Ok(())"), "{said}");
    }
    assert!(verify("s3://nothing").contains("nothing lies at `s3://nothing`"));
    let entries = site.s3.names("logs/archive/default/tile/entries/").pop().unwrap();
    if let Some(byte) = site.s3.0.lock().unwrap().get_mut(&entries).unwrap().get_mut(70) {
        *byte ^= 1;
    }
    let said = verify("s3://logs");
    assert!(said.contains("NOT SOUND") && said.contains("Unsound"), "{said}");
    // M5: with the right key another content can be written over it, and signed. The old version stays, and tells.
    let honest = {
        let mut objects = site.s3.0.lock().unwrap();
        let bytes = objects.get_mut(&entries).unwrap();
        bytes[70] ^= 1;
        bytes.clone()
    };
    assert!(verify("s3://logs").contains("sound: test/default"), "as it was");
    site.s3.2.lock().unwrap().insert(entries.clone(), vec![honest.clone()]);
    assert!(verify("s3://logs").contains("sound: test/default"), "twice the same is no rewriting");
    let mut other = honest;
    other[70] ^= 1;
    site.s3.2.lock().unwrap().insert(entries.clone(), vec![other]);
    let file = entries.strip_prefix("logs/archive/default/").unwrap();
    for place in ["s3://logs", "s3://logs/archive/default"] {
        let said = verify(place);
        assert!(said.contains("NOT SOUND") && said.contains(&format!("! rewritten at file {file}: it has 2 versions")), "{said}");
    }
    assert!(verify("s3://logs --latest-only").contains("sound: test/default"));
    site.s3.2.lock().unwrap().remove(&entries);
    // M7: a checkpoint that signs another root of the same size, too.
    let checkpoint = "logs/archive/default/checkpoint".to_owned();
    let note = String::from_utf8(site.s3.0.lock().unwrap()[&checkpoint].clone()).unwrap();
    let lines: Vec<&str> = note.split('\n').collect();
    let twin = note.replacen(lines[2], &format!("{}=", "A".repeat(43)), 1);
    assert_ne!(twin, note);
    let before = site.s3.2.lock().unwrap().insert(checkpoint.clone(), vec![twin.into_bytes()]);
    let said = verify("s3://logs");
    assert!(said.contains("! rewritten at file checkpoint: its versions sign two roots of 360 leaves"), "{said}");
    site.s3.2.lock().unwrap().extend(before.map(|before| (checkpoint, before)));
    // M8: an object whose name is no file's is named, and the rest is verified.
    let long = "x".repeat(900);
    for odd in ["/etc", "..", "tile/\u{fc}", "tile/0/", long.as_str()] {
        let name = format!("logs/archive/default/{odd}");
        site.s3.0.lock().unwrap().insert(name.clone(), b"x".to_vec());
        let said = verify("s3://logs");
        assert!(said.contains("unaccounted at file") && said.contains("360 leaves") && said.contains("every decision"), "{odd}: {said}");
        site.s3.0.lock().unwrap().remove(&name);
    }
    assert!(verify("s3://logs").contains("sound: test/default"));
}
