//! Webhook endpoints: where events go, and the secrets that sign them.

use std::collections::BTreeSet;

use approvals_domain::directory::DirectoryEvent;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{EndpointId, TenantId};
use approvals_domain::limits;
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::directory::{Author, Chained, Change, Put, standing};
use super::{Ask, Condition, Error, Freshness, Item, Directory, Write, keys, pause};
use crate::runtime::entropy::Entropy;

/// How long a replaced secret still signs beside the new one: 24 hours, so that receivers can change over without haste.
pub const OVERLAP_MS: i64 = 24 * 60 * 60 * 1_000;

/// A webhook endpoint as administrators write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// https, port 443.
    pub url: String,
    /// Types of the events it gets, for example `approvals.request.approved.v1`.
    pub events: BTreeSet<String>,
    /// Switched on.
    pub active: bool,
}

/// What signs an endpoint's events.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// `whsec_` and base64 of 32 bytes.
    pub present: String,
    /// The one before, until then.
    pub previous: Option<(String, Timestamp)>,
}

/// Says nothing: a secret must not reach a log.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

/// A fresh secret as Standard Webhooks writes it: `whsec_` and base64 of 32 random bytes.
pub fn fresh_secret(entropy: &Entropy) -> String {
    format!("whsec_{}", STANDARD.encode([entropy.bits().to_be_bytes(), entropy.bits().to_be_bytes()].concat()))
}

impl Directory {
    /// An endpoint and its version. One that was removed is not there.
    pub async fn endpoint(&self, tenant: &TenantId, id: &EndpointId) -> Result<Option<(Endpoint, u64)>, Error> {
        let Some(item) = self.table.get(&keys::endpoint(tenant, id), Freshness::Strong).await? else { return Ok(None) };
        let Some(endpoint) = item.opt_json("d")? else { return Ok(None) };
        Ok(Some((endpoint, item.n("v")?)))
    }

    /// All endpoints of a tenant with their versions, switched off or on. May miss the last second.
    pub async fn endpoints(&self, tenant: &TenantId) -> Result<Vec<(EndpointId, Endpoint, u64)>, Error> {
        let pk = keys::endpoints_pk(tenant);
        let mut found = Vec::new();
        for item in self.table.query_all(Ask { freshness: Freshness::Eventual, ..Ask::partition(&pk) }).await? {
            if let Some(endpoint) = item.opt_json("d")? {
                let id = EndpointId::new(item.s(keys::SK)?).map_err(|error| item.wrong(&error.to_string()))?;
                found.push((id, endpoint, item.n("v")?));
            }
        }
        Ok(found)
    }

    /// Whether there is, or ever was, an endpoint of that id.
    pub async fn knows_endpoint(&self, tenant: &TenantId, id: &EndpointId) -> Result<bool, Error> {
        Ok(self.table.get(&keys::endpoint(tenant, id), Freshness::Eventual).await?.is_some())
    }

    /// What signs an endpoint's events.
    pub async fn endpoint_secrets(&self, tenant: &TenantId, id: &EndpointId) -> Result<Option<Secrets>, Error> {
        let Some(item) = self.table.get(&keys::endpoint_secret(tenant, id), Freshness::Strong).await? else { return Ok(None) };
        let until = |item: &Item| item.opt_n("pu").and_then(|until| i64::try_from(until).ok()).map(Timestamp::from_millis);
        let previous = item.opt_s("ps").map(str::to_owned).zip(until(&item));
        Ok(Some(Secrets { present: item.s("s")?.to_owned(), previous }))
    }

