//! How people log in to a development server: by a button with their name, or at an issuer that is named.

use approvals::identity::ClaimNames;
use approvals::secrets::source::{Fixed, Password};
use approvals::web::address::Address;
use approvals_domain::directory::authority::FirstAdmin;
use approvals_domain::ids::{PersonId, TenantId};
use pages::oidc::{Oidc, Settings};
use pages::{Login, Site};

use super::Error;

/// Of the people who log in by a button.
const TENANT: &str = "default";

/// How people log in.
#[derive(Debug, Clone, clap::Args)]
pub struct Doors {
    /// Name of the session's cookie. Two servers on one machine need two names: browsers keep cookies for a host, whatever its port.
    #[arg(long, default_value = "session", value_name = "NAME")]
    pub cookie_name: String,
    /// Let people log in at this issuer, and not by buttons.
    #[arg(long, value_name = "URL", requires = "oidc_client_id")]
    pub oidc_issuer: Option<String>,
    /// The service's id at the issuer.
    #[arg(long, value_name = "ID")]
    pub oidc_client_id: Option<String>,
    /// Its secret there, if it has one.
    #[arg(long, value_name = "SECRET", env = "OIDC_CLIENT_SECRET", hide_env_values = true)]
    pub oidc_client_secret: Option<String>,
    /// Which subject may become the first administrator; anybody, until there is one, if none is named.
    #[arg(long, value_name = "SUBJECT")]
    pub first_admin: Option<String>,
}

impl Default for Doors {
    fn default() -> Self {
        let cookie_name = "session".to_owned();
        Self { cookie_name, oidc_issuer: None, oidc_client_id: None, oidc_client_secret: None, first_admin: None }
    }
}

impl Doors {
    /// Who may become the first administrator: whoever is named, else anybody.
    pub(super) fn first_admin(&self) -> Result<FirstAdmin, Error> {
        let Some(named) = &self.first_admin else { return Ok(FirstAdmin::Anybody) };
        PersonId::new(named.as_str()).map(FirstAdmin::Named).map_err(|error| Error::Login(format!("--first-admin: {error}")))
    }

    /// The pages' place, reached at an address.
    pub(super) fn site(&self, address: &str) -> Result<Site, Error> {
        let tenant = TenantId::new(TENANT).map_err(|error| Error::Login(error.to_string()))?;
        let site = Site { first_administrator: self.first_admin()?, ..Site::local(&self.cookie_name, tenant) };
        let (Some(issuer), Some(client)) = (self.oidc_issuer.clone(), self.oidc_client_id.clone()) else { return Ok(site) };
        let secret = self.oidc_client_secret.clone().map(|secret| Password::new(Fixed(secret)));
        let settings = Settings { issuer, client, secret, claims: ClaimNames::default() };
        let login = Login::Oidc(Oidc::new(settings).map_err(Error::Login)?);
        Ok(Site { address: Address::local(Some(address.to_owned())), login, ..site })
    }
}
