//! Vote: an approver's answer on a step.

use approvals_domain::actor::Channel;
use approvals_domain::command::{Command, Vote};
use approvals_domain::decide::decide;
use approvals_domain::ids::RequestId;

use super::execute::{Order, Outcome};
use super::idempotency::Tag;
use crate::app::{App, Error, Known};
use crate::identity::Identity;
use crate::store::Freshness;
use crate::store::requests::{Record, Text};
use crate::wire::api::{DecisionBody, check_words};

impl App {
    /// Whether a call with votes on many requests may go on. Each vote looks for its own earlier self in its request; this looks at the
    /// call as a whole, whatever requests it names.
    ///
    /// INVARIANT (I14): the same key with another body is refused.
    ///
    /// # Errors
    /// [`Error::KeyReused`] if the key came with another body before; a store that does not answer.
    pub async fn begin_bulk(&self, identity: &Identity, tag: &Tag) -> Result<(), Error> {
        let Some(digest) = tag.digest else { return Ok(()) };
        let kept = self.requests.keep_bulk(&identity.tenant, &tag.request_id(), digest).await?;
        if kept == digest { Ok(()) } else { Err(Error::KeyReused) }
    }

    /// Whether a vote would change a request as it stands. Writes nothing.
    ///
    /// # Errors
    /// The refusal that it would meet, or a store that does not answer.
    pub async fn weigh(&self, identity: &Identity, record: &Record, vote: Vote) -> Result<bool, Error> {
        let template = self.pinned(&identity.tenant, &record.state.template).await?;
        let (state, command) = (Some(record.state.clone()), Command::Vote(vote));
        let mut known = Known::nothing(Freshness::Strong);
        let events = self.ask(&record.state, &template, &identity.actor(), &mut known, |cx| decide(&state, &command, cx)).await?;
        Ok(!events.is_empty())
    }

    /// Votes on a step.
    ///
    /// # Errors
    /// [`Error`]: a fault of the body, a refusal, or a store that does not answer.
    pub async fn vote(&self, identity: &Identity, id: RequestId, body: DecisionBody, tag: Tag, channel: Channel) -> Result<Outcome, Error> {
        let DecisionBody { step, decision, payload_hash, revision, round, comment, on_behalf_of } = body;
        comment.as_deref().map_or(Ok(()), |words| check_words("/comment", words))?;
        let text = comment.map(|words| Text::new(self.entropy.salt(), &words));
        let comment = text.as_ref().map(Text::hash);
        let command = Command::Vote(Vote { step, decision, payload_hash, revision, round, on_behalf_of, comment });
        self.execute(Order::new(identity, id, tag, channel, command, text)).await
    }
}
