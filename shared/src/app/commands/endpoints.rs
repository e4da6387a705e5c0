//! Webhook endpoints and their secrets.

use approvals_domain::directory::delegation::Undecided;
use approvals_domain::directory::{Amendment, Attempt, DirectoryEvent, endpoint};
use approvals_domain::ids::EndpointId;

use super::{Amend, Amended, amend};
use crate::app::Error;
use crate::store::directory::chain::Author;
use crate::store::directory::endpoints::{Endpoint, EndpointWrite, StoredEndpoint};
use crate::store::{self, Directory};

/// Writes an endpoint, removes it, or gives it a new secret.
#[derive(Debug)]
pub struct AmendEndpoint<'a> {
    /// Which.
    pub id: &'a EndpointId,
    /// What is written.
    pub write: EndpointWrite<'a>,
}

/// An endpoint as read for a write.
#[derive(Debug)]
pub struct ReadEndpoint {
    stored: StoredEndpoint,
    view: endpoint::View,
}

impl AmendEndpoint<'_> {
    fn fresh(&self) -> Option<&str> {
        match self.write {
            EndpointWrite::Put { fresh, .. } | EndpointWrite::Rotate { fresh } => Some(fresh),
            EndpointWrite::Remove => None,
        }
    }
}

impl Amended<ReadEndpoint> {
    /// Whether the endpoint was not there, so that the secret `fresh` is its first one.
    pub fn is_new(&self, fresh: &str) -> bool {
        let ours = self.before.stored.secrets.as_ref().is_some_and(|secrets| secrets.present == fresh);
        ours || self.changed && self.before.stored.endpoint.is_none()
    }
}

impl Amend for AmendEndpoint<'_> {
    type View = ReadEndpoint;
    type Event = DirectoryEvent;
    const WHAT: &'static str = "the endpoint";

    async fn load(&self, directory: &Directory, author: &Author<'_>, tried: Option<u64>) -> Result<ReadEndpoint, Error> {
        // An earlier attempt whose answer was lost may have made the secret.
        let with_secrets = tried.is_some() || matches!(self.write, EndpointWrite::Rotate { .. });
        let stored = directory.stored_endpoint(author.tenant, self.id, with_secrets).await?;
        let adds = stored.endpoint.is_none() && matches!(self.write, EndpointWrite::Put { .. });
        let endpoints = if adds { directory.endpoints(author.tenant).await?.len() } else { 0 };
        let secret_signs = stored.secrets.as_ref().is_some_and(|secrets| Some(secrets.present.as_str()) == self.fresh());
        let present = stored.endpoint.as_ref().map(Endpoint::webhook);
        let same_letters = stored.named.clone().filter(|named| named != self.id);
        let view = endpoint::View { version: stored.version, present, same_letters, endpoints, secret_signs };
        Ok(ReadEndpoint { view, stored })
    }

    fn version(read: &ReadEndpoint) -> u64 {
        read.view.version
    }

    fn decide(&self, read: &ReadEndpoint, attempt: &Attempt) -> Result<Amendment, Undecided> {
        Ok(match self.write {
            EndpointWrite::Put { endpoint, .. } => endpoint::decide(&read.view, endpoint::Command::Put(&endpoint.webhook()), attempt)?,
            EndpointWrite::Remove => endpoint::decide(&read.view, endpoint::Command::Remove, attempt)?,
            EndpointWrite::Rotate { .. } => endpoint::decide(&read.view, endpoint::Command::Rotate, attempt)?,
        })
    }

    async fn commit(
        &mut self,
        directory: &Directory,
        author: &Author<'_>,
        read: &ReadEndpoint,
        event: DirectoryEvent,
    ) -> Result<bool, store::Error> {
        directory.write_endpoint(author, self.id, &read.stored, self.write, event).await
    }
}

/// Switches an endpoint off, if it is still the version that was read: its receiver said that it is gone. An act of the service.
///
/// # Errors
/// [`approvals_domain::refusal::Refusal::PreconditionFailed`] if somebody changed it meanwhile.
pub async fn switch_off_endpoint(
    directory: &Directory,
    author: &Author<'_>,
    id: &EndpointId,
    (read, version): (&Endpoint, u64),
) -> Result<(), Error> {
    let off = Endpoint { active: false, ..read.clone() };
    // The endpoint is there in the version that was read, or the write is refused: no secret is ever made here.
    let write = EndpointWrite::Put { endpoint: &off, fresh: "" };
    amend(directory, author, Some(version), AmendEndpoint { id, write }).await.map(drop)
}
