//! Metrics: what the functions print is what CloudWatch reads, and dashboard and alarms ask for nothing else.

use std::collections::{BTreeMap, BTreeSet};

use approvals::runtime::metrics::{NAMESPACE, heard, listen};
use serde_json::{Value, json};

use super::{between, resource, template};
use crate::stage::api::Api;
use crate::tidy::files;

/// A line as CloudWatch takes it apart: dimension and its value, metrics with their values.
fn read(line: &str) -> ((String, String), BTreeMap<String, Vec<u64>>) {
    let line: Value = serde_json::from_str(line).unwrap();
    let aws = &line["_aws"];
    assert!(aws["Timestamp"].as_i64().unwrap() > 1_700_000_000_000, "{line}");
    let [directive] = aws["CloudWatchMetrics"].as_array().unwrap().as_slice() else { panic!("{line}") };
    assert_eq!(directive["Namespace"], NAMESPACE);
    let [of] = directive["Dimensions"].as_array().unwrap().as_slice() else { panic!("{line}") };
    let [dimension] = of.as_array().unwrap().as_slice() else { panic!("{line}") };
    let dimension = dimension.as_str().unwrap();
    let mut metrics = BTreeMap::new();
    for metric in directive["Metrics"].as_array().unwrap() {
        let name = metric["Name"].as_str().unwrap();
        assert!(["Count", "Milliseconds"].contains(&metric["Unit"].as_str().unwrap()), "{line}");
        let value = &line[name];
        let values: Vec<u64> = match value.as_array() {
            Some(values) => values.iter().map(|value| value.as_u64().unwrap()).collect(),
            None => vec![value.as_u64().unwrap()],
        };
        assert!((1..=100).contains(&values.len()), "{line}");
        metrics.insert(name.to_owned(), values);
    }
    // Nothing else: no id, no name, no text of anybody.
    let said: BTreeSet<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = metrics.keys().map(String::as_str).chain(["_aws", dimension]).collect();
    assert_eq!(said, known);
    ((dimension.to_owned(), line[dimension].as_str().unwrap().to_owned()), metrics)
}

/// Sums by the dimension's value and the metric's name.
pub(crate) fn sums(lines: &[String]) -> BTreeMap<(String, String), u64> {
    let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
    for line in lines {
        let ((_, of), metrics) = read(line);
        for (name, values) in metrics {
            *sums.entry((of.clone(), name)).or_default() += values.iter().sum::<u64>();
        }
    }
    sums
}

/// What one metric sums up to since [`listen`]; it goes on listening.
pub(crate) fn since(of: &str, name: &str) -> u64 {
    let sums = sums(&heard());
    listen();
    sums.get(&(of.to_owned(), name.to_owned())).copied().unwrap_or(0)
}

#[tokio::test]
async fn what_people_do_is_counted() {
    let api = Api::start_at("2026-01-05T09:00:00Z").await;
    api.people("ann ben<ann root").await;
    api.role("finance", "root").await;
    let steps = json!([
        { "id": "manager", "approvers": [{ "manager_of": "requester" }] },
        { "id": "finance", "approvers": [{ "role": "finance" }], "sla": { "hours": 1.0 }, "escalate": [{ "after": 1.0, "to": [{ "user": "ann" }] }] },
    ]);
    api.template(&json!({ "key": "t", "title": "Order", "steps": steps })).await;
    listen();
    let shown = api.submit("ben", "t", "1", json!({})).await;
    api.drain().await;
    assert_eq!(api.vote("ben", &shown, "manager", "reject", None).await.code(), "not_eligible");
    let own = json!({ "items": [{ "request": shown["id"], "step": "manager", "decision": "reject" }, { "no": "vote" }] });
    api.done("ben", "POST /v1/decisions", Some(&own)).await;
    api.clock("2026-01-05T09:30:00Z").await;
    api.vote("ann", &shown, "manager", "approve", None).await;
    api.drain().await;
    api.clock("2026-01-05T10:30:00Z").await;
    api.vote("root", &shown, "finance", "approve", None).await;
    api.drain().await;
    let lines = heard();
    let sums = sums(&lines);
    let ages: Vec<u64> = lines.iter().filter_map(|line| read(line).1.remove("StepAge")).flatten().collect();
    let sum = |of: &str, name: &str| sums.get(&(of.to_owned(), name.to_owned())).copied().unwrap_or(0);
    assert_eq!([sum("submit", "Commands"), sum("vote", "Commands"), sum("escalate", "Commands")], [1, 2, 1]);
    assert_eq!([sum("not_eligible", "Refusals"), sum("invalid_body", "Refusals")], [2, 1], "one alone, two of many: {sums:?}");
    assert_eq!([sum("relay", "StepsOpened"), sum("relay", "StepsClosed")], [2, 2]);
    assert_eq!(ages, [30 * 60_000, 60 * 60_000]);
    assert_eq!(sum("escalation", "TimersFired"), 1);
    assert!(sum("notifications", "NoticesSent") > 0 && sum("audit", "LeavesAppended") >= 4, "{sums:?}");
}

