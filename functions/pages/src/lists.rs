//! Pages that list: what waits, what the reader asked for, what they decided, what they look for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use approvals::app::queries::brief::{self, Names};
use approvals::app::queries::inbox::Waiting;
use approvals::app::queries::list::{ROUNDS, Source};
use approvals::app::queries::values::{self, Content};
use approvals::store::directory::templates::Pinned;
use approvals::store::keys;
use approvals::store::requests::Record;
use approvals::store::requests::lists::{Place, Window};
use approvals::web::problem::Problem;
use approvals::web::{List as Cursor, Paging};
use approvals::wire::plain::line;
use approvals_domain::ids::{PersonId, TemplateKey};
use approvals_domain::payload::TemplateRef;
use approvals_domain::state::{Request, Status};
use approvals_domain::template::Template;
use axum::response::Response;
use page_views::Tab;
use page_views::lists::{Find, Inbox, Kind, Kinds, List, Row, Task, Which};
use page_views::parts::{Choice, Tag, Tone, Trouble};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::asked::Query;
use crate::names::waits_for;
use crate::visit::Visit;
use crate::{html, words};
use approvals::web::form::encoded;

/// Tasks or requests on a page.
const ON_A_PAGE: usize = 25;
/// Waiting tasks that are counted; more are `100+`.
const COUNTED: usize = 100;
/// Characters that can be looked for.
const FIND_CHARS: usize = 300;
/// Fields in a short view.
const FIELDS: usize = 3;

/// What narrows a list.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    template: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    q: String,
}

impl Asked {
    fn paging(&self) -> Paging {
        Paging { cursor: Some(self.cursor.clone()).filter(|cursor| !cursor.is_empty()), limit: Some(ON_A_PAGE) }
    }

    /// The filters, as the beginning of a query.
    fn kept(&self) -> String {
        let query = [("template", &self.template), ("status", &self.status)];
        query.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={}&", encoded(value))).collect()
    }

    fn next(&self, path: &str, cursor: Option<String>) -> Option<String> {
        cursor.map(|cursor| format!("{path}?{}cursor={}", self.kept(), encoded(&cursor)))
    }

    /// Where the list begins; none: here.
    fn first(&self, path: &str) -> Option<String> {
        let kept = self.kept();
        let query = if kept.is_empty() { String::new() } else { format!("?{}", kept.trim_end_matches('&')) };
        (!self.cursor.is_empty()).then(|| format!("{path}{query}"))
    }

    /// A filter that means nothing is refused: everything would look like what fits it.
    fn known(&self) -> Result<(), Problem> {
        let status = self.status.is_empty() || STATUSES.iter().any(|(status, _)| status.as_str() == self.status);
        let template = self.template.is_empty() || TemplateKey::new(self.template.as_str()).is_ok();
        if status && template {
            Ok(())
        } else {
            Err(Problem::new(400, "invalid_query", "The address asks for a kind or a status that nothing can have."))
        }
    }

    fn filtered(&self) -> bool {
        !self.template.is_empty() || !self.status.is_empty()
    }
}

/// `GET /`.
pub(crate) async fn inbox(visit: Visit, Query(asked): Query<Asked>) -> Response {
    let made = inbox_of(&visit, &asked).await;
    visit.answer(made)
}

