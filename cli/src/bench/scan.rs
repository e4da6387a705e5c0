//! `approvals bench scan`: a million open requests, and a tick that finds ten of them due, a thousand, ten thousand. What it reads must
//! follow what is due and not what is open. Then all of those are due again at once, for two ticks side by side.

use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use approvals::app::App;
use approvals::app::commands::amend;
use approvals::app::commands::idempotency::Tag;
use approvals::app::commands::people::PutUser;
use approvals::app::commands::templates::put_template;
use approvals::identity::{Identity, Scope};
use approvals::queue::Queue;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::store::directory::User;
use approvals::store::directory::chain::Author;
use approvals::store::requests::Record;
use approvals::store::table::meter::Units;
use approvals::store::table::schema::APPROVALS;
use approvals::store::{Freshness, Stores, Table};
use approvals::template::{Syntax, parse};
use approvals_domain::actor::{Actor, Caller, Channel};
use approvals_domain::event::Event;
use approvals_domain::evolve::apply;
use approvals_domain::ids::{EntityId, PersonId, RequestId, TenantId};
use approvals_domain::time::Timestamp;
use escalation::{Escalation, Report as Ticked, tick};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::Error;
use crate::dev;
use crate::dev::secrets::Secrets;
use crate::engine::queues::{NOTICES, Queues};
use crate::engine::{Engine, queueing};
use crate::progress;

/// 2026-01-05T09:00:00Z.
const START: i64 = 1_767_603_600_000;
/// Items of one batch.
const BATCH: u64 = 500;
/// Longer than any tick here takes.
const NO_END: Duration = Duration::from_secs(3_600);
/// Reads of an idle tick: twelve shards, half a unit each.
const SHARDS: f64 = 6.0;

/// Late after ten hours; told after five.
const QUICK: &str = "key: quick\ntitle: Quick\nsteps:\n  - { id: s, approvers: [{ user: approver }], sla: { hours: 10 }, remind: [0.5], \
                     escalate: [{ after: 1, to: [{ user: manager }] }] }\n";
/// Late after a year.
const SLOW: &str = "key: slow\ntitle: Slow\nsteps:\n  - { id: s, approvers: [{ user: approver }], sla: { hours: 8760 }, remind: [0.5], \
                    escalate: [{ after: 1, to: [{ user: manager }] }] }\n";

/// What the command line says.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Open requests that are not due.
    #[arg(long, default_value_t = 1_000_000)]
    pub open: u64,
    /// How many are due, tick by tick.
    #[arg(long, value_delimiter = ',', default_values_t = [10, 1_000, 10_000])]
    pub due: Vec<u64>,
    /// Print the figures as JSON.
    #[arg(long)]
    pub json: bool,
}

/// One tick.
#[derive(Debug)]
struct Look {
    due: u64,
    seconds: f64,
    units: Units,
}

/// The figures.
#[derive(Debug)]
struct Report {
    open: u64,
    loaded_seconds: f64,
    idle: Look,
    scans: Vec<Look>,
    backlog: Look,
    ticks: u64,
}

/// The whole command.
///
/// # Errors
/// [`Error`], if a timer fired early, twice or never, or a scan read more than what is due.
pub(super) fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let report = dev::runtime()?.block_on(async {
        let bench = Bench::start(folder.path()).await?;
        let bar = progress::of(args.open + args.due.iter().sum::<u64>(), "requests");
        let began = Instant::now();
        bench.load("slow", 0, args.open, &bar).await?;
        let mut first = args.open;
        for (hour, due) in (1..).zip(&args.due) {
            // Reminded after five hours: in the first hour of the bench, the second, ….
            bench.clock.store(START + (hour - 5) * 3_600_000, Ordering::Relaxed);
            bench.load("quick", first, *due, &bar).await?;
            first += due;
        }
        bar.finish_and_clear();
        let loaded_seconds = began.elapsed().as_secs_f64();
        bench.clock.store(START, Ordering::Relaxed);
        let idle = bench.look(0).await?;
        let mut scans = Vec::new();
        for (hour, due) in (1..).zip(&args.due) {
            bench.clock.store(START + hour * 3_600_000, Ordering::Relaxed);
            scans.push(bench.look(*due).await?);
        }
        let hours = i64::try_from(args.due.len()).unwrap_or(i64::MAX);
        bench.clock.store(START + (hours + 5) * 3_600_000, Ordering::Relaxed);
        let (backlog, ticks) = bench.drain(args.due.iter().sum()).await?;
        bench.check(args.open, first).await?;
        Ok::<_, Error>(Report { open: args.open, loaded_seconds, idle, scans, backlog, ticks })
    })?;
    if args.json {
        writeln!(out, "{}", report.json())?
    } else {
        write!(out, "{report}")?
    }
    Ok(())
}

