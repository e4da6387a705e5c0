//! What systems are told of a commit, made again from the commits whenever it is sent.

use approvals_domain::commit::Sealed;
use approvals_domain::evolve::apply;
use approvals_domain::state::Request;

use crate::app::{App, Error};
use crate::notice::Notice;
use crate::store::requests::Record;
use crate::store::{self, Freshness};
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
        let Turn { after, sealed, .. } = self.turn(&record, notice.version).await?;
        if sealed.hash != notice.commit {
            return Err(Error::Damaged("the request has another commit in the place of the one a notice is about".to_owned()));
        }
        Ok(event_v1::told(&after, record.title(), &sealed))
    }

    /// A commit, and the request on both sides of it: from the item, or if it has moved on to a page, from the whole history.
    ///
    /// # Errors
    /// [`Error`] if the store does not answer, or the request has no such commit.
    pub async fn turn(&self, record: &Record, version: u64) -> Result<Turn, Error> {
        let missing = |what: &str| store::Error::Damaged { at: record.state.id.to_string(), what: format!("{what} in version {version}") };
        let (mut state, commits) = if version > record.paged_version() {
            (record.base.clone(), record.commits.clone())
        } else {
            (None, self.requests.history(record).await?.0)
        };
        for sealed in commits {
            if sealed.commit.version < version {
                state = apply(state, &sealed);
                continue;
            }
            let after = apply(state.clone(), &sealed).ok_or_else(|| missing("no request"))?;
            return Ok(Turn { before: state, after, sealed });
        }
        Err(missing("no commit").into())
    }
}

/// A commit, and the request on both sides of it.
#[derive(Debug, Clone)]
pub struct Turn {
    /// None: the commit makes the request.
    pub before: Option<Request>,
    /// As the commit left it.
    pub after: Request,
    /// The commit.
    pub sealed: Sealed,
}