async fn inbox_of(visit: &Visit, asked: &Asked) -> Result<Response, Problem> {
    asked.known()?;
    let pages = &visit.pages;
    let cursor = Cursor::new(&pages.cursors, &visit.identity, &format!("page inbox {}", asked.template));
    let (after, _) = cursor.start::<String>(&asked.paging()).await?;
    let first = after.is_none();
    let (mut found, mut after) = waiting(visit, &asked.template, after, if first { COUNTED } else { ON_A_PAGE }).await?;
    let count = if first { counted(found.len(), after.is_some()) } else { String::new() };
    if found.len() > ON_A_PAGE {
        found.truncate(ON_A_PAGE);
        after = found.last().and_then(place_of);
    }
    let next = asked.next("/", cursor.next(after).await?);
    let (mut people, mut told) = (BTreeSet::new(), Vec::new());
    for waiting in &found {
        let template = pages.app.pinned(&visit.identity.tenant, &waiting.record.state.template).await?;
        let metadata = values::object(waiting.record.inline().map_or("", |data| &data.metadata));
        people.extend(values::people(&template, &metadata));
        people.extend([waiting.record.state.requester.clone(), waiting.seat.person.clone()]);
        told.push((waiting, template, metadata));
    }
    let names = pages.app.people(&visit.identity.tenant, people).await?;
    let tasks = told.iter().filter_map(|(waiting, template, metadata)| task(visit, waiting, (template, metadata), &names)).collect();
    let templates = choices(visit, &asked.template).await?;
    let returned = if first && !asked.filtered() { returned(visit).await? } else { Vec::new() };
    let mut frame = visit.frame("Waiting for me", Tab::Inbox);
    if let Some(reader) = frame.reader.as_mut().filter(|_| !asked.filtered()) {
        reader.waiting = count.clone();
    }
    Ok(html::page(200, &Inbox { frame, count, tasks, templates, filtered: asked.filtered(), next, first: asked.first("/"), returned }))
}

/// A page of what waits, of one template if it is named; and where the next one starts. Pages with nothing on them are read on.
async fn waiting(
    visit: &Visit,
    template: &str,
    mut after: Option<String>,
    limit: usize,
) -> Result<(Vec<Waiting>, Option<String>), Problem> {
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        let (waiting, last) = visit.pages.app.waiting(&visit.pages.inboxes, &visit.identity, after.as_deref(), limit).await?;
        found.extend(waiting.into_iter().filter(|task| fits(template, &task.record.state)));
        after = last;
        if found.len() >= ON_A_PAGE || after.is_none() {
            break;
        }
    }
    Ok((found, after))
}

/// Where the list goes on after a task.
fn place_of(last: &Waiting) -> Option<String> {
    let opening = last.record.state.step(&last.step)?.opening.as_ref()?;
    Some(keys::hint_sk(opening.due_at, &last.record.state.id, &last.step))
}

fn task(visit: &Visit, waiting: &Waiting, (template, metadata): (&Template, &Map<String, Value>), names: &Names) -> Option<Task> {
    let Waiting { record, step, seat } = waiting;
    let state = &record.state;
    let opening = state.step(step)?.opening.as_ref()?;
    let content = Content { template, metadata, amount: state.amount.as_ref(), names, zone: visit.here.zone };
    Some(Task {
        href: format!("/requests/{}", state.id),
        title: brief::title(record),
        kind: line(&template.title, 100),
        entity: entity(state),
        amount: state.amount.as_ref().map(words::money).unwrap_or_default(),
        requester: names.of(&state.requester),
        step: line(crate::names::step(template, step), 100),
        why: brief::why(seat, (state, template.step(step), None), &visit.identity.caller.id, names),
        due: visit.here.due(opening.due_at),
        fields: content.short(FIELDS),
        revision: state.revision,
    })
}

/// `3`, `100+`; nothing for none.
fn counted(found: usize, more: bool) -> String {
    match (found, more) {
        (0, _) => String::new(),
        (found, false) if found <= COUNTED => found.to_string(),
        (found, _) => format!("{}+", found.min(COUNTED)),
    }
}

fn fits(template: &str, request: &Request) -> bool {
    template.is_empty() || request.template.key.as_str() == template
}

/// What was sent back to the reader: title and page.
async fn returned(visit: &Visit) -> Result<Vec<(String, String)>, Problem> {
    let whose = (&visit.identity.tenant, &visit.identity.caller.id);
    let (records, _) = visit.pages.app.returned(&visit.pages.inboxes, whose, ON_A_PAGE).await?;
    let shown = |record: &Record| (brief::title(record), format!("/requests/{}", record.state.id));
    Ok(records.iter().map(shown).collect())
}

