//! The issuer: where it takes logins, and the keys that it signs with. Both are remembered.

use std::sync::Arc;
use std::time::Duration;

use approvals_domain::time::Timestamp;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;
use tokio::sync::RwLock;

use super::http::{Form, Http};

/// An unknown key is asked for at most so often.
const KEYS_AGAIN: Duration = Duration::from_secs(60);
/// Where the issuer takes logins is asked for again after so long.
const WHERE_AGAIN: Duration = Duration::from_secs(3_600);

/// What the issuer says of itself.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Places {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    pub(super) end_session_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

impl Places {
    /// The issuer takes a client's secret in the body, and not in a header.
    pub(super) fn secret_in_body(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        let has = |method: &str| methods.iter().any(|known| known == method);
        has("client_secret_post") && !has("client_secret_basic")
    }
}

/// What is remembered, and since when.
#[derive(Debug, Default)]
struct Memory {
    places: Option<(Timestamp, Arc<Places>)>,
    keys: Option<(Timestamp, Arc<JwkSet>)>,
}

/// An issuer.
#[derive(Debug)]
pub(super) struct Provider {
    issuer: String,
    http: Http,
    memory: RwLock<Memory>,
}

fn fresh(since: Timestamp, now: Timestamp, time: Duration) -> bool {
    now < since.plus_millis(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

impl Provider {
    pub(super) fn new(issuer: String) -> Result<Self, String> {
        Ok(Self { issuer, http: Http::new()?, memory: RwLock::default() })
    }

    /// Where it takes logins.
    pub(super) async fn places(&self, now: Timestamp) -> Result<Arc<Places>, String> {
        if let Some((since, places)) = &self.memory.read().await.places
            && fresh(*since, now, WHERE_AGAIN)
        {
            return Ok(Arc::clone(places));
        }
        let address = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let places: Places = serde_json::from_slice(&self.http.get(&address).await?).map_err(|error| format!("{address}: {error}"))?;
        // INVARIANT (one issuer): whoever answers for the issuer says its name, letter by letter.
        if places.issuer != self.issuer {
            return Err(format!("{address} speaks for `{}`, not for `{}`", places.issuer, self.issuer));
        }
        let places = Arc::new(places);
        self.memory.write().await.places = Some((now, Arc::clone(&places)));
        Ok(places)
    }

    /// The key of that id. An unknown one is asked for anew, at most once a minute.
    pub(super) async fn key(&self, kid: Option<&str>, now: Timestamp) -> Result<Option<Jwk>, String> {
        let known = self.memory.read().await.keys.clone();
        if let Some((since, keys)) = &known {
            let found = pick(keys, kid);
            if found.is_some() || fresh(*since, now, KEYS_AGAIN) {
                return Ok(found);
            }
        }
        let places = self.places(now).await?;
        let keys: JwkSet = serde_json::from_slice(&self.http.get(&places.jwks_uri).await?).map_err(|error| format!("keys: {error}"))?;
        let found = pick(&keys, kid);
        self.memory.write().await.keys = Some((now, Arc::new(keys)));
        Ok(found)
    }

    /// The answer of the token endpoint.
    pub(super) async fn exchange(&self, places: &Places, form: Form) -> Result<bytes::Bytes, String> {
        self.http.post(&places.token_endpoint, form).await
    }
}

/// The key of that id; without an id the only one.
fn pick(keys: &JwkSet, kid: Option<&str>) -> Option<Jwk> {
    match (kid, keys.keys.as_slice()) {
        (Some(kid), _) => keys.find(kid).cloned(),
        (None, [only]) => Some(only.clone()),
        (None, _) => None,
    }
}
