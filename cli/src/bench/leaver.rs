//! `approvals bench leaver`: somebody leaves with thousands of open tasks. How long until each of them is in other hands, and what it costs.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use approvals::app::Known;
use approvals::store::Freshness;
use approvals::store::table::meter::Units;
use approvals_domain::ids::{RequestId, TenantId};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::{Error, call};
use crate::dev::{self, Local, Start};
use crate::progress;

/// Requests under way at a time while the tasks are made.
const SIDE_BY_SIDE: u64 = 32;

const TEMPLATE: &str =
    "key: leaver\ntitle: Leaver\nsteps:\n  - { id: both, approvers: [{ user: stayer }, { user: leaver }], required: 2 }\n";

/// What the command line says.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Open tasks of whoever leaves.
    #[arg(long, default_value_t = 10_000)]
    pub tasks: u64,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The figures.
#[derive(Debug)]
struct Report {
    tasks: u64,
    voted: u64,
    elapsed: Duration,
    ticks: u64,
    units: Units,
}

/// The whole command.
///
/// # Errors
/// [`Error`], if a task was left behind or a vote was lost among others.
pub(super) fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let report = dev::runtime()?.block_on(async {
        let local = Local::start(Start { data: folder.path(), clock: None, clients: None }).await?;
        let bar = progress::of(args.tasks, "tasks");
        let tasks = make_tasks(&local, args.tasks, &bar).await?;
        local.drain().await?;
        bar.finish_and_clear();

        let (began, before) = (Instant::now(), local.units());
        let admin = token(&local, "bench-admin")?;
        put_user(&local, &admin, "leaver", false).await?;
        let mut ticks = 0;
        while {
            ticks += 1;
            local.tick().await?.more
        } {}
        let elapsed = began.elapsed();
        local.drain().await?;
        let units = local.units() - before;
        let voted = check(&local, &tasks).await?;
        Ok::<_, Error>(Report { tasks: args.tasks, voted, elapsed, ticks, units })
    })?;
    if args.json {
        writeln!(out, "{}", report.json())?
    } else {
        write!(out, "{report}")?
    }
    Ok(())
}

fn token(local: &Local, user: &str) -> Result<String, Error> {
    local.token(user, None, "default").map_err(Error::Lifecycle)
}

async fn put_user(local: &Local, admin: &str, user: &str, active: bool) -> Result<(), Error> {
    let body = json!({ "name": user, "email": format!("{user}@example.com"), "active": active });
    call(local, admin, "PUT", &format!("/v1/users/{user}"), "application/json", body.to_string()).await.map(drop)
}

/// Requests that wait for the leaver; on every other one somebody else has voted already. Ids, and whether there is a vote.
async fn make_tasks(local: &Local, count: u64, bar: &ProgressBar) -> Result<Vec<(RequestId, bool)>, Error> {
    let admin = token(local, "bench-admin")?;
    for user in ["requester", "stayer", "leaver", "admin-01", "admin-02"] {
        put_user(local, &admin, user, true).await?;
    }
    for user in ["admin-01", "admin-02"] {
        let path = format!("/v1/roles/approval_admin/members/{user}");
        call(local, &admin, "PUT", &path, "application/json", "{}".to_owned()).await?;
    }
    call(local, &admin, "PUT", "/v1/templates/leaver", "application/yaml", TEMPLATE.to_owned()).await?;
    let (requester, stayer) = (Arc::new(token(local, "requester")?), Arc::new(token(local, "stayer")?));
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..SIDE_BY_SIDE {
        let (local, next, bar) = (local.clone(), Arc::clone(&next), bar.clone());
        let (requester, stayer) = (Arc::clone(&requester), Arc::clone(&stayer));
        workers.spawn(async move {
            let mut made = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok::<_, Error>(made);
                }
                let entity = json!({ "type": "order", "id": number.to_string() });
                let body = json!({ "template": "leaver", "entity": entity, "title": "Two chairs", "metadata": {} });
                let request = call(&local, &requester, "POST", "/v1/requests", "application/json", body.to_string()).await?;
                let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let (id, voted) = (text("id"), number.is_multiple_of(2));
                if voted {
                    let vote = json!({ "step": "both", "decision": "approve", "payload_hash": text("payload_hash") });
                    let path = format!("/v1/requests/{id}/decisions");
                    call(&local, &stayer, "POST", &path, "application/json", vote.to_string()).await?;
                }
                made.push((RequestId::new(id).map_err(|error| Error::Lifecycle(error.to_string()))?, voted));
                bar.inc(1);
            }
        });
    }
    let mut all = Vec::new();
    while let Some(made) = workers.join_next().await {
        all.extend(made.map_err(|error| Error::Lifecycle(error.to_string()))??);
    }
    Ok(all)
}

/// Every task can be done without the leaver, and every vote is there. Answers with how many votes that is.
async fn check(local: &Local, tasks: &[(RequestId, bool)]) -> Result<u64, Error> {
    let wrong = |what: String| Error::Lifecycle(what);
    let tenant = TenantId::new("default").map_err(|error| wrong(error.to_string()))?;
    let mut votes = 0;
    for (id, voted) in tasks {
        let record = local.app.requests.load(&tenant, id, Freshness::Strong).await.map_err(dev::Error::from)?;
        let record = record.ok_or_else(|| wrong(format!("request {id} is gone")))?;
        if local.app.is_out_of_date(&record, &mut Known::nothing(Freshness::Strong)).await.map_err(|error| wrong(error.to_string()))? {
            return Err(wrong(format!("request {id} was left behind")));
        }
        let kept = record.state.live_steps().map(|(step, _)| step.votes.len()).sum::<usize>();
        if kept != usize::from(*voted) {
            return Err(wrong(format!("request {id} has {kept} votes")));
        }
        votes += u64::from(*voted);
    }
    Ok(votes)
}

impl Report {
    fn json(&self) -> Value {
        let Units { rru, wru, calls, .. } = self.units;
        json!({
            "tasks": self.tasks, "votes_kept": self.voted, "seconds": self.elapsed.as_secs_f64(), "ticks": self.ticks,
            "rru": rru, "wru": wru, "calls": calls,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Units { rru, wru, .. } = self.units;
        writeln!(
            f,
            "{} tasks of one leaver are in other hands after {:.1} s, in {} tick(s)",
            self.tasks,
            self.elapsed.as_secs_f64(),
            self.ticks
        )?;
        writeln!(f, "{} votes cast before are all there; no task is left behind", self.voted)?;
        writeln!(f, "{rru:.0} read units, {wru:.0} write units, hints included")
    }
}
