//! What the pages are part of: where they are reached, how people log in, who serves them.

use std::sync::Arc;

use approvals::app::App;
use approvals::secrets::{Cursors, Links};
use approvals::store::{Inboxes, Sessions, Stores};
use approvals::web::address::Address;
use approvals::wiring::{self, COOKIE, Client, Config};
use approvals_domain::directory::authority::FirstAdmin;
use approvals_domain::ids::TenantId;

use crate::oidc::{Oidc, Settings};

/// What pages touch.
#[derive(Debug)]
pub struct Parts {
    /// Requests and the directory.
    pub app: App,
    /// Where tasks and lists are found.
    pub inboxes: Inboxes,
    /// Of people in a browser.
    pub sessions: Sessions,
    /// Of long lists.
    pub cursors: Cursors,
    /// What seals a login that is under way.
    pub links: Links,
    /// Where the pages are reached, and how people log in.
    pub site: Site,
}

impl Parts {
    /// Over a table's rooms.
    pub fn new(stores: &Stores, app: App, (cursors, links): (Cursors, Links), site: Site) -> Self {
        let Stores { inboxes, sessions, .. } = stores.clone();
        Self { app, inboxes, sessions, cursors, links, site }
    }
}

/// What every page is given.
#[derive(Debug, Clone)]
pub struct Pages(Arc<Parts>);

impl Pages {
    /// Over these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for Pages {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Where the pages are reached, and how people log in.
#[derive(Debug)]
pub struct Site {
    /// Where people reach the service.
    pub address: Address,
    /// Name of the session's cookie.
    pub cookie: String,
    /// How people log in.
    pub login: Login,
    /// Names the installation on each page; may be empty.
    pub name: String,
    /// Who may become the first administrator.
    pub first_administrator: FirstAdmin,
}

/// How people log in.
#[derive(Debug)]
pub enum Login {
    /// By a button with their name: on a development server only.
    Buttons {
        /// Of the people who are listed.
        tenant: TenantId,
    },
    /// At the issuer that the API trusts.
    Oidc(Arc<Oidc>),
    /// Nobody can: only the pages behind links are served.
    Nobody,
}

impl Site {
    /// A development server's: buttons for the people of the tenant `default`.
    pub fn local(cookie: &str, tenant: TenantId) -> Self {
        Self {
            address: Address::local(None),
            cookie: cookie.to_owned(),
            login: Login::Buttons { tenant },
            name: String::new(),
            first_administrator: FirstAdmin::Anybody,
        }
    }

    /// A deployed service's, reached over TLS. Without `OIDC_CLIENT_ID` nobody logs in.
    ///
    /// # Errors
    /// The variable that is missing or wrong.
    pub fn deployed(config: &Config) -> Result<Self, wiring::Error> {
        let address = Address::deployed(config.public_address()?);
        let name = address.name().to_owned();
        let (cookie, first_administrator) = (COOKIE.to_owned(), config.first_administrator()?);
        let login = match config.login()? {
            None => Login::Nobody,
            Some(Client { issuer, id, secret, claims }) => {
                let settings = Settings { issuer, client: id, secret, claims };
                let wrong = |_| wiring::Error::wrong("ISSUER", "cannot be reached by TLS");
                Login::Oidc(Oidc::new(settings).map_err(wrong)?)
            }
        };
        Ok(Self { address, cookie, login, name, first_administrator })
    }

    /// The name of another cookie of ours.
    pub(crate) fn cookie_of(&self, what: &str) -> String {
        if self.address.tls() { format!("__Host-{what}") } else { what.to_owned() }
    }
}
