//! Pages of lists: how long, from where.

use approvals_domain::limits;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::problem::Problem;
use crate::identity::Identity;
use crate::store::Cursors;
use crate::wire::fault::Fault;

/// Where a page starts and how long it is.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 100, by default 25.
    pub limit: Option<usize>,
}

/// A list's name, bound to tenant and caller: what its cursors are good for.
#[derive(Debug)]
pub struct List<'a> {
    cursors: &'a Cursors,
    of: String,
}

impl<'a> List<'a> {
    /// The list of that name for this caller.
    pub fn new(cursors: &'a Cursors, identity: &Identity, name: &str) -> Self {
        Self { cursors, of: format!("{name} {} {}", identity.tenant, identity.caller.id) }
    }

    /// Where to go on, and how many items to show.
    pub async fn start<T: DeserializeOwned>(&self, paging: &Paging) -> Result<(Option<T>, usize), Problem> {
        let limit = match paging.limit.unwrap_or(limits::PAGE_DEFAULT) {
            limit @ 1..=limits::PAGE => limit,
            limit => {
                let detail = format!("`limit` is 1 to {}, not {limit}", limits::PAGE);
                return Err(Problem::new(400, "invalid_query", detail.clone()).at([Fault::new("/limit", "out_of_range", detail)]));
            }
        };
        let Some(cursor) = &paging.cursor else { return Ok((None, limit)) };
        let place = self.cursors.read(&self.of, cursor).await?;
        let place =
            place.ok_or_else(|| Problem::new(400, "invalid_cursor", "this cursor is not one of ours for this list; start without one"))?;
        Ok((Some(place), limit))
    }

    /// The cursor to what comes after a place, if there may be more.
    pub async fn next(&self, place: Option<impl Serialize>) -> Result<Option<String>, Problem> {
        match place {
            None => Ok(None),
            Some(place) => Ok(Some(self.cursors.sign(&self.of, &place).await?)),
        }
    }
}
