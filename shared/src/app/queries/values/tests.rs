use serde_json::json;

use super::*;

fn template(mail: &[&str], sensitive: &[&str], amount: &str) -> Template {
    let mut template = json!({
        "key": "t", "title": "T", "steps": [{ "id": "a", "approvers": [{ "user": "bob" }] }],
        "amount": { "value": amount, "currency": "metadata.currency" },
        "fields": {
            "sum": { "type": "number", "label": "Sum" }, "currency": { "type": "string" }, "count": { "type": "number" },
            "day": { "type": "date" }, "owner": { "type": "user" }, "urgent": { "type": "boolean" }, "tags": { "type": "list" },
            "more": { "type": "object" }, "words": { "type": "string" },
        },
        "field_order": ["sum", "currency", "count", "day", "owner", "urgent", "tags", "more", "words"],
    });
    for (names, mark) in [(mail, "mail"), (sensitive, "sensitive")] {
        names.iter().for_each(|name| template["fields"][name][mark] = json!(true));
    }
    serde_json::from_value(template).unwrap()
}

fn metadata() -> Map<String, Json> {
    let all = json!({
        "sum": 1_234_567.5, "currency": "EUR", "count": 12_000, "day": "2026-01-30", "owner": "ivan", "urgent": true,
        "tags": ["a", 1_000, "2026-01-05T09:00:00Z", "two\nlines"], "more": { "a": [1, { "b": null }], "none": {}, "at": "x" },
        "words": "one\n two", "undeclared": "2026-01-31",
    });
    all.as_object().unwrap().clone()
}

/// What `look` tells of all that.
fn told<T>(template: &Template, look: impl Fn(&Content<'_>) -> T) -> T {
    let (metadata, names) = (metadata(), Names::default());
    let amount = Amount { value: 1_234_567.5, currency: "EUR".to_owned() };
    look(&Content { template, metadata: &metadata, amount: Some(&amount), names: &names, zone: Tz::Europe__Amsterdam })
}

#[test]
fn t11_every_value_has_one_form() {
    let facts = told(&template(&[], &[], "metadata.sum"), |content| content.facts());
    let text = |text: &str| Value::Text(text.to_owned());
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    let day = |day: &str, words: &str| Value::Day(day.to_owned(), words.to_owned());
    let expected = [
        ("Sum", text("EUR 1,234,567.50")),
        ("currency", text("EUR")),
        ("count", text("12,000")),
        ("day", day("2026-01-30", "Friday 30 January 2026")),
        ("owner", Value::Person { name: "ivan".to_owned(), id: "ivan".to_owned() }),
        ("urgent", text("yes")),
        ("tags", Value::List(list(&["a", "1,000", "Monday 5 January 2026, 10:00 (Europe/Amsterdam)", "\"two\\nlines\""]))),
        ("more", Value::Nested(list(&["a:", "  • 1", "  •", "    b: nothing", "at: x", "none: none"]))),
        ("words", text("one\n two")),
        ("undeclared", day("2026-01-31", "Saturday 31 January 2026")),
    ];
    let found: Vec<(&str, Value)> = facts.iter().map(|fact| (fact.label.as_str(), fact.value.clone())).collect();
    assert_eq!(found, expected);
    assert_eq!(expected[6].1.said(), "a; 1,000; Monday 5 January 2026, 10:00 (Europe/Amsterdam); \"two\\nlines\"");
}

#[test]
fn t9_nothing_is_cut_where_it_is_signed_and_what_is_absent_says_so() {
    let template = template(&["words"], &[], "metadata.sum");
    let long = "word ".repeat(4_000);
    let metadata = json!({ "words": long }).as_object().unwrap().clone();
    let names = Names::default();
    let content = Content { template: &template, metadata: &metadata, amount: None, names: &names, zone: Tz::UTC };
    let facts = content.facts();
    assert_eq!(facts.last().map(|fact| fact.value.clone()), Some(Value::Text(long.trim().to_owned())));
    assert_eq!(facts.iter().filter(|fact| fact.value == Value::Nothing).count(), 8);
    let (fields, more) = content.by_mail();
    assert!(more && fields[0].1.ends_with('…'), "a mail cuts, and says so");
}

#[test]
fn t10_the_amount_is_mailed_only_if_every_field_that_it_reads_is_marked() {
    let amount = |mail: &[&str], value: &str| told(&template(mail, &[], value), |content| content.amount_by_mail());
    assert_eq!(amount(&["sum", "currency"], "metadata.sum").as_deref(), Some("EUR 1,234,567.50"));
    for mail in [&[][..], &["sum"], &["currency"]] {
        assert_eq!(amount(mail, "metadata.sum"), None, "{mail:?}");
    }
    assert_eq!(amount(&["sum", "currency"], "metadata.sum * metadata.count"), None);
    assert!(amount(&["sum", "currency", "count"], "metadata.sum * metadata[\"count\"]").is_some());
    assert_eq!(amount(&["sum", "currency"], "metadata[metadata.currency]"), None, "it may read any field");
}

#[test]
fn t10_a_mail_knows_that_the_page_shows_more() {
    let more = |mail: &[&str]| told(&template(mail, &[], "metadata.sum"), |content| content.by_mail());
    let (fields, left_out) = more(&["sum", "currency", "owner"]);
    assert_eq!((fields, left_out), (vec![("owner".to_owned(), "ivan".to_owned())], true), "the amount says sum and currency");
    let (fields, _) = more(&["sum"]);
    assert_eq!(fields, [("Sum".to_owned(), "EUR 1,234,567.50".to_owned())], "a marked field is mailed, be the amount or not");
    let whole = template(&["sum", "currency", "count", "day", "owner", "urgent", "tags", "more", "words"], &[], "metadata.sum");
    let mut metadata = metadata();
    metadata.remove("undeclared");
    let (names, amount) = (Names::default(), Amount { value: 1_234_567.5, currency: "EUR".to_owned() });
    let content = Content { template: &whole, metadata: &metadata, amount: Some(&amount), names: &names, zone: Tz::UTC };
    assert!(!content.by_mail().1, "nothing is left out");
}

#[test]
fn c1_a_sensitive_field_is_hidden_behind_a_link_and_so_is_an_amount_that_reads_it() {
    let secret = template(&[], &["sum", "owner"], "metadata.sum");
    let facts = told(&secret, |content| content.facts_by_link());
    let hidden: Vec<&str> = facts.iter().filter(|fact| fact.value == Value::Hidden).map(|fact| fact.label.as_str()).collect();
    assert_eq!(hidden, ["Sum", "owner"]);
    assert_eq!(told(&secret, |content| content.amount_by_link()), None);
    let other = template(&[], &["owner"], "metadata.sum");
    assert!(told(&other, |content| content.amount_by_link()).is_some());
    assert!(told(&other, |content| content.facts()).iter().all(|fact| fact.value != Value::Hidden), "whoever is logged in reads it");
}

#[test]
fn t12_a_file_is_linked_by_https_only() {
    let attachment = |url: &str| Attachment {
        name: "a.pdf".into(),
        media_type: "application/pdf".into(),
        size: 182_400,
        sha256: "0".repeat(64),
        url: url.into(),
    };
    let shown = file(&attachment("https://files.example.com/a?b"));
    assert_eq!((shown.host.as_str(), shown.size.as_str(), shown.sha256.len()), ("files.example.com", "182 kB", 64));
    assert_eq!(file(&attachment("javascript:alert(1)")).href, "");
}
