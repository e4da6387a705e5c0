//! `approvals dev`: the whole service in this process, on one data folder, without an AWS account.
//!
//! The routers, the relay and the store are the ones the Lambda functions run; only what AWS would stand around them is made here: a
//! gate that verifies local tokens as the gateway's authorizer does, a pump that delivers the stream, and the `_dev` endpoints.

mod archive;
mod args;
mod clock;
mod control;
pub mod demo;
mod doors;
mod error;
mod folder;
mod gate;
pub mod hooks;
mod log;
mod mend;
pub mod notices;
mod rounds;
mod screen;
pub mod secrets;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use admin::Admin;
use approvals::app::{App, Pace, PerMinute};
use approvals::destinations::Destinations;
use approvals::identity::ClaimNames;
use approvals::outbox::Outbox;
use approvals::receipt::Receipts;
use approvals::runtime::entropy::Entropy;
use approvals::store::table::meter::Units;
use approvals::store::table::schema::{APPROVALS, LOCKS};
use approvals::store::{Stores, Table, keys};
use approvals::web::address::Address;
use approvals::web::{Service, finish};
use approvals_domain::time::Timestamp;
use axum::Router;
use decisions::Decisions;
use escalation::{Escalation, Report};
use pages::{Pages, Parts};
use queries::Queries;
use submission::Submission;
use tokio::net::TcpListener;

use ::archive::archiver::Archiver;

pub use archive::{finish_rotation, rotate as rotate_key, verifiers as archive_keys};
pub use args::Args;
pub use error::Error;

use crate::engine::stream::{Consumer, Pump};
use crate::engine::{self, Clients, Engine};
use crate::fence::{Allowed, Fence};
use clock::DevClock;
use gate::Gate;
use notices::{Notices, Part, Ways};
use secrets::Secrets;

/// The schedule's rate, and how long a tick may take.
const TICK: Duration = Duration::from_secs(60);
/// A reconciliation of this machine's table is not cut short.
const WHOLE: Duration = Duration::from_secs(24 * 60 * 60);
/// Name of the table.
const TABLE: &str = "approvals";
/// Relay and notices give a record up after so many tries, some three seconds; on AWS it is a hundred. The archive waits: nothing else brings a leaf.
const TRIES: u32 = 8;
/// Relay looks at requests only; template.yaml filters the same.
pub const RELAY: Consumer = Consumer { name: "relay", pk_prefixes: &[keys::REQUESTS], window: Duration::ZERO, tries: None };
/// The archive takes requests, the directory and templates. A window is one append to a log, whatever is in it.
pub const ARCHIVE: Consumer = Consumer { name: "archive", pk_prefixes: ::archive::PREFIXES, window: Duration::from_secs(1), tries: None };

/// The second reader: on AWS one function does both, here each has its position, since the queue does not survive the process.
pub const NOTIFIER: Consumer = Consumer { name: "notices", ..RELAY };

/// The service without its port: what tests and the bench drive.
#[derive(Clone, Debug)]
pub struct Local {
    /// Commands on requests, and queries about them.
    pub app: App,
    /// All rooms of the table, as the routes read and write them.
    pub stores: Stores,
    /// What authenticates writers, makes links and seals cursors.
    pub secrets: Secrets,
    /// Signs receipts of effects.
    pub receipts: Receipts,
    /// All routes, behind the gate.
    pub router: Router,
    /// The engine.
    pub engine: Engine,
    relay: Outbox,
    ticker: Escalation,
    /// Looks when the next tick has something to do; on AWS nobody does, so it is not metered.
    looks: Escalation,
    /// The table as each part of the service reaches it.
    meters: [(&'static str, Table); 4],
    gate: Arc<Gate>,
    clock: Arc<DevClock>,
    pumps: Vec<Arc<Pump>>,
    /// As far as a reconciliation was filed for it.
    parked_before: Arc<AtomicU64>,
    archiver: Arc<Archiver>,
    notices: Notices,
}

/// How to start.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// The data folder.
    pub data: &'a Path,
    /// A clock that stands still at this time.
    pub clock: Option<Timestamp>,
    /// The SDK's clients; the engine's own if none are given: a fault layer or a counter may stand between.
    pub clients: Option<fn(&Engine) -> Clients>,
}

impl Local {
    /// Starts engine, table, stream and routes.
    ///
    /// # Errors
    /// [`Error`] if the data folder cannot be used.
    pub async fn start(start: Start<'_>) -> Result<Self, Error> {
        Self::start_at(start, "http://127.0.0.1:8080").await
    }