/// `GET /mine`.
pub(crate) async fn mine(visit: Visit, Query(asked): Query<Asked>) -> Response {
    let made = list_of(&visit, &asked, Which::Mine).await;
    visit.answer(made)
}

/// `GET /decided`.
pub(crate) async fn decided(visit: Visit, Query(asked): Query<Asked>) -> Response {
    let made = list_of(&visit, &asked, Which::Decided).await;
    visit.answer(made)
}

async fn list_of(visit: &Visit, asked: &Asked, which: Which) -> Result<Response, Problem> {
    asked.known()?;
    let pages = &visit.pages;
    let me = visit.identity.caller.id.clone();
    let (path, title, tab, source) = match which {
        Which::Mine => ("/mine", "What I asked for", Tab::Mine, Source::Requester(me)),
        Which::Decided => ("/decided", "What I decided", Tab::Decided, Source::DecidedBy(me)),
    };
    let cursor = Cursor::new(&pages.cursors, &visit.identity, &format!("page {path} {} {}", asked.template, asked.status));
    let (place, limit) = cursor.start::<Place>(&asked.paging()).await?;
    let status = STATUSES.iter().find(|(status, _)| status.as_str() == asked.status).map(|(status, _)| *status);
    let fitting = |record: &Record| fits(&asked.template, &record.state) && status.is_none_or(|status| record.state.status() == status);
    let window = Window::until(pages.app.clock.now());
    let (records, place) = pages.app.fitting(&pages.inboxes, &visit.identity, (&source, window), fitting, (place, limit)).await?;
    let next = asked.next(path, cursor.next(place).await?);
    let rows = rows(visit, &records, which == Which::Mine).await?;
    let statuses = std::iter::once(Choice::new("", "anywhere", &asked.status));
    let statuses = statuses.chain(STATUSES.iter().map(|(status, words)| Choice::new(status.as_str(), *words, &asked.status))).collect();
    let templates = choices(visit, &asked.template).await?;
    let frame = visit.frame(title, tab);
    Ok(html::page(200, &List { frame, which, rows, statuses, templates, filtered: asked.filtered(), next, first: asked.first(path) }))
}

/// `GET /find`.
pub(crate) async fn find(visit: Visit, Query(asked): Query<Asked>) -> Response {
    let made = found(&visit, asked.q.trim()).await;
    visit.answer(made)
}

async fn found(visit: &Visit, q: &str) -> Result<Response, Problem> {
    let (mut records, mut trouble) = (Vec::new(), None);
    if q.chars().count() > FIND_CHARS {
        let words = format!("At most {} characters can be looked for.", FIND_CHARS);
        trouble = Some(Trouble { heading: "Nothing was looked for".to_owned(), items: vec![("q".to_owned(), words)], way: None });
    } else if !q.is_empty() {
        records = visit.pages.app.find(&visit.pages.inboxes, &visit.identity, q).await?;
    }
    let rows = rows(visit, &records, false).await?;
    Ok(html::page(200, &Find { frame: visit.frame("Find", Tab::Find), q: q.to_owned(), rows, trouble }))
}

/// `GET /new`.
pub(crate) async fn kinds(visit: Visit) -> Response {
    let made = kinds_of(&visit).await;
    visit.answer(made)
}

async fn kinds_of(visit: &Visit) -> Result<Response, Problem> {
    let kinds = current(visit).await?.into_iter().map(|(key, pinned)| {
        let steps: Vec<&str> = pinned.template.all_steps().map(|step| step.title()).collect();
        Kind { href: format!("/new/{key}"), title: line(&pinned.template.title, 100), words: line(&steps.join(", then "), 300) }
    });
    Ok(html::page(200, &Kinds { frame: visit.frame("Ask for something", Tab::New), kinds: kinds.collect() }))
}

