//! News of who administers: somebody's role given or taken, and what another does to somebody who administers.

use std::collections::BTreeMap;

use approvals::app;
use approvals::app::queries::brief::{moment, zone};
use approvals::notice::Notice;
use approvals::store::Freshness;
use approvals::store::directory::{DirectoryChange, User};
use approvals_domain::directory::DirectoryEvent;
use approvals_domain::ids::{PersonId, RoleId};
use approvals_domain::limits;

use crate::Desk;
use crate::channel::Recipient;
use crate::mail::{MAIL, Words};
use crate::names::{by, name_of};
use crate::reached::{addressed, reached};
use crate::sheet::{News, Place};

/// Reasons, in one word.
const OFFICE: &str = "office_changed";
const ADMINISTRATOR: &str = "administrator_changed";
/// Said to whoever reads that somebody administers or no longer does.
const OF_OFFICES: &str = "Members of this role administer approvals.";
pub(crate) const UNEXPECTED: &str = "If you did not expect this, tell an administrator of approvals now.";

/// Where an administrator can look.
fn open(desk: &Desk) -> Option<Place> {
    Place::of(desk, "/", "Open approvals")
}

/// What a commit did to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Left,
    CameBack,
    LinksEnded,
    Moved,
}

impl Deed {
    /// Of a commit of a person. That somebody leaves or comes back is said before all else that the commit changes.
    fn of(change: &DirectoryChange) -> Option<Self> {
        let (before, after) = (change.previous.as_ref()?, &change.commit.event);
        let DirectoryEvent::User { active: was, link_epoch: before, .. } = before else { return None };
        let DirectoryEvent::User { active: is, link_epoch: now, .. } = after else { return None };
        let moved = || change.before.as_ref().zip(change.user.as_ref()).is_some_and(|(before, after)| before.email != after.email);
        match (was, is) {
            (true, false) => Some(Self::Left),
            (false, true) => Some(Self::CameBack),
            _ if moved() => Some(Self::Moved),
            _ => (now > before).then_some(Self::LinksEnded),
        }
    }

    /// Of whom, by whom and when.
    fn said(self, by: &str, whom: &str, when: &str) -> String {
        match self {
            Self::Left => format!("{by} deactivated {whom} on {when}."),
            Self::CameBack => format!("{by} reactivated {whom} on {when}."),
            Self::LinksEnded => format!("{by} ended all links and sessions of {whom} on {when}."),
            Self::Moved => format!("{by} changed the address of {whom} on {when}."),
        }
    }

    fn subject(self, whom: &str) -> String {
        match self {
            Self::Left => format!("{whom} was deactivated"),
            Self::CameBack => format!("{whom} was reactivated"),
            Self::LinksEnded => format!("Links and sessions of {whom} were ended"),
            Self::Moved => format!("The address of {whom} was changed"),
        }
    }

    /// The same, to the person.
    pub(crate) const fn own_subject(self) -> &'static str {
        match self {
            Self::Left => "You were deactivated for approvals",
            Self::CameBack => "You were reactivated for approvals",
            Self::LinksEnded => "Your links and sessions for approvals were ended",
            Self::Moved => "Your address for approvals was changed",
        }
    }

    /// What it means to the person.
    pub(crate) fn own_sentences(self, by: &str, id: &PersonId, when: &str) -> [String; 2] {
        let (said, means) = match self {
            Self::Left => (format!("{by} deactivated you ({id}) on {when}."), "You can neither log in, vote nor administer."),
            Self::CameBack => (format!("{by} reactivated you ({id}) on {when}."), "Your roles are yours again."),
            Self::LinksEnded => (format!("{by} ended all your links and sessions ({id}) on {when}."), "Links of earlier mails do nothing."),
            Self::Moved => (format!("{by} changed your address ({id}) on {when}."), "Links of earlier mails do nothing."),
        };
        [said, means.to_owned()]
    }
}

/// Roles of somebody of which administrators hear, in words; none: they hold none.
async fn offices(desk: &Desk, notice: &Notice, id: &PersonId) -> Result<Option<String>, app::Error> {
    let person = desk.app.directory.person(&notice.tenant, id, Freshness::Eventual).await?;
    let held: Vec<String> = person.iter().flat_map(|person| person.offices().map(ToString::to_string)).collect();
    Ok(Some(held.join(" and ")).filter(|held| !held.is_empty()))
}

/// What another did to somebody who administers; none: they do not, or it was their own act.
pub(crate) async fn deed(desk: &Desk, notice: &Notice, change: &DirectoryChange, id: &PersonId) -> Result<Option<Deed>, app::Error> {
    let Some(deed) = Deed::of(change).filter(|_| change.commit.actor.person() != Some(id)) else { return Ok(None) };
    Ok(offices(desk, notice, id).await?.map(|_| deed))
}

