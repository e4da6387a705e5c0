//! News for somebody who may act from now on without a commit of any request: a delegation to them has begun, they are a new member of a role,
//! they are here again; or that is so of somebody for whom they stand in. One mail lists what waits already. And for somebody whose right
//! another person passed on.

use std::collections::BTreeMap;

use approvals::app;
use approvals::app::queries::brief::{Brief, Source, moment, why, zone};
use approvals::app::queries::conversation::Conversation;
use approvals::app::queries::inbox::{Came, Waiting};
use approvals::notice::Notice;
use approvals::store::directory::delegations::StoredDelegation;
use approvals::store::directory::{DirectoryChange, User, tells_of_members};
use approvals::wire::plain::line;
use approvals::wire::words::money;
use approvals_domain::directory::DirectoryEvent;
use approvals_domain::event::Event;
use approvals_domain::facts::Delegation;
use approvals_domain::ids::{DelegationId, PersonId, RoleId};
use approvals_domain::limits;
use approvals_domain::state::Opening;
use approvals_domain::time::Timestamp;
use chrono_tz::Tz;

use crate::Desk;
use crate::channel::Recipient;
use crate::listing::{INBOX, Item, Listing};
use crate::mail::{MAIL, Words};
use crate::names::{by, name_of};
use crate::offices::{given, news_of};
use crate::people::with_stand_ins;
use crate::reached::{self, reached};
use crate::sheet::{News, Place};

/// Tasks that a mail lists.
const LISTED: usize = 20;
/// Hints read at a time, and pages read at most: beyond them it is said that there is more.
const PAGE: usize = 50;
const PAGES: usize = 8;

/// What waits for somebody from now on: the soonest so many, and how many there are.
struct Waits {
    items: Vec<Item>,
    count: usize,
    more: bool,
}

impl Waits {
    /// In words, how much it is.
    fn sentence(&self) -> String {
        match self.count {
            0 => "Nothing waits for you by it now. You get a mail when something does.".to_owned(),
            1 if !self.more => "One request waits for an answer that you may give:".to_owned(),
            count => {
                let least = if self.more { "At least " } else { "" };
                format!("{least}{count} requests wait for answers that you may give, the soonest first:")
            }
        }
    }

    /// In words, what is not listed.
    fn rest(&self) -> String {
        match (self.count - self.items.len(), self.more) {
            (0, false) => String::new(),
            (rest, false) => format!("And {rest} more."),
            (0, true) => "There may be more.".to_owned(),
            (rest, true) => format!("And {rest} more at least."),
        }
    }
}

/// Somebody to whom a delegation was given, once it has begun, and whoever stands in for them; nobody, if it does not stand any more.
pub(crate) async fn stands_in(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    id: &DelegationId,
) -> Result<Vec<Recipient>, app::Error> {
    let Some(given) = desk.app.directory.delegation(&notice.tenant, id).await? else { return Ok(Vec::new()) };
    let (starts_at, ends_at, now) = (given.delegation.starts_at, given.delegation.ends_at, desk.now());
    if now < starts_at || ends_at <= now {
        return Ok(Vec::new());
    }
    let (from, to) = (&given.delegation.from, &given.to);
    let (giver, receiver) = (name_of(desk, &notice.tenant, from).await?, name_of(desk, &notice.tenant, to).await?);
    let came = Came::Delegation(id.clone(), from.clone());
    let mut told = Vec::new();
    for (person, user) in concerned(desk, notice, change, to).await?.into_iter().filter(|(person, _)| person != from) {
        let zone = zone(&user);
        let waits = waits(desk, notice, (&person, zone), &came, starts_at.max(notice.at)).await?;
        let (starts, ends) = (moment(starts_at, zone), moment(ends_at, zone));
        let (what, subject) = if person == *to {
            (format!("You stand in for {giver} from {starts} to {ends}."), format!("You stand in for {giver}"))
        } else if waits.count > 0 {
            let what = format!("{receiver}, for whom you stand in, stands in for {giver} from {starts} to {ends}.");
            (what, format!("{receiver} stands in for {giver}"))
        } else {
            continue;
        };
        let sentences: Vec<String> = [what].into_iter().chain(scope(&given)).chain(reason(&given)).chain([waits.sentence()]).collect();
        told.push(mail(desk, (&person, &user), ("stands_in", &subject), &sentences, waits));
    }
    Ok(told)
}