struct Bench {
    stores: Stores,
    app: App,
    queue: Queue,
    tenant: TenantId,
    clock: Arc<AtomicI64>,
}

fn wrong(what: impl fmt::Display) -> Error {
    Error::Lifecycle(what.to_string())
}

impl Bench {
    /// A table without a stream: nothing but the tick reads here.
    async fn start(folder: &std::path::Path) -> Result<Self, Error> {
        let engine = Engine::start(folder).map_err(dev::Error::from)?;
        let client = engine.clients().dynamodb;
        let input = APPROVALS.create(APPROVALS.name).map_err(wrong)?.set_stream_specification(None);
        input.send_with(&client).await.map_err(wrong)?;
        let now = Arc::new(AtomicI64::new(START));
        let clock = Arc::clone(&now);
        let clock = Clock::new(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)));
        let secrets = Secrets::open(folder)?;
        let stores = Stores::new(Table::new(client, APPROVALS.name).with_tags(secrets.tags));
        let app = App::new(&stores, clock, Entropy::system());
        // Nothing here is told to anybody: the queue stays empty.
        let queue = Queue::new(queueing(Queues::default().http_client()), NOTICES);
        let bench = Self { stores, app, queue, tenant: TenantId::new("default").map_err(wrong)?, clock: now };
        bench.write_directory().await?;
        Ok(bench)
    }

    fn ticker(&self, stores: &Stores) -> Escalation {
        Escalation::new(stores, self.app.over(stores), self.queue.clone())
    }

    async fn write_directory(&self) -> Result<(), Error> {
        let Self { app, tenant, .. } = self;
        let actor = Actor::Person(caller("bench-admin")?);
        let author = || Author::new(tenant, &actor, app.clock.now(), app.entropy.salt());
        for id in ["requester", "approver", "manager"] {
            let (name, email) = (id.to_owned(), format!("{id}@example.com"));
            let user = User { name, email, manager: None, active: true, time_zone: None, attributes: Default::default() };
            let id = PersonId::new(id).map_err(wrong)?;
            amend(&app.directory, &author(), None, PutUser::new(&id, &user)).await.map_err(wrong)?;
        }
        for text in [QUICK, SLOW] {
            let parsed = parse(text, Syntax::Yaml).map_err(|findings| wrong(format!("{findings:?}")))?;
            let canonical = String::from_utf8(parsed.canonical).map_err(wrong)?;
            put_template(&app.directory, &author(), &parsed.template, &canonical, true).await.map_err(wrong)?;
        }
        // The directory's jobs are done before anything is measured.
        let ticker = self.ticker(&self.stores);
        while tick(&ticker, NO_END).await.map_err(dev::Error::from)?.did_something() {}
        Ok(())
    }

    /// Writes the items that submissions of a template would write now, made from a real one.
    async fn load(&self, template: &str, first: u64, count: u64, bar: &ProgressBar) -> Result<(), Error> {
        let scopes = Scope::ALL.into_iter().collect();
        let identity = Identity { tenant: self.tenant.clone(), caller: caller("requester")?, scopes };
        let entity = json!({ "type": "order", "id": format!("pattern-{first}") });
        let metadata = json!({ "amount": 480.5, "currency": "EUR", "cost_center": "4711" });
        let body = json!({ "template": template, "entity": entity, "title": "Two chairs", "metadata": metadata });
        let tag = Tag::new(&self.app.entropy, &identity, "submit", None, b"");
        let body = serde_json::from_value(body).map_err(wrong)?;
        let pattern = self.app.submit(&identity, body, tag, Channel::Api).await.map_err(|error| wrong(error.to_string()))?.record;
        self.app.requests.rewind(&pattern, None).await.map_err(dev::Error::from)?;
        let submission = &pattern.commits.first().ok_or_else(|| wrong("a request without commits"))?.commit;
        let mut items = Vec::new();
        for n in first..first + count {
            let mut commit = submission.clone();
            commit.request = RequestId::new(format!("{n:026}")).map_err(wrong)?;
            if let Some(Event::Submitted { entity, .. }) = commit.events.first_mut() {
                entity.id = EntityId::new(n.to_string()).map_err(wrong)?;
            }
            let sealed = commit.seal();
            let state = apply(None, &sealed).ok_or_else(|| wrong("a submission that makes no request"))?;
            items.push(Record { state, commits: vec![sealed], ..pattern.clone() }.item());
            if items.len() as u64 == BATCH || n + 1 == first + count {
                bar.inc(items.len() as u64);
                self.stores.table.batch_write(std::mem::take(&mut items), &[]).await.map_err(dev::Error::from)?;
            }
        }
        Ok(())
    }

    /// One tick over what is due.
    async fn look(&self, due: u64) -> Result<Look, Error> {
        let stores = self.stores.metered();
        let began = Instant::now();
        let Ticked { due: seen, fired, failed, .. } = tick(&self.ticker(&stores), NO_END).await.map_err(dev::Error::from)?;
        let scan = Look { due, seconds: began.elapsed().as_secs_f64(), units: stores.table.meter().units() };
        if (seen, fired, failed) != (due, due, 0) {
            return Err(wrong(format!("{due} are due: {seen} were found, {fired} fired, {failed} failed")));
        }
        // A page of a thousand keys more is a read more; ten thousand due lie on about a hundred pages of a hundred.
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let most = SHARDS + due as f64 + (due as f64 / 100.0) * 2.5;
        if scan.units.rru > most.max(if due == 10 { 16.0 } else { 0.0 }) {
            return Err(wrong(format!("a scan with {due} due read {} units, more than {most}", scan.units.rru)));
        }
        Ok(scan)
    }

    /// Two ticks at once, again and again until nothing is due.
    async fn drain(&self, due: u64) -> Result<(Look, u64), Error> {
        let both = [(); 2].map(|()| self.stores.metered());
        let tickers = both.each_ref().map(|stores| self.ticker(stores));
        let (began, mut ticks) = (Instant::now(), 0);
        loop {
            let [one, other] = &tickers;
            let (one, other) = tokio::join!(tick(one, NO_END), tick(other, NO_END));
            ticks += 2;
            let (one, other) = (one.map_err(dev::Error::from)?, other.map_err(dev::Error::from)?);
            if one.failed + other.failed > 0 {
                return Err(wrong(format!("{} timers failed", one.failed + other.failed)));
            }
            if !one.did_something() && !other.did_something() {
                break;
            }
        }
        let units = both.iter().fold(Units::default(), |sum, stores| sum + stores.table.meter().units());
        Ok((Look { due, seconds: began.elapsed().as_secs_f64(), units }, ticks))
    }

    /// Everything quick was reminded once and escalated once; nothing slow was touched.
    async fn check(&self, slow: u64, all: u64) -> Result<(), Error> {
        let looked_at = (0..slow).step_by(usize::try_from(slow / 1_000).unwrap_or(1).max(1)).chain(slow..all);
        for n in looked_at {
            let id = RequestId::new(format!("{n:026}")).map_err(wrong)?;
            let record = self.app.requests.load(&self.tenant, &id, Freshness::Strong).await.map_err(dev::Error::from)?;
            let record = record.ok_or_else(|| wrong(format!("request {id} is gone")))?;
            let events = || record.commits.iter().flat_map(|sealed| &sealed.commit.events);
            let count = |wanted: fn(&Event) -> bool| events().filter(|event| wanted(event)).count();
            let seen = (
                count(|event| matches!(event, Event::Reminded { .. })),
                count(|event| matches!(event, Event::Escalated { .. })),
                record.timer().is_some(),
            );
            if seen != (if n < slow { (0, 0, true) } else { (1, 1, false) }) {
                return Err(wrong(format!("request {id}: {seen:?} (reminded, escalated, in the index)")));
            }
        }
        Ok(())
    }
}