/// Administrators, of a commit of a person: what was done to one who administers.
pub(crate) async fn touched(desk: &Desk, notice: &Notice, change: &DirectoryChange) -> Result<Vec<Recipient>, app::Error> {
    let id = change.commit.object.strip_prefix("user/").and_then(|id| PersonId::new(id).ok());
    let (Some(id), Some(deed)) = (id, Deed::of(change)) else { return Ok(Vec::new()) };
    let Some(roles) = offices(desk, notice, &id).await? else { return Ok(Vec::new()) };
    let of = format!("This person is a member of {roles}. If you did not expect this, look at the person’s history.");
    administrators(desk, notice, change, &id, |by, whom, when| {
        let sentences = [deed.said(by, whom, when), of.clone()];
        News::new(ADMINISTRATOR, &deed.subject(whom), &sentences, open(desk))
    })
    .await
}

/// Administrators, of a commit of a membership: who administers from now on, or no longer does.
pub(crate) async fn appointed(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    (role, user, member): (&RoleId, &PersonId, bool),
) -> Result<Vec<Recipient>, app::Error> {
    let is = if member { "is now" } else { "is no longer" };
    administrators(desk, notice, change, user, |by, whom, when| {
        let sentences = [
            format!("{whom} {is} a member of {role}: {by} said so on {when}."),
            format!("{OF_OFFICES} If you did not expect this, look at the role’s history."),
        ];
        News::new(OFFICE, &format!("{whom} {is} a member of {role}"), &sentences, open(desk))
    })
    .await
}

/// Members of `approval_admin`, but for whoever did it and whom it is about.
async fn administrators(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    about: &PersonId,
    news: impl Fn(&str, &str, &str) -> News + Send,
) -> Result<Vec<Recipient>, app::Error> {
    let others = administering(desk, notice, |id| id != about && change.commit.actor.person() != Some(id)).await?;
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let (by, whom) = (by(desk, &change.commit).await?, name_of(desk, &notice.tenant, about).await?);
    let mail = others.iter().map(|(id, user)| {
        let words = Words::News(news(&by, &whom, &moment(notice.at, zone(user))));
        Recipient::mail(id, id.to_string(), user, words)
    });
    Ok(mail.collect())
}

/// Members of `approval_admin` for whom a notice is, who can be written to and want it.
pub(crate) async fn administering(
    desk: &Desk,
    notice: &Notice,
    hears: impl Fn(&PersonId) -> bool + Send,
) -> Result<BTreeMap<PersonId, User>, app::Error> {
    let members = desk.app.directory.members(&notice.tenant, &RoleId::approval_admin(), limits::TOLD, Freshness::Eventual).await?;
    let meant = members.present().filter(|id| hears(id) && notice.is_for(MAIL, id.as_str()));
    let people: Vec<PersonId> = meant.take(limits::TOLD).cloned().collect();
    reached(desk, &notice.tenant, &people).await
}

/// What somebody hears of a role that another gave them, and of which administrators hear.
pub(crate) async fn given(desk: &Desk, change: &DirectoryChange, role: &RoleId, when: &str) -> Result<Vec<String>, app::Error> {
    let by = by(desk, &change.commit).await?;
    Ok(vec![format!("{by} made you a member of {role} on {when}."), format!("{OF_OFFICES} {UNEXPECTED}")])
}

/// News of a role that somebody was given, where nothing waits for its members.
pub(crate) fn news_of(desk: &Desk, role: &RoleId, sentences: &[String]) -> News {
    News::new(OFFICE, &format!("You are a member of {role} now"), sentences, open(desk))
}

/// Whoever was put out of a role of which administrators hear. Nobody switches this off.
pub(crate) async fn put_out(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    (role, id): (&RoleId, &PersonId),
) -> Result<Option<Recipient>, app::Error> {
    if !notice.is_for(MAIL, id.as_str()) {
        return Ok(None);
    }
    let Some(user) = addressed(desk, &notice.tenant, id).await? else { return Ok(None) };
    let (by, when) = (by(desk, &change.commit).await?, moment(notice.at, zone(&user)));
    let sentences = [format!("{by} took the role {role} from you on {when}."), UNEXPECTED.to_owned()];
    let words = Words::News(News::new(OFFICE, &format!("You are no longer a member of {role}"), &sentences, open(desk)));
    Ok(Some(Recipient::mail(id, id.to_string(), &user, words)))
}