/// Somebody whose right another person passed on.
pub(crate) async fn lent(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    id: &DelegationId,
) -> Result<Option<Recipient>, app::Error> {
    let Some(given) = desk.app.directory.delegation(&notice.tenant, id).await? else { return Ok(None) };
    let from = &given.delegation.from;
    if !notice.is_for(MAIL, from.as_str()) {
        return Ok(None);
    }
    let Some(user) = reached(desk, &notice.tenant, std::slice::from_ref(from)).await?.remove(from) else { return Ok(None) };
    let (zone, by, to) = (zone(&user), by(desk, &change.commit).await?, name_of(desk, &notice.tenant, &given.to).await?);
    let (starts, ends) = (moment(given.delegation.starts_at, zone), moment(given.delegation.ends_at, zone));
    let mut sentences = vec![format!("{by} had {to} stand in for you from {starts} to {ends}. You keep your right as well.")];
    sentences.extend(scope(&given).into_iter().chain(reason(&given)));
    sentences.push("If you did not expect this, end the delegation, or tell an administrator of approvals.".to_owned());
    let link = Place::of(desk, "/delegations", "Look at your delegations");
    let words = Words::News(News::new("right_lent", &format!("{to} stands in for you"), &sentences, link));
    Ok(Some(Recipient::mail(from, from.to_string(), &user, words)))
}

/// Giver or receiver of a delegation that another person ended.
pub(crate) async fn ended(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    (id, from, to): (&PersonId, &PersonId, &PersonId),
) -> Result<Option<Recipient>, app::Error> {
    if !notice.is_for(MAIL, id.as_str()) {
        return Ok(None);
    }
    let Some(user) = reached(desk, &notice.tenant, std::slice::from_ref(id)).await?.remove(id) else { return Ok(None) };
    let by = by(desk, &change.commit).await?;
    let (subject, what) = if id == from {
        let to = name_of(desk, &notice.tenant, to).await?;
        (format!("{to} no longer stands in for you"), format!("{by} ended the delegation by which {to} was to stand in for you."))
    } else {
        let from = name_of(desk, &notice.tenant, from).await?;
        (format!("You no longer stand in for {from}"), format!("{by} ended the delegation by which you stood in for {from}."))
    };
    let link = Place::of(desk, "/delegations", "Look at your delegations");
    let words = Words::News(News::new("delegation_ended", &subject, &[what], link));
    Ok(Some(Recipient::mail(id, id.to_string(), &user, words)))
}

/// A new member of a role, and whoever stands in for them: of what waits for its members, if anything does; and, of a role that administers,
/// that they are one at all.
pub(crate) async fn joined(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    (member, role): (&PersonId, &RoleId),
) -> Result<Vec<Recipient>, app::Error> {
    let came = Came::Role(role.clone(), member.clone());
    let who = name_of(desk, &notice.tenant, member).await?;
    let office = tells_of_members(role) && change.commit.actor.person() != Some(member);
    let mut people = concerned(desk, notice, change, member).await?;
    if office {
        // Who administers is news that nobody switches off.
        people.extend(addressed(desk, notice, member).await?.map(|user| (member.clone(), user)));
    }
    let mut told = Vec::new();
    for (person, user) in people {
        let (own, zone) = (person == *member, zone(&user));
        let waits = waits(desk, notice, (&person, zone), &came, notice.at).await?;
        let mut sentences = if office && own { given(desk, change, role, &moment(notice.at, zone)).await? } else { Vec::new() };
        if waits.count == 0 {
            if !sentences.is_empty() {
                told.push(Recipient::mail(&person, person.to_string(), &user, Words::News(news_of(desk, role, &sentences))));
            }
            continue;
        }
        let subject =
            if own { format!("What waits for you as a member of {role}") } else { format!("What waits for {who} as a member of {role}") };
        sentences.push(match (own, office) {
            (true, true) => waits.sentence(),
            (true, false) => format!("You are a member of {role} now. {}", waits.sentence()),
            (false, _) => format!("{who}, for whom you stand in, is a member of {role} now. {}", waits.sentence()),
        });
        told.push(mail(desk, (&person, &user), ("role_joined", &subject), &sentences, waits));
    }
    Ok(told)
}