/// `StepsBlocked`, `Damaged`, `EscalationLate`: each is written by what its alarm is about, and not on a quiet day.
#[tokio::test]
async fn what_alarms_listen_to_is_written_when_they_must_ring() {
    let api = Api::start_at("2026-01-05T09:00:00Z").await;
    api.people("ann ben root").await;
    let sla = json!({ "hours": 1.0 });
    let steps =
        json!([{ "id": "s", "approvers": [{ "user": "ann" }], "sla": sla, "escalate": [{ "after": 1.0, "to": [{ "user": "root" }] }] }]);
    api.template(&json!({ "key": "late", "title": "Late", "steps": steps })).await;
    let both = json!([{ "id": "s", "approvers": [{ "user": "ann" }, { "user": "root" }], "required": 2 }]);
    api.template(&json!({ "key": "alone", "title": "Alone", "steps": both })).await;
    listen();
    let late = api.submit("ben", "late", "1", json!({})).await;
    let alone = api.submit("ben", "alone", "2", json!({})).await;
    api.drain().await;
    api.clock("2026-01-05T09:30:00Z").await;
    api.done("ben", &format!("GET /v1/requests/{}", late["id"].as_str().unwrap()), None).await;
    let quiet = sums(&heard());
    for (of, name) in [("relay", "StepsBlocked"), ("damaged", "Refusals"), ("escalation", "EscalationLag")] {
        assert_eq!(quiet.get(&(of.to_owned(), name.to_owned())), None, "{name} on a quiet day");
    }

    // A tick that comes ten minutes after its timer, as after an outage.
    listen();
    api.clock("2026-01-05T10:10:00Z").await;
    assert_eq!(since("escalation", "EscalationLag"), 10 * 60_000);

    // One of the two who must approve leaves, and nobody else could.
    api.done("root", "PUT /v1/users/ann", Some(&json!({ "name": "ann", "email": "ann@example.com", "active": false }))).await;
    api.clock("2026-01-05T10:11:00Z").await;
    api.drain().await;
    let shown = api.done("ben", &format!("GET /v1/requests/{}", alone["id"].as_str().unwrap()), None).await;
    assert_eq!((&shown["steps"][0]["state"], since("relay", "StepsBlocked")), (&json!("blocked"), 1), "{shown}");

    // Somebody writes into the table past the service.
    let key = approvals::store::keys::request(&crate::stage::tenant(), &late["id"].as_str().unwrap().parse().unwrap());
    let item = api.local.stores.table.get(&key, approvals::store::Freshness::Strong).await.unwrap().unwrap();
    let raw = api.local.engine.clients().dynamodb.put_item().table_name(approvals::store::table::schema::APPROVALS.name);
    raw.set_item(Some(item.bytes("h", [0_u8; 3]).into())).send().await.unwrap();
    listen();
    assert_eq!(api.call("ben", &format!("GET /v1/requests/{}", late["id"].as_str().unwrap()), None).await.code(), "damaged");
    assert_eq!(since("damaged", "Refusals"), 1);
}

/// Metrics of ours that the dashboard and the alarms ask for: name and dimension.
fn asked(template: &str) -> BTreeSet<(String, String)> {
    let lines = resource(template, "Overview").into_iter().filter(|line| !line.starts_with("  #"));
    let dashboard = lines.collect::<Vec<_>>().join("\n");
    let (_, body) = dashboard.split_once("DashboardBody: !Sub |\n").unwrap();
    let mut body = body.to_owned();
    while let Some(name) = between(&body, "${", "}").map(str::to_owned) {
        // CloudFormation puts the name in; it must be one of the template's.
        let resource = name.split('.').next().unwrap();
        assert!(resource.starts_with("AWS::") || template.contains(&format!("\n  {resource}:\n")), "the dashboard names {name}");
        body = body.replace(&format!("${{{name}}}"), "x");
    }
    let body: Value = serde_json::from_str(&body).unwrap();
    let mut found = BTreeSet::new();
    for widget in body["widgets"].as_array().unwrap() {
        let mut before: Vec<String> = Vec::new();
        for metric in widget["properties"]["metrics"].as_array().unwrap().iter().map(|metric| metric.as_array().unwrap()) {
            if let Some(search) = metric[0]["expression"].as_str() {
                let dimension = between(search, "{\"Approvals/x\",", "}").unwrap();
                found.insert((between(search, "MetricName=\"", "\"").unwrap().to_owned(), dimension.to_owned()));
                continue;
            }
            let words = metric.iter().filter_map(Value::as_str).enumerate();
            let words: Vec<String> = words.map(|(at, word)| if word == "." { before[at].clone() } else { word.to_owned() }).collect();
            if words[0] == "Approvals/x" {
                found.insert((words[1].clone(), words[2].clone()));
            }
            before = words;
        }
    }
    let lines: Vec<&str> = template.lines().collect();
    for (at, _) in lines.iter().enumerate().filter(|(_, line)| line.trim() == "Namespace: !Sub Approvals/${AWS::StackName}") {
        let name = lines[at + 1].trim().strip_prefix("MetricName: ").unwrap();
        found.insert((name.to_owned(), between(lines[at + 2], "Name: ", ",").unwrap().to_owned()));
    }
    // Of an alarm over several metrics each stands on a line.
    for line in lines.iter().filter(|line| line.contains("Metric: { Namespace: !Sub \"Approvals/${AWS::StackName}\"")) {
        let name = between(line, "MetricName: ", ",").unwrap();
        found.insert((name.to_owned(), between(line, "Dimensions: [{ Name: ", ",").unwrap().to_owned()));
    }
    found
}

#[test]
fn dashboard_and_alarms_ask_for_what_is_printed() {
    let asked = asked(&template());
    assert!(asked.len() > 12 && asked.contains(&("EscalationLag".to_owned(), "function".to_owned())), "{asked:?}");
    let code: Vec<_> =
        files(".rs").into_iter().filter(|file| ["functions/", "shared/"].iter().any(|part| file.path.starts_with(part))).collect();
    let printed = |name: &str| code.iter().any(|file| file.shipped().any(|(_, line)| line.contains(&format!("\"{name}\""))));
    for (name, dimension) in asked {
        assert!(printed(&name), "nothing prints {name}");
        assert!(["function", "command", "code"].contains(&dimension.as_str()), "{name} by {dimension}");
    }
}
