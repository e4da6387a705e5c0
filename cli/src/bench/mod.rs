//! `approvals bench`: complete two-step lifecycles per second (submit, two approvals, history) over the public router on the embedded
//! engine, every answer durable before it is given. The clock stops when stream and hints are quiet.

mod cpu;
mod leaver;
mod report;
mod scan;
mod tags;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use approvals::destinations::Destinations;
use axum::body::Body;
use axum::http::Request;
use hdrhistogram::Histogram;
use http_body_util::BodyExt;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::dev::notices::{Part, Ways};
use crate::dev::{self, Local, Start};
use crate::progress;
use report::Report;

/// What the command line says.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Lifecycles to run.
    #[arg(long, default_value_t = 3_000)]
    pub lifecycles: u64,
    /// Lifecycles under way at a time.
    #[arg(long, default_value_t = 32)]
    pub concurrency: u64,
    /// Leave out what runs beside the service, to see what it costs.
    #[arg(long, value_name = "PARTS", value_delimiter = ',')]
    pub without: Vec<Part>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
    /// Something else than lifecycles.
    #[command(subcommand)]
    pub what: Option<What>,
}

/// What else can be measured.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum What {
    /// Somebody leaves with thousands of open tasks.
    Leaver(leaver::Args),
    /// A tick over a million open requests, of which few are due.
    Scan(scan::Args),
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The service.
    #[error(transparent)]
    Service(#[from] dev::Error),
    /// Files or output.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A call was not answered as it must be.
    #[error("{call} answered {status}: {body}")]
    Answer {
        /// Which.
        call: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
    /// A lifecycle ended otherwise than it must.
    #[error("a lifecycle went wrong: {0}")]
    Lifecycle(String),
}

/// Calls of a lifecycle, in order.
pub(crate) const CALLS: [&str; 4] = ["submit", "first vote", "second vote", "history"];

const TEMPLATE: &str = "key: bench\ntitle: Bench\nsteps:\n  - { id: first, approvers: [{ role: first }] }\n  - { id: second, approvers: [{ role: second }] }\n";

/// Tokens of those who act.
#[derive(Debug)]
struct Cast {
    requester: String,
    voters: [String; 2],
}

/// The whole command.
///
/// # Errors
/// [`Error`].
pub fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    match &args.what {
        Some(What::Leaver(args)) => return leaver::run(args, out),
        Some(What::Scan(args)) => return scan::run(args, out),
        None => {}
    }
    let folder = tempfile::tempdir()?;
    let runtime = dev::runtime()?;
    let report = runtime.block_on(async {
        let ways = Ways { without: args.without.clone(), ..Ways::local(folder.path())? };
        let start = Start { data: folder.path(), clock: None, clients: None };
        let local = Local::start_through(start, "http://127.0.0.1:8080", ways, Destinations::Internet).await?;
        let cast = Arc::new(stage(&local).await?);
        let warm_up = args.concurrency.min(args.lifecycles);
        drive(&local, &cast, "warm", warm_up, args.concurrency, &ProgressBar::hidden()).await?;
        local.drain().await?;

        let bar = progress::of(args.lifecycles, "lifecycles");
        let (before, units, cpu) = (Instant::now(), local.units(), cpu::read());
        let latencies = drive(&local, &cast, "run", args.lifecycles, args.concurrency, &bar).await?;
        local.drain().await?;
        let elapsed = before.elapsed();
        bar.finish_and_clear();
        let (units, cpu) = (local.units() - units, cpu::read().zip(cpu).map(|(after, before)| after - before));
        let tags = tags::measure(&local.stores, folder.path()).await;
        let synchronous = local.engine.synchronous().await.map_err(dev::Error::from)?;
        Ok::<_, Error>(Report::new(args, elapsed, &latencies, units, (cpu, tags), synchronous))
    })?;
    if args.json {
        writeln!(out, "{}", report.json())?
    } else {
        write!(out, "{report}")?
    }
    Ok(())
}

