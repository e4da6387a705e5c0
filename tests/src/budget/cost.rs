//! What a million approvals cost on AWS: what was counted here, times the public prices. `UPDATE=1 cargo test -p tests budget` writes it anew.

use std::fmt::Write as _;

use approvals::store::Freshness;
use serde_json::Value;

use super::{reference, steps};
use crate::archive::cost::append;
use crate::stage::api::Api;
use crate::tidy::{keep, keep_in_readme};

/// Public prices, us-east-1, dollars, on demand, arm64, without any free tier, each with where it was read and when.
const PRICES: [(&str, f64, &str); 13] = [
    ("DynamoDB, million write units", 0.625, "AWS agent toolkit, 2026-08-20"),
    ("DynamoDB, million read units", 0.125, "AWS agent toolkit, 2026-08-20"),
    ("DynamoDB, GB and month", 0.25, "public price list, collected 2026-11-22"),
    ("HTTP API, million calls", 1.0, "pricing page, 2026-09-20"),
    ("Lambda, million calls", 0.2, "pricing page, 2026-09-20"),
    ("Lambda, GB-second", 0.000_013_333_4, "public price list, 2026-08"),
    ("SQS, million calls", 0.4, "public price list, collected 2026-11-22"),
    ("S3, million PUT", 5.0, "public price list, collected 2026-11-22"),
    ("S3, million GET", 0.4, "public price list, collected 2026-11-22"),
    ("CloudWatch Logs, GB", 0.5, "public price list, collected 2026-11-22"),
    ("SES, thousand mails", 0.1, "a tutorial's word, 2026-11-25; not on AWS's own page, which was out of reach"),
    ("Step Functions Standard, million transitions", 25.0, "public price list, collected 2026-11-22"),
    ("Lambda durable functions, million operations", 8.0, "pricing page, 2026-09-20"),
];

fn price(of: &str) -> f64 {
    PRICES.iter().find(|(name, ..)| *name == of).unwrap_or_else(|| panic!("no price of {of}")).1
}

/// A million approvals, evenly over a month of 30 days.
const APPROVALS: f64 = 1_000_000.0;
const MONTH_SECONDS: f64 = 30.0 * 24.0 * 3_600.0;

/// Assumed, not measured here: a call to DynamoDB from Lambda in the same region.
const TABLE_CALL_MS: f64 = 5.0;
/// Measured once by `approvals bench` (docs/performance.md): processor time of an approval in our code, on a whole core.
const PROCESSOR_MS: f64 = 3.2;
/// Memory of most functions, and how much of a processor comes with it: 1,769 MB bring a whole one.
const MEMORY_GB: f64 = 0.25;
const PROCESSOR_SHARE: f64 = 256.0 / 1_769.0;
/// Bytes of log of an invocation: three lines of Lambda's own, and our metrics.
const LOG_BYTES: f64 = 900.0;

/// What one approval took.
struct Counted {
    writes: f64,
    reads: f64,
    told_writes: f64,
    told_reads: f64,
    table_calls: f64,
    http: f64,
    commits: f64,
    notices: f64,
    mails: f64,
}

/// Rita submits; each approver opens the inbox and votes; Rita looks at what came of it. Mail goes out, nobody presses its button.
async fn lived() -> Counted {
    let api = Api::start_at("2026-01-05T09:00:00Z").await;
    api.people("u_000001 u_000002 u_000003").await;
    api.role("managers", "u_000002").await;
    api.role("finance", "u_000003").await;
    api.template(&steps(true, serde_json::json!({ "role": "managers" }), &serde_json::json!({}))).await;
    // The first one warms what a process keeps.
    one(&api, "PO-00000").await;
    let mails = |api: &Value| api["items"].as_array().unwrap().len();
    let (before, sent) = (api.local.units_of(), mails(&api.done("root", "GET /_dev/outbox", None).await));
    let (id, http) = one(&api, "PO-00001").await;
    let (after, sent_then) = (api.local.units_of(), mails(&api.done("root", "GET /_dev/outbox", None).await));
    let used = |who: &str| {
        let of = |all: &[(&str, approvals::store::table::meter::Units)]| all.iter().find(|(name, _)| *name == who).unwrap().1;
        of(&after) - of(&before)
    };
    let requests = &api.local.app.requests;
    let tenant = approvals_domain::ids::TenantId::new("default").unwrap();
    let record = requests.load(&tenant, &id.parse().unwrap(), Freshness::Strong).await.unwrap().unwrap();
    let commits = requests.history(&record).await.unwrap().0;
    let notices = commits.iter().map(|sealed| approvals::outbox::notices::notices(sealed).len()).sum::<usize>();
    let [calls, relayed, told] = ["calls", "relay", "notifications"].map(used);
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let number = |n: usize| n as f64;
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let table_calls = (calls.calls + relayed.calls + told.calls) as f64;
    Counted {
        writes: calls.wru + relayed.wru,
        reads: calls.rru + relayed.rru,
        told_writes: told.wru,
        told_reads: told.rru,
        table_calls,
        http: number(http),
        commits: number(commits.len()),
        notices: number(notices),
        mails: number(sent_then - sent),
    }
}

/// One approval; its id, and how many calls it took.
async fn one(api: &Api, entity: &str) -> (String, usize) {
    let shown = api.done("u_000001", "POST /v1/requests", Some(&reference(entity))).await;
    api.drain().await;
    for (who, step) in [("u_000002", "manager"), ("u_000003", "finance")] {
        assert_eq!(api.inbox(who).await.len(), 1);
        assert_eq!(api.vote(who, &shown, step, "approve", None).await.status, 200);
        api.drain().await;
    }
    let id = shown["id"].as_str().unwrap().to_owned();
    assert_eq!(api.done("u_000001", &format!("GET /v1/requests/{id}"), None).await["status"], "approved");
    (id, 6)
}

