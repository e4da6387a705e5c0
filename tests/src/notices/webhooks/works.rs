//! The works of notifications on a stage: each call to the table can be lost, the clock stands still, and the world is a script.

use std::time::Duration;

use approvals::app::commands::amend;
use approvals::app::commands::endpoints::AmendEndpoint;
use approvals::notice::{Audience, Notice};
use approvals::store::deliveries::Stage as Standing;
use approvals::store::directory::chain::Author;
use approvals::store::directory::endpoints::{self, Endpoint, EndpointWrite};
use approvals::store::requests::Record;
use approvals_domain::actor::Actor;
use approvals_domain::ids::{EndpointId, TenantId};
use cli::dev::notices::{Notices, Ways};
use cli::engine::queues::{NOTICES, Queues};
use escalation::Report;

use crate::stage::tick;
use serde_json::json;
use tempfile::TempDir;

use super::World;
use crate::stage::{Stage, caller};

pub(super) struct Works {
    pub(super) stage: Stage,
    /// With the queue; its calls may be lost.
    pub(super) app: crate::stage::Side,
    pub(super) notices: Notices,
    pub(super) queues: Queues,
    pub(super) world: World,
    _folder: TempDir,
}

pub(super) fn tenant() -> TenantId {
    TenantId::new("default").unwrap()
}

pub(super) fn endpoint_id(id: &str) -> EndpointId {
    EndpointId::new(id).unwrap()
}

impl Works {
    /// With rita, bob, and a template `t` of one step that bob answers.
    pub(super) async fn new() -> Self {
        let (stage, folder, world, queues) = (Stage::new().await, TempDir::new().unwrap(), World::new(), Queues::default());
        stage.people("rita bob").await;
        stage
            .template(
                json!({ "key": "t", "title": "T", "unique_entity": false, "steps": [{ "id": "s", "approvers": [{ "user": "bob" }] }] }),
            )
            .await;
        let ways = Ways::local(folder.path()).unwrap().with_carrier(std::sync::Arc::new(world.clone()));
        let ways = Ways { sqs: queues.http_client(), ..ways };
        let notices =
            Notices::new((&stage.app.stores, crate::stage::links()), stage.app.app.clone(), ways, "http://127.0.0.1:8080".to_owned())
                .unwrap();
        let app = stage.app.with_notices(notices.queue.clone());
        Self { stage, app, notices, queues, world, _folder: folder }
    }

    /// Writes an endpoint, over the network that does nothing to it.
    pub(super) async fn endpoint(&self, id: &str, url: &str, events: &[&str]) {
        let (tenant, actor) = (tenant(), Actor::Person(caller("root")));
        let author = Author::new(&tenant, &actor, self.app.clock.now(), self.app.entropy.salt());
        let events = events.iter().map(|event| format!("approvals.{event}.v1")).collect();
        let endpoint = Endpoint { url: url.to_owned(), events, active: true };
        let fresh = endpoints::fresh_secret(&self.app.entropy);
        let fresh = endpoints::wrapped(&crate::stage::links(), &tenant, &endpoint_id(id), &fresh).await.unwrap();
        let write = EndpointWrite::Put { endpoint: &endpoint, fresh: &fresh };
        amend(&self.stage.aside.directory, &author, None, AmendEndpoint { id: &endpoint_id(id), write }).await.unwrap();
    }

    /// A new request's notice for systems.
    pub(super) async fn submitted(&self) -> Notice {
        let record = self.stage.submit("rita", "PO-1", None).await.unwrap().record;
        self.stage.drain().await;
        systems(&record).pop().unwrap()
    }

    /// As the queue brings it.
    pub(super) async fn bring(&self, notices: &[Notice]) {
        self.notices.queue.send(notices).await.unwrap();
        let _ = self.notices.work().await;
    }

    /// One tick over the network that may fail.
    pub(super) async fn tick(&self) -> Option<Report> {
        tick(&self.app, Duration::from_secs(60)).await.ok()
    }

    /// Time goes by, with a tick every 20 minutes and what it brings.
    pub(super) async fn third_hours(&self, count: i64) {
        for _ in 0..count {
            self.stage.advance_seconds(20 * 60);
            self.tick().await;
            self.notices.work().await.unwrap();
        }
    }

    /// Where the newest events stand that were to go to an endpoint.
    pub(super) async fn newest(&self, id: &str, count: usize) -> Vec<Standing> {
        let page = self.stage.aside.stores.deliveries.log(&tenant(), &endpoint_id(id), None, count).await.unwrap();
        page.deliveries.iter().map(|delivery| delivery.stage).collect()
    }

    /// Messages on the queue, those that are hidden included.
    pub(super) fn waiting(&self) -> usize {
        self.queues.len(NOTICES)
    }

    /// Whether an endpoint is switched on, and how often it was written.
    pub(super) async fn active(&self, id: &str) -> (bool, u64) {
        let (endpoint, version) = self.stage.aside.directory.endpoint(&tenant(), &endpoint_id(id)).await.unwrap().unwrap();
        (endpoint.active, version)
    }
}

/// Notices for systems of all commits in a request's item, oldest first.
pub(super) fn systems(record: &Record) -> Vec<Notice> {
    let all = record.commits.iter().flat_map(approvals::outbox::notices::notices);
    all.filter(|notice| notice.audience == Audience::Endpoints).collect()
}
