//! Where people and programs reach the service.

use http::HeaderMap;
use http::header::HOST;

/// A site's address: the one that is said, else that of each call. Nobody can choose the latter: API Gateway takes calls for its own names
/// only, and so does the development server's fence.
#[derive(Debug, Clone)]
pub struct Address {
    said: Option<String>,
    tls: bool,
}

impl Address {
    /// A deployed service's, reached over TLS; without a slash at its end.
    pub const fn deployed(said: Option<String>) -> Self {
        Self { said, tls: true }
    }

    /// A development server's; without a slash at its end.
    pub const fn local(said: Option<String>) -> Self {
        Self { said, tls: false }
    }

    /// It is reached over TLS.
    pub const fn tls(&self) -> bool {
        self.tls
    }

    /// Its host, if it is said.
    pub fn name(&self) -> &str {
        self.said.as_deref().and_then(|said| said.split_once("://")).map_or("", |(_, name)| name)
    }

    /// Scheme and host of a call, such as `https://approvals.example.com`; none, if the call names no host.
    pub fn of(&self, call: &HeaderMap) -> Option<String> {
        let scheme = if self.tls { "https" } else { "http" };
        let named = || call.get(HOST)?.to_str().ok().map(|host| format!("{scheme}://{host}"));
        self.said.clone().or_else(named)
    }
}
