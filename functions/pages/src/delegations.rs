//! `/delegations`: who stands in for the reader, and for whom the reader stands in.

use std::collections::BTreeSet;

use approvals::app::commands::delegations::{MakeDelegation, RevokeDelegation};
use approvals::app::commands::{amend, authority};
use approvals::app::queries::brief::Names;
use approvals::store::directory::chain::Author;
use approvals::store::directory::delegations::StoredDelegation;
use approvals::web::problem::Problem;
use approvals::wire::plain::line;
use approvals_domain::amount::Amount;
use approvals_domain::facts::Delegation;
use approvals_domain::ids::{DelegationId, StepId, TemplateKey};
use approvals_domain::limits;
use approvals_domain::time::Timestamp;
use axum::extract::Path;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use page_views::Tab;
use page_views::parts::{Tag, Tone, Trouble};
use page_views::settings::{self, DelegationForm, Delegations};

use crate::html::{self, sentence};
use crate::visit::{Post, Visit};
use crate::{inputs, people, words};

/// Delegations in a list.
const LISTED: usize = 100;

/// `GET /delegations`.
pub(crate) async fn show(visit: Visit) -> Response {
    let today = visit.here.today().format("%Y-%m-%d").to_string();
    let form = DelegationForm { starts: today, ..DelegationForm::default() };
    let made = page(&visit, 200, form, None).await;
    visit.answer(made)
}

/// `POST /delegations`.
pub(crate) async fn make(post: Post) -> Response {
    let made = named(&post).await;
    post.visit.answer(made)
}

/// `POST /delegations/{id}/end`.
pub(crate) async fn end(Path(id): Path<String>, post: Post) -> Response {
    let made = ended(&post.visit, &id).await;
    post.visit.answer(made)
}

/// GET on a form's address.
pub(crate) async fn to_page() -> Response {
    html::see_other("/delegations")
}

async fn page(visit: &Visit, status: u16, form: DelegationForm, trouble: Option<Trouble>) -> Result<Response, Problem> {
    let (app, me, tenant) = (&visit.pages.app, &visit.identity.caller.id, &visit.identity.tenant);
    let (given, received) =
        tokio::join!(app.directory.delegations(tenant, me, false, None, LISTED), app.directory.delegations(tenant, me, true, None, LISTED));
    let (given, received) = (given?.0, received?.0);
    let people = given.iter().chain(&received).flat_map(|stored| [stored.to.clone(), stored.delegation.from.clone()]);
    let names = app.people(tenant, people).await?;
    let shown = |all: Vec<StoredDelegation>, received: bool| {
        let current = all.iter().filter(|stored| visit.here.now < stored.delegation.ends_at);
        current.map(|stored| delegation(visit, stored, &names, received)).collect()
    };
    let frame = visit.frame("Stand-ins", Tab::Delegations);
    let (given, received, zone) = (shown(given, false), shown(received, true), visit.here.zone.name().to_owned());
    Ok(html::page(status, &Delegations { frame, given, received, form, people: Vec::new(), zone, trouble }))
}

