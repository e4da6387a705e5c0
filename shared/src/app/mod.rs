//! What every function does between the wire and the store: load, decide, commit.

pub mod commands;
pub mod error;
pub mod pace;
pub mod queries;

use std::sync::Arc;

pub use error::Error;
pub use pace::{Pace, PerMinute};

use approvals_domain::actor::{Actor, Channel};
use approvals_domain::context::{Context, No};
use approvals_domain::facts::{Evidence, Facts, FactsQuery, Wanted};
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::limits;
use approvals_domain::payload::TemplateRef;
use approvals_domain::refusal::Refusal;
use approvals_domain::template::Template;
use approvals_domain::time::Timestamp;

use crate::runtime::clock::Clock;
use crate::runtime::entropy::Entropy;
use crate::store::directory::templates::Pinned;
use crate::store::{self, Directory, Freshness, Requests, Stores};

/// What commands on requests and queries about them need.
#[derive(Debug, Clone)]
pub struct App {
    /// Requests.
    pub requests: Requests,
    /// Persons, roles, delegations, templates.
    pub directory: Directory,
    /// The clock.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// How fast commands may come.
    pub pace: Pace,
}

impl App {
    /// Over a table's rooms, with a clock and a source of randomness. Commands come as fast as they like: see [`App::paced`].
    pub fn new(stores: &Stores, clock: Clock, entropy: Entropy) -> Self {
        let Stores { requests, directory, .. } = stores.clone();
        Self { requests, directory, clock, entropy, pace: Pace::Free }
    }

    /// The same with a limit of how fast commands may come.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// The same over other rooms, with the same clock and randomness.
    #[must_use]
    pub fn over(&self, stores: &Stores) -> Self {
        let Stores { requests, directory, .. } = stores.clone();
        Self { requests, directory, ..self.clone() }
    }

    /// The content of a pinned version.
    pub async fn pinned(&self, tenant: &TenantId, of: &TemplateRef) -> Result<Arc<Pinned>, Error> {
        Ok(self.directory.pinned(tenant, of).await?)
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
        directory: &Directory,
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
                Err(No::Needs(query)) => known.learn(directory, self.tenant, &query).await?,
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
    pub async fn learn(&mut self, directory: &Directory, tenant: &TenantId, query: &FactsQuery) -> Result<(), store::Error> {
        let (persons, roles): (FactsQuery, FactsQuery) = query.iter().cloned().partition(|wanted| matches!(wanted, Wanted::Person(_)));
        let (persons, roles) =
            tokio::try_join!(directory.facts(tenant, &persons, Freshness::Strong), directory.facts(tenant, &roles, self.freshness))?;
        self.facts.extend(persons);
        self.facts.extend(roles);
        Ok(())
    }
}
