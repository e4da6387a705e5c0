//! The loop that executes commands against requests: load, decide, commit, and again if somebody was faster. The directory has the one in
//! `commands/amend.rs`; there is no third.

use approvals_domain::actor::{Actor, Channel, SystemPart};
use approvals_domain::command::Command;
use approvals_domain::commit::{CommandTag, Commit, SCHEMA, Sealed};
use approvals_domain::decide::decide;
use approvals_domain::event::Event;
use approvals_domain::facts::{Facts, FactsQuery, Wanted};
use approvals_domain::hash::Hash;
use approvals_domain::ids::{RequestId, TenantId};
use approvals_domain::limits;
use approvals_domain::payload::Payload;
use approvals_domain::refusal::Refusal;
use approvals_domain::state::{Phase, State};
use approvals_domain::template::Template;
use approvals_domain::timers;

use super::idempotency::Tag;
use crate::app::{App, Error, Known, Question};
use crate::identity::Identity;
use crate::runtime::metrics::{Unit, emit_by};
use crate::store::requests::{self, Addition, Digest, Record, Text};
use crate::store::{Freshness, pause};

/// The tick comes each minute: what was due so long ago it has seen.
const TICK_MILLIS: i64 = 5 * 60_000;

/// A command with all that the shell adds to it.
#[derive(Debug, Clone)]
pub struct Order {
    /// The tenant.
    pub tenant: TenantId,
    /// The request.
    pub request: RequestId,
    /// Who asks.
    pub actor: Actor,
    /// The way it came.
    pub channel: Channel,
    /// The command's id: a retry carries the same.
    pub id: String,
    /// Over the body, if the caller gave a key: the same key with another body is refused.
    pub digest: Option<Digest>,
    /// No person is to hear of it.
    pub quiet: bool,
    /// What is asked.
    pub command: Command,
    /// Texts it names.
    pub texts: Vec<Text>,
    /// A new revision's content.
    pub content: Option<Payload>,
    /// Whom to tell when it is over.
    pub callback: Option<serde_json::Value>,
    /// Facts loaded on the way here, eventually consistent.
    pub facts: Facts,
    /// The request as loaded on the way here.
    pub loaded: Option<Box<Record>>,
}

impl Order {
    /// A command of the service itself, against a request that exists. The same cause makes the same id.
    pub fn of_system(tenant: TenantId, request: RequestId, part: SystemPart, id: String, command: Command) -> Self {
        Self {
            tenant,
            request,
            actor: Actor::System { part },
            channel: Channel::Api,
            id,
            digest: None,
            quiet: false,
            command,
            texts: Vec::new(),
            content: None,
            callback: None,
            facts: Facts::default(),
            loaded: None,
        }
    }

    /// A person's command against a request that exists.
    pub fn new(identity: &Identity, request: RequestId, tag: Tag, channel: Channel, command: Command, text: Option<Text>) -> Self {
        Self {
            tenant: identity.tenant.clone(),
            request,
            actor: identity.actor(),
            channel,
            id: tag.id,
            digest: tag.digest,
            quiet: tag.quiet,
            command,
            texts: text.into_iter().collect(),
            content: None,
            callback: None,
            facts: Facts::default(),
            loaded: None,
        }
    }
}

/// What became of an order.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The request as it is now.
    pub record: Record,
    /// How it came about.
    pub how: How,
}

/// How an outcome came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A commit was written now.
    Done,
    /// It was written by an earlier try of the same command.
    Replayed,
    /// What was asked holds already.
    Unchanged,
}

impl App {
    /// Executes a command against a request, or makes a new one.
    ///
    /// INVARIANT (I8): an answer is given only after the write; a refusal writes nothing.
    pub async fn execute(&self, order: Order) -> Result<Outcome, Error> {
        if let Some(person) = order.actor.person() {
            self.pace.take(&order.tenant, person, self.clock.now()).await?;
        }
        let (kind, mut conflicts) = (order.command.kind(), 0);
        let outcome = self.settled(order, &mut conflicts).await;
        if let Ok(Outcome { record, how }) = &outcome {
            // The commit's hash is the id by which logs are joined: relay's record and each delivery have it too.
            let (command, request) = (kind.as_str(), &record.state);
            let (tenant, version, commit) = (&request.tenant, request.version, &request.hash);
            tracing::info!(command, %tenant, request = %request.id, version, %commit, ?how, "a command was carried out");
        }
        let done = u64::from(matches!(&outcome, Ok(Outcome { how: How::Done, .. })));
        let counts = [("Commands", done, Unit::Count), ("Conflicts", conflicts, Unit::Count)];
        emit_by(("command", kind.as_str()), self.clock.now(), &counts);
        outcome
    }

