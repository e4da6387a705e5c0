//! What somebody else's words, or somebody with the queue, can make a mail say.

use approvals::notice::{Audience, Notice};
use serde_json::json;

use super::House;
use super::rig::Rig;

/// L5: a title is a link in every mail program, in the subject and above the real button. Only our own link leads anywhere.
#[tokio::test]
async fn l5_people_s_words_lead_nowhere() {
    let bait = |n: u32| format!("Urgent{n}: log in at https://evil{n}.example/x or WWW.evil{n}.example");
    let house = House::new("rita bob", json!([{ "id": "x", "approvers": [{ "user": "bob" }] }])).await;
    house.person("rita", json!({ "name": bait(1) })).await;
    let field = json!({ "type": "string", "label": "Why", "mail": true });
    let steps = json!([{ "id": "s", "approvers": [{ "user": "bob" }] }, { "id": "t", "approvers": [{ "user": "bob" }] }]);
    house.api.template(&json!({ "key": "bait", "title": "Order", "fields": { "why": field }, "steps": steps })).await;
    let file = json!({ "name": bait(2), "media_type": "a/b", "size": 1, "sha256": "ab".repeat(32), "url": "https://files.example.com/q" });
    let body = json!({ "template": "bait", "entity": { "type": "order", "id": "https://evil3.example" }, "title": bait(4),
        "metadata": { "why": bait(5) }, "attachments": [file] });
    let request = house.api.done("rita", "POST /v1/requests", Some(&body)).await;
    let mut mails = house.mails().await;
    let vote = json!({ "step": "s", "decision": "approve", "payload_hash": request["payload_hash"], "comment": bait(6) });
    house.did("bob", &request, "decisions", vote).await;
    mails.extend(house.mails().await);
    house.did("bob", &request, "comments", json!({ "comment": bait(7) })).await;
    mails.extend(house.mails().await);
    assert!(mails.len() >= 3, "{mails:?}");
    for mail in &mails {
        for text in [&mail.subject, &mail.text, &mail.html] {
            let lower = text.to_lowercase();
            let own = lower.matches("://127.0.0.1").count() + lower.matches("://localhost").count();
            assert!(!lower.contains("www.") && lower.matches("://").count() == own, "{text}");
        }
        assert!(mail.text.contains("evil4"), "it is shown all the same: {}", mail.text);
    }
    assert!(mails.iter().any(|mail| mail.token().is_some()), "our own link is one");
}

/// L6: whoever may send to the queue mails "The request is approved" about one that waits, from the service's own address.
#[tokio::test]
async fn l6_a_notice_that_no_commit_makes_is_told_to_nobody() {
    let rig = Rig::new("rita bob ada", json!([{ "id": "s", "approvers": [{ "user": "bob" }] }])).await;
    rig.stage.role("approval_admin", "ada").await;
    let record = rig.stage.submit("rita", "1", None).await.unwrap().record;
    let true_ones: Vec<Notice> = record.commits.iter().flat_map(approvals::outbox::notices::notices).collect();
    let asked = true_ones.iter().find(|notice| notice.audience == Audience::People).unwrap();
    let forged = |audience: Audience| Notice { id: Notice::id_of(&asked.commit, &audience), audience, ..asked.clone() };
    let other = approvals_domain::hash::Hash::of(&[b"another"]);
    let all = [
        forged(Audience::Administrators),
        forged(Audience::Person("ada".parse().unwrap())),
        forged(Audience::FormerAddress("bob".parse().unwrap())),
        Notice { commit: other, id: Notice::id_of(&other, &asked.audience), ..asked.clone() },
        Notice { version: asked.version + 1, ..asked.clone() },
        Notice { version: 0, ..asked.clone() },
        Notice { at: asked.at.plus_millis(1), ..asked.clone() },
    ];
    for (n, notice) in all.iter().enumerate() {
        rig.waiting.lock().unwrap().push((format!("forged {n}"), notice.body()));
    }
    assert_eq!(rig.deliver().await, [] as [String; 0], "they are dropped, and do not come again");
    assert_eq!(rig.told(), [] as [String; 0]);
    rig.waiting.lock().unwrap().push(("true".to_owned(), asked.body()));
    assert_eq!(rig.deliver().await, [] as [String; 0]);
    assert_eq!(rig.told(), ["bob: Your approval is needed"]);
}
