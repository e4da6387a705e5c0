//! OpenID Connect: the authorization code flow with PKCE, against the issuer that the API trusts too.
//!
//! A login that is under way is a sealed cookie of its own, so that several may be open side by side, and nothing is stored for strangers.

mod http;
mod provider;
mod token;

use std::sync::Arc;

use approvals::identity::{ClaimNames, Claims, Identity};
use approvals::runtime::clock::Clock;
use approvals::runtime::entropy::Entropy;
use approvals::secrets::Links;
use approvals::secrets::source::Password;
use approvals_domain::ids::PersonId;
use approvals_domain::time::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use approvals::web::form::encoded;
use http::Form;
use provider::Provider;
use token::Expected;

/// A login that began longer ago is over.
pub(crate) const LOGIN_MILLIS: i64 = 10 * 60_000;
/// What the sealed cookie is for.
const PURPOSE: &[u8] = b"login";

/// How people log in, as it is configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The issuer, letter by letter.
    pub issuer: String,
    /// Our id there.
    pub client: String,
    /// Our secret there; none: PKCE alone.
    pub secret: Option<Password>,
    /// Which claims of the ID token say who somebody is.
    pub claims: ClaimNames,
}

/// A client of an issuer.
#[derive(Debug)]
pub struct Oidc {
    settings: Settings,
    provider: Provider,
    /// The issuer's tokens are of the world's time, whatever a development server's clock says.
    clock: Clock,
}

/// A login that is under way: in its cookie, sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    /// Where the issuer sends the person back to.
    callback: String,
    next: String,
    fresh: bool,
    begun: Timestamp,
}

/// Where to send somebody, and the cookie to send them with.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) address: String,
    pub(crate) state: String,
    pub(crate) cookie: String,
}

/// Somebody who has logged in.
#[derive(Debug)]
pub(crate) struct LoggedIn {
    pub(crate) identity: Identity,
    /// How long ago they proved who they are.
    pub(crate) age_seconds: i64,
    pub(crate) next: String,
    /// As the issuer calls them, if it says.
    pub(crate) name: String,
    /// As the issuer knows it, if it says.
    pub(crate) email: String,
}

/// Why somebody is not logged in.
#[derive(Debug)]
pub(crate) enum Error {
    /// What they can do about it: begin anew.
    Again(&'static str),
    /// The issuer knows them by a name that nobody here can have.
    Stranger(String),
    /// The issuer does not answer, or not as it must. For the log.
    Issuer(String),
    /// The secret that seals cookies cannot be had.
    Secret(approvals::secrets::Error),
}

impl From<approvals::secrets::Error> for Error {
    fn from(error: approvals::secrets::Error) -> Self {
        Self::Secret(error)
    }
}

/// What the token endpoint answers.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

impl Oidc {
    /// A client of an issuer.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(settings: Settings) -> Result<Arc<Self>, String> {
        let provider = Provider::new(settings.issuer.clone())?;
        Ok(Arc::new(Self { settings, provider, clock: Clock::system() }))
    }

    /// Begins a login of somebody who reaches the pages at `origin`. `fresh`: the person must prove now who they are.
    pub(crate) async fn begin(&self, links: &Links, entropy: &Entropy, origin: &str, (next, fresh): (&str, bool)) -> Result<Begun, Error> {
        let now = self.clock.now();
        let places = self.provider.places(now).await.map_err(Error::Issuer)?;
        let (state, nonce) = (entropy.command_id(), entropy.command_id());
        let verifier = format!("{}{}", entropy.command_id(), entropy.command_id());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let callback = format!("{origin}/login/callback");
        let mark = if places.authorization_endpoint.contains('?') { '&' } else { '?' };
        let mut address = format!("{}{mark}response_type=code&response_mode=query", places.authorization_endpoint);
        for (name, value) in [
            ("scope", "openid profile email"),
            ("code_challenge_method", "S256"),
            ("code_challenge", challenge.as_str()),
            ("client_id", &self.settings.client),
            ("redirect_uri", &callback),
            ("state", &state),
            ("nonce", &nonce),
        ] {
            address.push_str(&format!("&{name}={}", component(value)));
        }
        if fresh {
            address.push_str("&prompt=login&max_age=0");
        }
        let pending = Pending { state: state.clone(), nonce, verifier, callback, next: next.to_owned(), fresh, begun: now };
        let content = serde_json::to_vec(&pending).map_err(|error| Error::Issuer(error.to_string()))?;
        let sealed = links.seal_form(&[PURPOSE, state.as_bytes()], &content).await?;
        Ok(Begun { address, state, cookie: URL_SAFE_NO_PAD.encode(sealed) })
    }

