//! What mails, links and pages say is so, whoever reads it and whenever: each sentence that was once untrue.

use serde_json::{Value, json};

use super::{House, Mail, words_of};
use crate::pages::get;

fn by(user: &str) -> Value {
    json!([{ "id": "s", "approvers": [{ "user": user }], "sla": { "hours": 10 } }])
}

async fn lend(house: &House, from: &str, to: &str) -> Value {
    let lent = json!({ "to": to, "starts_at": super::START, "ends_at": "2026-03-05T09:00:00Z", "reason": "Holiday" });
    house.api.done(from, "POST /v1/delegations", Some(&lent)).await
}

async fn page(house: &House, who: &str, request: &Value) -> String {
    let cookie = house.login(who).await;
    words_of(&get(&house.api, &format!("/requests/{}", request["id"].as_str().unwrap()), &cookie).await.html)
}

async fn decides(house: &House, who: &str, request: &Value, decision: &str, comment: Value) -> Value {
    let mut vote = json!({ "step": "s", "decision": decision, "payload_hash": request["payload_hash"] });
    if comment.is_string() {
        vote["comment"] = comment;
    }
    house.did(who, request, "decisions", vote).await
}

async fn summaries(house: &House, request: &Value) -> Vec<String> {
    let told = house.now(request).await["conversation"].as_array().unwrap().clone();
    told.iter().map(|entry| entry["summary"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn to<'m>(mails: &'m [Mail], who: &str) -> &'m Mail {
    mails.iter().find(|mail| mail.to.starts_with(&format!("{who}@"))).unwrap_or_else(|| panic!("no mail to {who} in {mails:?}"))
}

/// The id of what a request is about is a text of people, as its title is.
#[tokio::test]
async fn h1_an_id_of_an_entity_turns_nothing_around_it() {
    let house = House::new("rita bob", by("bob")).await;
    for id in ["\u{202e}1-OP", "PO\u{2066}1"] {
        let body = json!({ "template": "t", "entity": { "type": "order", "id": id }, "title": "Pay", "metadata": {} });
        house.api.done("rita", "POST /v1/requests", Some(&body)).await;
        let mail = house.mails().await.remove(0);
        let link = house.look(&mail.token().unwrap()).await.html;
        for text in [&mail.subject, &mail.text, &mail.html, &link] {
            assert!(!text.contains(['\u{202e}', '\u{2066}']) && text.contains("[U+20"), "{text}");
        }
    }
}

/// A file's address, size and type are hashed as its bytes are, and so is the order of files.
#[tokio::test]
async fn h2_another_address_of_a_file_is_a_change_and_is_told() {
    let house = House::new("rita kim", by("kim")).await;
    let file = |name: &str, url: &str, size: u64| json!({ "name": name, "url": url, "sha256": "a".repeat(64), "size": size, "media_type": "application/pdf" });
    let (good, evil) = ("https://files.example.com/c.pdf", "https://evil.example.net/c.pdf");
    let body = json!({ "template": "t", "entity": { "type": "order", "id": "1" }, "title": "T", "metadata": {},
        "attachments": [file("c.pdf", good, 100), file("d.pdf", good, 1)] });
    let request = house.api.done("rita", "POST /v1/requests", Some(&body)).await;
    for (files, field, label) in [
        (json!([file("c.pdf", evil, 100), file("d.pdf", good, 1)]), "/attachments/0/url", "File c.pdf, url"),
        (json!([file("c.pdf", evil, 999), file("d.pdf", good, 1)]), "/attachments/0/size", "File c.pdf, size"),
        (json!([file("d.pdf", good, 1), file("c.pdf", evil, 999)]), "/attachments", "Order of files"),
    ] {
        let now = house.now(&request).await;
        let back =
            json!({ "step": "s", "decision": "return", "payload_hash": now["payload_hash"], "revision": now["revision"], "comment": "c" });
        house.did("kim", &request, "decisions", back).await;
        house.mails().await;
        house.did("rita", &request, "resubmit", json!({ "title": "T", "metadata": {}, "attachments": files })).await;
        let mails = house.mails().await;
        assert!(!mails[0].text.contains("without a change"), "{}", mails[0].text);
        let told = house.now(&request).await["conversation"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&told["changes"][0]["field"], &told["changes"][0]["label"]), (&json!(field), &json!(label)), "{told}");
        assert!(!mails[0].text.contains("evil"), "an address may open a file to whoever reads the mail: {}", mails[0].text);
    }
}

