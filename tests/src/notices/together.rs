//! Asks of one batch for one person: one mail that lists them. Nothing of it is lost, whoever dies when.

use std::time::Duration;

use serde_json::json;

use super::rig::{Rig, everywhere};
use crate::stage::seam::{Fault, dying};

const TITLES: [&str; 3] = ["First chair", "Second chair", "Third chair"];

/// Three requests that wait for Bob, of which one waits for Carl as well, on the queue; pages exist.
async fn three() -> Rig {
    let rig = Rig::new("rita bob carl", json!([{ "id": "s", "approvers": [{ "expression": "metadata.who" }], "sla": { "hours": 100 } }]))
        .await
        .with_pages();
    for (n, title) in TITLES.into_iter().enumerate() {
        let who = if n == 1 { json!(["bob", "carl"]) } else { json!(["bob"]) };
        let body =
            json!({ "template": "t", "entity": { "type": "order", "id": format!("PO-{n}") }, "title": title, "metadata": { "who": who } });
        rig.stage.submit_body("rita", &body, None).await.unwrap();
    }
    let records = rig.stream().await;
    assert_eq!(rig.relay(records).await, [] as [String; 0]);
    rig
}

/// Texts of the mails to somebody.
fn read_by(rig: &Rig, who: &str) -> Vec<String> {
    let sent = rig.sent().into_iter().filter(|sent| sent.short.starts_with(&format!("{who}: ")));
    let text = |bytes: &[u8]| mail_parser::MessageParser::default().parse(bytes).unwrap().body_text(0).unwrap().into_owned();
    sent.map(|sent| text(&sent.bytes)).collect()
}

#[tokio::test]
async fn what_asks_one_person_in_one_batch_is_one_mail() {
    let rig = three().await;
    assert_eq!(rig.deliver().await, [] as [String; 0]);
    assert_eq!(rig.told(), ["bob: Your approval is needed", "carl: Your approval is needed"]);
    let text = &read_by(&rig, "bob")[0];
    assert!(TITLES.iter().all(|title| text.matches(title).count() == 1), "{text}");
    assert!(text.contains("https://approvals.example.com/\n") || text.contains("https://approvals.example.com/\r\n"), "{text}");
    assert_eq!(text.matches("://").count(), 1, "one link: {text}");
    for days in [0, 1, 3] {
        rig.stage.advance_seconds(days * 24 * 3_600);
        rig.settle().await;
        assert_eq!((rig.told().len(), rig.parked().await.len()), (2, 0), "each delivery is through");
    }
}

/// Without pages there is no inbox to link to: each keeps its own mail, with its own link.
#[tokio::test]
async fn without_pages_each_ask_keeps_its_link() {
    let rig =
        Rig::new("rita bob", json!([[{ "id": "s", "approvers": [{ "user": "bob" }] }, { "id": "n", "approvers": [{ "user": "bob" }] }]]))
            .await;
    rig.stage.submit("rita", "1", None).await.unwrap();
    rig.settle().await;
    let texts = read_by(&rig, "bob");
    assert!(texts.len() == 2 && texts.iter().all(|text| text.contains("/v1/actions/")), "two steps, two links: {texts:?}");
    rig.stage.advance_seconds(24 * 3_600);
    rig.settle().await;
    assert_eq!((read_by(&rig, "bob").len(), rig.parked().await.len()), (2, 0));
}

/// Whatever failed goes alone from then on, as a first try of its own would have gone.
#[tokio::test]
async fn a_mail_for_several_that_fails_is_made_good_one_by_one() {
    for fault in [Fault::Answer(500, "InternalFailure"), Fault::DropBefore] {
        let rig = three().await;
        rig.ses.script(move |_| fault);
        assert_eq!(rig.deliver().await.len(), 3, "{fault:?}");
        assert_eq!(rig.told(), [] as [String; 0]);
        rig.heal();
        rig.stage.advance_seconds(360);
        assert_eq!(rig.deliver().await, [] as [String; 0], "{fault:?}");
        let all = read_by(&rig, "bob").join("\n");
        assert!(TITLES.iter().all(|title| all.contains(title)), "{fault:?}: {all}");
        assert_eq!((read_by(&rig, "bob").len(), rig.extra()), (3, 0), "{fault:?}");
    }
}

/// It dies at its nth call.
async fn dies(at: usize, last: Fault) -> bool {
    let rig = three().await;
    rig.calls();
    rig.script(dying(at, last));
    let crossed = rig.deliver_dying().await;
    let bobs = read_by(&rig, "bob");
    let times = |title: &str| bobs.iter().filter(|text| text.contains(title)).count();
    for title in TITLES {
        assert!((1..=2).contains(&times(title)), "killed at call {at}, {last:?}: {title} is told {} times", times(title));
    }
    assert_eq!(rig.parked().await, [] as [String; 0]);
    crossed > at
}

#[tokio::test]
async fn killed_anywhere_each_of_them_is_told_and_at_most_once_more() {
    for last in [Fault::DropBefore, Fault::DropAfter] {
        let places = everywhere(async |at| dies(at, last).await).await;
        assert!(places > 15, "only {places} places to die at were tried");
    }
}

/// Two workers have the batch at once: nobody is told twice.
#[tokio::test]
async fn two_workers_on_one_batch_send_each_ask_once() {
    let rig = three().await;
    rig.arrive().await;
    let all = rig.waiting.lock().unwrap().clone();
    rig.db.latency(Duration::from_millis(5));
    let both = (0..2).map(|_| notifications::handle(&rig.desk, super::rig::messages(&all), super::rig::TIME));
    futures_util::future::join_all(both).await;
    rig.db.latency(Duration::ZERO);
    while !rig.deliver().await.is_empty() {}
    let bobs = read_by(&rig, "bob");
    for title in TITLES {
        assert_eq!(bobs.iter().filter(|text| text.contains(title)).count(), 1, "{title}: {bobs:?}");
    }
}
