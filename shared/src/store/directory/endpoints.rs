//! Webhook endpoints: where events go, and the secrets that sign them.

use std::collections::BTreeSet;

use approvals_domain::directory::DirectoryEvent;
use approvals_domain::directory::endpoint::Webhook;
use approvals_domain::ids::{EndpointId, TenantId};
use approvals_domain::time::Timestamp;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::chain::{Author, Chained, Change, reserve};
use crate::runtime::entropy::Entropy;
use crate::secrets::{self, Links};
use crate::store::{Ask, Condition, Directory, Error, Freshness, Item, Write, keys};

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

/// What signs an endpoint's events, wrapped: who reads the table reads no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Wrapped by [`wrapped`]: `whsec_` and base64 of 32 bytes.
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

/// A secret as it is stored: sealed for this endpoint. The same secret gives the same text.
///
/// # Errors
/// If the secret of links cannot be had.
pub async fn wrapped(links: &Links, tenant: &TenantId, id: &EndpointId, secret: &str) -> Result<String, secrets::Error> {
    Ok(URL_SAFE_NO_PAD.encode(links.wrap(&[tenant.as_str().as_bytes(), id.as_str().as_bytes()], secret).await?))
}

impl Secrets {
    /// The same, unwrapped; none: not wrapped by one of ours for this endpoint.
    ///
    /// # Errors
    /// If the secret of links cannot be had.
    pub async fn unwrapped(&self, links: &Links, tenant: &TenantId, id: &EndpointId) -> Result<Option<Self>, secrets::Error> {
        let of: [&[u8]; 2] = [tenant.as_str().as_bytes(), id.as_str().as_bytes()];
        let open = async |text: &str| links.unwrap(&of, &URL_SAFE_NO_PAD.decode(text).unwrap_or_default()).await;
        let Some(present) = open(&self.present).await? else { return Ok(None) };
        let previous = match &self.previous {
            Some((text, until)) => open(text).await?.map(|secret| (secret, *until)),
            None => None,
        };
        Ok(Some(Self { present, previous }))
    }
}

/// A fresh secret as Standard Webhooks writes it: `whsec_` and base64 of 32 random bytes.
pub fn fresh_secret(entropy: &Entropy) -> String {
    format!("whsec_{}", STANDARD.encode([entropy.bits().to_be_bytes(), entropy.bits().to_be_bytes()].concat()))
}

impl Endpoint {
    /// The endpoint as the domain decides on it.
    pub fn webhook(&self) -> Webhook {
        Webhook { url: self.url.clone(), events: self.events.clone(), active: self.active }
    }
}

/// An endpoint as read for a write.
#[derive(Debug)]
pub struct StoredEndpoint {
    item: Option<Item>,
    /// The endpoint; none: not there, or removed.
    pub endpoint: Option<Endpoint>,
    /// From 1, over removals; 0: there never was one.
    pub version: u64,
    /// What signs its events, if asked for.
    pub secrets: Option<Secrets>,
    /// Whose id these letters are, in whatever case; none, if nobody wrote it yet.
    pub named: Option<EndpointId>,
}

