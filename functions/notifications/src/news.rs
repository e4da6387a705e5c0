//! News of the directory: a change of somebody's address, told to both addresses; in [`offices`], who administers and what becomes of them; and,
//! in [`begun`], who may act from now on.

use approvals::app;
use approvals::app::queries::brief::moment;
use approvals::notice::{Audience, Notice};
use approvals::outbox::notices::of_directory;
use approvals::runtime::metrics::refused;
use approvals::store::directory::DirectoryChange;
use approvals_domain::directory::DirectoryEvent;
use approvals_domain::ids::{DelegationId, PersonId};

use crate::channel::Recipient;
use crate::mail::{MAIL, Words};
use crate::names::{by, named};
use crate::offices::{Deed, UNEXPECTED};
use crate::sheet::{News, Place};
use crate::{Desk, begun, left, offices};

/// What a change of address means for links.
const MOVED: &str =
    "For seven days no mail to you has a link that acts by itself: its page asks you to log in. Links of earlier mails do nothing.";

/// Everybody who hears of a change of the directory.
///
/// INVARIANT (true notices): nobody hears of what no commit says.
pub(crate) async fn recipients(desk: &Desk, notice: &Notice) -> Result<Vec<Recipient>, app::Error> {
    let object = notice.object.as_deref().unwrap_or_default();
    let change = desk.app.directory.directory_change(&notice.tenant, object, notice.version).await?;
    let plain = Notice { retry: None, ..notice.clone() };
    let Some(change) = change.filter(|change| of_directory(&change.commit, change.hash).contains(&plain)) else {
        tracing::error!(notice = %notice.id, "a notice says what no commit of the directory says; it is dropped");
        refused(desk.now(), "untrue_notice");
        return Ok(Vec::new());
    };
    match (&notice.audience, &change.commit.event) {
        (Audience::Person(id), DirectoryEvent::Delegation { from, to, starts_at, revoked: true, .. }) => {
            // Who never heard of it, since it had not begun, hears nothing of its end.
            let known = id == from || *starts_at <= notice.at;
            Ok(if known { begun::ended(desk, notice, &change, (id, from, to)).await? } else { None }.into_iter().collect())
        }
        (Audience::Person(id), DirectoryEvent::Delegation { from, .. }) => {
            let delegation = object.strip_prefix("delegation/").and_then(|id| DelegationId::new(id).ok());
            let Some(delegation) = delegation else { return Ok(Vec::new()) };
            if id == from {
                return Ok(begun::lent(desk, notice, &change, &delegation).await?.into_iter().collect());
            }
            begun::stands_in(desk, notice, &change, &delegation).await
        }
        (Audience::Person(id), DirectoryEvent::Member { role, member: true, .. }) => begun::joined(desk, notice, &change, (id, role)).await,
        (Audience::Person(id), DirectoryEvent::Member { role, member: false, .. }) => {
            Ok(offices::put_out(desk, notice, &change, (role, id)).await?.into_iter().collect())
        }
        (Audience::Person(id), _) => {
            let mut told: Vec<Recipient> = of_person(desk, notice, &change, id, true).await?.into_iter().collect();
            match change.before.as_ref().zip(change.user.as_ref()).map(|(before, after)| (before.active, after.active)) {
                Some((false, true)) => told.extend(begun::back(desk, notice, &change, id).await?),
                Some((true, false)) => told.extend(left::left(desk, notice, &change, id).await?),
                _ => {}
            }
            Ok(told)
        }
        (Audience::FormerAddress(id), _) => Ok(of_person(desk, notice, &change, id, false).await?.into_iter().collect()),
        (Audience::Administrators, DirectoryEvent::Member { role, user, member, .. }) => {
            offices::appointed(desk, notice, &change, (role, user, *member)).await
        }
        (Audience::Administrators, DirectoryEvent::User { .. }) => offices::touched(desk, notice, &change).await,
        _ => Ok(Vec::new()),
    }
}

/// Whose address changed, at the new address or at the one before; and, at the new one, what another did to somebody who administers. Nobody
/// switches this off: it may be news of a theft.
async fn of_person(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    id: &PersonId,
    now: bool,
) -> Result<Option<Recipient>, app::Error> {
    let Some((before, after)) = change.before.as_ref().zip(change.user.as_ref()) else { return Ok(None) };
    let (to, moved) = (if now { after } else { before }, before.email != after.email);
    if to.email.is_empty() || !notice.is_for(MAIL, id.as_str()) || !(now || moved) {
        return Ok(None);
    }
    let deed = offices::deed(desk, notice, change, id).await?.filter(|deed| *deed != Deed::Moved);
    // At an address that nobody reads any more the clock is the person's all the same.
    let (chosen, _) = desk.app.directory.preferences(&notice.tenant, id).await?;
    let zone = desk.app.zone_of(&notice.tenant, chosen.time_zone.as_deref(), to.time_zone.as_deref()).await?;
    let (zone, by) = (zone.and_then(|name| name.parse().ok()).unwrap_or(chrono_tz::Tz::UTC), by(desk, &change.commit).await?);
    let when = moment(notice.at, zone);
    let mut sentences = Vec::new();
    if let Some(deed) = deed {
        sentences.extend(deed.own_sentences(&by, id, &when));
    }
    if moved {
        let which = if now { "Mails to you come to this address from now on." } else { "Mails to you no longer come to this address." };
        sentences.push(format!("{by} changed the address of {} for approvals on {when}.", named(after, id)));
        sentences.push(which.to_owned());
        sentences.push(MOVED.to_owned());
    }
    if sentences.is_empty() {
        return Ok(None);
    }
    sentences.push(UNEXPECTED.to_owned());
    let reason = if moved { "address_changed" } else { "administrator_changed" };
    let subject = deed.map_or("Your address for approvals was changed", Deed::own_subject);
    // Who has left cannot log in.
    let link = if after.active { Place::of(desk, "/preferences", "Look at your preferences") } else { None };
    let words = Words::News(News::new(reason, subject, &sentences, link));
    Ok(Some(Recipient::mail(id, id.to_string(), to, words)))
}
