//! The gate: verifies local tokens and hands their claims on, as the gateway's authorizer does on AWS.

use std::path::Path;
use std::sync::Arc;

use approvals::identity::{Claims, Scope};
use approvals::runtime::clock::Clock;
use approvals::web::problem::Problem;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use http::HeaderValue;
use http::header::{AUTHORIZATION, DATE};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Map, Value, json};

use super::clock::DevClock;

/// Kept in the data folder; made at the first start.
pub(super) const FILE: &str = "token.key";
const ISSUER: &str = "approvals-dev";
const AUDIENCE: &str = "approvals";
/// By the machine's clock, so that moving the development clock makes no token old.
const LIFE_SECONDS: i64 = 30 * 24 * 3_600;

/// Signs and verifies local tokens: HS256 with a key of this data folder. Production has no such key: there the gateway verifies.
pub(super) struct Gate {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
    clock: Clock,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

/// Whether bytes can be a key of tokens.
pub(super) fn is_key(bytes: &[u8]) -> bool {
    bytes.len() >= 32
}

impl Gate {
    pub(super) fn load(folder: &Path) -> std::io::Result<Self> {
        let file = folder.join(FILE);
        let key = match std::fs::read(&file) {
            Ok(key) => key,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key: [u8; 32] = rand::random();
                write_private(&file, &key)?;
                key.to_vec()
            }
            Err(error) => return Err(error),
        };
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 0;
        Ok(Self { signing: EncodingKey::from_secret(&key), verifying: DecodingKey::from_secret(&key), validation, clock: Clock::system() })
    }

    /// A token. Short scope names; all but `audit` if none are given.
    pub(super) fn grant(&self, user: &str, scopes: Option<&[String]>, tenant: &str) -> Result<String, String> {
        let names: Vec<&str> = match scopes {
            None => Scope::ALL.into_iter().filter(|scope| *scope != Scope::Audit).map(Scope::as_str).collect(),
            Some(names) => names.iter().map(String::as_str).collect(),
        };
        if let Some(unknown) = names.iter().find(|name| !Scope::ALL.iter().any(|scope| scope.as_str() == **name)) {
            let known: Vec<&str> = Scope::ALL.into_iter().map(Scope::as_str).collect();
            return Err(format!("`{unknown}` is no scope: expected some of {}", known.join(", ")));
        }
        let scope: Vec<String> = names.iter().map(|name| format!("approvals:{name}")).collect();
        let now = self.clock.now().millis() / 1_000;
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": user, "tenant": tenant, "scope": scope.join(" "), "iat": now, "exp": now + LIFE_SECONDS,
        });
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing).map_err(|error| error.to_string())
    }

    fn verify(&self, token: &str) -> Result<Claims, Problem> {
        let refused = |error: jsonwebtoken::errors::Error| Problem::new(401, "unauthorized", format!("the token is not valid: {error}"));
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &self.verifying, &self.validation).map_err(refused)?.claims;
        Ok(Claims(claims))
    }
}

#[cfg(unix)]
pub(super) fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?.write_all(bytes)
}

#[cfg(not(unix))]
fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::write(file, bytes)
}

/// Routes behind the gate. Who sends no token is let through without claims: routes that need a caller answer 401 themselves.
/// Answers carry the development clock's time, so that clients count from it.
pub(super) fn guarded(routes: Router, gate: Arc<Gate>, clock: Arc<DevClock>) -> Router {
    let dated = map_response(move |mut response: Response| {
        let now = chrono::DateTime::from_timestamp_millis(clock.now().millis()).unwrap_or_default();
        let date = HeaderValue::try_from(now.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        response.headers_mut().extend(date.map(|date| (DATE, date)));
        std::future::ready(response)
    });
    routes.layer(from_fn_with_state(gate, pass)).layer(dated)
}

async fn pass(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Result<Response, Problem> {
    // Claims come from here and nowhere else.
    request.extensions_mut().remove::<Claims>();
    if let Some(value) = request.headers().get(AUTHORIZATION) {
        let bearer = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")));
        let token = bearer.ok_or_else(|| Problem::new(401, "unauthorized", "send `Authorization: Bearer TOKEN`"))?;
        let claims = gate.verify(token.trim())?;
        request.extensions_mut().insert(claims);
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gateway's authorizer refuses a token before its `nbf`, so a development server must not take it either.
    #[test]
    fn a_token_of_tomorrow_is_not_taken_today() {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::load(folder.path()).unwrap();
        let now = gate.clock.now().millis() / 1_000;
        let with = |nbf: i64| {
            let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "nbf": nbf, "exp": now + 7 * 86_400 });
            gate.verify(&jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &gate.signing).unwrap())
        };
        assert!(with(now - 1).is_ok());
        assert_eq!(with(now + 86_400).unwrap_err().status, 401);
    }
}
