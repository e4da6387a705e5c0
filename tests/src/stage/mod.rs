//! A whole service for one test: embedded engine, store and app, with a clock, randomness and a network the test holds in its hand.
//! [`api`] is the service from outside.

pub(crate) mod api;
pub(crate) mod seam;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use approvals::app::App;
use approvals::app::Error;
use approvals::app::commands::delegations::{MakeDelegation, ReadDelegation};
use approvals::app::commands::execute::{Order, Outcome};
use approvals::app::commands::idempotency::Tag;
use approvals::app::commands::people::{PutMember, PutUser};
use approvals::app::commands::templates::put_template;
use approvals::app::commands::{Amended, amend, authority};
use approvals::identity::{Identity, Scope};
use approvals::outbox::Outbox;
use approvals::outbox::hints::Hints;
use approvals::queue::Queue;
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::secrets::source::Fixed;
use approvals::secrets::{Keys, Links, Ring, Tags, secret_of};
use approvals::store::directory::User;
use approvals::store::directory::chain::Author;
use approvals::store::directory::delegations::StoredDelegation;
use approvals::store::requests::Record;
use approvals::store::table::schema::APPROVALS;
use approvals::store::{Freshness, Stores, Table};
use approvals::template::{Syntax, parse};
use approvals::wire::api::SubmitBody;
use approvals_domain::actor::{Actor, Caller, Channel};
use approvals_domain::command::{Command, Vote};
use approvals_domain::event::Decision;
use approvals_domain::facts::{Delegation, Facts};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{DelegationId, PersonId, RequestId, RoleId, TenantId};
use approvals_domain::time::Timestamp;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use cli::dev::RELAY;
use cli::engine::queues::{NOTICES, Queues};
use cli::engine::stream::Pump;
use cli::engine::{Engine, connect, queueing};
use escalation::{Escalation, Report};
use serde_json::{Value, json};
use tempfile::TempDir;

use seam::Seam;

/// 2026-01-05T09:00:00Z, a Monday.
const START: i64 = 1_767_603_600_000;

/// One network into the service: the table's rooms, and what runs over them.
#[derive(Clone)]
pub(crate) struct Side {
    pub(crate) stores: Stores,
    pub(crate) app: App,
    /// The queue of notices.
    pub(crate) queue: Queue,
}

impl std::ops::Deref for Side {
    type Target = App;
    fn deref(&self) -> &App {
        &self.app
    }
}

impl Side {
    /// The same service over other rooms.
    pub(crate) fn over(&self, stores: Stores) -> Self {
        Self { app: self.app.over(&stores), stores, queue: self.queue.clone() }
    }

    /// The same service with another queue of notices.
    pub(crate) fn with_notices(&self, queue: Queue) -> Self {
        Self { queue, ..self.clone() }
    }

    /// What relay and the tick make good with.
    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::new(&self.stores, self.app.clone(), self.queue.clone())
    }
}

/// One tick.
pub(crate) async fn tick(side: &Side, time: Duration) -> Result<Report, approvals::store::Error> {
    escalation::tick(&Escalation::new(&side.stores, side.app.clone(), side.queue.clone()), time).await
}