/// Somebody who has left and is here again, and whoever stands in for them, if anything waits that they may answer.
pub(crate) async fn back(desk: &Desk, notice: &Notice, change: &DirectoryChange, whose: &PersonId) -> Result<Vec<Recipient>, app::Error> {
    let now = desk.now();
    let given = desk.app.directory.given_all(&notice.tenant, whose).await?.into_iter().map(|given| given.delegation);
    let given = given.filter(|given| given.starts_at <= now && now < given.ends_at).map(|given| given.id).collect();
    let came = Came::Person(whose.clone(), given);
    let who = name_of(desk, &notice.tenant, whose).await?;
    let mut told = Vec::new();
    for (person, user) in concerned(desk, notice, change, whose).await? {
        let waits = waits(desk, notice, (&person, zone(&user)), &came, notice.at).await?;
        if waits.count == 0 {
            continue;
        }
        let what =
            if person == *whose { "You may answer again.".to_owned() } else { format!("{who}, for whom you stand in, may answer again.") };
        let (subject, sentences) = ("What waits for you".to_owned(), [format!("{what} {}", waits.sentence())]);
        told.push(mail(desk, (&person, &user), ("may_answer", &subject), &sentences, waits));
    }
    Ok(told)
}

/// To what a delegation is limited; none: to nothing.
fn scope(given: &StoredDelegation) -> Option<String> {
    let list = |ids: Vec<&str>| ids.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let Delegation { templates, steps, max, .. } = &given.delegation;
    let templates =
        templates.as_ref().map(|only| format!("requests of the template {}", list(only.iter().map(|key| key.as_str()).collect())));
    let steps = steps.as_ref().map(|only| format!("the step {}", list(only.iter().map(|id| id.as_str()).collect())));
    let max = max.as_ref().map(|max| format!("amounts up to {}", money(max)));
    let parts: Vec<String> = templates.into_iter().chain(steps).chain(max).collect();
    (!parts.is_empty()).then(|| format!("It is limited to {}.", parts.join(", and to ")))
}

fn reason(given: &StoredDelegation) -> Option<String> {
    given.reason.as_deref().map(|reason| format!("Reason: {}", line(reason, limits::DELEGATION_REASON_CHARS)))
}

/// How a delivery to a person is named, of a change of that person: their news of the change itself has their own name.
fn named(change: &DirectoryChange, id: &PersonId) -> String {
    match &change.commit.event {
        DirectoryEvent::User { .. } => format!("{id}#waits"),
        _ => id.to_string(),
    }
}

/// A person and whoever stands in for them, who can be written to and want it, if the notice is for them. Nobody hears of their own act.
async fn concerned(desk: &Desk, notice: &Notice, change: &DirectoryChange, id: &PersonId) -> Result<BTreeMap<PersonId, User>, app::Error> {
    let all = with_stand_ins(desk, &notice.tenant, [id.clone()].into()).await?;
    let theirs = |other: &PersonId| notice.is_for(MAIL, &named(change, other)) && change.commit.actor.person() != Some(other);
    let all: Vec<PersonId> = all.into_iter().filter(theirs).collect();
    reached(desk, &notice.tenant, &all).await
}