    /// Writes an endpoint whole. One that is new, or was removed, starts with the secret `fresh`; `true` says so.
    pub async fn put_endpoint(&self, author: &Author<'_>, id: &EndpointId, to: &Endpoint, fresh: &str) -> Result<(Put, bool), Error> {
        let key = keys::endpoint(author.tenant, id);
        let mut tried = None;
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            let before = self.table.get(&key, Freshness::Strong).await?;
            let chained = Chained { object: object(id), key: key.clone(), before: before.as_ref() };
            let version = chained.version();
            let present: Option<Endpoint> = before.as_ref().map(|item| item.opt_json("d")).transpose()?.flatten();
            if let Some(put) = standing(version, present.as_ref() == Some(to), author, tried) {
                // A write of ours whose answer was lost made the secret that stands, if it made one.
                let secrets = if tried.is_some() { self.endpoint_secrets(author.tenant, id).await? } else { None };
                return Ok((put, secrets.is_some_and(|secrets| secrets.present == fresh)));
            }
            // Two who add the last one at the same moment make one too many, which harms nobody.
            if present.is_none() && self.endpoints(author.tenant).await?.len() >= limits::ENDPOINTS {
                return Ok((Put::Full("a tenant has at most 20 webhook endpoints"), false));
            }
            tried = Some(version);
            let mut writes = written(&chained, author, to).writes();
            if present.is_none() {
                let secret = Item::new(&keys::endpoint_secret(author.tenant, id)).text("s", fresh);
                writes.push(Write::Put(secret, Some(Condition::absent())));
            }
            if self.table.transact(writes).await?.is_empty() {
                return Ok((Put::Done(version + 1, true), present.is_none()));
            }
        }
        Err(Error::Unavailable("the endpoint is being written by others".to_owned()))
    }

    /// Switches an endpoint off, if it is still the one that was read: its receiver said that it is gone. An act of the service.
    pub async fn switch_off_endpoint(&self, author: &Author<'_>, id: &EndpointId, read: &Endpoint) -> Result<Put, Error> {
        let off = Endpoint { active: false, ..read.clone() };
        // The endpoint is there in the version that was read, or the write comes to nothing: no secret is ever made here.
        self.put_endpoint(author, id, &off, "").await.map(|(put, _)| put)
    }

    /// Removes an endpoint and its secrets. Its commits stay.
    pub async fn remove_endpoint(&self, author: &Author<'_>, id: &EndpointId) -> Result<Put, Error> {
        let key = keys::endpoint(author.tenant, id);
        let mut tried = None;
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            let before = self.table.get(&key, Freshness::Strong).await?;
            let chained = Chained { object: object(id), key: key.clone(), before: before.as_ref() };
            let version = chained.version();
            let gone = before.as_ref().is_none_or(|item| item.get("d").is_none());
            match standing(version, gone, author, tried) {
                Some(Put::Done(_, false)) => return Ok(Put::Missing(format!("there is no endpoint `{id}`"))),
                Some(put) => return Ok(put),
                None => tried = Some(version),
            }
            let event = DirectoryEvent::Endpoint { url: None, events: Vec::new(), active: false };
            let mut writes = chained.change(author, event).writes();
            writes.push(Write::Delete(keys::endpoint_secret(author.tenant, id)));
            if self.table.transact(writes).await?.is_empty() {
                return Ok(Put::Done(version + 1, true));
            }
        }
        Err(Error::Unavailable("the endpoint is being written by others".to_owned()))
    }

    /// Lets `fresh` sign an endpoint's events, beside the secret before it for [`OVERLAP_MS`]. The commit repeats the endpoint as it is:
    /// that, and a mark beside it, says who changed the secret and when.
    pub async fn rotate_endpoint(&self, author: &Author<'_>, id: &EndpointId, fresh: &str) -> Result<Put, Error> {
        let (key, secret) = (keys::endpoint(author.tenant, id), keys::endpoint_secret(author.tenant, id));
        let mut tried = None;
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            let (before, secrets) = tokio::try_join!(self.table.get(&key, Freshness::Strong), self.endpoint_secrets(author.tenant, id))?;
            let chained = Chained { object: object(id), key: key.clone(), before: before.as_ref() };
            let version = chained.version();
            let present: Option<Endpoint> = before.as_ref().map(|item| item.opt_json("d")).transpose()?.flatten();
            let (Some(present), Some(secrets)) = (present, secrets) else {
                return Ok(Put::Missing(format!("there is no endpoint `{id}`")));
            };
            if let Some(put) = standing(version, secrets.present == fresh, author, tried) {
                return Ok(put);
            }
            tried = Some(version);
            let mut writes = written(&chained, author, &present).log(|item| item.number("ro", 1)).writes();
            let until = author.now.plus_millis(OVERLAP_MS).millis();
            let next = Item::new(&secret).text("s", fresh).text("ps", secrets.present.as_str()).number("pu", until);
            writes.push(Write::Put(next, Some(Condition::equals("s", AttributeValue::S(secrets.present)))));
            if self.table.transact(writes).await?.is_empty() {
                return Ok(Put::Done(version + 1, true));
            }
        }
        Err(Error::Unavailable("the endpoint is being written by others".to_owned()))
    }
}

fn object(id: &EndpointId) -> String {
    format!("endpoint/{id}")
}

fn written(chained: &Chained<'_>, author: &Author<'_>, to: &Endpoint) -> Change {
    let url = Some(Hash::text(&author.salt, &to.url));
    let event = DirectoryEvent::Endpoint { url, events: to.events.iter().cloned().collect(), active: to.active };
    chained.change(author, event).both(|item| item.json("d", to).bytes("sa", author.salt.0))
}
