//! The directory changed: look at a request's open steps again.

use approvals_domain::actor::{Actor, Channel, SystemPart};
use approvals_domain::command::Command;
use approvals_domain::decide::decide;
use approvals_domain::ids::{RequestId, TenantId};

use super::execute::{How, Order};
use crate::app::{App, Error, Known, Question};
use crate::store::requests::Record;

/// The part of the service whose act it is.
const DIRECTORY: Actor = Actor::System { part: SystemPart::Directory };

impl App {
    /// Gives `Reroute`, on strong reads only: what it must not miss is the newest.
    ///
    /// # Errors
    /// [`Error`]: 404 if there is no such request, 409 `request_full`, 503 if the store is out of reach.
    pub async fn reroute(&self, tenant: &TenantId, request: &RequestId, id: String) -> Result<How, Error> {
        let order = Order::of_system(tenant.clone(), request.clone(), SystemPart::Directory, id, Command::Reroute);
        Ok(self.execute(order).await?.how)
    }

    /// Whether `Reroute` would change a request as it stands, by strong reads. Writes nothing. What is known of the tenant's people is taken from
    /// `known`, and what is found out is left there.
    ///
    /// # Errors
    /// [`Error`] if the store is out of reach.
    pub async fn is_out_of_date(&self, record: &Record, known: &mut Known) -> Result<bool, Error> {
        let request = &record.state;
        let template = self.pinned(&request.tenant, &request.template).await?;
        let now = self.clock.now().max(request.updated_at);
        let (tenant, id) = (&request.tenant, &request.id);
        let question = Question { tenant, request: id, actor: &DIRECTORY, channel: Channel::Api, now, template: &template };
        let state = Some(request.clone());
        let answer = question.settle(&self.directory, known, |cx| decide(&state, &Command::Reroute, cx)).await?;
        // Counted from this request's moment.
        known.facts.calendars.clear();
        Ok(answer.is_ok_and(|(events, _)| !events.is_empty()))
    }
}
