//! Resubmit: answers a return with a new revision.

use approvals_domain::actor::Channel;
use approvals_domain::command::{Command, Content, Resubmit, Results, Submit};
use approvals_domain::decide;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::payload::{Attachment, Payload};
use approvals_domain::refusal::Refusal;
use serde_json::Value;

use super::execute::{Order, Outcome};
use super::idempotency::Tag;
use super::submit::{Prepared, check_size, results};
use crate::app::{App, Error, Known};
use crate::identity::Identity;
use crate::store::Freshness;
use crate::store::requests::{Record, Text};
use crate::wire::api::{ResubmitBody, check_attachments, check_title, check_words};

impl App {
    /// Answers a return with a new revision.
    pub async fn resubmit(
        &self,
        identity: &Identity,
        id: &RequestId,
        body: ResubmitBody,
        tag: Tag,
        channel: Channel,
    ) -> Result<Outcome, Error> {
        let ResubmitBody { title, metadata, attachments, comment } = body;
        title.as_deref().map_or(Ok(()), check_title)?;
        attachments.as_deref().map_or(Ok(()), check_attachments)?;
        comment.as_deref().map_or(Ok(()), |words| check_words("/comment", words))?;
        check_size(&metadata)?;
        let tenant = &identity.tenant;
        let record = self.requests.load(tenant, id, Freshness::Strong).await?.ok_or(Refusal::NoRequest)?;
        let text = comment.map(|words| Text::new(self.entropy.salt(), &words));
        let actor = identity.actor();
        let template = self.pinned(tenant, &record.state.template).await?;
        let mut known = Known::nothing(Freshness::Strong);
        let may = self.ask(&record.state, &template, &actor, &mut known, |cx| decide::may_resubmit(&record.state, cx)).await;
        let (content, payload) = match may {
            Ok(()) => {
                self.revise(tenant, &record, title, metadata, attachments).await.map(|(content, payload)| (content, Some(payload)))?
            }
            // INVARIANT (authority before content): a refusal is given before the content is looked at. A retry still finds its commit.
            Err(Error::Refused(_)) => (Content { payload_hash: Hash::ZERO, results: Results::default() }, None),
            Err(error) => return Err(error),
        };
        let command = Command::Resubmit(Resubmit { comment: text.as_ref().map(Text::hash), content });
        let order =
            Order { content: payload, loaded: Some(Box::new(record)), ..Order::new(identity, id.clone(), tag, channel, command, text) };
        self.execute(order).await
    }

    /// Whether the caller may give a request a new revision now.
    ///
    /// # Errors
    /// The refusal, or a store that does not answer.
    pub async fn may_revise(&self, identity: &Identity, record: &Record) -> Result<(), Error> {
        let template = self.pinned(&identity.tenant, &record.state.template).await?;
        let mut known = Known::nothing(Freshness::Strong);
        self.ask(&record.state, &template, &identity.actor(), &mut known, |cx| decide::may_resubmit(&record.state, cx)).await
    }

    /// A new revision, checked and evaluated as if it were a new request: for its preview. Writes nothing.
    ///
    /// # Errors
    /// [`Error`]: a fault of the body, a refusal, or a store that does not answer.
    pub async fn prepare_revision(&self, identity: &Identity, record: &Record, body: ResubmitBody) -> Result<Prepared, Error> {
        let ResubmitBody { title, metadata, attachments, comment } = body;
        title.as_deref().map_or(Ok(()), check_title)?;
        comment.as_deref().map_or(Ok(()), |words| check_words("/comment", words))?;
        check_size(&metadata)?;
        self.may_revise(identity, record).await?;
        let (state, tenant) = (&record.state, &identity.tenant);
        let (content, payload) = self.revise(tenant, record, title, metadata, attachments).await?;
        let template = self.pinned(tenant, &state.template).await?;
        let (_, facts) = self.requester(tenant, state.asks(), Freshness::Strong).await?;
        let (of, entity) = (state.template.clone(), state.entity.clone());
        let requester = Some(state.asks().clone()).filter(|asks| *asks != identity.caller.id);
        let submit = Submit { template: of, entity, requester, previous: None, content };
        Ok(Prepared { template, submit, payload, facts })
    }

    async fn revise(
        &self,
        tenant: &TenantId,
        record: &Record,
        title: Option<String>,
        metadata: Value,
        attachments: Option<Vec<Attachment>>,
    ) -> Result<(Content, Payload), Error> {
        let state = &record.state;
        let template = self.pinned(tenant, &state.template).await?;
        // Whether the requester is still here does not matter: submitter and administrators may bring it to an end.
        let asks = state.asks();
        let found = self.directory.person(tenant, asks, Freshness::Strong).await?;
        let person = found.ok_or_else(|| Refusal::UnknownUser(asks.clone()))?;
        let calendar = self.followed_calendar(tenant, &template).await?;
        let results = Results { calendar, ..results(&template, &metadata, &state.entity, asks, &person)? };
        let kept = match attachments {
            Some(attachments) => attachments,
            None => self.requests.data(record).await?.map(|data| data.attachments).unwrap_or_default(),
        };
        let payload = Payload {
            salt: self.entropy.salt(),
            request: state.id.clone(),
            revision: state.revision + 1,
            template: state.template.clone(),
            entity: state.entity.clone(),
            requester: asks.clone(),
            title: title.unwrap_or_else(|| record.title().unwrap_or_default().to_owned()),
            metadata,
            attachments: kept,
        };
        Ok((Content { payload_hash: payload.hash(), results }, payload))
    }
}