/// A person who can be written to, whether they want it or not, if the notice is for them.
async fn addressed(desk: &Desk, notice: &Notice, id: &PersonId) -> Result<Option<User>, app::Error> {
    if notice.is_for(MAIL, id.as_str()) { reached::addressed(desk, &notice.tenant, id).await } else { Ok(None) }
}

/// What waits for somebody one way, and was open by then: of what opened since, they heard by itself.
async fn waits(desk: &Desk, notice: &Notice, (person, zone): (&PersonId, Tz), came: &Came, since: Timestamp) -> Result<Waits, app::Error> {
    let (mut found, mut after): (Vec<Waiting>, Option<String>) = (Vec::new(), None);
    let mut more = false;
    for page in 0..PAGES {
        let (waiting, last) = desk.app.waiting_by(&desk.inboxes, (&notice.tenant, person), came, after.as_deref(), PAGE).await?;
        let before = |waiting: &Waiting| {
            let opening = waiting.record.state.step(&waiting.step).and_then(|step| step.opening.as_ref());
            let known = |opening: &Opening| asked_by_name(opening, person, came) || asked_since(waiting, notice, came);
            opening.is_some_and(|opening| opening.opened_at <= since && !known(opening))
        };
        found.extend(waiting.into_iter().filter(before));
        more = last.is_some() && page + 1 == PAGES;
        after = last;
        if after.is_none() {
            break;
        }
    }
    let mut items = Vec::new();
    for waiting in found.iter().take(LISTED) {
        items.push(item(desk, waiting, person, zone).await?);
    }
    Ok(Waits { items, count: found.len(), more })
}

/// A member of a role who was asked by name heard of it then.
fn asked_by_name(opening: &Opening, person: &PersonId, came: &Came) -> bool {
    let named = || opening.candidates.iter().flat_map(|placed| placed.candidate.members()).any(|member| member.person() == Some(person));
    matches!(came, Came::Role(..)) && named()
}

/// A step that goes on because somebody came back asks everybody by a commit of its own.
fn asked_since(Waiting { record, step, .. }: &Waiting, notice: &Notice, came: &Came) -> bool {
    let asks = |event: &Event| matches!(event, Event::Opened { step: of, .. } | Event::SeatReturned { step: of, .. } if of == step);
    let by_service =
        record.commits.iter().map(|sealed| &sealed.commit).filter(|commit| commit.at >= notice.at && commit.actor.person().is_none());
    matches!(came, Came::Person(..)) && by_service.flat_map(|commit| &commit.events).any(asks)
}

async fn item(desk: &Desk, Waiting { record, step, seat }: &Waiting, person: &PersonId, zone: Tz) -> Result<Item, app::Error> {
    let template = desk.app.pinned(&record.state.tenant, &record.state.template).await?;
    let (names, data) =
        tokio::try_join!(desk.app.names(&record.state, [&seat.person]), async { Ok(desk.app.requests.data(record).await?) })?;
    // What happened is not listed.
    let conversation = Conversation::default();
    let source = Source { record, template: &template, data: data.as_ref(), conversation: &conversation };
    let brief = Brief::new(source, &names, zone, (person, Some(seat)));
    let due = record.state.step(step).and_then(|step| step.opening.as_ref());
    let due = due.map(|opening| (moment(opening.due_at, zone), opening.due_at <= desk.now()));
    let why = why(seat, (&record.state, template.step(step), None), person, &names);
    Ok(Item::new(&brief, String::new(), due.unwrap_or_default(), why))
}

fn mail(
    desk: &Desk,
    (to, user): (&PersonId, &User),
    (reason, subject): (&'static str, &str),
    sentences: &[String],
    waits: Waits,
) -> Recipient {
    let rest = waits.rest();
    let listing = Listing::new(reason, subject, sentences, (waits.items, rest), Place::of(desk, "/", INBOX));
    let name = if reason == "may_answer" { format!("{to}#waits") } else { to.to_string() };
    Recipient::mail(to, name, user, Words::Listing(Box::new(listing)))
}