/// T1 by other roads: whoever can answer by a change of the directory hears of it, be it through somebody else.
#[tokio::test]
async fn h3_who_can_answer_by_somebody_elses_delegation_membership_or_return_hears_of_it() {
    let two = json!([{ "id": "s", "approvers": [{ "user": "vera" }, { "role": "pool" }, { "user": "lea" }] }]);
    let house = House::new("rita vera lea w1 w2 k1 k2 k3", two).await;
    lend(&house, "w1", "w2").await;
    lend(&house, "k2", "k3").await;
    house.person("vera", json!({ "active": false })).await;
    house.submit("rita").await;
    house.mails().await;
    house.person("vera", json!({})).await;
    assert_eq!(house.told().await, "vera: may_answer");
    house.api.role("pool", "w1").await;
    let mails = house.mails().await;
    assert_eq!(mails.iter().map(Mail::short).collect::<Vec<_>>(), ["w1: role_joined", "w2: role_joined"]);
    assert!(
        to(&mails, "w2").text.contains("for whom you stand in, is a member of pool now. One request waits"),
        "{}",
        to(&mails, "w2").text
    );
    lend(&house, "vera", "k2").await;
    let mails = house.mails().await;
    assert_eq!(mails.iter().map(Mail::short).collect::<Vec<_>>(), ["k2: stands_in", "k3: stands_in"]);
    assert!(to(&mails, "k3").text.contains("k2 (k2), for whom you stand in, stands in for vera (vera)"), "{}", to(&mails, "k3").text);
    assert_eq!(house.api.inbox("k3").await.len(), 1, "the mail and the inbox agree");
    // Who comes back, and whoever stands in for them.
    house.person("vera", json!({ "active": false })).await;
    house.mails().await;
    house
        .api
        .done("root", "PUT /v1/users/vera?keep_roles=true", Some(&json!({ "name": "vera", "email": "vera@example.com", "active": true })))
        .await;
    assert_eq!(house.told().await, "k2: may_answer, k3: may_answer, vera: may_answer");
}

/// Whoever was asked in another's place hears that it is over, and no more of a request that is closed to them.
#[tokio::test]
async fn h4_who_was_asked_in_anothers_place_hears_that_it_is_over_and_gets_a_link_that_opens() {
    let house = House::new("rita bob dora", by("bob")).await;
    lend(&house, "bob", "dora").await;
    let request = house.submit("rita").await;
    house.mails().await;
    house.did("rita", &request, "cancel", json!({ "reason": "a secret reason" })).await;
    let mails = house.mails().await;
    assert_eq!(mails.iter().map(Mail::short).collect::<Vec<_>>(), ["bob: Cancelled", "dora: Cancelled"]);
    let dora = to(&mails, "dora");
    assert!(
        dora.text.contains("The request was cancelled by rita.") && !dora.text.contains("secret") && !dora.text.contains("/requests/"),
        "{}",
        dora.text
    );
    assert!(to(&mails, "bob").text.contains("a secret reason"));
    assert_eq!(dora.text.matches("://").count(), 1, "one link, to the inbox: {}", dora.text);
}

