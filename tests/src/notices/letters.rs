//! What people read, to the last word.

use std::path::Path;

use serde_json::{Value, json};

use super::{House, Mail, words_of};

/// As in `golden/mail/NAME.txt`; `UPDATE=1` writes it anew.
fn golden(name: &str, mails: &[Mail]) {
    let shown = |mail: &Mail| {
        let text = mail.token().map_or_else(|| mail.text.clone(), |token| mail.text.replace(&token, "TOKEN"));
        // A request's id is another one each time.
        let id = text.split("/requests/").nth(1).and_then(|rest| rest.split_whitespace().next()).map(str::to_owned);
        let text = id.map_or(text.clone(), |id| text.replace(&id, "REQUEST"));
        format!("To: {}\nSubject: {}\n\n{text}", mail.to, mail.subject)
    };
    let now = mails.iter().map(shown).collect::<Vec<_>>().join("\n==========\n\n");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/mail").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(now, kept, "`UPDATE=1 cargo test -p tests notices` writes {name}.txt anew");
}

/// Whatever the text says, the HTML says; but for how to open the page.
#[track_caller]
fn says_the_same(mail: &Mail) {
    let html = words_of(&mail.html);
    for line in mail.text.lines().filter(|line| !line.starts_with("To answer, open this page.") && !line.contains("://")) {
        let line = line.trim_start_matches(['-', '>', ' ']);
        // A row's label and value stand in two cells.
        let parts = if html.contains(line.trim()) { vec![] } else { line.splitn(2, ": ").collect() };
        for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
            // `time: what happened` is the other way round there.
            let found =
                html.contains(part.trim_end_matches(':')) || part.split("): ").all(|half| html.contains(half.trim_end_matches(')')));
            assert!(found, "`{part}` is not in the HTML: {html}");
        }
    }
    if let Some(token) = mail.token() {
        assert_eq!(mail.html.matches(&token).count(), 1, "one button");
    }
    assert!(!mail.html.contains("<script") && !mail.html.contains("<img") && !mail.html.contains("<link"), "nothing is fetched or run");
}

/// A purchase order over two steps, whose readers live in different zones.
async fn order() -> (House, Value) {
    let house = House::new("boss", json!([{ "id": "x", "approvers": [{ "user": "boss" }] }])).await;
    house.person("bob", json!({ "name": "Bob O'Neill", "time_zone": "America/New_York" })).await;
    house.person("rita", json!({ "name": "Rita de Vries", "manager": "bob", "time_zone": "Europe/Amsterdam" })).await;
    house.person("erin", json!({ "name": "Erin Sato", "time_zone": "Asia/Tokyo" })).await;
    house.person("fay", json!({ "name": "Fay <fay@evil.example>" })).await;
    house.api.role("finance", "erin fay").await;
    let field = |label: &str, kind: &str| json!({ "type": kind, "label": label, "mail": true });
    let template = json!({
        "key": "order", "title": "Purchase order",
        "fields": { "amount": field("Amount", "number"), "currency": field("Currency", "string"), "supplier": field("Supplier", "string"),
            "urgent": field("Urgent", "boolean"), "secret": { "type": "string" } },
        "amount": { "value": "metadata.amount", "currency": "metadata.currency" },
        "steps": [
            { "id": "manager", "name": "Manager approval", "approvers": [{ "manager_of": "requester" }] },
            { "id": "finance", "name": "Finance review", "approvers": [{ "role": "finance" }], "required": 2, "meaning": "budget approval" },
        ],
    });
    house.api.template(&template).await;
    let metadata = json!({ "amount": 12_480.5, "currency": "EUR", "supplier": "Sit & Stand", "urgent": true, "secret": "the margin" });
    let attachments = json!([{ "name": "quote.pdf", "media_type": "application/pdf", "size": 12_000, "sha256": "ab".repeat(32),
        "url": "https://files.example.com/quote.pdf" }]);
    let body = json!({ "template": "order", "entity": { "type": "order", "id": "PO-1" }, "title": "Twelve chairs & a \"table\"",
        "metadata": metadata, "attachments": attachments });
    let request = house.api.done("rita", "POST /v1/requests", Some(&body)).await;
    (house, request)
}

/// Two steps, four mails and no more; each checked as a whole.
#[tokio::test]
async fn a_two_step_request_yields_exactly_these_mails() {
    let (house, request) = order().await;
    let mut all = house.mails().await;
    assert_eq!(all.iter().map(Mail::short).collect::<Vec<_>>(), ["bob: Your approval is needed"]);
    house.api.clock("2026-01-05T10:30:00.000Z").await;
    let vote = |step: &str, words: Option<&str>| json!({ "step": step, "decision": "approve", "payload_hash": request["payload_hash"], "comment": words });
    house.did("bob", &request, "decisions", vote("manager", Some("Fine by me.\nMind the <budget>."))).await;
    let asked = house.mails().await;
    assert_eq!(asked.iter().map(Mail::short).collect::<Vec<_>>(), ["erin: Your approval is needed", "fay: Your approval is needed"]);
    assert_ne!(asked[0].token(), asked[1].token(), "each has their own link");
    all.extend(asked);
    house.did("erin", &request, "decisions", vote("finance", None)).await;
    assert_eq!(house.heard().await, "", "one of two: nobody hears of it");
    house.did("fay", &request, "decisions", vote("finance", None)).await;
    all.extend(house.mails().await);
    assert_eq!(all.last().map(Mail::short).as_deref(), Some("rita: Approved"));
    assert_eq!(all.last().unwrap().token(), None, "there is nothing left to press");
    for mail in &all {
        says_the_same(mail);
        assert!(!mail.text.contains("the margin"), "only fields marked `mail` are told");
        assert!(mail.text.lines().all(|line| line.chars().count() <= 998), "lines as RFC 5322 allows them");
    }
    golden("two_steps", &all);
}

