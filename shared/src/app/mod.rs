//! What every function does between the wire and the store: load, decide, commit.

pub mod brief;
pub mod clock;
pub mod error;
pub mod events;
pub mod execute;
pub mod idempotency;
pub mod look;
pub mod redeliver;
pub mod reroute;
pub mod submit;

use std::sync::Arc;

pub use error::Error;

use approvals_domain::actor::{Actor, Channel};
use approvals_domain::context::{Context, No};
use approvals_domain::facts::{Evidence, Facts, FactsQuery, Wanted};
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::limits;
use approvals_domain::payload::TemplateRef;
use approvals_domain::refusal::Refusal;
use approvals_domain::template::Template;
use approvals_domain::time::Timestamp;

use crate::destinations::Destinations;
use crate::queue::Queue;
use crate::runtime::clock::Clock;
use crate::runtime::entropy::Entropy;
use crate::store::table::cursor::Cursors;
use crate::store::templates::{Cache, Pinned};
use crate::store::{self, Freshness, Store};

/// The service's parts, handed in.
#[derive(Debug, Clone)]
pub struct App {
    /// The table.
    pub store: Store,
    /// Templates this process has read.
    pub templates: Arc<Cache>,
    /// Signs cursors.
    pub cursors: Arc<Cursors>,
    /// The clock.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// The queue of notices, where the function sends to it.
    pub notices: Option<Queue>,
    /// Where webhooks may go.
    pub destinations: Destinations,
}

impl App {
    /// Over a table, with a clock and a source of randomness.
    pub fn new(store: Store, clock: Clock, entropy: Entropy) -> Self {
        Self {
            store,
            templates: Arc::default(),
            cursors: Arc::default(),
            clock,
            entropy,
            notices: None,
            destinations: Destinations::Internet,
        }
    }

    /// With the queue of notices.
    #[must_use]
    pub fn with_notices(self, queue: Queue) -> Self {
        Self { notices: Some(queue), ..self }
    }

    /// The content of a pinned version.
    pub async fn pinned(&self, tenant: &TenantId, of: &TemplateRef) -> Result<Arc<Pinned>, Error> {
        let found = self.store.template(&self.templates, tenant, of).await?;
        found.ok_or_else(|| Error::Damaged(format!("template {} version {} is missing", of.key, of.version)))
    }
}

/// What is known of the directory so far, and how fresh it is.
#[derive(Debug, Clone)]
pub struct Known {
    /// The facts.
    pub facts: Facts,
    /// How further facts are read.
    pub freshness: Freshness,
}

/// One question to the domain, asked with what is known, until nothing is missing.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The request.
    pub request: &'a RequestId,
    /// Who asks.
    pub actor: &'a Actor,
    /// The way it came.
    pub channel: Channel,
    /// When.
    pub now: Timestamp,
    /// The pinned template.
    pub template: &'a Template,
}

impl Question<'_> {
    /// Runs `ask`, loading what it says is missing, all in one parallel round each time. Answers with the facts used.
    pub async fn settle<T>(
        &self,
        store: &Store,
        known: &mut Known,
        mut ask: impl FnMut(&Context<'_>) -> Result<T, No>,
    ) -> Result<Result<(T, Facts), Refusal>, store::Error> {
        for _ in 0..=limits::FACT_ROUNDS {
            let cx = Context {
                tenant: self.tenant,
                request: self.request,
                actor: self.actor,
                channel: self.channel,
                now: self.now,
                template: self.template,
                evidence: Evidence::new(&known.facts),
            };
            match ask(&cx) {
                Ok(answer) => return Ok(Ok((answer, cx.evidence.used()))),
                Err(No::Refused(refusal)) => return Ok(Err(refusal)),
                Err(No::Needs(query)) => known.learn(store, self.tenant, &query).await?,
            }
        }
        Err(store::Error::Refused("a decision asked for facts in more rounds than are allowed".to_owned()))
    }
}

impl Known {
    /// Nothing yet.
    pub fn nothing(freshness: Freshness) -> Self {
        Self { facts: Facts::default(), freshness }
    }

    /// Loads what is missing. Persons decide authority and are read strongly; who is listed in a role may be a second old, which only
    /// ever decides whether a step that opens has enough candidates, and is looked at again before any "no".
    pub async fn learn(&mut self, store: &Store, tenant: &TenantId, query: &FactsQuery) -> Result<(), store::Error> {
        let (persons, roles): (FactsQuery, FactsQuery) = query.iter().cloned().partition(|wanted| matches!(wanted, Wanted::Person(_)));
        let (persons, roles) =
            tokio::try_join!(store.facts(tenant, &persons, Freshness::Strong), store.facts(tenant, &roles, self.freshness))?;
        self.facts.extend(persons);
        self.facts.extend(roles);
        Ok(())
    }
}