/// Nobody reads that nobody answered where somebody did, nor that a request was not answered that nobody had to answer.
#[tokio::test]
async fn h5_why_more_are_asked_and_why_it_expired_is_so() {
    let step = json!([{ "id": "s", "approvers": [{ "user": "amy" }, { "user": "lea" }], "required": 2, "sla": { "hours": 10 },
        "escalate": [{ "after": 1.0, "to": [{ "user": "mia" }] }], "on_timeout": "expire" }]);
    let house = House::new("rita amy lea mia", step).await;
    let request = house.submit("rita").await;
    decides(&house, "amy", &request, "approve", Value::Null).await;
    house.mails().await;
    house.api.clock("2026-01-05T19:30:00.000Z").await;
    let mails = house.mails().await;
    assert!(to(&mails, "mia").text.contains("is not decided yet, so now you are asked as well"), "{}", to(&mails, "mia").text);
    house.api.clock("2026-01-20T09:30:00.000Z").await;
    let mut all = mails;
    all.extend(house.mails().await);
    assert!(to(&all, "rita").text.contains("The request expired: it was not decided in time."), "{}", to(&all, "rita").text);
    assert!(all.iter().all(|mail| !mail.text.contains("obody answered")), "{all:?}");
    assert!(summaries(&house, &request).await.contains(&"It expired: it was not decided in time".to_owned()));
    // One that was sent back runs out.
    let template =
        json!({ "key": "t", "title": "T", "unique_entity": false, "steps": by("mia"), "returned": { "remind": [], "expire": "3d" } });
    house.api.template(&template).await;
    let request = house.submit("rita").await;
    decides(&house, "mia", &request, "return", json!("why?")).await;
    house.mails().await;
    house.api.clock("2026-01-24T09:30:00.000Z").await;
    let mails = house.mails().await;
    assert!(to(&mails, "rita").text.contains("it was sent back, and not submitted again in time"), "{}", to(&mails, "rita").text);
    // One that was approved, and whose effect failed.
    let template = json!({ "key": "t", "title": "T", "unique_entity": false, "steps": by("mia"),
        "effect": { "confirm": true, "within": "2d", "by": [{ "user": "lea" }] } });
    house.api.template(&template).await;
    let request = house.submit("rita").await;
    decides(&house, "mia", &request, "approve", Value::Null).await;
    house.did("lea", &request, "effect/start", json!({ "payload_hash": request["payload_hash"] })).await;
    house.did("lea", &request, "effect/finish", json!({ "outcome": "failed", "reference": "bank" })).await;
    house.mails().await;
    house.api.clock("2026-01-28T09:30:00.000Z").await;
    let mails = house.mails().await;
    let told = "it was approved, but its effect failed and was not started again in time";
    assert!(to(&mails, "rita").text.contains(told), "{}", to(&mails, "rita").text);
    assert!(summaries(&house, &request).await.contains(&format!("It expired: {told}")));
}

/// What happened keeps its names, whoever asks later.
#[tokio::test]
async fn m1_a_reminder_keeps_the_name_of_whom_it_was_about() {
    let house = House::new("rita ola mia ada", by("mia")).await;
    house.api.role("approval_admin", "ada").await;
    let request = house.submit("rita").await;
    decides(&house, "mia", &request, "return", json!("why?")).await;
    house.api.clock("2026-01-07T10:00:00.000Z").await;
    house.mails().await;
    house.did("ada", &request, "transfer", json!({ "to": "ola", "reason": "moved" })).await;
    let told = summaries(&house, &request).await;
    assert!(told.contains(&"A reminder was sent: it was still with rita".to_owned()), "{told:?}");
}