fn caller(id: &str) -> Result<Caller, Error> {
    let (id, method) = (PersonId::new(id).map_err(wrong)?, "jwt".to_owned());
    Ok(Caller { id, method, client_id: None, auth_time: None, acr: None, amr: Vec::new(), submit_for: false })
}

impl Look {
    fn json(&self) -> Value {
        let Units { rru, wru, calls, refused } = self.units;
        json!({ "due": self.due, "seconds": self.seconds, "rru": rru, "wru": wru, "calls": calls, "conflicts": refused })
    }
}

impl Report {
    fn json(&self) -> Value {
        json!({
            "open": self.open, "loaded_seconds": self.loaded_seconds, "idle": self.idle.json(),
            "scans": self.scans.iter().map(Look::json).collect::<Vec<_>>(), "backlog": self.backlog.json(), "backlog_ticks": self.ticks,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} requests open, loaded in {:.0} s", self.open, self.loaded_seconds)?;
        for scan in std::iter::once(&self.idle).chain(&self.scans) {
            let Look { due, seconds, units } = scan;
            writeln!(f, "{due:>7} due: {:>8.1} read units, {:>8.1} write units, {seconds:>7.3} s", units.rru, units.wru)?;
        }
        let Look { due, seconds, units } = &self.backlog;
        writeln!(
            f,
            "{due:>7} due at once, {} ticks by two: {seconds:.1} s, {} conflicts; each fired once, none was lost",
            self.ticks, units.refused
        )
    }
}
