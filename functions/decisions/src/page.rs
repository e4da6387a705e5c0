//! The page behind an action link: what is asked, or why there is nothing to answer any more, and whose act that was.

use approvals::app::queries::brief::{Brief, Names, Source, moment, progress, why, zone};
use approvals::app::{self, App, Known};
use approvals::link::Link;
use approvals::store::Freshness;
use approvals::store::directory::ties::Reachable;
use approvals::store::requests::Record;
use approvals::wire::plain::line;
use approvals::wire::words::due_label;
use approvals_domain::event::Decision;
use approvals_domain::hash::Hash;
use approvals_domain::ids::PersonId;
use approvals_domain::refusal::WhyNot;
use approvals_domain::seat::Seat;
use approvals_domain::state::{Phase, Status, StepPhase};
use approvals_domain::template::{Assurance, Reasoned};

mod html;
mod passed;
mod reasons;

pub(crate) use html::Page;

use html::{Asks, Parts};
use passed::passed_on;
use reasons::Reasons;

/// Said after an answer was taken.
pub(crate) const THANKS: &str = "Thank you. Your answer is recorded.";

/// How things stand for a link.
#[derive(Debug)]
enum Stands {
    /// It can be used, on this seat.
    Free(Seat),
    /// It cannot; what happened.
    Over(u16, &'static str, String),
}

/// What a link leads to.
#[derive(Debug)]
pub(crate) struct Found {
    stands: Stands,
    pub(crate) assurance: Option<Assurance>,
    /// Which answers need a comment.
    reasons: Reasons,
    /// It is of an earlier epoch of its recipient: it explains itself and does nothing.
    pub(crate) ended: bool,
    /// What the recipient answered on this step, if they did.
    pub(crate) answered: Option<Decision>,
    /// Of the revision that the page shows.
    pub(crate) payload_hash: Hash,
    /// None: the reader may see nothing of it any more.
    brief: Option<Brief>,
    /// What is said of the step, below what an approval covers.
    rows: Vec<(String, String)>,
    /// By when an answer is wanted, and why from the reader.
    asks: Option<Asks>,
    person: String,
    request: String,
}

impl Found {
    /// Reads all of it; writes nothing.
    pub(crate) async fn look(app: &App, link: &Link) -> Result<Self, app::Error> {
        let record = app.requests.load(&link.tenant, &link.request, Freshness::Strong).await?.ok_or(app::Error::NotFound)?;
        let template = app.pinned(&link.tenant, &record.state.template).await?;
        let passed = passed_on(app, &record, link).await?;
        let (conversation, data) = tokio::join!(app.conversation(&record), app.requests.data(&record));
        let (conversation, data) = (conversation?, data?);
        let source = Source { record: &record, template: &template, data: data.as_ref(), conversation: &conversation };
        let named = source.people();
        let others = named.iter().chain([&link.recipient]).chain(passed.iter().flat_map(|(by, to)| [by, to]));
        let names = app.names(&record.state, others).await?;
        let reader = std::slice::from_ref(&link.recipient);
        let (users, reachable) = tokio::join!(
            app.placed(&link.tenant, reader, |_, _| true),
            app.directory.reachable(&link.tenant, &link.recipient, app.clock.now(), Freshness::Strong)
        );
        let (users, reachable) = (users?, reachable?);
        let zone = users.get(&link.recipient).map_or(chrono_tz::Tz::UTC, zone);
        let ended = reachable.is_none_or(|reachable| reachable.link_epoch != link.epoch);
        let stands = match over(&record, link, &names, zone, app.clock.now()) {
            _ if ended => ended_by(reachable),
            Some(stands) => stands,
            None => {
                // Strong facts: what a page says may be acted on.
                let mut known = Known::nothing(Freshness::Strong);
                let all = app.stands(&record.state, &link.recipient, &mut known).await?;
                let here = all.iter().find(|stand| stand.step == link.step);
                match here.map(|stand| (stand.takes.as_ref(), &stand.seats)) {
                    Some((Some(seat), _)) => used(&record, link, &seat.key()).unwrap_or_else(|| Stands::Free(seat.clone())),
                    Some((None, Err(reason))) => Stands::Over(200, "You are not asked any more", why_not(reason, passed.as_ref(), &names)),
                    _ => Stands::Over(200, "You are not asked any more", filled(&record, link, &names)),
                }
            }
        };
        let rules = template.step(&link.step);
        let assurance = rules.map(|rules| rules.assurance);
        let payload_hash = record.state.payload_hash;
        // INVARIANT (sight): what shows a request asks at that moment whether its reader may see it; a link that cannot be used is no key.
        let free = matches!(stands, Stands::Free(_));
        if !free && (ended || !app.shows(&link.recipient, "link", &record, &mut Known::nothing(Freshness::Eventual)).await?) {
            let stands = if ended { stands } else { shut(stands, reachable) };
            return Ok(Self {
                stands,
                assurance,
                reasons: Reasons::default(),
                ended,
                answered: None,
                payload_hash,
                brief: None,
                rows: Vec::new(),
                asks: None,
                person: String::new(),
                request: String::new(),
            });
        }
        let seat = if let Stands::Free(seat) = &stands { Some(seat) } else { None };
        // Whose right it is is known by now.
        let names = match seat.filter(|seat| seat.person != link.recipient) {
            Some(seat) => app.names(&record.state, named.iter().chain([&link.recipient, &seat.person])).await?,
            None => names,
        };
        let mut brief = Brief::new(source, &names, zone, (&link.recipient, seat));
        brief.past.keep_to(|change| !change.sensitive, |words| words);
        let mut rows = Vec::new();
        if let Some(rules) = rules {
            rows.push(("Step".to_owned(), line(rules.title(), 100)));
            let meaning = Some(line(&rules.meaning, 100)).filter(|meaning| meaning != "approval");
            rows.extend(meaning.map(|meaning| ("Your approval means".to_owned(), meaning)));
        }
        let mut asks = None;
        if let Stands::Free(seat) = &stands {
            rows.extend(progress(&record.state, &link.step).map(|progress| ("So far".to_owned(), progress)));
            let opening = record.state.step(&link.step).and_then(|step| step.opening.as_ref());
            let due = opening.map(|opening| moment(opening.due_at, zone)).unwrap_or_default();
            let gap = if seat.reserve { app.gap(&record.state, &link.step).await? } else { None };
            let label = due_label(opening.is_some_and(|opening| opening.due_at <= app.clock.now()));
            asks = Some(Asks { label, due, why: why(seat, (&record.state, rules, gap.as_deref()), &link.recipient, &names) });
        }
        let wants = |decision| rules.is_some_and(|rules| template.wants_reason(rules, decision));
        let reasons = Reasons { reject: wants(Reasoned::Reject), back: wants(Reasoned::Return) };
        let votes = record.state.step(&link.step).map(|step| step.votes.as_slice()).unwrap_or_default();
        let answered = votes.iter().find(|vote| vote.by.id == link.recipient).map(|vote| vote.voted.decision);
        Ok(Self {
            stands,
            assurance,
            reasons,
            ended,
            answered,
            payload_hash,
            brief: Some(brief),
            rows,
            asks,
            person: names.of(&link.recipient),
            request: link.request.to_string(),
        })
    }