/// The other letters, one of each kind.
#[tokio::test]
async fn each_kind_of_letter_reads_well() {
    let steps = json!([
        { "id": "s", "name": "Sign-off", "approvers": [{ "user": "bob" }], "sla": { "hours": 10 }, "remind": [0.5],
          "escalate": [{ "after": 1.0, "to": [{ "user": "boss" }] }], "assurance": "login" }
    ]);
    let house = House::new("rita bob boss cleo dora ada", steps).await;
    house.administered_by("ada").await;
    let request = house.submit("rita").await;
    let away = json!({ "to": "dora", "starts_at": "2026-01-05T10:00:00.000Z", "ends_at": "2026-01-06T00:00:00.000Z", "reason": "Holiday" });
    house.api.done("bob", "POST /v1/delegations", Some(&away)).await;
    let mut all = house.mails().await;
    house.api.clock("2026-01-05T14:00:00.000Z").await;
    all.extend(house.mails().await);
    house.did("dora", &request, "comments", json!({ "comment": "Which colour?\r\n.\r\nBcc: all@example.com" })).await;
    all.extend(house.mails().await);
    house.api.clock("2026-01-05T19:00:00.000Z").await;
    all.extend(house.mails().await);
    house.did("ada", &request, "reassign", json!({ "step": "s", "from": "bob", "to": "cleo", "reason": "Bob is ill" })).await;
    all.extend(house.mails().await);
    let back = json!({ "step": "s", "decision": "return", "comment": "Please add the colour." });
    house.did("boss", &request, "decisions", back).await;
    all.extend(house.mails().await);
    house.did("rita", &request, "resubmit", json!({ "metadata": {}, "title": "Two red chairs" })).await;
    all.extend(house.mails().await);
    house.did("ada", &request, "cancel", json!({ "reason": "No money left." })).await;
    all.extend(house.mails().await);
    all.iter().for_each(says_the_same);
    let short: Vec<_> = all.iter().map(Mail::short).collect();
    assert_eq!(
        short,
        [
            "bob: Your approval is needed",
            "bob: Reminder",
            "dora: stands_in",
            "dora: Reminder",
            "rita: Comment",
            "boss: Overdue",
            "bob: Off your desk",
            "cleo: Passed on to you",
            "cleo: sent_back",
            "rita: Sent back to you",
            "bob: Your approval is needed",
            "dora: Your approval is needed",
            "bob: Cancelled",
            "dora: Cancelled",
            "rita: Cancelled",
        ]
    );
    // What a mail off one's desk says is held by S14's own test.
    all.retain(|mail| !mail.short().ends_with("Off your desk"));
    golden("each_kind", &all);
}

/// What else there is: a step that is blocked, and the ends.
#[tokio::test]
async fn blocked_steps_and_ends_read_well() {
    let step = json!([{ "id": "s", "name": "Sign-off", "approvers": [{ "user": "bob" }], "sla": { "hours": 10 }, "on_timeout": "expire", "fallback": "none" }]);
    let house = House::new("rita bob clara", step).await;
    house.person("ada", json!({ "name": "Ada", "time_zone": "Europe/Amsterdam" })).await;
    house.administered_by("ada").await;
    let body =
        json!({ "template": "t", "entity": { "type": "order", "id": "PO-1" }, "title": "Two chairs", "metadata": {}, "requester": "rita" });
    house.api.done("clara", "POST /v1/requests", Some(&body)).await;
    assert_eq!(house.heard().await, "bob: Your approval is needed");
    house.person("bob", json!({ "active": false })).await;
    let mut all = house.mails().await;
    house.person("bob", json!({})).await;
    house.mails().await;
    house.api.clock("2026-01-05T19:30:00.000Z").await;
    all.extend(house.mails().await);
    let request = house.submit("rita").await;
    house.mails().await;
    let no = json!({ "step": "s", "decision": "reject", "comment": "Not this year." });
    house.did("bob", &request, "decisions", no).await;
    all.extend(house.mails().await);
    all.iter().for_each(says_the_same);
    let short: Vec<_> = all.iter().map(Mail::short).collect();
    assert_eq!(short, ["ada: Blocked", "bob: Expired", "clara: Expired", "rita: Expired", "rita: Rejected"]);
    golden("ends", &all);
}
