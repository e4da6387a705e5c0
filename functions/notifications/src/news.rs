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
use crate::letter::News;
use crate::mail::{MAIL, Reader, Words};
use crate::names::{by, named};
use crate::offices::{Deed, UNEXPECTED};
use crate::{Desk, begun, offices};

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
        (Audience::Person(id), DirectoryEvent::Delegation { from, .. }) => {
            let delegation = object.strip_prefix("delegation/").and_then(|id| DelegationId::new(id).ok());
            let Some(delegation) = delegation else { return Ok(Vec::new()) };
            let told = if id == from {
                begun::lent(desk, notice, &change, &delegation).await?
            } else {
                begun::stands_in(desk, notice, &delegation).await?
            };
            Ok(told.into_iter().collect())
        }
        (Audience::Person(id), DirectoryEvent::Member { role, member: true, .. }) => {
            Ok(begun::joined(desk, notice, &change, (id, role)).await?.into_iter().collect())
        }
        (Audience::Person(id), DirectoryEvent::Member { role, member: false, .. }) => {
            Ok(offices::put_out(desk, notice, &change, (role, id)).await?.into_iter().collect())
        }
        (Audience::Person(id), _) => Ok(of_person(desk, notice, &change, id, true).await?.into_iter().collect()),
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
    let (zone, by) = (approvals::app::queries::brief::zone(to), by(desk, &change.commit).await?);
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
    let words = Words::News(News::new(reason, subject, &sentences));
    Ok(Some(Recipient::Mail(Box::new(Reader {
        id: id.clone(),
        to: id.to_string(),
        name: to.name.clone(),
        address: to.email.clone(),
        words,
    }))))
}
