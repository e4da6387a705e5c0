//! What systems are told of a commit, made again from the commits whenever it is sent.

use approvals_domain::commit::Sealed;
use approvals_domain::evolve::{apply, replay};
use approvals_domain::state::Request;

use crate::app::{App, Error};
use crate::notice::Notice;
use crate::store::requests::Record;
use crate::store::{self, Freshness, Requests};
use crate::wire::event_v1::{self, Told};

impl App {
    /// The events of a notice's commit, as they were when it was made; none if the request is not there.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer, or if the request has another commit in that place.
    pub async fn told(&self, notice: &Notice) -> Result<Vec<Told>, Error> {
        let Some(request) = &notice.request else { return Ok(Vec::new()) };
        let Some(record) = self.requests.load(&notice.tenant, request, Freshness::Strong).await? else {
            tracing::warn!(notice = %notice.id, "a notice of a request that is not there");
            return Ok(Vec::new());
        };
        let (request, sealed) = at_version(&self.requests, &record, notice.version).await?;
        if sealed.hash != notice.commit {
            return Err(Error::Damaged("the request has another commit in the place of the one a notice is about".to_owned()));
        }
        Ok(event_v1::told(&request, record.title(), &sealed))
    }
}

/// A commit, and the request as it left it: from the item, or if it has moved on to a page, from the whole history.
async fn at_version(requests: &Requests, record: &Record, version: u64) -> Result<(Request, Sealed), store::Error> {
    let missing = |what: &str| store::Error::Damaged { at: record.state.id.to_string(), what: format!("{what} in version {version}") };
    if version > record.paged_version() {
        let mut state = record.base.clone();
        for sealed in &record.commits {
            state = apply(state, sealed);
            if sealed.commit.version == version {
                return Ok((state.ok_or_else(|| missing("no request"))?, sealed.clone()));
            }
        }
        return Err(missing("no commit"));
    }
    let (history, _) = requests.history(record).await?;
    let upto = history.iter().take_while(|sealed| sealed.commit.version <= version).map(|sealed| sealed.bytes.as_slice());
    let state = replay(None, upto).map_err(|error| missing(&error.to_string()))?;
    let sealed = history.iter().find(|sealed| sealed.commit.version == version).ok_or_else(|| missing("no commit"))?;
    Ok((state.ok_or_else(|| missing("no request"))?, sealed.clone()))
}