pub(crate) struct Stage {
    pub(crate) app: Side,
    /// Under the app's store; relay has a network of its own.
    pub(crate) seam: Seam,
    /// What relay writes through.
    pub(crate) relay: Table,
    /// Under relay's store.
    pub(crate) relay_seam: Seam,
    /// The same service on a network that does nothing to it.
    pub(crate) aside: Side,
    /// Beneath all of it.
    pub(crate) engine: Engine,
    pump: Pump,
    now: Arc<AtomicI64>,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let engine = Engine::start(folder.path()).unwrap();
        engine.create_table(&APPROVALS, APPROVALS.name).await.unwrap();
        let seam = Seam::new(engine.http_client());
        let client = hasty(&seam);
        let now = Arc::new(AtomicI64::new(START));
        let clock = Arc::clone(&now);
        let clock = Clock::new(move || Timestamp::from_millis(clock.load(Ordering::Relaxed)));
        let follow = Arc::clone(&now);
        engine.follow(move || follow.load(Ordering::Relaxed));
        let stores = Stores::new(Table::new(client, APPROVALS.name).with_tags(tags()));
        let queue = Queue::new(queueing(Queues::default().http_client()), NOTICES);
        let app = Side { app: App::new(&stores, clock, counted()), stores, queue };
        let relay_seam = Seam::new(engine.http_client());
        let relay = Table::new(connect(SharedHttpClient::new(relay_seam.clone())).dynamodb, APPROVALS.name);
        let aside = app.over(app.stores.through(Table::new(engine.clients().dynamodb, APPROVALS.name).with_tags(tags())));
        let stores = Stores::new(relay.clone());
        let worker = Hints::new(&stores, App::new(&stores, app.clock.clone(), app.entropy.clone()));
        let handler = move |event| {
            let worker = worker.clone();
            async move { Ok::<_, std::convert::Infallible>(relay::handle(&worker, event).await) }
        };
        let pump = engine.pump(engine.clients().streams, APPROVALS.name, RELAY, handler).await.unwrap();
        Self { app, seam, relay, relay_seam, aside, engine, pump, now, _folder: folder }
    }

    /// Returns when relay has seen all that was written.
    pub(crate) async fn drain(&self) {
        while !self.pump.is_quiet() {
            self.pump.drain().await.unwrap();
        }
    }

    /// Ticks, and lets relay follow, until nothing is left to do.
    pub(crate) async fn settle(&self) {
        loop {
            self.drain().await;
            if !tick(&self.aside, Duration::from_secs(60)).await.unwrap().did_something() {
                return;
            }
        }
    }

    pub(crate) fn advance_seconds(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }

    /// The caller, through a client with every scope but `audit`.
    pub(crate) fn identity(&self, id: &str) -> Identity {
        let scopes: BTreeSet<Scope> = Scope::ALL.into_iter().filter(|scope| *scope != Scope::Audit).collect();
        Identity { tenant: tenant(), caller: caller(id), scopes }
    }

    /// Active persons, parted by blanks.
    pub(crate) async fn people(&self, ids: &str) {
        for id in ids.split(' ') {
            self.person(id, None, true).await;
        }
    }

    pub(crate) async fn person(&self, id: &str, manager: Option<&str>, active: bool) {
        let (name, email) = (id.to_owned(), format!("{id}@example.com"));
        let user = User { name, email, manager: manager.map(person_id), active, time_zone: None, attributes: BTreeMap::new() };
        self.put_user(id, &user).await;
    }

    pub(crate) async fn put_user(&self, id: &str, user: &User) {
        self.as_author(async |author| amend(&self.aside.directory, author, None, PutUser::new(&person_id(id), user)).await.unwrap()).await;
    }

    /// Spoils the bytes of a request's item.
    pub(crate) async fn damage(&self, id: &RequestId) {
        let key = approvals::store::keys::request(&tenant(), id);
        let item = self.aside.stores.table.get(&key, Freshness::Strong).await.unwrap().unwrap();
        let raw = self.engine.clients().dynamodb.put_item().table_name(APPROVALS.name);
        raw.set_item(Some(item.bytes("h", [0_u8; 3]).into())).send().await.unwrap();
    }

    /// Members of a role, parted by blanks.
    pub(crate) async fn role(&self, role: &str, ids: &str) {
        for id in ids.split(' ') {
            self.member(role, id, true).await;
        }
    }

    pub(crate) async fn member(&self, role: &str, id: &str, member: bool) {
        let (role, person) = (RoleId::new(role).unwrap(), person_id(id));
        let command = PutMember { role: &role, person: &person, member };
        self.as_author(async |author| amend(&self.aside.directory, author, None, command).await.unwrap()).await;
    }

    /// Passes all of one's rights on for a day; over the network that fails.
    pub(crate) async fn delegate(&self, from: &str, to: &str, id: &str) {
        self.delegate_through(&self.app, from, to, id).await.unwrap();
    }

    /// The same over a network of one's choice, whatever comes of it.
    pub(crate) async fn delegate_through(&self, app: &Side, from: &str, to: &str, id: &str) -> Result<Amended<ReadDelegation>, Error> {
        let now = self.app.clock.now();
        let asker = authority::asker(&self.identity(from));
        let (id, from, ends_at) = (DelegationId::new(id).unwrap(), person_id(from), now.plus_hours(24.0));
        let made_by = from.to_string();
        let delegation =
            Delegation { id, version: 1, from, giver_term: 0, starts_at: now, ends_at, templates: None, steps: None, max: None };
        let new = StoredDelegation { delegation, to: person_id(to), reason: Some("Holiday".to_owned()), made_by, made_at: now };
        let command = MakeDelegation { asker: &asker, new: &new, digest: Some([7; 8]) };
        self.as_author(async |author| amend(&app.directory, author, None, command).await).await
    }

    /// Ids of the delegations somebody received.
    pub(crate) async fn delegations_received(&self, who: &str) -> Vec<String> {
        let (found, _) = self.aside.directory.delegations(&tenant(), &person_id(who), true, None, 100).await.unwrap();
        found.iter().map(|given| given.delegation.id.to_string()).collect()
    }

    /// Stores a template and makes it the current one.
    pub(crate) async fn template(&self, template: Value) {
        let parsed = parse(&template.to_string(), Syntax::Json).unwrap();
        let canonical = String::from_utf8(parsed.canonical).unwrap();
        self.as_author(async |author| put_template(&self.app.directory, author, &parsed.template, &canonical, true).await.unwrap()).await;
    }

    async fn as_author<T>(&self, write: impl AsyncFnOnce(&Author<'_>) -> T) -> T {
        let (tenant, actor) = (tenant(), Actor::Person(caller("root")));
        let author = Author::new(&tenant, &actor, self.app.clock.now(), self.app.entropy.salt());
        write(&author).await
    }

    /// Submits a request of the template `t` for an entity.
    pub(crate) async fn submit(&self, who: &str, entity: &str, key: Option<&str>) -> Result<Outcome, Error> {
        let body =
            json!({ "template": "t", "entity": { "type": "order", "id": entity }, "title": "Two chairs", "metadata": { "amount": 480 } });
        self.submit_body(who, &body, key).await
    }

    /// Submits whatever the body says.
    pub(crate) async fn submit_body(&self, who: &str, body: &Value, key: Option<&str>) -> Result<Outcome, Error> {
        let identity = self.identity(who);
        let tag = Tag::new(&self.app.entropy, &identity, "submit", key, body.to_string().as_bytes());
        let body: SubmitBody = serde_json::from_value(body.clone()).unwrap();
        self.app.submit(&identity, body, tag, Channel::Api).await
    }

    /// Votes on a step, having seen `shown`. The id is the command's: a retry gives the same.
    pub(crate) async fn vote(&self, who: &str, shown: &Record, step: &str, decision: Decision, id: &str) -> Result<Outcome, Error> {
        self.command(caller(who), shown, ballot(shown, step, decision), id).await
    }

    /// The same over the network that does nothing to it.
    pub(crate) async fn vote_aside(&self, who: &str, shown: &Record, step: &str, decision: Decision, id: &str) -> Result<Outcome, Error> {
        self.command_aside(caller(who), shown, ballot(shown, step, decision), id).await
    }

    /// Gives a command over the network that does nothing to it.
    pub(crate) async fn command_aside(&self, by: Caller, shown: &Record, command: Command, id: &str) -> Result<Outcome, Error> {
        self.aside.execute(order(by, shown, command, id)).await
    }

    /// Gives a command against a request. The id is the command's: a retry gives the same.
    pub(crate) async fn command(&self, by: Caller, shown: &Record, command: Command, id: &str) -> Result<Outcome, Error> {
        self.app.execute(order(by, shown, command, id)).await
    }

    /// The request as its item says now.
    pub(crate) async fn load(&self, id: &RequestId) -> Record {
        self.app.requests.load(&tenant(), id, Freshness::Strong).await.unwrap().unwrap()
    }
}

