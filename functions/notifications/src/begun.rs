//! News for somebody who may act from now on without a commit of any request: a delegation to them has begun, or they are a new member of a
//! role. One mail lists what waits already. And for somebody whose right another person passed on.

use approvals::app;
use approvals::app::queries::brief::{Brief, Source, moment, why, zone};
use approvals::app::queries::conversation::Conversation;
use approvals::app::queries::inbox::{Came, Waiting};
use approvals::notice::Notice;
use approvals::store::directory::delegations::StoredDelegation;
use approvals::store::directory::{DirectoryChange, User, tells_of_members};
use approvals::wire::plain::line;
use approvals_domain::ids::{DelegationId, PersonId, RoleId};
use approvals_domain::limits;
use approvals_domain::state::Opening;
use approvals_domain::time::Timestamp;
use chrono_tz::Tz;

use crate::Desk;
use crate::channel::Recipient;
use crate::letter::News;
use crate::listing::{Item, Listing};
use crate::mail::{MAIL, Reader, Words};
use crate::names::{by, name_of};
use crate::offices::{given, news_of};
use crate::reached::{self, reached};

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

/// Somebody to whom a delegation was given, once it has begun; nobody, if it does not stand any more.
pub(crate) async fn stands_in(desk: &Desk, notice: &Notice, id: &DelegationId) -> Result<Option<Recipient>, app::Error> {
    let Some(given) = desk.app.directory.delegation(&notice.tenant, id).await? else { return Ok(None) };
    let (starts_at, ends_at, now) = (given.delegation.starts_at, given.delegation.ends_at, desk.now());
    if now < starts_at || ends_at <= now {
        return Ok(None);
    }
    let Some(user) = concerned(desk, notice, &given.to).await? else { return Ok(None) };
    let zone = zone(&user);
    let giver = name_of(desk, &notice.tenant, &given.delegation.from).await?;
    let came = Came::Delegation(id.clone(), given.delegation.from.clone());
    let waits = waits(desk, notice, (&given.to, zone), &came, starts_at.max(notice.at)).await?;
    let mut sentences = vec![format!("You stand in for {giver} from {} to {}.", moment(starts_at, zone), moment(ends_at, zone))];
    sentences.extend(reason(&given));
    sentences.push(match waits.count {
        0 => "Nothing waits for you by it now. You get a mail when something does.".to_owned(),
        1 if !waits.more => "One request waits for an answer that you may give:".to_owned(),
        count => {
            format!("{}{count} requests wait for answers that you may give, the soonest first:", if waits.more { "At least " } else { "" })
        }
    });
    Ok(Some(mail(desk, (&given.to, &user), ("stands_in", &format!("You stand in for {giver}")), &sentences, waits)))
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
    let Some(user) = concerned(desk, notice, from).await? else { return Ok(None) };
    let (zone, by, to) = (zone(&user), by(desk, &change.commit).await?, name_of(desk, &notice.tenant, &given.to).await?);
    let (starts, ends) = (moment(given.delegation.starts_at, zone), moment(given.delegation.ends_at, zone));
    let mut sentences = vec![format!("{by} had {to} stand in for you from {starts} to {ends}. You keep your right as well.")];
    sentences.extend(reason(&given));
    sentences.push("If you did not expect this, end the delegation, or tell an administrator of approvals.".to_owned());
    let words = Words::News(News::new("right_lent", &format!("{to} stands in for you"), &sentences));
    Ok(Some(reader(from, &user, words)))
}

/// A new member of a role: of what waits for its members, if anything does; and, of a role that administers, that they are one at all.
pub(crate) async fn joined(
    desk: &Desk,
    notice: &Notice,
    change: &DirectoryChange,
    (person, role): (&PersonId, &RoleId),
) -> Result<Option<Recipient>, app::Error> {
    let office = tells_of_members(role);
    // Who administers is news that nobody switches off.
    let user = if office { addressed(desk, notice, person).await? } else { concerned(desk, notice, person).await? };
    let Some(user) = user else { return Ok(None) };
    let mut sentences = if office { given(desk, change, role, &moment(notice.at, zone(&user))).await? } else { Vec::new() };
    let waits = waits(desk, notice, (person, zone(&user)), &Came::Role(role.clone()), notice.at).await?;
    let least = if waits.more { "At least " } else { "" };
    let found = match waits.count {
        0 if office => return Ok(Some(reader(person, &user, Words::News(news_of(role, &sentences))))),
        0 => return Ok(None),
        1 if !waits.more => "One request waits for an answer that its members may give:".to_owned(),
        count => format!("{least}{count} requests wait for answers that its members may give, the soonest first:"),
    };
    sentences.push(if office { found } else { format!("You are a member of {role} now. {found}") });
    Ok(Some(mail(desk, (person, &user), ("role_joined", &format!("What waits for you as a member of {role}")), &sentences, waits)))
}

fn reason(given: &StoredDelegation) -> Option<String> {
    given.reason.as_deref().map(|reason| format!("Reason: {}", line(reason, limits::DELEGATION_REASON_CHARS)))
}

/// A person who can be written to and wants it, if the notice is for them.
async fn concerned(desk: &Desk, notice: &Notice, id: &PersonId) -> Result<Option<User>, app::Error> {
    if !notice.is_for(MAIL, id.as_str()) {
        return Ok(None);
    }
    Ok(reached(desk, &notice.tenant, std::slice::from_ref(id)).await?.remove(id))
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
            opening.is_some_and(|opening| opening.opened_at <= since && !asked_by_name(opening, person, came))
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
    matches!(came, Came::Role(_)) && named()
}

async fn item(desk: &Desk, Waiting { record, step, seat }: &Waiting, person: &PersonId, zone: Tz) -> Result<Item, app::Error> {
    let template = desk.app.pinned(&record.state.tenant, &record.state.template).await?;
    let (names, data) =
        tokio::try_join!(desk.app.names(&record.state, [&seat.person]), async { Ok(desk.app.requests.data(record).await?) })?;
    // What happened is not listed.
    let conversation = Conversation::default();
    let source = Source { record, template: &template, data: data.as_ref(), conversation: &conversation };
    let brief = Brief::new(source, &names, zone, (person, Some(seat)));
    let due = record.state.step(step).and_then(|step| step.opening.as_ref()).map(|opening| moment(opening.due_at, zone));
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
    let (rest, address) = (waits.rest(), desk.pages.then_some(desk.address.as_str()));
    let listing = Listing::new(reason, subject, sentences, (waits.items, rest), address);
    reader(to, user, Words::Listing(Box::new(listing)))
}

fn reader(id: &PersonId, user: &User, words: Words) -> Recipient {
    let (name, address) = (user.name.clone(), user.email.clone());
    Recipient::Mail(Box::new(Reader { id: id.clone(), to: id.to_string(), name, address, words }))
}