/// What is written of an endpoint.
#[derive(Debug, Clone, Copy)]
pub enum EndpointWrite<'a> {
    /// All of it. One that is new, or was removed, starts with the secret `fresh`.
    Put {
        /// As it shall be.
        endpoint: &'a Endpoint,
        /// Its first secret.
        fresh: &'a str,
    },
    /// Its removal, with its secrets.
    Remove,
    /// A new secret. The one before it signs beside it for [`OVERLAP_MS`].
    Rotate {
        /// The new secret.
        fresh: &'a str,
    },
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
        for item in self.table.query_sound(Ask { freshness: Freshness::Eventual, ..Ask::partition(&pk) }).await? {
            if let Some(endpoint) = item.opt_json("d")? {
                let id = EndpointId::new(item.s(keys::SK)?).map_err(|error| item.wrong(&error.to_string()))?;
                found.push((id, endpoint, item.n("v")?));
            }
        }
        Ok(found)
    }

    /// Whether a tenant has, or ever had, an endpoint.
    pub async fn has_endpoints(&self, tenant: &TenantId) -> Result<bool, Error> {
        let pk = keys::endpoints_pk(tenant);
        Ok(!self.table.query(Ask { limit: Some(1), ..Ask::partition(&pk) }).await?.items.is_empty())
    }

    /// Whether there is, or ever was, an endpoint of that id.
    pub async fn knows_endpoint(&self, tenant: &TenantId, id: &EndpointId) -> Result<bool, Error> {
        Ok(self.table.get(&keys::endpoint(tenant, id), Freshness::Eventual).await?.is_some())
    }

    /// What signs an endpoint's events. What the service did not write signs nothing; that is logged and counted, and the archive tells of it.
    pub async fn endpoint_secrets(&self, tenant: &TenantId, id: &EndpointId) -> Result<Option<Secrets>, Error> {
        let found = self.table.batch_get_each(&[keys::endpoint_secret(tenant, id)], Freshness::Strong).await?;
        let Some(item) = self.table.sound(found).await?.pop() else { return Ok(None) };
        if item.opt_s("s").is_none() {
            return Ok(None);
        }
        let until = |item: &Item| item.opt_n("pu").and_then(|until| i64::try_from(until).ok()).map(Timestamp::from_millis);
        let previous = item.opt_s("ps").map(str::to_owned).zip(until(&item));
        Ok(Some(Secrets { present: item.s("s")?.to_owned(), previous }))
    }

    /// An endpoint with the item that a write of it must find unchanged. `with_secrets`: what signs its events too.
    pub async fn stored_endpoint(&self, tenant: &TenantId, id: &EndpointId, with_secrets: bool) -> Result<StoredEndpoint, Error> {
        let key = keys::endpoint(tenant, id);
        let secrets = async { if with_secrets { self.endpoint_secrets(tenant, id).await } else { Ok(None) } };
        let letters = keys::folded_endpoint(tenant, id);
        let named = self.named(&letters, EndpointId::new);
        let (item, secrets, named) = tokio::try_join!(self.table.get(&key, Freshness::Strong), secrets, named)?;
        let endpoint = item.as_ref().map(|item| item.opt_json("d")).transpose()?.flatten();
        let version = item.as_ref().and_then(|item| item.opt_n("v")).unwrap_or(0);
        Ok(StoredEndpoint { item, endpoint, version, secrets, named })
    }

    /// Writes an endpoint, and its secrets where they change. `false`: something of what was read has changed.
    pub async fn write_endpoint(
        &self,
        author: &Author<'_>,
        id: &EndpointId,
        before: &StoredEndpoint,
        write: EndpointWrite<'_>,
        event: DirectoryEvent,
    ) -> Result<bool, Error> {
        let (key, secret) = (keys::endpoint(author.tenant, id), keys::endpoint_secret(author.tenant, id));
        let change = Chained { object: format!("endpoint/{id}"), key, before: before.item.as_ref() }.change(author, event);
        let standing = |change: Change, endpoint: &Endpoint| change.both(|item| item.json("d", endpoint).bytes("sa", author.salt.0));
        // The archive sees an older secret that is put back by its generation.
        let secret_item = Item::new(&secret).number("g", before.version + 1);
        let mut writes = Vec::new();
        match (write, &before.endpoint, &before.secrets) {
            (EndpointWrite::Put { endpoint, fresh }, present, _) => {
                writes.extend(standing(change, endpoint).writes());
                if before.named.is_none() {
                    writes.push(reserve(&keys::folded_endpoint(author.tenant, id), id.as_str()));
                }
                if present.is_none() {
                    writes.push(Write::Put(secret_item.text("s", fresh), Some(Condition::without("s"))));
                }
            }
            (EndpointWrite::Remove, ..) => {
                writes.extend(change.writes());
                // A mark without a secret: whoever takes an item away is not the service.
                writes.push(Write::Put(secret_item, None));
            }
            (EndpointWrite::Rotate { fresh }, Some(present), Some(secrets)) => {
                // A mark beside the commit says that the secret changed.
                writes.extend(standing(change, present).log(|item| item.number("ro", 1)).writes());
                let until = author.now.plus_millis(OVERLAP_MS).millis();
                let next = secret_item.text("s", fresh).text("ps", secrets.present.as_str()).number("pu", until);
                writes.push(Write::Put(next, Some(Condition::equals("s", AttributeValue::S(secrets.present.clone())))));
            }
            (EndpointWrite::Rotate { .. }, ..) => return Ok(false),
        }
        Ok(self.table.transact(writes).await?.is_empty())
    }
}