    async fn settled(&self, mut order: Order, conflicts: &mut u64) -> Result<Outcome, Error> {
        let new = matches!(order.command, Command::Submit(_));
        let person = order.actor.person().map(|id| Wanted::Person(id.clone()));
        let first: FactsQuery = person.into_iter().filter(|_| order.facts.is_empty()).collect();
        let loaded = order.loaded.take();
        let (record, facts) = tokio::join!(self.first_look(new, loaded, &order.tenant, &order.request), async {
            self.directory.facts(&order.tenant, &first, Freshness::Strong).await
        });
        let mut record = record?;
        // System commands read strongly: no user waits, and nobody would notice a decision made on a stale read.
        let freshness = if order.actor.person().is_none() { Freshness::Strong } else { Freshness::Eventual };
        let mut known = Known { facts: facts?, freshness };
        known.facts.extend(std::mem::take(&mut order.facts));

        let (mut tried, mut closed): (Vec<(u64, Hash)>, Option<requests::Guard>) = (Vec::new(), None);
        // Up to which version the pages were searched. A keyed command may be a retry of long ago; any other looks only for what became
        // of its own writes, and those come after what is paged now.
        let mut looked = if order.digest.is_some() { 0 } else { record.as_ref().map_or(0, Record::paged_version) };
        for round in 0..limits::TRIES {
            pause(u32::try_from(round).unwrap_or(0)).await;
            if let Some(found) = &record
                && let Some(how) = self.earlier(found, &order, &tried, looked).await?
            {
                return Ok(Outcome { record: found.clone(), how });
            }
            looked = record.as_ref().map_or(looked, Record::paged_version);
            if let (Command::Submit(submit), Some(closed)) = (&mut order.command, &closed) {
                submit.previous = Some(closed.request.clone());
            }
            let of = match (&record, &order.command) {
                (Some(record), _) => record.state.template.clone(),
                (None, Command::Submit(submit)) => submit.template.clone(),
                (None, _) => return Err(Refusal::NoRequest.into()),
            };
            let template = self.pinned(&order.tenant, &of).await?;
            let Some(sealed) = self.decided(record.as_ref(), &template, &order, &mut known).await? else {
                let record = record.ok_or_else(|| Error::Broken("a submission without events".to_owned()))?;
                return Ok(Outcome { record, how: How::Unchanged });
            };
            tried.push((sealed.commit.version, sealed.hash));
            let (mut next, beside) = Record::after(record.as_ref(), addition(sealed, &order))?;
            // The tick notes who is late before it fires; others may come between a due time and its tick.
            let fired = matches!(order.actor, Actor::System { part: SystemPart::Escalation });
            let after = if fired { next.state.updated_at } else { next.state.updated_at.plus_millis(-TICK_MILLIS) };
            next.wind(timers::attention(&next.state, &template, after), fired);
            fits(&next)?;
            self.requests.write_beside(&order.tenant, &order.request, &beside).await?;
            let written = match (&order.command, record.is_some()) {
                (Command::Submit(_), false) => self.requests.create(&next, template.unique_entity, closed.as_ref()).await?,
                _ => self.requests.commit(&next).await?,
            };
            *conflicts += u64::from(!matches!(written, requests::Commit::Done));
            match written {
                requests::Commit::Done => return Ok(Outcome { record: next, how: How::Done }),
                requests::Commit::Conflict(present) => record = Some(*present),
                requests::Commit::Guarded(other) => closed = Some(self.must_be_closed(&order.tenant, other).await?),
                requests::Commit::Busy => {}
            }
        }
        Err(Error::Busy("many are writing to this request".to_owned()))
    }

    async fn first_look(
        &self,
        new: bool,
        loaded: Option<Box<Record>>,
        tenant: &TenantId,
        request: &RequestId,
    ) -> Result<Option<Record>, Error> {
        match loaded {
            Some(record) => Ok(Some(*record)),
            None if new => Ok(None),
            None => Ok(Some(self.requests.load(tenant, request, Freshness::Strong).await?.ok_or(Refusal::NoRequest)?)),
        }
    }

