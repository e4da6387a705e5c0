//! What people get and what systems get lie on two queues: receivers that do not answer hold up no mail.

use approvals::notice::{Audience, Notice, Retry, SCHEMA};
use approvals::queue::Queue;
use approvals_domain::hash::Hash;
use approvals_domain::time::Timestamp;
use cli::engine::queueing;
use cli::engine::queues::{NOTICES, Queues};
use serde_json::Value;

use crate::stage::seam::{Fault, Seam};
use crate::stage::{person_id, tenant};

const SYSTEMS: &str = "http://queues.localhost/systems";

fn notice(n: u8, audience: Audience, retry: Option<Retry>) -> Notice {
    let commit = Hash::of(&[&[n]]);
    let (id, at) = (Notice::id_of(&commit, &audience), Timestamp::from_millis(0));
    Notice { schema: SCHEMA, id, tenant: tenant(), request: None, object: None, version: u64::from(n), commit, at, audience, retry }
}

/// One of each kind of audience, a delivery to an endpoint that is tried again, and more than a call takes of each.
fn mixed() -> Vec<Notice> {
    let person = || person_id("ann");
    let once_more = Retry { channel: "webhook".to_owned(), to: "erp#0".to_owned() };
    let mut all = vec![
        notice(1, Audience::People, None),
        notice(2, Audience::Endpoints, None),
        notice(3, Audience::Administrators, None),
        notice(4, Audience::Person(person()), None),
        notice(5, Audience::Endpoints, Some(once_more)),
        notice(6, Audience::FormerAddress(person()), None),
    ];
    all.extend((7..40).map(|n| notice(n, if n % 2 == 0 { Audience::Endpoints } else { Audience::People }, None)));
    all
}

async fn audiences(client: &aws_sdk_sqs::Client, url: &str) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let received = client.receive_message().queue_url(url).max_number_of_messages(10).send().await.unwrap();
        let Some(messages) = received.messages.filter(|messages| !messages.is_empty()) else { return found };
        found.extend(messages.iter().map(|message| {
            let body: Value = serde_json::from_str(message.body().unwrap()).unwrap();
            body["audience"].as_str().unwrap().to_owned()
        }));
    }
}

#[tokio::test]
async fn systems_have_a_queue_of_their_own() {
    let client = queueing(Queues::default().http_client());
    let queue = Queue::new(client.clone(), NOTICES).with_systems(SYSTEMS);
    let all = mixed();
    queue.send(&all).await.unwrap();
    let (people, systems) = (audiences(&client, NOTICES).await, audiences(&client, SYSTEMS).await);
    assert!(systems.len() > 10 && systems.iter().all(|audience| audience == "endpoints"), "{systems:?}");
    assert!(people.len() > 10 && people.iter().all(|audience| audience != "endpoints"), "{people:?}");
    assert_eq!(people.len() + systems.len(), all.len());
}

/// The stream comes again from the first record whose notices may not be there, whichever queue was out.
#[tokio::test]
async fn what_could_not_be_sent_is_named_in_its_order() {
    let queues = Queues::default();
    let seam = Seam::new(queues.http_client());
    let queue = Queue::new(crate::notices::rig::sqs_over(&seam), NOTICES).with_systems(SYSTEMS);
    let all = mixed();
    seam.script(|_| Fault::ServerError);
    let error = queue.send(&all).await.unwrap_err();
    assert_eq!(error.unsent, (0..all.len()).collect::<Vec<_>>());
    seam.heal();
    queue.send(&all).await.unwrap();
    assert_eq!(queues.len(NOTICES) + queues.len(SYSTEMS), all.len());
}