    /// The seat the link fills, if it can be used.
    pub(crate) fn seat(&self) -> Option<&Seat> {
        match &self.stands {
            Stands::Free(seat) => Some(seat),
            Stands::Over(..) => None,
        }
    }

    /// Whose seat it fills, if another's than the recipient's.
    pub(crate) fn stands_in_for(&self, link: &Link) -> Option<PersonId> {
        self.seat().map(|seat| seat.person.clone()).filter(|person| *person != link.recipient)
    }

    /// Whether a link may decide here at all: what its page does not show is not decided by it.
    pub(crate) fn hides(&self) -> bool {
        self.brief.as_ref().is_some_and(|brief| brief.content.hides)
    }

    /// The page, with `form` if the link can be used. `login`: the reader must log in first.
    pub(crate) fn page(&self, form: Option<String>, first: Option<&str>, login: bool) -> Page {
        let first = first.map(str::to_owned);
        let (status, heading, lines, form) = match &self.stands {
            Stands::Free(_) => (200, "Your answer is needed", Vec::from_iter(first), form),
            Stands::Over(status, heading, said) => {
                let said = first.into_iter().chain([said.clone()]).chain(self.objection());
                (*status, *heading, said.collect(), None)
            }
        };
        let parts = Parts {
            brief: self.brief.clone(),
            rows: self.rows.clone(),
            asks: self.asks.clone(),
            form,
            login,
            reasons: self.reasons,
            person: self.person.clone(),
            seat: self.seat().map(|seat| seat.person.to_string()).unwrap_or_default(),
            request: self.request.clone(),
            ..Parts::default()
        };
        Page::new(status, heading, lines, parts)
    }