    /// Whether the request holds this command's commit already: inline, else in the pages.
    ///
    /// INVARIANT (I14): one command id, one commit; the same key with another body is refused.
    async fn earlier(&self, record: &Record, order: &Order, tried: &[(u64, Hash)], looked: u64) -> Result<Option<How>, Error> {
        let is_it = |sealed: &&Sealed| sealed.commit.command.id == order.id;
        let mut found = record.commits.iter().find(is_it).map(|sealed| (sealed.commit.version, sealed.hash, record.digests.clone()));
        if found.is_none() && record.paged_version() > looked {
            for page in self.requests.pages(&order.tenant, &order.request, looked).await? {
                let commits = page.commits.iter().filter_map(|bytes| serde_json::from_slice::<Commit>(bytes).ok());
                if let Some(commit) =
                    commits.into_iter().find(|commit| commit.command.id == order.id && commit.version <= record.paged_version())
                {
                    found = Some((commit.version, commit.seal().hash, page.digests));
                    break;
                }
            }
        }
        let Some((version, hash, digests)) = found else { return Ok(None) };
        if let (Some(given), Some(kept)) = (&order.digest, digests.get(&version))
            && given != kept
        {
            return Err(Error::KeyReused);
        }
        // A commit that was sealed here is ours, its answer lost on the way; any other was made by an earlier call.
        Ok(Some(if tried.contains(&(version, hash)) { How::Done } else { How::Replayed }))
    }

    /// Decides; `None`: there is nothing to do. A "no" is never given on facts that may be stale.
    async fn decided(
        &self,
        record: Option<&Record>,
        template: &Template,
        order: &Order,
        known: &mut Known,
    ) -> Result<Option<Sealed>, Error> {
        let state: State = record.map(|record| record.state.clone());
        let clock = self.clock.now();
        let now = state.as_ref().map_or(clock, |request| clock.max(request.updated_at));
        let (tenant, request, actor, channel) = (&order.tenant, &order.request, &order.actor, order.channel);
        let question = Question { tenant, request, actor, channel, now, template };
        let mut answer = question.settle(&self.directory, known, |cx| decide(&state, &order.command, cx)).await?;
        let doubtful = match &answer {
            Err(_) => true,
            Ok((events, _)) => {
                events.iter().any(|event| matches!(event, Event::Blocked { .. } | Event::Widened { .. } | Event::Rejected {}))
            }
        };
        if doubtful && known.freshness == Freshness::Eventual {
            *known = Known::nothing(Freshness::Strong);
            answer = question.settle(&self.directory, known, |cx| decide(&state, &order.command, cx)).await?;
        }
        let (events, facts) = answer?;
        if events.is_empty() {
            return Ok(None);
        }
        let (version, prev_hash) = state.as_ref().map_or((0, Hash::ZERO), |request| (request.version, request.hash));
        let command = CommandTag { id: order.id.clone(), kind: order.command.kind(), channel, quiet: order.quiet };
        let commit = Commit {
            schema: SCHEMA,
            tenant: tenant.clone(),
            request: request.clone(),
            version: version + 1,
            prev_hash,
            at: now,
            command,
            actor: actor.clone(),
            facts,
            events,
        };
        let sealed = commit.seal();
        if sealed.bytes.len() > limits::COMMIT_BYTES {
            return Err(Refusal::RequestFull("the commit would have more than 32 kB").into());
        }
        Ok(Some(sealed))
    }

    /// The guard's request, which a new one may follow only once it is over.
    async fn must_be_closed(&self, tenant: &TenantId, guard: requests::Guard) -> Result<requests::Guard, Error> {
        match self.requests.load(tenant, &guard.request, Freshness::Strong).await? {
            Some(record) if record.state.holds_entity() => Err(Refusal::EntityBusy(guard.request).into()),
            _ => Ok(guard),
        }
    }
}

fn addition(sealed: Sealed, order: &Order) -> Addition {
    Addition { sealed, texts: order.texts.clone(), content: order.content.clone(), digest: order.digest, callback: order.callback.clone() }
}

/// A request that grows too large for its item hears so while there is room left to end it.
fn fits(next: &Record) -> Result<(), Refusal> {
    let under_way = next.state.phase == Phase::Running;
    // Without a page there are at most 2 kB of commits and one more: nothing to measure.
    if under_way && next.base.is_some() && next.item().size() > limits::ITEM_BYTES {
        return Err(Refusal::RequestFull("it has grown too large for more; it can still be rejected, returned or cancelled"));
    }
    Ok(())
}
