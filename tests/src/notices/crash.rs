//! Relay and `notifications` die at any of their calls: what they left is made up for, nothing is lost, and no more than one mail that was
//! in doubt comes again.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use mail_parser::MessageParser;
use serde_json::{Value, json};

use super::rig::{Rig, everywhere};
use crate::races::crash::{Service, call};
use crate::stage::api::Api;
use crate::stage::seam::{Fault, dying};

/// Both die at their nth call, the one together with the other: that one is lost before it arrives, or its answer after.
async fn dies(at: usize, last: Fault) -> bool {
    let steps = json!([{ "id": "s", "approvers": [{ "user": "bob" }, { "role": "finance" }] }]);
    let rig = Rig::new("rita bob erin", steps).await;
    rig.stage.role("finance", "erin").await;
    // What opens in the very moment of a membership may have opened before it.
    rig.stage.advance_seconds(1);
    rig.stage.submit("rita", "1", None).await.unwrap();
    let records = rig.stream().await;
    // What is no call of these two is not theirs.
    rig.calls();
    rig.script(dying(at, last));
    rig.relay(records).await;
    let crossed = rig.deliver_dying().await;
    let extra = rig.extra();
    assert!(extra <= 2, "killed at call {at}, {last:?}: {extra} mails came again");
    let mut told = rig.told();
    told.dedup();
    let all = ["bob: Your approval is needed", "erin: Your approval is needed"];
    assert_eq!(told, all, "killed at call {at}, {last:?}");
    assert_eq!(rig.parked().await, [] as [String; 0]);
    crossed > at
}

#[tokio::test]
async fn relay_and_notifications_killed_anywhere_lose_nothing() {
    for last in [Fault::DropBefore, Fault::DropAfter] {
        let places = everywhere(async |at| dies(at, last).await).await;
        assert!(places > 20, "only {places} places to die at were tried");
    }
}

/// Mails in a data folder: their words, and their ids. A mail about several requests has a line for each.
fn mails(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("mail")).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|ending| ending == "eml") {
            let bytes = std::fs::read(file).unwrap();
            let mail = MessageParser::default().parse(&bytes).unwrap();
            let words = format!("{}\n{}", mail.subject().unwrap(), mail.body_text(0).unwrap());
            found.entry(words).or_default().push(mail.message_id().unwrap().to_owned());
        }
    }
    found
}

/// Kill -9 of the whole service while mails are on their way: each request that was acknowledged is told of.
#[test]
fn kill_9_of_the_service_loses_no_mail() {
    let folder = tempfile::tempdir().unwrap();
    let token = cli::dev::runtime().unwrap().block_on(async {
        let api = Api::at(folder.path()).await;
        api.people("rita ann").await;
        let steps = json!([{ "id": "one", "approvers": [{ "user": "ann" }] }]);
        api.template(&json!({ "key": "t", "title": "T", "steps": steps, "unique_entity": false })).await;
        api.token("rita")
    });
    const LIVES: usize = 3;
    let mut acknowledged = Vec::new();
    for life in 0..LIVES {
        let service = Service::start(folder.path());
        let (started, aim) = (Instant::now(), mails(folder.path()).len() + 5);
        let mut n = 0;
        // Until some mails have left, and others have not.
        while mails(folder.path()).len() < aim && started.elapsed() < Duration::from_secs(30) {
            let title = format!("request {life}-{n}");
            let body =
                json!({ "template": "t", "entity": { "type": "order", "id": title.replace(' ', "-") }, "title": title, "metadata": {} });
            if call(&service.base, &token, "POST", "/v1/requests", &title, &body).is_some_and(|(status, _)| status == 201) {
                acknowledged.push(title);
            }
            n += 1;
        }
        service.kill();
    }
    let service = Service::start(folder.path());
    // What was in somebody's hands when they died is theirs for another minute.
    for advance in [0, 61, 1_000] {
        let moved = call(&service.base, &token, "POST", "/_dev/clock", "", &json!({ "advance_seconds": advance }));
        assert_eq!(moved.map(|(status, _)| status), Some(200));
    }
    let quiet = call(&service.base, &token, "POST", "/_dev/drain", "", &Value::Object(Default::default()));
    assert_eq!(quiet.map(|(status, _)| status), Some(200));
    service.kill();
    let mails = mails(folder.path());
    let mut extra = 0;
    assert!(acknowledged.len() >= 5 * LIVES);
    for title in &acknowledged {
        let names = |mail: &str| mail.contains(&format!("{title} ·")) || mail.lines().any(|line| line.trim() == format!("- {title}"));
        let ids: Vec<&String> = mails.iter().filter(|(mail, _)| names(mail)).flat_map(|(_, ids)| ids).collect();
        assert!(!ids.is_empty(), "no mail of {title}");
        extra += ids.len() - 1;
    }
    assert!(extra <= LIVES * 8, "{extra} mails came again: more than were in hand at a time");
}
