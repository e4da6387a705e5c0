//! Who may call a port of this machine. A web page can reach loopback ports through the visitor's browser: by a name that resolves to
//! 127.0.0.1 (DNS rebinding), or by a request that needs no preflight. Both are refused here, before any route is looked at.
//!
//! - `Host` is a loopback name with the port of the server, or named by `--allow-host`: else 421.
//! - A foreign `Origin`, or `Sec-Fetch-Site` of another site: 403. A navigation that only reads is let through, so that links in mails work.
//! - `--allow-origin` lets a page read `/v1` and nothing else.
//! - What has an effect under `/_dev/` needs a header that no page can send without a preflight.

use std::net::SocketAddr;
use std::sync::Arc;

use approvals::web::problem::Problem;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, HOST, ORIGIN, VARY,
};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

/// A page of another site cannot send it without asking first.
pub const DEV_HEADER: HeaderName = HeaderName::from_static("approvals-dev");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Request headers of the API that a page of an allowed origin may send.
const ASKED: HeaderValue = HeaderValue::from_static("authorization, content-type, idempotency-key, if-match, approvals-channel");
/// Methods of the API.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// Response headers that such a page may read.
const SHOWN: HeaderValue = HeaderValue::from_static("date, etag, idempotent-replayed, link, location, retry-after");
/// How long a browser may remember the answer to a preflight, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// Names and origins that are let in besides the server's own.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Allowed {
    /// A further name that callers may use for this server, NAME or NAME:PORT, such as that of a proxy before it. Repeat for more.
    #[arg(long = "allow-host", value_name = "NAME", value_parser = host)]
    pub hosts: Vec<Authority>,
    /// An origin whose pages may call /v1, such as http://localhost:3000. Repeat for more.
    #[arg(long = "allow-origin", value_name = "ORIGIN", value_parser = origin)]
    pub origins: Vec<String>,
}

fn host(text: &str) -> Result<Authority, String> {
    let wrong = || format!("`{text}` is no host: expected NAME or NAME:PORT");
    text.parse().ok().filter(|host: &Authority| !host.host().is_empty() && !host.as_str().contains('@')).ok_or_else(wrong)
}

fn origin(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is no origin: expected SCHEME://HOST or SCHEME://HOST:PORT");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
    let bare = format!("{}://{authority}", uri.scheme_str().unwrap_or_default());
    if text == bare && !text.contains('@') { Ok(text.to_ascii_lowercase()) } else { Err(wrong()) }
}

/// The fence of one port.
#[derive(Debug, Clone)]
pub struct Fence {
    address: SocketAddr,
    allowed: Arc<Allowed>,
}

/// Why a call is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    Host,
    Origin,
    Unasked,
}

impl Fence {
    /// For a server that listens at `address`.
    pub fn new(address: SocketAddr, allowed: &Allowed) -> Self {
        Self { address, allowed: Arc::new(allowed.clone()) }
    }

    /// The routes behind the fence.
    pub fn around(self, routes: Router) -> Router {
        routes.layer(from_fn_with_state(self, pass))
    }

    fn is_ours(&self, authority: &Authority) -> bool {
        let name = authority.host().to_ascii_lowercase();
        let loopback = matches!(name.as_str(), "127.0.0.1" | "localhost" | "[::1]");
        let port = authority.port_u16().unwrap_or(80);
        let named = |host: &Authority| host.host().eq_ignore_ascii_case(&name) && host.port_u16().is_none_or(|wanted| wanted == port);
        !authority.as_str().contains('@') && (loopback && port == self.address.port() || self.allowed.hosts.iter().any(named))
    }

    /// The one host the call names, if it is ours. HTTP/1.1 may name it in the request line as well; both must be ours.
    fn host<'a>(&self, uri: &Uri, headers: &'a HeaderMap) -> Result<&'a str, Refused> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Refused::Host) };
        let text = host.to_str().map_err(|_| Refused::Host)?;
        let ours = |authority: &Authority| self.is_ours(authority);
        let named = text.parse().is_ok_and(|authority| ours(&authority));
        if named && uri.authority().is_none_or(ours) { Ok(text) } else { Err(Refused::Host) }
    }

    /// The origin to answer to, if the call comes from a page that may read `/v1`.
    fn judge(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Option<HeaderValue>, Refused> {
        let host = self.host(uri, headers)?;
        let (path, reads) = (uri.path(), matches!(*method, Method::GET | Method::HEAD));
        let dev = below(path, "/_dev");
        let is = |name: &HeaderName, value: &str| headers.get(name).is_some_and(|given| given == value);
        let origin = headers.get(ORIGIN);
        let text = origin.and_then(|origin| origin.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
        let own = ["http", "https"].iter().any(|scheme| text == format!("{scheme}://{host}").to_ascii_lowercase());
        // The page of a link keeps its address, which holds the token, from everybody: so its own form comes without an origin.
        let own = own || (text == "null" && is(&SEC_FETCH_SITE, "same-origin") && below(path, "/v1/actions"));
        // Pages of links lie below `/v1`, and are pages.
        let welcome = below(path, "/v1") && !below(path, "/v1/actions") && self.allowed.origins.contains(&text);
        let elsewhere = is(&SEC_FETCH_SITE, "cross-site") || is(&SEC_FETCH_SITE, "same-site");
        let foreign = origin.is_some() && !own || elsewhere;
        let visit = reads && is(&SEC_FETCH_MODE, "navigate") && !dev;
        if foreign && !welcome && !visit {
            return Err(Refused::Origin);
        }
        if dev && !reads && !is(&DEV_HEADER, "1") && !says_json(headers) {
            return Err(Refused::Unasked);
        }
        Ok(origin.filter(|_| welcome).cloned())
    }
}

/// Whether a path is `root` or below it.
fn below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn says_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

impl Refused {
    fn problem(self) -> Problem {
        match self {
            Self::Host => Problem::new(421, "foreign_host", "this server answers to its loopback address alone: see --allow-host"),
            Self::Origin => Problem::new(403, "foreign_origin", "pages of other origins may not call this server: see --allow-origin"),
            Self::Unasked => Problem::new(403, "dev_header_required", "send `Approvals-Dev: 1`, or a body of type `application/json`"),
        }
    }
}

async fn pass(State(fence): State<Fence>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method(), request.headers());
    let welcome = match fence.judge(method, request.uri(), headers) {
        Ok(welcome) => welcome,
        Err(refused) => return refused.problem().into_response(),
    };
    let Some(origin) = welcome else { return next.run(request).await };
    let preflight = method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    if preflight {
        headers.extend([
            (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (ACCESS_CONTROL_ALLOW_HEADERS, ASKED),
            (ACCESS_CONTROL_MAX_AGE, REMEMBERED),
        ]);
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, SHOWN);
    headers.append(VARY, HeaderValue::from_static("Origin"));
    response
}

#[cfg(test)]
mod tests;
