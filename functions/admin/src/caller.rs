//! Who calls, refused before anything else is read if their client, or they themselves, may not do this at all.

use approvals::app::commands::authority;
use approvals::identity::{Identity, Scope};
use approvals::store::directory::chain::Author;
use approvals::web::Worker;
use approvals::web::problem::Problem;
use approvals_domain::actor::Actor;
use approvals_domain::directory::authority::{Area, Office};
use approvals_domain::ids::PersonId;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::Service;
use crate::path::Named;

/// Somebody who administers, and by which right.
#[derive(Debug)]
pub(crate) struct Administrator {
    /// Who.
    pub(crate) identity: Identity,
    /// By which right.
    pub(crate) office: Office,
}

impl std::ops::Deref for Administrator {
    type Target = Identity;
    fn deref(&self) -> &Identity {
        &self.identity
    }
}

impl Administrator {
    async fn of(parts: &mut Parts, service: &Service, area: Area) -> Result<Self, Problem> {
        let identity = Identity::from_request_parts(parts, service).await?;
        let office = authority::administers(&service.directory, &identity, &service.first_admin, area).await?;
        Ok(Self { identity, office })
    }

    /// The one who writes, with fresh randomness.
    pub(crate) fn author<'a>(&'a self, service: &Service, actor: &'a Actor) -> Author<'a> {
        let author = Author::new(&self.tenant, actor, service.clock.now(), service.entropy.salt());
        let bootstrap = match self.office {
            Office::Bootstrap { ended_before } => Some(ended_before),
            Office::ApprovalAdmin | Office::DirectoryAdmin => None,
        };
        Author { bootstrap, ..author }
    }
}

/// Writes templates and endpoints.
#[derive(Debug)]
pub(crate) struct Writer(pub(crate) Administrator);

impl FromRequestParts<Service> for Writer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        Ok(Self(Administrator::of(parts, service, Area::Process).await?))
    }
}

/// Writes people, roles, calendars and settings.
#[derive(Debug)]
pub(crate) struct Registrar(pub(crate) Administrator);

impl FromRequestParts<Service> for Registrar {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        Ok(Self(Administrator::of(parts, service, Area::Directory).await?))
    }
}

/// Reads templates and the directory.
#[derive(Debug)]
pub(crate) struct Reader(pub(crate) Identity);

impl FromRequestParts<Service> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let identity = Identity::from_request_parts(parts, service).await?;
        identity.need_one(&[Scope::Read, Scope::Admin, Scope::Audit])?;
        authority::may_read(&service.directory, &identity).await?;
        Ok(Self(identity))
    }
}

/// Reads endpoints, whose addresses often carry a secret of their receiver.
#[derive(Debug)]
pub(crate) struct Keeper(pub(crate) Identity);

impl FromRequestParts<Service> for Keeper {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let identity = Identity::from_request_parts(parts, service).await?;
        identity.need_one(&[Scope::Admin, Scope::Audit])?;
        authority::may_keep(&service.directory, &identity, &service.first_admin).await?;
        Ok(Self(identity))
    }
}

/// A person at what is theirs alone, named in the path.
#[derive(Debug)]
pub(crate) struct Owner {
    /// Who.
    pub(crate) identity: Identity,
    /// The same person, as the path names them.
    pub(crate) id: PersonId,
}

impl FromRequestParts<Service> for Owner {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let Worker(identity) = Worker::from_request_parts(parts, service).await?;
        let Named(id) = Named::from_request_parts(parts, service).await?;
        authority::may_choose_for(&service.directory, &identity, &id).await?;
        Ok(Self { identity, id })
    }
}