    async fn pending(links: &Links, state: &str, cookie: &str, now: Timestamp) -> Result<Pending, Error> {
        const STALE: Error = Error::Again("The login took too long, or was begun in another browser. Begin it once more.");
        let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| STALE)?;
        let content = links.open_form(&[PURPOSE, state.as_bytes()], &sealed).await?.ok_or(STALE)?;
        let pending: Pending = serde_json::from_slice(&content).map_err(|_| STALE)?;
        if pending.state != state || now >= pending.begun.plus_millis(LOGIN_MILLIS) { Err(STALE) } else { Ok(pending) }
    }

    /// Ends a login: who it was, by the issuer's word.
    pub(crate) async fn finish(&self, links: &Links, state: &str, code: &str, cookie: &str) -> Result<LoggedIn, Error> {
        let now = self.clock.now();
        let pending = Self::pending(links, state, cookie, now).await?;
        let places = self.provider.places(now).await.map_err(Error::Issuer)?;
        let secret = match &self.settings.secret {
            Some(secret) => Some(secret.read().await.map_err(|error| Error::Issuer(format!("our secret there cannot be read: {error}")))?),
            None => None,
        };
        let form = self.form(code, &pending, secret.as_deref(), places.secret_in_body());
        let answer = self.provider.exchange(&places, form).await.map_err(Error::Issuer)?;
        let tokens: Tokens = serde_json::from_slice(&answer).map_err(|_| Error::Issuer("the answer has no `id_token`".to_owned()))?;
        let (algorithm, kid) = token::named(&tokens.id_token).map_err(Error::Issuer)?;
        let key = self.provider.key(kid.as_deref(), now).await.map_err(Error::Issuer)?;
        let key = key.ok_or_else(|| Error::Issuer("the ID token is signed by an unknown key".to_owned()))?;
        let begun = pending.begun.millis() / 1_000;
        let Settings { issuer, client, .. } = &self.settings;
        let expected = Expected { issuer, client, nonce: &pending.nonce, fresh: pending.fresh, begun, now };
        let claims = token::claims(&tokens.id_token, algorithm, &key, &expected).map_err(Error::Issuer)?;
        self.read(claims, pending.next, now)
    }

    fn form(&self, code: &str, pending: &Pending, secret: Option<&str>, secret_in_body: bool) -> Form {
        let Settings { client, .. } = &self.settings;
        let mut body = format!(
            "grant_type=authorization_code&code={}&redirect_uri={}&code_verifier={}&client_id={}",
            component(code),
            component(&pending.callback),
            pending.verifier,
            component(client)
        );
        let basic = secret.and_then(|secret| {
            if secret_in_body {
                body.push_str(&format!("&client_secret={}", component(secret)));
                return None;
            }
            Some(format!("Basic {}", STANDARD.encode(format!("{}:{}", component(client), component(secret)))))
        });
        Form { body, basic }
    }

    fn read(&self, claims: Map<String, Value>, next: String, now: Timestamp) -> Result<LoggedIn, Error> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, email) = (text("name"), text("email"));
        // Without `auth_time` all that is known is that somebody was logged in once: that satisfies no step that demands a login.
        let auth_time = claims.get("auth_time").and_then(Value::as_i64).unwrap_or(0);
        let age_seconds = (now.millis() / 1_000 - auth_time).max(0);
        let subject = text(&self.settings.claims.subject);
        if !subject.is_empty() && PersonId::new(subject.as_str()).is_err() {
            return Err(Error::Stranger(subject));
        }
        let identity = Identity::of(&Claims(claims), &self.settings.claims).map_err(|error| Error::Issuer(error.to_string()))?;
        Ok(LoggedIn { identity, age_seconds, next, name, email })
    }

    /// Where somebody logs out of the issuer too; empty: nowhere.
    pub(crate) async fn end_session(&self, back: &str) -> String {
        let end = self.provider.places(self.clock.now()).await.ok().and_then(|places| places.end_session_endpoint.clone());
        end.map_or_else(String::new, |end| {
            let mark = if end.contains('?') { '&' } else { '?' };
            format!("{end}{mark}client_id={}&post_logout_redirect_uri={}", component(&self.settings.client), component(back))
        })
    }
}

/// A text as one component of a query or a form.
fn component(text: &str) -> String {
    encoded(text).replace('/', "%2F")
}
