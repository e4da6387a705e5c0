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
    let mut sums: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut ages = Vec::new();
    for line in heard() {
        let ((_, of), metrics) = read(&line);
        for (name, values) in metrics {
            *sums.entry((of.clone(), name.clone())).or_default() += values.iter().sum::<u64>();
            ages.extend(values.into_iter().filter(|_| name == "StepAge"));
        }
    }
    let sum = |of: &str, name: &str| sums.get(&(of.to_owned(), name.to_owned())).copied().unwrap_or(0);
    assert_eq!([sum("submit", "Commands"), sum("vote", "Commands"), sum("escalate", "Commands")], [1, 2, 1]);
    assert_eq!([sum("not_eligible", "Refusals"), sum("invalid_body", "Refusals")], [2, 1], "one alone, two of many: {sums:?}");
    assert_eq!([sum("relay", "StepsOpened"), sum("relay", "StepsClosed")], [2, 2]);
    assert_eq!(ages, [30 * 60_000, 60 * 60_000]);
    assert_eq!(sum("escalation", "TimersFired"), 1);
    assert!(sum("notifications", "NoticesSent") > 0 && sum("audit", "LeavesAppended") >= 4, "{sums:?}");
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
