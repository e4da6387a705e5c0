//! What the pages are part of: where they are reached, how people log in, who serves them.

use approvals::web::Service;
use approvals_domain::ids::TenantId;
use std::sync::Arc;

/// What every page is given.
#[derive(Debug, Clone)]
pub struct Pages {
    pub(crate) service: Service,
    pub(crate) site: Arc<Site>,
}

impl Pages {
    /// Over the service's parts.
    pub fn new(service: Service, site: Site) -> Self {
        Self { service, site: Arc::new(site) }
    }
}

impl std::ops::Deref for Pages {
    type Target = Service;
    fn deref(&self) -> &Service {
        &self.service
    }
}

/// Where the pages are reached, and how people log in.
#[derive(Debug)]
pub struct Site {
    /// Where people reach the service, without a slash at its end; none: at `http://` and the call's `Host`, on a development server.
    pub address: Option<String>,
    /// Name of the session's cookie.
    pub cookie: String,
    /// How people log in.
    pub login: Login,
    /// Names the installation on each page; may be empty.
    pub name: String,
}

/// How people log in.
#[derive(Debug)]
pub enum Login {
    /// By a button with their name: on a development server only.
    Buttons {
        /// Of the people who are listed.
        tenant: TenantId,
    },
    /// Nobody can: only the pages behind links are served.
    Nobody,
}

impl Site {
    /// A development server's: buttons for the people of the tenant `default`.
    pub fn local(cookie: &str, tenant: TenantId) -> Self {
        Self { address: None, cookie: cookie.to_owned(), login: Login::Buttons { tenant }, name: String::new() }
    }

    /// The cookie goes over TLS only.
    pub(crate) fn secure(&self) -> bool {
        self.address.as_deref().is_some_and(|address| address.starts_with("https://"))
    }

    /// The origin that forms must come from.
    pub(crate) fn origin(&self, host: Option<&str>) -> Option<String> {
        self.address.clone().or_else(|| host.map(|host| format!("http://{host}")))
    }
}
