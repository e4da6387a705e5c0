//! Promises of the engine, each shown through the SDK.

mod capacity;
mod pump;
mod writes;

use std::path::Path;

use approvals::store::table::schema::APPROVALS;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::{Clients, Engine};

const TABLE: &str = "approvals";

async fn start(folder: &Path) -> (Engine, Clients) {
    let engine = Engine::start(folder).unwrap();
    engine.create_table(&APPROVALS, TABLE).await.unwrap();
    let clients = engine.clients();
    (engine, clients)
}

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

async fn put(client: &Client, pk: &str, version: i64) {
    client.put_item().table_name(TABLE).item("PK", s(pk)).item("SK", s("A")).item("v", n(version)).send().await.unwrap();
}

async fn version(client: &Client, pk: &str) -> Option<i64> {
    let found = client.get_item().table_name(TABLE).key("PK", s(pk)).key("SK", s("A")).consistent_read(true).send().await.unwrap();
    let item = found.item?;
    Some(item["v"].as_n().unwrap().parse().unwrap())
}

#[tokio::test]
async fn state_survives_a_restart_and_is_synced_at_every_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, clients) = start(folder.path()).await;
    put(&clients.dynamodb, "REQ#1", 7).await;
    assert_eq!(engine.synchronous().await.unwrap(), "FULL");
    drop((engine, clients));

    let (engine, clients) = start(folder.path()).await;
    assert_eq!(version(&clients.dynamodb, "REQ#1").await, Some(7));
    assert_eq!(engine.synchronous().await.unwrap(), "FULL");
}

#[tokio::test]
async fn a_folder_has_one_engine_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, clients) = start(folder.path()).await;
    assert!(matches!(Engine::start(folder.path()), Err(super::Error::InUse)));
    drop((engine, clients));
    Engine::start(folder.path()).unwrap();
}

/// The child of the test below: says which versions were answered, until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by `what_was_answered_survives_kill_9`"]
async fn child_that_writes_until_killed() {
    let Ok(folder) = std::env::var("ENGINE_TEST_FOLDER") else {
        return;
    };
    let (_engine, clients) = start(Path::new(&folder)).await;
    let writers = (0..8).map(|writer| {
        let client = clients.dynamodb.clone();
        tokio::spawn(async move {
            let pk = format!("REQ#{writer}");
            for version in 0.. {
                put(&client, &pk, version).await;
                // One write call per line, so that a kill cannot tear a line the parent takes for an answer.
                use std::io::Write;
                std::io::stdout().write_all(format!("\nanswered {writer} {version};").as_bytes()).unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "engine::tests::child_that_writes_until_killed", "--ignored", "--nocapture"])
        .env("ENGINE_TEST_FOLDER", folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = [None; 8];
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut note = |line: &str| {
        let mut words = line.strip_prefix("answered ")?.strip_suffix(';')?.split(' ');
        let writer: usize = words.next()?.parse().ok()?;
        answered[writer] = Some(words.next()?.parse::<i64>().ok()?);
        Some(())
    };
    let mut seen = 0;
    while seen < 400 {
        seen += note(&lines.next().unwrap().unwrap()).map_or(0, |()| 1);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for line in lines.map_while(Result::ok) {
        note(&line);
    }

    let (_engine, clients) = start(folder.path()).await;
    for (writer, answered) in answered.into_iter().enumerate() {
        let kept = version(&clients.dynamodb, &format!("REQ#{writer}")).await;
        // One more may have been written and never answered.
        assert!(kept >= answered, "writer {writer}: answered {answered:?}, kept {kept:?}");
    }
}

#[tokio::test]
async fn the_clock_can_be_virtual_and_expires_items() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, clients) = start(folder.path()).await;
    let client = &clients.dynamodb;
    client
        .put_item()
        .table_name(TABLE)
        .item("PK", s("LNK#1"))
        .item("SK", s("A"))
        .item("v", n(1))
        .item("ttl", n(2_000_000_000))
        .send()
        .await
        .unwrap();
    engine.set_now(1_999_999_999_000);
    assert_eq!(engine.expire().await.unwrap(), 0);
    engine.set_now(2_000_000_001_000);
    assert_eq!(engine.expire().await.unwrap(), 1);
    assert_eq!(version(client, "LNK#1").await, None);
}

#[tokio::test]
async fn another_process_can_talk_to_it_over_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, clients) = start(folder.path()).await;
    let port = engine.listen(0).await.unwrap();
    assert!(port.address().ip().is_loopback());
    let outside = aws_sdk_dynamodb::Config::builder()
        .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
        .region(aws_sdk_dynamodb::config::Region::from_static("us-east-1"))
        .endpoint_url(format!("http://{}", port.address()))
        .allow_no_auth()
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    put(&Client::from_conf(outside), "REQ#1", 3).await;
    assert_eq!(version(&clients.dynamodb, "REQ#1").await, Some(3));
}