    /// The same, reached by people at an address: links in mails begin with it.
    ///
    /// # Errors
    /// [`Error`] if the data folder cannot be used.
    pub async fn start_at(start: Start<'_>, address: &str) -> Result<Self, Error> {
        let ways = Ways::local(start.data)?;
        Self::start_through(start, address, ways, Destinations::Internet).await
    }

    /// The same over other ways to the world, with webhooks to other destinations.
    ///
    /// # Errors
    /// [`Error`] if the data folder cannot be used.
    pub async fn start_through(start: Start<'_>, address: &str, ways: Ways, destinations: Destinations) -> Result<Self, Error> {
        let (doors, commands_per_minute, without) = (ways.doors.clone(), ways.commands_per_minute, ways.without.clone());
        folder::files(start.data)?;
        engine::private(start.data)?;
        let secrets = Secrets::open(start.data)?;
        let engine = Engine::start(start.data)?;
        engine.create_table(&APPROVALS, TABLE).await?;
        engine.create_table(&LOCKS, LOCKS.name).await?;
        folder::tags(start.data, &Table::new(engine.clients().dynamodb, TABLE), &secrets.tags).await?;
        let clients = start.clients.map_or_else(|| engine.clients(), |make| make(&engine));
        let clock = Arc::new(DevClock::load(start.data, start.clock)?);
        let follow = clock.clock();
        engine.follow(move || follow.now().millis());
        engine.watch(keys::DUE_AT);
        let untagged = || Table::new(clients.dynamodb.clone(), TABLE);
        let stores = Stores::new(untagged().with_tags(secrets.tags.clone()));
        let pace = Pace::limited(commands_per_minute, stores.paces.clone());
        let app = App::new(&stores, clock.clock(), Entropy::system()).paced(pace.clone());
        let archiver = Arc::new(archive::open(start.data, (&clients, secrets.tags.clone()), &app)?);
        folder::archive(start.data, &archiver).await?;
        // As on AWS: relay has no secret, checks nothing, and writes nothing that decides.
        let of_relay = stores.through(untagged());
        let [of_tick, of_notices, of_looks] = [(); 3].map(|()| stores.metered());
        let has_bus = ways.event_bus.is_some();
        let notices =
            Notices::new((&of_notices, secrets.links.clone()), app.over(&of_notices), ways, address.to_owned()).map_err(Error::Mail)?;
        let relay = Outbox::new(&of_relay, app.over(&of_relay), notices.queue.clone());
        let relay = if has_bus { relay } else { relay.without_bus() };
        let hints = relay.hints.clone();
        let handler = move |event| {
            let hints = hints.clone();
            async move { Ok::<_, std::convert::Infallible>(relay::handle(&hints, event).await) }
        };
        let mut pumps = vec![Arc::new(engine.pump(clients.streams.clone(), TABLE, RELAY.parking_after(TRIES), handler).await?)];
        // A log that cannot be signed is told again when something is appended to it; the service runs.
        if let Err(error) = archiver.refresh_all().await {
            tracing::error!(%error, "a log was not signed anew");
        }
        let writer = Arc::clone(&archiver);
        let handler = move |event| {
            let writer = Arc::clone(&writer);
            async move { Ok::<_, std::convert::Infallible>(::archive::handle(&writer, event).await) }
        };
        if !without.contains(&Part::Archive) {
            pumps.push(Arc::new(engine.pump(clients.streams.clone(), TABLE, ARCHIVE, handler).await?));
        }
        let (sender, outbox) = (notices.clone(), relay.clone());
        let notify = move |event| {
            let (sender, outbox) = (sender.clone(), outbox.clone());
            async move { Ok::<_, std::convert::Infallible>(sender.relay(&outbox, event).await) }
        };
        if !without.contains(&Part::Notices) {
            pumps.push(Arc::new(engine.pump(clients.streams, TABLE, NOTIFIER.parking_after(TRIES), notify).await?));
        }
        let gate = Arc::new(Gate::load(start.data)?);
        let names = ClaimNames { tenant: Some("tenant".to_owned()), ..ClaimNames::default() };
        let site = doors.site(address)?;
        let sealed = (secrets.cursors.clone(), secrets.links.clone());
        let own = (app.clock.clone(), app.entropy.clone());
        let admin = Admin::new(&stores, sealed.clone(), own, (destinations, doors.first_admin()?)).paced(pace);
        let deciding = Decisions::new(&stores, app.clone(), secrets.links.clone(), &site.cookie);
        let receipts = Receipts::new(secrets.receipts.clone());
        let submission = Submission { app: app.clone(), receipts: receipts.clone(), address: Address::local(Some(address.to_owned())) };
        let routes = submission::router()
            .with_state(Service::new(submission, names.clone()))
            .merge(decisions::router().with_state(Service::new(deciding, names.clone())))
            .merge(queries::router().with_state(Service::new(Queries::new(&stores, app.clone(), secrets.cursors.clone()), names.clone())))
            .merge(admin::router().with_state(Service::new(admin, names)))
            .merge(pages::router(Pages::new(Parts::new(&stores, app.clone(), sealed, site))));
        let ticker = Escalation::new(&of_tick, app.over(&of_tick), notices.queue.clone());
        let looks = Escalation::new(&of_looks, app.over(&of_looks), notices.queue.clone());
        let mut local = Self {
            app,
            meters: [
                ("calls", stores.table.clone()),
                ("relay", of_relay.table),
                ("escalation", of_tick.table),
                ("notifications", of_notices.table),
            ],
            stores,
            secrets,
            receipts,
            router: Router::new(),
            engine,
            relay,
            ticker,
            looks,
            gate: Arc::clone(&gate),
            clock,
            pumps,
            parked_before: Arc::default(),
            archiver,
            notices,
        };
        let control = control::router(local.clone());
        local.router = gate::guarded(finish(routes, local.app.clock.clone()).merge(control), gate, Arc::clone(&local.clock));
        Ok(local)
    }