fn delegation(visit: &Visit, stored: &StoredDelegation, names: &Names, received: bool) -> settings::Delegation {
    let StoredDelegation { delegation, to, reason, .. } = stored;
    let Delegation { id, from, starts_at, ends_at, templates, steps, max, .. } = delegation;
    let day = |at: Timestamp| visit.here.day_of(at).format("%-d %B %Y").to_string();
    let now = visit.here.now;
    let tag = if now < *starts_at { Tag::new("later", Tone::Plain) } else { Tag::new("now", Tone::Now) };
    let some = |what: &str, names: Vec<String>| (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")));
    let scope: Vec<String> = [
        some("only", templates.iter().flatten().map(ToString::to_string).collect()),
        some("steps", steps.iter().flatten().map(ToString::to_string).collect()),
        max.as_ref().map(|max| format!("up to {}", words::money(max))),
    ]
    .into_iter()
    .flatten()
    .collect();
    settings::Delegation {
        id: id.to_string(),
        person: names.of(if received { from } else { to }),
        when: format!("{} to {}", day(*starts_at), day(ends_at.plus_millis(-1))),
        scope: if scope.is_empty() { "everything".to_owned() } else { scope.join("; ") },
        reason: reason.as_deref().map(|reason| line(reason, 300)).unwrap_or_default(),
        tag,
        can_end: !received,
    }
}

async fn named(post: &Post) -> Result<Response, Problem> {
    let (visit, fields) = (&post.visit, &post.fields);
    let text = |name: &str| fields.get(name).to_owned();
    let form = || DelegationForm {
        to: text("to"),
        starts: text("starts"),
        ends: text("ends"),
        templates: text("templates"),
        steps: text("steps"),
        max_amount: text("max_amount"),
        max_currency: text("max_currency"),
        reason: text("reason"),
    };
    let refused = |items| Some(Trouble { heading: "Nobody stands in for you yet".to_owned(), items, way: None });
    let stored = match read(post).await? {
        Ok(stored) => stored,
        Err(items) => return page(visit, 400, form(), refused(items)).await,
    };
    let app = &visit.pages.app;
    let (actor, asker) = (visit.identity.actor(), authority::asker(&visit.identity));
    let author = Author::new(&visit.identity.tenant, &actor, app.clock.now(), app.entropy.salt());
    let digest = post.tag("page delegate").digest;
    let command = MakeDelegation { asker: &asker, new: &stored, digest };
    let paced = app.pace.take(&visit.identity.tenant, &visit.identity.caller.id, app.clock.now());
    let made = async {
        paced.await?;
        amend(&app.directory, &author, None, command).await
    };
    match made.await {
        Ok(_) => Ok(html::see_other("/delegations")),
        Err(error) => {
            let problem = Problem::from(error);
            if problem.status >= 500 {
                return Err(problem);
            }
            page(visit, problem.status, form(), refused(vec![("to".to_owned(), sentence(&problem.detail))])).await
        }
    }
}

/// The delegation that a form asks for; or everything that is wrong with it.
async fn read(post: &Post) -> Result<Result<StoredDelegation, Vec<(String, String)>>, Problem> {
    let (visit, fields) = (&post.visit, &post.fields);
    let here = visit.here;
    let mut wrongs: Vec<(String, String)> = Vec::new();
    let to = match people::named(visit, fields.get("to")).await? {
        Ok(to) if to == visit.identity.caller.id => Err("Name somebody else: nobody stands in for themselves.".to_owned()),
        other => other,
    };
    wrongs.extend(to.as_ref().err().map(|said| ("to".to_owned(), said.clone())));
    let mut day = |name: &str| {
        let day = NaiveDate::parse_from_str(fields.get(name).trim(), "%Y-%m-%d").ok();
        if day.is_none() {
            wrongs.push((name.to_owned(), "A day is wanted, such as 2026-01-31.".to_owned()));
        }
        day
    };
    let (starts, ends) = (day("starts"), day("ends"));
    let window =
        starts.zip(ends).and_then(|(starts, ends)| Some((here.begin_of(starts)?, here.begin_of(ends.checked_add_days(Days::new(1))?)?)));
    if let Some((starts_at, ends_at)) = window {
        if starts_at >= ends_at {
            wrongs.push(("ends".to_owned(), "The last day comes after the first, or is the same.".to_owned()));
        } else if ends_at <= here.now {
            wrongs.push(("ends".to_owned(), "The last day is over.".to_owned()));
        }
    }
    let templates: Result<BTreeSet<TemplateKey>, _> = fields.lines("templates").into_iter().map(TemplateKey::new).collect();
    wrongs.extend(templates.as_ref().err().map(|error| ("templates".to_owned(), sentence(&error.to_string()))));
    let steps: Result<BTreeSet<StepId>, _> = fields.lines("steps").into_iter().map(StepId::new).collect();
    wrongs.extend(steps.as_ref().err().map(|error| ("steps".to_owned(), sentence(&error.to_string()))));
    let amount =
        fields.given("max_amount").map(|text| inputs::number(text).and_then(|number| number.as_f64()).filter(|value| *value >= 0.0));
    if amount == Some(None) {
        wrongs.push(("max_amount".to_owned(), "A number is wanted, such as 1250.50.".to_owned()));
    }
    let currency = fields.given("max_currency");
    if amount.is_some() && currency.is_none() {
        wrongs.push(("max_amount".to_owned(), "Name the currency too.".to_owned()));
    }
    let reason = fields.get("reason").trim();
    if reason.is_empty() || reason.chars().count() > limits::DELEGATION_REASON_CHARS {
        wrongs.push(("reason".to_owned(), format!("Say why, in 1 to {} characters.", limits::DELEGATION_REASON_CHARS)));
    }
    let id = DelegationId::new(post.tag("page delegate").request_id().as_str()).map_err(|error| Problem::internal(&error.to_string()))?;
    let (Ok(to), Some((starts_at, ends_at)), Ok(templates), Ok(steps), true) = (to, window, templates, steps, wrongs.is_empty()) else {
        return Ok(Err(wrongs));
    };
    let max = amount.flatten().zip(currency).map(|(value, currency)| Amount { value, currency: currency.to_owned() });
    let some = |empty: bool| !empty;
    let (templates, steps) = (Some(templates).filter(|all| some(all.is_empty())), Some(steps).filter(|all| some(all.is_empty())));
    // A day that has begun counts from now on.
    let starts_at = starts_at.max(here.now);
    let me = visit.identity.caller.id.clone();
    let delegation = Delegation { id, version: 1, from: me.clone(), giver_term: 0, starts_at, ends_at, templates, steps, max };
    Ok(Ok(StoredDelegation { delegation, to, reason: Some(reason.to_owned()), made_by: me.to_string(), made_at: here.now }))
}

async fn ended(visit: &Visit, id: &str) -> Result<Response, Problem> {
    let app = &visit.pages.app;
    let id = DelegationId::new(id).map_err(|_| Problem::not_found())?;
    let stored = match authority::visible_delegation(&app.directory, &visit.identity, &id).await.map_err(Problem::from) {
        Ok(stored) => stored,
        // It has ended already: the page says so.
        Err(problem) if problem.status == 404 => return Ok(html::see_other("/delegations")),
        Err(problem) => return Err(problem),
    };
    let (actor, asker) = (visit.identity.actor(), authority::asker(&visit.identity));
    let author = Author::new(&visit.identity.tenant, &actor, app.clock.now(), app.entropy.salt());
    app.pace.take(&visit.identity.tenant, &visit.identity.caller.id, app.clock.now()).await?;
    amend(&app.directory, &author, None, RevokeDelegation { asker: &asker, stored: &stored }).await?;
    Ok(html::see_other("/delegations"))
}
