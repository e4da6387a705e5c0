//! News of the directory: a change of somebody's address, told to both addresses; who administers; and, in [`begun`], who may act from now on.

use approvals::app;
use approvals::app::queries::brief::moment;
use approvals::notice::{Audience, Notice};
use approvals::outbox::notices::of_directory;
use approvals::runtime::metrics::refused;
use approvals::store::Freshness;
use approvals::store::directory::DirectoryChange;
use approvals_domain::directory::DirectoryEvent;
use approvals_domain::ids::{DelegationId, PersonId, RoleId};
use approvals_domain::limits;

use crate::channel::Recipient;
use crate::mail::{MAIL, Reader, Words};
use crate::names::{by, name_of, named};
use crate::reached::reached;
use crate::sheet::{News, Place};
use crate::{Desk, begun, left};

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
        (Audience::Person(id), DirectoryEvent::Member { role, .. }) => begun::joined(desk, notice, &change, (id, role)).await,
        (Audience::Person(id), _) => {
            let mut told: Vec<Recipient> = moved(desk, notice, &change, id, true).await?.into_iter().collect();
            match change.before.as_ref().zip(change.user.as_ref()).map(|(before, after)| (before.active, after.active)) {
                Some((false, true)) => told.extend(begun::back(desk, notice, &change, id).await?),
                Some((true, false)) => told.extend(left::left(desk, notice, &change, id).await?),
                _ => {}
            }
            Ok(told)
        }
        (Audience::FormerAddress(id), _) => Ok(moved(desk, notice, &change, id, false).await?.into_iter().collect()),
        (Audience::Administrators, DirectoryEvent::Member { role, user, member, .. }) => {
            administrators(desk, notice, &change, (role, user, *member)).await
        }
        _ => Ok(Vec::new()),
    }
}

/// Whose address changed, at the new address or at the one before. Nobody switches this off: it may be news of a theft.
async fn moved(desk: &Desk, notice: &Notice, change: &DirectoryChange, id: &PersonId, now: bool) -> Result<Option<Recipient>, app::Error> {
    let Some((before, after)) = change.before.as_ref().zip(change.user.as_ref()) else { return Ok(None) };
    let to = if now { after } else { before };
    if before.email == after.email || to.email.is_empty() || !notice.is_for(MAIL, id.as_str()) {
        return Ok(None);
    }
    // At an address that nobody reads any more the clock is the person's all the same.
    let (chosen, _) = desk.app.directory.preferences(&notice.tenant, id).await?;
    let zone = desk.app.zone_of(&notice.tenant, chosen.time_zone.as_deref(), to.time_zone.as_deref()).await?;
    let zone = zone.and_then(|name| name.parse().ok()).unwrap_or(chrono_tz::Tz::UTC);
    let by = by(desk, &change.commit).await?;
    let which = if now { "Mails to you come to this address from now on." } else { "Mails to you no longer come to this address." };
    let sentences = [
        format!("{by} changed the address of {} for approvals on {}.", named(after, id), moment(notice.at, zone)),
        which.to_owned(),
        "For seven days no mail to you has a link that acts by itself: its page asks you to log in. Links of earlier mails do nothing."
            .to_owned(),
        "If you did not expect this, tell an administrator of approvals now.".to_owned(),
    ];
    let link = Place::of(desk, "/preferences", "Look at your preferences");
    let words = Words::News(News::new("address_changed", "Your address for approvals was changed", &sentences, link));
    Ok(Some(Recipient::Mail(Box::new(Reader {
        id: id.clone(),
        to: id.to_string(),
        name: to.name.clone(),
        address: to.email.clone(),
        words,
    }))))
}

/// Members of `approval_admin`, but for whoever did it and whom it is about.
async fn administrators(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    (role, user, member): (&RoleId, &PersonId, bool),
) -> Result<Vec<Recipient>, app::Error> {
    let (directory, tenant) = (&desk.app.directory, &notice.tenant);
    let members = directory.members(tenant, &RoleId::approval_admin(), limits::TOLD, Freshness::Eventual).await?;
    let others =
        members.present().filter(|id| *id != user && change.commit.actor.person() != Some(*id) && notice.is_for(MAIL, id.as_str()));
    let people: Vec<PersonId> = others.take(limits::TOLD).cloned().collect();
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let (by, whom) = (by(desk, &change.commit).await?, name_of(desk, tenant, user).await?);
    let is = if member { "is now" } else { "is no longer" };
    let mail = reached(desk, tenant, &people).await?.into_iter().map(|(id, user)| {
        let when = moment(notice.at, approvals::app::queries::brief::zone(&user));
        let sentences = [
            format!("{whom} {is} a member of {role}: {by} said so on {when}."),
            "Members of this role administer approvals. If you did not expect this, look at the role's history.".to_owned(),
        ];
        let words = Words::News(News::new(
            "office_changed",
            &format!("{whom} {is} a member of {role}"),
            &sentences,
            Place::of(desk, "/", "Open approvals"),
        ));
        Recipient::Mail(Box::new(Reader { to: id.to_string(), id, name: user.name, address: user.email, words }))
    });
    Ok(mail.collect())
}