    /// All routes as web pages and other machines' names may reach them at an address: what is served on a port is this.
    pub fn fenced(&self, address: SocketAddr, allowed: &Allowed) -> Router {
        Fence::new(address, allowed).around(self.router.clone())
    }

    /// A token of a person. Short scope names; all but `audit` if none are given.
    pub fn token(&self, user: &str, scopes: Option<&[String]>, tenant: &str) -> Result<String, String> {
        self.gate.grant(user, scopes, tenant)
    }

    /// Request units used so far.
    pub fn units(&self) -> Units {
        self.units_of().into_iter().fold(Units::default(), |sum, (_, units)| sum + units)
    }

    /// Request units used so far by commands and queries, by relay, by the tick, by `notifications`.
    pub fn units_of(&self) -> [(&'static str, Units); 4] {
        self.meters.each_ref().map(|(who, table)| (*who, table.meter().units()))
    }

    /// Whether something may be due now, or a reconciliation is to be filed.
    fn may_be_due(&self) -> bool {
        self.parked_before.load(Ordering::Relaxed) < self.parked() || self.engine.nothing_before() <= self.app.clock.now().millis()
    }

    /// Returns when stream, hints and all that is due are quiet.
    ///
    /// # Errors
    /// [`Error::Engine`] if the stream's consumer has stopped, [`Error::Store`] if the table cannot be read.
    pub async fn drain(&self) -> Result<(), Error> {
        loop {
            while !self.is_quiet() {
                for pump in &self.pumps {
                    pump.drain().await?;
                }
            }
            let ticked = if self.may_be_due() { self.tick().await?.did_something() } else { false };
            let worked = self.notices.work().await.map_err(Error::Mail)?;
            if self.is_quiet() && !ticked && worked.messages == 0 {
                return Ok(());
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.pumps.iter().all(|pump| pump.is_quiet())
    }

    /// The archive's writer.
    pub fn archiver(&self) -> &Archiver {
        &self.archiver
    }

    /// The way of notices.
    pub fn notices(&self) -> &Notices {
        &self.notices
    }

    /// What was sent, in that order.
    ///
    /// # Errors
    /// If the data folder cannot be read.
    pub fn outbox(&self) -> std::io::Result<Vec<serde_json::Value>> {
        self.notices.outbox()
    }

    /// Records of the stream that relay or notices gave up since the start.
    pub fn parked(&self) -> u64 {
        self.pumps.iter().map(|pump| pump.parked()).sum()
    }

    /// One tick. If something was parked since the last one, a reconciliation is filed first, as the alarm does on AWS.
    ///
    /// # Errors
    /// [`Error::Store`] if the table cannot be read.
    pub async fn tick(&self) -> Result<Report, Error> {
        let parked = self.parked();
        if self.parked_before.swap(parked, Ordering::Relaxed) < parked {
            mend::file(&self.relay, self.clock.now()).await?;
        }
        let mut report = Report::default();
        let ticked = async {
            report = escalation::tick(&self.ticker, TICK).await?;
            escalation::next_due(&self.looks).await.map(|next| next.map_or(i64::MAX, Timestamp::millis))
        };
        self.engine.look_anew(ticked).await?;
        Ok(report)
    }

    /// Opens a port of this machine; 0: any that is free.
    ///
    /// # Errors
    /// [`Error::Io`] if the port is taken.
    pub async fn listen(&self, port: u16) -> Result<(TcpListener, SocketAddr), Error> {
        listen(port).await
    }
}

/// A port of this machine; 0: any that is free.
async fn listen(port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The whole command: starts, says how to use it, serves until Ctrl-C.
///
/// # Errors
/// [`Error`].
pub fn run(args: &Args, out: &mut impl Write) -> Result<(), Error> {
    let read = |text: &String| Timestamp::parse(text).ok_or_else(|| Error::Clock(text.clone()));
    let clock = args.clock.as_ref().map(read).transpose()?;
    log::init();
    runtime()?.block_on(async {
        let (listener, address) = listen(args.port).await?;
        let filled = engine::has_data(&args.data);
        let start = Start { data: &args.data, clock, clients: None };
        let (ways, destinations) = Ways::of_server(&args.data, args.webhooks_to_loopback)?;
        let (event_bus, doors) = (args.event_bus.clone(), args.doors.clone());
        let commands_per_minute = PerMinute { person: args.commands_per_minute, tenant: args.tenant_commands_per_minute };
        let ways = Ways { event_bus, doors, commands_per_minute, ..ways };
        let local = Local::start_through(start, &format!("http://{address}"), ways, destinations).await?;
        if args.demo {
            demo::seed(&local).await.map_err(Error::Demo)?;
            demo::requests(&local).await.map_err(Error::Demo)?;
        }
        let database = match args.dynamodb_port {
            Some(port) => Some(local.engine.listen(port, &args.allowed).await?),
            None => None,
        };
        tokio::spawn(local.clone().keep_ticking());
        tokio::spawn(local.clone().keep_notifying());
        screen::draw(&local, address, database.as_ref(), (args, filled), out).await?;
        axum::serve(listener, local.fenced(address, &args.allowed))
            .with_graceful_shutdown(async {
                // Without the signal handler Ctrl-C ends the process at once, which loses nothing either.
                let _ = tokio::signal::ctrl_c().await;
            })
            .await?;
        Ok(())
    })
}

/// The runtime of commands that run the service in this process.
///
/// # Errors
/// [`std::io::Error`] if threads cannot be had.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