/// Templates that take requests, by title.
async fn current(visit: &Visit) -> Result<Vec<(TemplateKey, Arc<Pinned>)>, Problem> {
    let (app, tenant) = (&visit.pages.app, &visit.identity.tenant);
    let (pointers, _) = app.directory.pointers(tenant, None, 100).await?;
    let mut kinds = BTreeMap::new();
    for (key, pointer) in pointers {
        if let Some(version) = pointer.current {
            let pinned = app.pinned(tenant, &TemplateRef { key: key.clone(), version }).await?;
            kinds.insert((pinned.template.title.clone(), key), pinned);
        }
    }
    Ok(kinds.into_iter().map(|((_, key), pinned)| (key, pinned)).collect())
}

/// A filter by template; none if there is nothing to choose.
async fn choices(visit: &Visit, chosen: &str) -> Result<Vec<Choice>, Problem> {
    let kinds = current(visit).await?;
    if kinds.len() < 2 && chosen.is_empty() {
        return Ok(Vec::new());
    }
    let all = std::iter::once(Choice::new("", "all kinds", chosen));
    Ok(all.chain(kinds.iter().map(|(key, pinned)| Choice::new(key.as_str(), line(&pinned.template.title, 100), chosen))).collect())
}

/// Statuses, and how people say them.
const STATUSES: [(Status, &str); 7] = [
    (Status::InProgress, "in progress"),
    (Status::Pending, "stuck"),
    (Status::Returned, "sent back"),
    (Status::Approved, "approved"),
    (Status::Rejected, "rejected"),
    (Status::Cancelled, "cancelled"),
    (Status::Expired, "expired"),
];

/// A status as people say it.
pub(crate) fn status_words(status: Status) -> &'static str {
    STATUSES.iter().find(|(known, _)| *known == status).map_or("", |(_, words)| *words)
}

/// Where a request stands, in a word.
pub(crate) fn status(request: &Request) -> Tag {
    let status = request.status();
    let words = status_words(status);
    let tone = match status {
        Status::Approved => Tone::Good,
        Status::Rejected | Status::Expired => Tone::Bad,
        Status::Returned | Status::Pending => Tone::Warn,
        Status::InProgress => Tone::Now,
        Status::Cancelled => Tone::Plain,
    };
    Tag::new(words, tone)
}

/// What a request is about.
pub(crate) fn entity(request: &Request) -> String {
    approvals::wire::words::entity(&request.entity)
}

async fn rows(visit: &Visit, records: &[Record], mine: bool) -> Result<Vec<Row>, Problem> {
    let pages = &visit.pages;
    let people = records.iter().flat_map(|record| people(&record.state));
    let names = pages.app.people(&visit.identity.tenant, people).await?;
    let mut rows = Vec::new();
    for record in records {
        let state = &record.state;
        let template = pages.app.pinned(&visit.identity.tenant, &state.template).await?;
        rows.push(row(visit, record, &template, &names, mine));
    }
    Ok(rows)
}

fn row(visit: &Visit, record: &Record, template: &Template, names: &Names, mine: bool) -> Row {
    let state = &record.state;
    let me: &PersonId = &visit.identity.caller.id;
    let requester = if mine && state.requester == *me { String::new() } else { names.of(&state.requester) };
    let words = match state.outcome() {
        Some(outcome) => format!("by {}", names.actor(&outcome.by)),
        None => waits_for(state, names),
    };
    Row {
        href: format!("/requests/{}", state.id),
        title: brief::title(record),
        kind: line(&template.title, 100),
        entity: entity(state),
        amount: state.amount.as_ref().map(words::money).unwrap_or_default(),
        requester,
        status: status(state),
        words,
        at: visit.here.moment(state.updated_at),
    }
}

/// Everybody a row speaks of.
fn people(request: &Request) -> impl Iterator<Item = PersonId> {
    let awaited = request.live_steps().flat_map(|(_, opening)| &opening.candidates).flat_map(|placed| placed.candidate.members());
    let awaited = awaited.filter_map(|candidate| match candidate {
        approvals_domain::candidate::Candidate::User(id) => Some(id.clone()),
        _ => None,
    });
    let ended = request.outcome().and_then(|outcome| outcome.by.person().cloned());
    std::iter::once(request.requester.clone()).chain(ended).chain(awaited.take(20))
}
