//! Earlier revisions: what stood in them, held to their payload hashes.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::commit::Sealed;
use approvals_domain::evolve::apply;
use approvals_domain::hash::Salt;
use approvals_domain::state::{Request, State};

use super::{Content, Data, Record};
use crate::store::keys::{self, Key};
use crate::store::{Error, Freshness, Item, Requests};

/// Content of one revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// One line.
    pub title: String,
    /// Metadata and attachments.
    pub data: Data,
}

impl Requests {
    /// A request as it stood when an earlier revision ended, with that revision's content.
    pub async fn as_of(&self, record: &Record, revision: u32) -> Result<Option<Record>, Error> {
        let (all, texts) = self.history(record).await?;
        let (mut state, mut commits): (State, Vec<Sealed>) = (None, Vec::new());
        for sealed in all {
            let next = apply(state.clone(), &sealed);
            if next.as_ref().is_some_and(|request| request.revision > revision) {
                break;
            }
            state = next;
            commits.push(sealed);
        }
        let Some(state) = state else { return Ok(None) };
        let content = if record.content.is_some() { Some(lying_beside(&self.beside(&state).await?, &state)?) } else { None };
        Ok(Some(Record { base: None, commits, content, texts, digests: BTreeMap::new(), callback: None, due: None, state }))
    }

    /// Contents of these revisions, by number. Erased ones are missing, and so is one whose content is damaged: it is in nobody's way, and
    /// shown to nobody.
    pub async fn revisions(&self, record: &Record, commits: &[Sealed], wanted: &BTreeSet<u32>) -> Result<BTreeMap<u32, Revision>, Error> {
        let present = &record.state;
        let mut found = BTreeMap::new();
        let Some(content) = record.content.as_ref().filter(|_| !wanted.is_empty()) else { return Ok(found) };
        let data = self.data(record).await?;
        found.extend(data.map(|data| (present.revision, Revision { title: content.title.clone(), data })));
        let earlier = states(commits, &wanted.iter().copied().filter(|number| *number < present.revision).collect());
        let keys: Vec<Key> = earlier.values().map(|state| keys::payload(&state.tenant, &state.id, &state.payload_hash)).collect();
        if keys.is_empty() {
            return Ok(found);
        }
        let mut items = self.table.batch_get(&keys, Freshness::Strong).await?;
        for (number, state) in &earlier {
            let key = keys::payload(&state.tenant, &state.id, &state.payload_hash);
            let at = items.iter().position(|item| item.key().is_some_and(|found| found == key));
            match at.map(|at| items.swap_remove(at)).map(|item| lying_beside(&item, state)) {
                Some(Ok(Content { title, inline: Some(data), .. })) => drop(found.insert(*number, Revision { title, data })),
                Some(Err(error)) => tracing::error!(%error, request = %state.id, "an earlier revision is left out"),
                Some(Ok(_)) | None => tracing::warn!(request = %state.id, revision = number, "an earlier revision is not there"),
            }
        }
        Ok(found)
    }
}

/// The content in an item of its own, held to the payload hash of a state.
fn lying_beside(item: &Item, state: &Request) -> Result<Content, Error> {
    let salt = Salt(item.b("sa")?.try_into().map_err(|_| item.wrong("salt"))?);
    let data = Data { metadata: item.s("md")?.to_owned(), attachments: item.opt_json("at")?.unwrap_or_default() };
    let mut content = Content { title: item.s("ti")?.to_owned(), salt, inline: None };
    content.check(state, &data).map_err(|what| item.wrong(what))?;
    content.inline = Some(data);
    Ok(content)
}

/// The request as it stood when each of these revisions began.
fn states(commits: &[Sealed], wanted: &BTreeSet<u32>) -> BTreeMap<u32, Request> {
    let mut found: BTreeMap<u32, Request> = BTreeMap::new();
    let mut state: State = None;
    for sealed in commits.iter().take_while(|_| !wanted.is_empty()) {
        state = apply(state, sealed);
        if let Some(request) = state.as_ref().filter(|request| wanted.contains(&request.revision)) {
            found.entry(request.revision).or_insert_with(|| request.clone());
        }
    }
    found
}
