//! Lists: a page of an index, then the requests themselves. Nothing is decided from an index.

use approvals_domain::ids::{PersonId, RequestId, TemplateKey, TenantId};
use approvals_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::keys::{self, Month};
use crate::store::{Ask, Error, Freshness, Range, Requests};

/// A window of creation times, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First.
    pub from: Timestamp,
    /// Last.
    pub to: Timestamp,
}

/// Where a list of requests goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Sort key of the last one read.
    #[serde(rename = "c")]
    pub created: String,
    /// The month being read, in lists by template.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
}

impl Requests {
    /// Ids of a requester's requests, newest first.
    pub async fn by_requester(
        &self,
        tenant: &TenantId,
        requester: &PersonId,
        window: Window,
        after: Option<&Place>,
        limit: i32,
    ) -> Result<(Vec<RequestId>, Option<Place>), Error> {
        let pk = keys::by_requester(tenant, requester);
        let (ids, last) = self.created_in(keys::BY_REQUESTER, &pk, window, after, limit).await?;
        Ok((ids, last.map(|created| Place { created, month: None })))
    }

    /// Ids of a template's requests, newest first, month by month. A page may be short, or empty at a month's end.
    pub async fn by_template(
        &self,
        tenant: &TenantId,
        template: &TemplateKey,
        window: Window,
        after: Option<&Place>,
        limit: i32,
    ) -> Result<(Vec<RequestId>, Option<Place>), Error> {
        let month = after.and_then(|place| place.month.as_deref()).and_then(Month::parse).unwrap_or_else(|| Month::of(window.to));
        let pk = keys::by_template(tenant, template, month);
        let (ids, last) = self.created_in(keys::BY_TEMPLATE, &pk, window, after, limit).await?;
        let next = match last {
            Some(created) => Some(Place { created, month: Some(month.to_string()) }),
            // A month is read to its end: the one before, from its own end.
            None if month > Month::of(window.from) => {
                Some(Place { created: keys::millis(window.to) + "~", month: Some(month.before().to_string()) })
            }
            None => None,
        };
        Ok((ids, next))
    }

    async fn created_in(
        &self,
        index: (&str, &str),
        pk: &str,
        window: Window,
        after: Option<&Place>,
        limit: i32,
    ) -> Result<(Vec<RequestId>, Option<String>), Error> {
        let from = keys::millis(window.from);
        // `~` sorts after every id; a place itself was read before, so the range ends just below it.
        let to = after.map_or_else(|| keys::millis(window.to) + "~", |place| below(&place.created));
        if from > to {
            return Ok((Vec::new(), None));
        }
        let sk = Range::Between(&from, &to);
        let ask =
            Ask { index: Some(index), sk, descending: true, limit: Some(limit), freshness: Freshness::Eventual, ..Ask::partition(pk) };
        let page = self.table.query(ask).await?;
        let last = page.next.as_ref().and_then(|key| key.get(keys::CREATED)).and_then(|v| v.as_s().ok()).cloned();
        let ids = page.items.iter().filter_map(|item| keys::parse_created(item.opt_s(keys::CREATED)?)).collect();
        Ok((ids, last))
    }
}

/// An upper bound that leaves out the key itself and nothing below it: keys end in a letter or digit, and `~` sorts after both.
fn below(created: &str) -> String {
    let mut chars: Vec<char> = created.chars().collect();
    if chars.last() == Some(&'~') {
        return created.to_owned();
    }
    match chars.pop() {
        Some(last) => {
            let lower = char::from_u32((last as u32).saturating_sub(1)).unwrap_or('\0');
            chars.push(lower);
            chars.push('~');
            chars.into_iter().collect()
        }
        None => String::new(),
    }
}