    /// Who said no, and why; if nobody's own answer says it already.
    fn objection(&self) -> Option<String> {
        let said = self.brief.as_ref().filter(|_| self.answered.is_none())?.content.objection.as_ref()?;
        Some(if said.words.is_empty() { said.what.clone() } else { format!("{}: {}", said.what, said.words.join(" ")) })
    }
}

/// Said to somebody who is logged in as another than whom the link was sent to. Nothing of the request is shown.
pub(crate) async fn somebody_elses(app: &App, link: &Link, reader: &PersonId) -> Result<Page, app::Error> {
    let names = app.people(&link.tenant, [link.recipient.clone(), reader.clone()]).await?;
    let (recipient, reader) = (names.of(&link.recipient), names.of(reader));
    let said = format!(
        "It was sent to {recipient}, and you are logged in as {reader}. Nothing was done. \
         Log out first, or open the link in a private window, if you are {recipient}."
    );
    Ok(Page::said(403, "This link is somebody else's", said))
}

/// Said of a link of an earlier epoch.
fn ended_by(reachable: Option<Reachable>) -> Stands {
    let said = match reachable {
        Some(reachable) if reachable.active => "It was made before your address or your account changed. Log in to see what waits for you.",
        Some(_) => "You are marked as having left, so your answers do not count.",
        None => "The directory does not know you any more.",
    };
    Stands::Over(410, "This link has ended", said.to_owned())
}

/// The same without a word of the request: its reader may see nothing of it now.
fn shut(stands: Stands, reachable: Option<Reachable>) -> Stands {
    match stands {
        Stands::Over(status, ..) if reachable.is_some_and(|reachable| reachable.active) => {
            Stands::Over(status, "This is not open to you any more", "Log in to see what waits for you.".to_owned())
        }
        Stands::Over(status, ..) => match ended_by(reachable) {
            Stands::Over(_, heading, said) => Stands::Over(status, heading, said),
            free @ Stands::Free(_) => free,
        },
        free @ Stands::Free(_) => free,
    }
}

/// Why nobody could use the link now, if so.
fn over(record: &Record, link: &Link, names: &Names, zone: chrono_tz::Tz, now: approvals_domain::time::Timestamp) -> Option<Stands> {
    let state = &record.state;
    let step = state.step(&link.step);
    let same = state.revision == link.revision;
    let own = step.filter(|_| same).and_then(|step| step.votes.iter().find(|vote| vote.by.id == link.recipient));
    if let Some(vote) = own {
        let did = match vote.voted.decision {
            Decision::Approve => "approved",
            Decision::Reject => "rejected",
            Decision::Return => "sent it back",
        };
        let since = match (step.map(|step| step.voided), state.outcome().map(|outcome| outcome.status)) {
            (Some(1..), _) => " The request was recalled since: your answer counts no more.",
            (_, Some(Status::Expired)) => " The request has expired since.",
            (_, Some(Status::Cancelled)) => " The request was cancelled since.",
            _ => "",
        };
        let said = format!("You {did} on {}.{since} Receipt, to find it in the audit archive: {}", moment(vote.at, zone), vote.commit);
        return Some(Stands::Over(200, "You have answered", said));
    }
    if let Some(outcome) = state.outcome() {
        let said = format!("The request was {} by {} on {}.", outcome.status.as_str(), names.actor(&outcome.by), moment(outcome.at, zone));
        return Some(Stands::Over(200, "This is decided already", said));
    }
    if matches!(state.phase, Phase::Returned { .. }) {
        return Some(Stands::Over(200, "This was sent back", format!("The request is with {} again.", names.of(state.asks()))));
    }
    if !same {
        let said = format!("{} changed the request since. If you are asked again, a newer mail has the link.", names.of(&state.requester));
        return Some(Stands::Over(200, "The request has changed", said));
    }
    if let Some(used) = used(record, link, link.recipient.as_str()) {
        return Some(used);
    }
    if now >= link.expires_at {
        let said = format!("It worked until {}. The request can still be answered in the inbox.", moment(link.expires_at, zone));
        return Some(Stands::Over(410, "This link is too old", said));
    }
    match step.map(|step| step.phase) {
        Some(StepPhase::Open) => None,
        Some(StepPhase::Blocked) => {
            let said = "Too few people can answer this step now, so nobody may. You get a new mail once it goes on.";
            Some(Stands::Over(200, "This step is stuck", said.to_owned()))
        }
        Some(_) => Some(Stands::Over(200, "This step is over", filled(record, link, names))),
        None => Some(Stands::Over(404, "This link leads nowhere", "The request has no such step.".to_owned())),
    }
}

/// That the answers of the link's round, by its recipient or on that seat, are void.
///
/// INVARIANT (I10): a link acts once, whatever becomes of its vote.
fn used(record: &Record, link: &Link, seat: &str) -> Option<Stands> {
    let step = record.state.step(&link.step)?;
    let said = "An answer was taken back since this link was made. The request can be answered anew in the inbox.".to_owned();
    (step.round(&link.recipient, seat) > link.round).then_some(Stands::Over(200, "This link is of an earlier round", said))
}

/// Who answered instead.
fn filled(record: &Record, link: &Link, names: &Names) -> String {
    let votes = record.state.step(&link.step).map(|step| step.votes.as_slice()).unwrap_or_default();
    match votes.last() {
        Some(vote) => format!("{} answered. Nothing is left for you to do.", names.of(&vote.by.id)),
        None => "The step takes no answer now.".to_owned(),
    }
}

/// Said to the one who was asked, and may not answer any more.
fn why_not(reason: &WhyNot, passed: Option<&(PersonId, PersonId)>, names: &Names) -> String {
    match (reason, passed) {
        (WhyNot::Released, Some((by, to))) => format!("{} passed your seat on to {}.", names.of(by), names.of(to)),
        (WhyNot::Released, None) => "Your seat was passed on to somebody else.".to_owned(),
        (WhyNot::Unknown, _) => "The directory does not know you any more.".to_owned(),
        (WhyNot::Inactive, _) => "You are marked as having left, so your answers do not count.".to_owned(),
        (WhyNot::OwnRequest, _) => "It is your own request, or that of somebody you stand in for: others answer it.".to_owned(),
        (WhyNot::Barred, _) => "The rules of this kind of request bar you from answering it.".to_owned(),
        (WhyNot::NotNeeded, _) => "You were asked in place of others, who can answer themselves now.".to_owned(),
        (WhyNot::Counted(_), _) => "You had a part in an earlier step, and somebody else must answer this one.".to_owned(),
        (WhyNot::NotACandidate, _) => {
            "When this mail was sent you could answer, by a role or in somebody's place. You have that no more.".to_owned()
        }
    }
}