/// Seconds that a batch of the archive is gathered for, as the template says.
fn archive_window() -> f64 {
    let template = std::fs::read_to_string(crate::tidy::root().join("template.yaml")).unwrap();
    let (_, audit) = template.split_once("\n  Audit:\n").unwrap();
    let (_, window) = audit.split_once("MaximumBatchingWindowInSeconds: ").unwrap();
    window.lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_million_approvals_cost_what_is_said() {
    let counted = lived().await;
    let window = archive_window();
    let batches = MONTH_SECONDS / window;
    let leaves = counted.commits * APPROVALS / batches;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number of leaves")]
    let appended = append(20_000, leaves.ceil() as usize).await;
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let [lock_reads, lock_writes, puts, gets] =
        [appended.lock_reads, appended.lock_writes, appended.puts, appended.gets].map(|count| count as f64 * batches / APPROVALS);
    // One message is received, and one deleted, by a batch of its own; the worst case, since ten may share these calls.
    let (relayed, told, archived, ticks) = (counted.commits, counted.notices, batches / APPROVALS, MONTH_SECONDS / 60.0 / APPROVALS);
    let invocations = counted.http + relayed + told + archived + ticks;
    let seconds = (counted.table_calls * TABLE_CALL_MS + PROCESSOR_MS / PROCESSOR_SHARE) / 1_000.0;
    let queue = counted.commits + 2.0 * counted.notices;
    let million = |of: &str, count: f64| count * price(of);
    let rows = [
        ("write units: commands and inbox hints", counted.writes, million("DynamoDB, million write units", counted.writes)),
        ("write units: deliveries and links of mails", counted.told_writes, million("DynamoDB, million write units", counted.told_writes)),
        ("write units: the archive's lock", lock_writes, million("DynamoDB, million write units", lock_writes)),
        (
            "read units",
            counted.reads + counted.told_reads + lock_reads,
            million("DynamoDB, million read units", counted.reads + counted.told_reads + lock_reads),
        ),
        ("HTTP calls", counted.http, million("HTTP API, million calls", counted.http)),
        ("Lambda calls", invocations, million("Lambda, million calls", invocations)),
        ("Lambda GB-seconds", seconds * MEMORY_GB, million("Lambda, GB-second", seconds * MEMORY_GB * APPROVALS)),
        ("SQS calls", queue, million("SQS, million calls", queue)),
        ("S3 PUT", puts, million("S3, million PUT", puts)),
        ("S3 GET", gets, million("S3, million GET", gets)),
        ("kB of logs", invocations * LOG_BYTES / 1_000.0, million("CloudWatch Logs, GB", invocations * LOG_BYTES / 1_000.0)),
    ];
    let mut table = String::from("| what | per approval | dollars per million approvals |\n|---|---:|---:|\n");
    let mut sum = 0.0;
    for (what, count, dollars) in &rows {
        sum += dollars;
        writeln!(table, "| {what} | {} | {dollars:.2} |", short(*count)).unwrap();
    }
    let mails = million("SES, thousand mails", counted.mails * 1_000.0);
    writeln!(table, "| **all but mail** | | **{sum:.2}** |").unwrap();
    writeln!(table, "| mails | {} | {mails:.2} |", counted.mails).unwrap();
    let [fewest, most] = [5.0, 6.0].map(|transitions| million("Step Functions Standard, million transitions", transitions));
    let [least, highest] = [4.0, 10.0].map(|operations| million("Lambda durable functions, million operations", operations));
    let mut against = String::from("| design | dollars per million approvals |\n|---|---:|\n");
    let state = million("DynamoDB, million write units", counted.writes) + million("DynamoDB, million read units", counted.reads);
    writeln!(against, "| this service: state, routing, inboxes, history, as DynamoDB charges them | {state:.2} |").unwrap();
    writeln!(against, "| this service, everything but mail | {sum:.2} |").unwrap();
    writeln!(against, "| Step Functions Standard: 5 to 6 transitions, and nothing else | {fewest:.2} to {most:.2} |").unwrap();
    writeln!(against, "| Lambda durable functions: 4 to 10 operations, and nothing else | {least:.2} to {highest:.2} |").unwrap();
    writeln!(against, "| mail, the same in each: {} an approval | {mails:.2} |", counted.mails).unwrap();
    let mut prices = String::from("| price | dollars | where it is from |\n|---|---:|---|\n");
    for (what, dollars, from) in PRICES {
        writeln!(prices, "| {what} | {dollars} | {from} |").unwrap();
    }
    keep("docs/cost.md", "<!-- prices: written by `UPDATE=1 cargo test -p tests budget` -->\n", "<!-- /prices -->", &prices);
    keep("docs/cost.md", "<!-- table: written by `UPDATE=1 cargo test -p tests budget` -->\n", "<!-- /table -->", &table);
    keep_in_readme("<!-- against: written by `UPDATE=1 cargo test -p tests budget` -->\n", "<!-- /against -->", &against);
    assert!(sum < fewest, "{sum:.2} dollars, and Step Functions' transitions alone cost {fewest:.2}");
}

/// Enough digits to see what it is.
fn short(count: f64) -> String {
    let text = if count >= 10.0 { format!("{count:.0}") } else { format!("{count:.3}") };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