/// Why somebody is asked.
#[tokio::test]
async fn m3_who_is_asked_reads_how_they_come_to_it() {
    let step = json!([{ "id": "s", "approvers": [{ "user": "amy" }], "sla": { "hours": 10 },
        "escalate": [{ "after": 1.0, "to": [{ "manager_of": "approver" }] }] }]);
    let house = House::new("rita amy kim ada", step).await;
    house.person("mia", json!({})).await;
    house.person("amy", json!({ "manager": "mia" })).await;
    house.api.role("approval_admin", "ada").await;
    let request = house.submit("rita").await;
    let mails = house.mails().await;
    assert!(to(&mails, "amy").text.contains("You are asked because you are named as an approver of this step."));
    house.api.clock("2026-01-05T19:30:00.000Z").await;
    let mails = house.mails().await;
    assert!(
        to(&mails, "mia").text.contains("because you are amy’s manager, added because it was not decided yet"),
        "{}",
        to(&mails, "mia").text
    );
    house.did("ada", &request, "reassign", json!({ "step": "s", "from": "amy", "to": "kim", "reason": "ill" })).await;
    let mails = house.mails().await;
    assert!(to(&mails, "kim").text.contains("You are asked because amy’s place was passed on to you."), "{}", to(&mails, "kim").text);
    assert!(page(&house, "kim", &request).await.contains("amy’s place was passed on to you"));
}

/// One clock: preference, person, tenant, UTC, in mail, link, page and API alike.
#[tokio::test]
async fn m4_mail_link_page_and_api_say_one_day() {
    let house =
        House::new("rita kim amy", json!([{ "id": "s", "approvers": [{ "user": "kim" }, { "user": "amy" }], "sla": { "hours": 16 } }]))
            .await;
    let all_day = json!([{ "from": "00:00", "to": "24:00" }]);
    let weekly = json!({ "mon": all_day, "tue": all_day, "wed": all_day, "thu": all_day, "fri": all_day, "sat": all_day, "sun": all_day });
    let calendar = json!({ "time_zone": "America/New_York", "weekly": weekly, "holidays": [] });
    house.api.done("root", "PUT /v1/calendars/ny", Some(&calendar)).await;
    house.api.done("root", "PUT /v1/settings", Some(&json!({ "calendar": "ny" }))).await;
    let zone = |name: &str| json!({ "channels": { "mail": true }, "time_zone": name });
    house.api.done("amy", "PUT /v1/users/amy/preferences", Some(&zone("Pacific/Auckland"))).await;
    let refused = house.api.call("amy", "PUT /v1/users/amy/preferences", Some(&zone("Mars/X"))).await;
    assert_eq!((refused.status, &refused.body["errors"][0]["pointer"]), (400, &json!("/time_zone")), "{}", refused.body);
    house.api.clock("2026-01-05T09:02:00.000Z").await;
    let request = house.submit("rita").await;
    let mails = house.mails().await;
    // Due on Tuesday at 01:02 in UTC.
    for (who, day, name) in [("kim", "Mon 5 Jan", "America/New_York"), ("amy", "Tue 6 Jan", "Pacific/Auckland")] {
        let mail = to(&mails, who);
        assert!(mail.subject.contains(&format!("answer by {day}")) && mail.text.contains(name), "{}: {}", mail.subject, mail.text);
        let link = words_of(&house.look(&mail.token().unwrap()).await.html);
        assert!(link.contains(&format!("({name})")), "{link}");
        let own = page(&house, who, &request).await;
        assert!(own.contains(day) && own.contains(name), "{own}");
        assert_eq!(house.api.done(who, "GET /v1/me", None).await["time_zone"], name);
    }
    house.person("dora", json!({})).await;
    lend(&house, "kim", "dora").await;
    assert!(to(&house.mails().await, "dora").text.contains("Answer by: Monday 5 January 2026, 20:02 (America/New_York)"));
}

/// What is late was due.
#[tokio::test]
async fn m5_what_is_late_is_not_to_be_answered_by_a_day_that_is_over() {
    let house = House::new("rita bob dora", by("bob")).await;
    let request = house.submit("rita").await;
    let token = house.link_to("bob").await;
    house.api.clock("2026-01-08T09:00:00.000Z").await;
    let link = words_of(&house.look(&token).await.html);
    let own = page(&house, "bob", &request).await;
    lend(&house, "bob", "dora").await;
    let mail = to(&house.mails().await, "dora").text.clone();
    for said in [&link, &own, &mail] {
        assert!(said.contains("Was due") && !said.contains("Answer by"), "{said}");
    }
}
