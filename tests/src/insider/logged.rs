//! What is damaged is logged where docs/runbook.md says that one finds it, on a development machine too: the item's key, and nobody's words.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use clap::Parser;
use cli::args;
use cli::local::Local;
use serde_json::{Value, json};

use super::Insider;
use super::folders::left;
use crate::races::crash::call;

const FOLDER: &str = "APPROVALS_TEST_LOGGED";

/// Not a test: `approvals dev`, as one types it.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let line = ["approvals", "dev", "--port", "0", "--data", &folder];
    let args::Command::Local(Local::Dev(args)) = args::Cli::parse_from(line).command else { panic!("only dev") };
    cli::dev::run(&args, &mut std::io::stdout()).unwrap();
}

#[tokio::test]
async fn m10_what_is_answered_as_logged_stands_in_the_log_with_its_key() {
    let insider = Insider::new().await;
    let (_, id) = insider.submitted().await;
    insider.api.drain().await;
    insider.swap((&format!("REQ#default#{id}"), "A"), "ti", json!({ "S": "Two pencils" })).await;
    let folder = left(insider).await;
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "insider::logged::child", "--nocapture"])
        .env(FOLDER, folder.path())
        .env_remove("LOG_LEVEL")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut screen = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut after = |words: &str| screen.find_map(|line| Some(line.split_once(words)?.1.to_owned())).expect(words);
    let base = after("Open ").split(' ').next().unwrap().to_owned();
    let token = after("export TOKEN=").trim().to_owned();
    after("The service goes on with what this folder holds.");
    let rita = call(&base, &token, "POST", "/_dev/token", "", &json!({ "user": "rita" })).unwrap().1;
    let token = rita["token"].as_str().unwrap().to_owned();
    let answer: (u16, Value) = call(&base, &token, "GET", &format!("/v1/requests/{id}"), "", &Value::Null).unwrap();
    process.kill().unwrap();
    let mut log = String::new();
    process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    process.wait().unwrap();
    assert_eq!((answer.0, &answer.1["code"]), (500, &json!("damaged")), "{}", answer.1);
    assert!(answer.1["detail"].as_str().unwrap().contains("it was logged"), "{}", answer.1);
    let line = log.lines().find(|line| line.contains("damaged") && line.contains(&format!("REQ#default#{id}")));
    let line = line.unwrap_or_else(|| panic!("no line names the item: {log}"));
    assert!(line.contains("ERROR"), "{line}");
    assert!(!log.contains("Two pencils") && !log.contains("NL-GOOD"), "nobody's words: {log}");
}
