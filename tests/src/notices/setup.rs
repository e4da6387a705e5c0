//! A stack on its first days: mail is off, or SES is not ready. And what logs say of one commit, from the call to the mail.

use approvals::runtime::metrics::{heard, listen};
use notifications::{Desk, Parts};
use serde_json::{Value, json};

use super::quiet::Lines;
use super::rig::Rig;
use crate::stage::seam::Fault;

async fn asked_bob() -> Rig {
    let rig = Rig::new("rita bob", json!([{ "id": "s", "approvers": [{ "user": "bob" }], "sla": { "hours": 10_000 } }])).await;
    rig.stage.submit("rita", "1", None).await.unwrap();
    rig
}

/// Without an address to send from nothing is tried, nothing waits and nobody is called at night; inboxes work all the same.
#[tokio::test]
async fn without_a_sender_no_mail_is_tried_and_none_is_parked() {
    let mut rig = asked_bob().await;
    let Parts { app, inboxes, deliveries, links, address, parked, carrier, tasks, .. } = &*rig.desk;
    rig.desk = Desk::new(Parts {
        app: app.clone(),
        inboxes: inboxes.clone(),
        deliveries: deliveries.clone(),
        links: links.clone(),
        mail: None,
        address: address.clone(),
        pages: false,
        parked: parked.clone(),
        carrier: carrier.clone(),
        bus: None,
        tasks: tasks.clone(),
    });
    rig.settle().await;
    rig.stage.advance_seconds(30 * 24 * 3_600);
    rig.settle().await;
    assert_eq!((rig.ses.take().calls.len(), rig.parked().await.len(), rig.waiting.lock().unwrap().len()), (0, 0, 0));
}

/// The sums of what `notifications` counted since [`listen`].
fn counted(name: &str) -> u64 {
    let lines = heard();
    let sum = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).unwrap()[name].as_u64()).sum();
    listen();
    sum
}

/// What SES says of every mail alike is counted apart from the first one on; once it is mended, mails leave by themselves.
#[tokio::test]
async fn a_way_that_is_not_set_up_is_told_at_once_and_loses_no_mail() {
    for (code, refused) in [("AccessDeniedException", 1), ("SendingPausedException", 1), ("NotFoundException", 1), ("InternalFailure", 0)] {
        let rig = asked_bob().await;
        let records = rig.stream().await;
        rig.relay(records).await;
        listen();
        rig.ses.script(move |_| Fault::Answer(400, code));
        rig.deliver().await;
        assert_eq!(counted("MailsRefused"), refused, "{code}");
        rig.stage.advance_seconds(360);
        rig.deliver().await;
        assert_eq!(counted("MailsFailed"), 1, "{code}: each try is counted");
        rig.heal();
        rig.stage.advance_seconds(360);
        rig.settle().await;
        assert_eq!((rig.told().len(), rig.parked().await.len()), (1, 0), "{code}");
    }
}

/// One hash joins the lines: the command's, relay's and the delivery's, with request, version and tenant.
#[tokio::test]
async fn a_commit_can_be_followed_from_the_call_to_the_mail() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt().json().with_writer(lines.clone()).with_max_level(tracing::Level::INFO).finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let rig = asked_bob().await;
    let records = rig.stream().await;
    rig.relay(records).await;
    rig.deliver().await;
    let logs = lines.text();
    let said = |words: &str| -> Vec<Value> {
        let all = logs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["fields"].clone());
        all.filter(|fields| fields["message"] == words).collect()
    };
    let (called, queued, delivered) =
        (said("a command was carried out"), said("a commit goes on the queue"), said("a delivery is through"));
    assert_eq!(called.len(), 1, "{logs}");
    assert!(!queued.is_empty() && !delivered.is_empty(), "{logs}");
    for line in queued.iter().chain(&delivered) {
        for field in ["tenant", "request", "version", "commit"] {
            assert_eq!(line[field], called[0][field], "{field} of {line}");
        }
    }
    assert_eq!((&called[0]["command"], &called[0]["version"], &delivered[0]["channel"]), (&json!("submit"), &json!(1), &json!("mail")));
}
