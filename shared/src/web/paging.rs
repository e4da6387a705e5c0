//! Pages of lists: how long, from where.

use approvals_domain::limits;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::Service;
use super::problem::Problem;
use crate::app::App;
use crate::identity::Identity;
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
    service: &'a Service,
    of: String,
}

impl<'a> List<'a> {
    /// The list of that name for this caller.
    pub fn new(service: &'a Service, identity: &Identity, name: &str) -> Self {
        Self { service, of: format!("{name} {} {}", identity.tenant, identity.caller.id) }
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
        let App { store, entropy, cursors, .. } = &**self.service;
        let place = cursors.read(store, entropy, &self.of, cursor).await?;
        let place =
            place.ok_or_else(|| Problem::new(400, "invalid_cursor", "this cursor is not one of ours for this list; start without one"))?;
        Ok((Some(place), limit))
    }

    /// The cursor to what comes after a place, if there may be more.
    pub async fn next(&self, place: Option<impl Serialize>) -> Result<Option<String>, Problem> {
        let App { store, entropy, cursors, .. } = &**self.service;
        match place {
            None => Ok(None),
            Some(place) => Ok(Some(cursors.sign(store, entropy, &self.of, &place).await?)),
        }
    }
}