/// DynamoDB over a seam. The SDK tries as often as in production, but does not make the tests wait for it.
pub(crate) fn hasty(seam: &Seam) -> aws_sdk_dynamodb::Client {
    let hasty = RetryConfig::standard().with_initial_backoff(Duration::from_millis(2));
    let config = connect(SharedHttpClient::new(seam.clone())).dynamodb.config().to_builder().retry_config(hasty).build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

fn ballot(shown: &Record, step: &str, decision: Decision) -> Command {
    let payload_hash = Some(shown.state.payload_hash);
    Command::Vote(Vote {
        step: step.parse().unwrap(),
        decision,
        payload_hash,
        revision: None,
        round: None,
        on_behalf_of: None,
        comment: None,
    })
}

fn order(by: Caller, shown: &Record, command: Command, id: &str) -> Order {
    Order {
        tenant: tenant(),
        request: shown.state.id.clone(),
        actor: Actor::Person(by),
        channel: Channel::Api,
        id: id.to_owned(),
        digest: None,
        quiet: false,
        command,
        texts: Vec::new(),
        content: None,
        callback: None,
        facts: Facts::default(),
        loaded: None,
    }
}

fn secret(name: &'static str) -> Ring {
    Ring::new(name, Fixed(Keys::first(secret_of([1, 2])).text()), Clock::system())
}

/// The secret of tags of every stage.
pub(crate) fn tags() -> Tags {
    Tags::new(secret(Tags::NAME))
}

/// And that of links.
pub(crate) fn links() -> Links {
    Links::new(secret(Links::NAME))
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new("default").unwrap()
}

pub(crate) fn person_id(id: &str) -> PersonId {
    PersonId::new(id).unwrap()
}

/// A person who logged in, and about whom no more is said.
pub(crate) fn caller(id: &str) -> Caller {
    let method = "jwt".to_owned();
    Caller { id: person_id(id), method, client_id: None, auth_time: None, acr: None, amr: Vec::new(), submit_for: false }
}

/// Randomness that repeats: hashes of 1, 2, 3, ….
fn counted() -> Entropy {
    let next = AtomicU64::new(0);
    Entropy::new(move || {
        let hash = Hash::of(&[&next.fetch_add(1, Ordering::Relaxed).to_be_bytes()]);
        u128::from_be_bytes(*hash.0.first_chunk().unwrap())
    })
}