/// People, roles, template.
async fn stage(local: &Local) -> Result<Cast, Error> {
    let token = |user: &str| local.token(user, None, "default").map_err(Error::Lifecycle);
    let admin = token("bench-admin")?;
    for (user, role) in [("requestr", None), ("voter-01", Some("first")), ("voter-02", Some("second"))] {
        let body = json!({ "name": user, "email": format!("{user}@example.com"), "active": true });
        call(local, &admin, "PUT", &format!("/v1/users/{user}"), "application/json", body.to_string()).await?;
        if let Some(role) = role {
            call(local, &admin, "PUT", &format!("/v1/roles/{role}/members/{user}"), "application/json", "{}".to_owned()).await?;
        }
    }
    call(local, &admin, "PUT", "/v1/templates/bench", "application/yaml", TEMPLATE.to_owned()).await?;
    Ok(Cast { requester: token("requestr")?, voters: [token("voter-01")?, token("voter-02")?] })
}

/// Runs lifecycles side by side; latencies of each call in microseconds.
async fn drive(
    local: &Local,
    cast: &Arc<Cast>,
    run: &'static str,
    count: u64,
    concurrency: u64,
    bar: &ProgressBar,
) -> Result<Vec<Histogram<u64>>, Error> {
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..concurrency.max(1) {
        let (local, cast, next, bar) = (local.clone(), Arc::clone(cast), Arc::clone(&next), bar.clone());
        workers.spawn(async move {
            let mut latencies = empty();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<_, Error>(latencies);
                }
                for (histogram, latency) in latencies.iter_mut().zip(lifecycle(&local, &cast, &format!("{run}-{number}")).await?) {
                    // It grows by itself; only its memory could fail it.
                    let _ = histogram.record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
                }
                bar.inc(1);
            }
        });
    }
    let mut all = empty();
    while let Some(done) = workers.join_next().await {
        for (sum, histogram) in all.iter_mut().zip(done.map_err(|error| Error::Lifecycle(error.to_string()))??) {
            // Both have the same precision and grow by themselves.
            let _ = sum.add(histogram);
        }
    }
    Ok(all)
}

fn empty() -> Vec<Histogram<u64>> {
    CALLS.iter().filter_map(|_| Histogram::new(3).ok()).collect()
}

/// Submit, two approvals, history. Gives how long each took.
async fn lifecycle(local: &Local, cast: &Cast, entity: &str) -> Result<[Duration; 4], Error> {
    let json_type = "application/json";
    let body = json!({
        "template": "bench", "entity": { "type": "order", "id": entity }, "title": "Thirty characters of a title.",
        "metadata": { "amount": 480.5, "currency": "EUR", "cost_center": "4711", "supplier": "Office World", "note": "chairs" },
    });
    let began = Instant::now();
    let request = call(local, &cast.requester, "POST", "/v1/requests", json_type, body.to_string()).await?;
    let submitted = began.elapsed();
    let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (id, payload_hash) = (text("id"), text("payload_hash"));
    let mut votes = [Duration::ZERO; 2];
    let mut status = Value::Null;
    for ((voter, step), took) in cast.voters.iter().zip(["first", "second"]).zip(&mut votes) {
        let vote = json!({ "step": step, "decision": "approve", "payload_hash": payload_hash });
        let began = Instant::now();
        let request = call(local, voter, "POST", &format!("/v1/requests/{id}/decisions"), json_type, vote.to_string()).await?;
        *took = began.elapsed();
        status = request.get("status").cloned().unwrap_or_default();
    }
    if status != "approved" {
        return Err(Error::Lifecycle(format!("request {id} is {status}")));
    }
    let began = Instant::now();
    let history = call(local, &cast.requester, "GET", &format!("/v1/requests/{id}/history"), json_type, String::new()).await?;
    let commits = history.get("items").and_then(Value::as_array).map_or(0, Vec::len);
    if commits != 3 {
        return Err(Error::Lifecycle(format!("request {id} has {commits} commits")));
    }
    let [first, second] = votes;
    Ok([submitted, first, second, began.elapsed()])
}

async fn call(local: &Local, token: &str, method: &str, path: &str, media_type: &str, body: String) -> Result<Value, Error> {
    let lost = |error: &dyn std::fmt::Display| Error::Lifecycle(error.to_string());
    let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
    let request = request.header("content-type", media_type).body(Body::from(body)).map_err(|error| lost(&error))?;
    let answer = local.router.clone().oneshot(request).await.map_err(|error| lost(&error))?;
    let status = answer.status();
    let bytes = answer.into_body().collect().await.map_err(|error| lost(&error))?.to_bytes();
    if !status.is_success() {
        let body = String::from_utf8_lossy(&bytes).into_owned();
        return Err(Error::Answer { call: format!("{method} {path}"), status: status.as_u16(), body });
    }
    serde_json::from_slice(&bytes).map_err(|error| lost(&error))
}
