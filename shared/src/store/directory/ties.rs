//! What a person's links, sessions, memberships and delegations are tied to, as it lies beside the person.

use approvals_domain::directory::DirectoryEvent;
use approvals_domain::directory::user::Ties;
use approvals_domain::ids::{PersonId, TenantId};
use approvals_domain::time::Timestamp;

use super::{PersonRecord, User};
use crate::store::keys;
use crate::store::{Directory, Error, Freshness, Item};

/// The epoch of links and sessions.
const EPOCH: &str = "ep";
/// The term of memberships and delegations; also beside each of these, as it was when it was written.
pub(crate) const TERM: &str = "tm";
/// When they left.
pub(crate) const LEFT: &str = "la";
/// When their address changed last.
const MOVED: &str = "ma";
/// For so long after a change of address no mail carries a link that acts.
const SETTLING_MILLIS: i64 = 7 * 24 * 3_600_000;

/// What a link or a session of somebody is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reachable {
    /// They have not left.
    pub active: bool,
    /// The epoch now.
    pub link_epoch: u32,
    /// Their address is too new for a link that acts.
    pub settling: bool,
}

/// What stands beside a person after a write.
pub(super) struct After {
    pub(super) ties: Ties,
    left_at: Option<Timestamp>,
    moved_at: Option<Timestamp>,
}

impl After {
    pub(super) fn put(&self, item: Item) -> Item {
        let moment = |item: Item, name, at: Option<Timestamp>| at.map_or(item.clone(), |at| item.number(name, at.millis()));
        let item = put(put(item, EPOCH, self.ties.link_epoch), TERM, self.ties.term);
        moment(moment(item, LEFT, self.left_at), MOVED, self.moved_at)
    }
}

/// What stands beside a person once an event of theirs holds.
pub(super) fn after(before: Option<(&PersonRecord, &Item)>, user: &User, event: &DirectoryEvent, now: Timestamp) -> Result<After, Error> {
    let ties = match event {
        DirectoryEvent::User { link_epoch, term, .. } => Ties { link_epoch: *link_epoch, term: *term },
        _ => Ties::default(),
    };
    let Some((record, main)) = before else { return Ok(After { ties, left_at: None, moved_at: None }) };
    let left_at = match (record.user.active, user.active) {
        (_, true) => None,
        (true, false) => Some(now),
        (false, false) => record.left_at,
    };
    let moved_at = if record.user.email == user.email { moment(main, MOVED)? } else { Some(now) };
    Ok(After { ties, left_at, moved_at })
}

/// A number that is left out while it is 0.
pub(super) fn put(item: Item, name: &'static str, number: u32) -> Item {
    if number == 0 { item } else { item.number(name, number) }
}

pub(super) fn of(main: &Item) -> Result<Ties, Error> {
    Ok(Ties { link_epoch: term_of(main, EPOCH)?, term: term_of(main, TERM)? })
}

pub(super) fn term_of(item: &Item, name: &str) -> Result<u32, Error> {
    u32::try_from(item.opt_n(name).unwrap_or(0)).map_err(|_| item.wrong(name))
}

pub(super) fn moment(item: &Item, name: &str) -> Result<Option<Timestamp>, Error> {
    let millis = item.opt_n(name).map(i64::try_from).transpose().map_err(|_| item.wrong(name))?;
    Ok(millis.map(Timestamp::from_millis))
}

impl Directory {
    /// What a link or a session of a person is held to; none: nobody has that id.
    ///
    /// # Errors
    /// [`Error`] if the store is out of reach.
    pub async fn reachable(
        &self,
        tenant: &TenantId,
        id: &PersonId,
        now: Timestamp,
        freshness: Freshness,
    ) -> Result<Option<Reachable>, Error> {
        let Some(main) = self.table.get(&keys::person(tenant, id), freshness).await? else { return Ok(None) };
        let settling = moment(&main, MOVED)?.is_some_and(|moved| now < moved.plus_millis(SETTLING_MILLIS));
        Ok(Some(Reachable { active: main.of_json::<User>("d")?.active, link_epoch: of(&main)?.link_epoch, settling }))
    }
}
