//! `/delegations`: who stands in for the reader, and for whom the reader stands in.

use std::collections::BTreeSet;

use approvals::app::commands::delegations::{MakeDelegation, RevokeDelegation};
use approvals::app::commands::{amend, authority};
use approvals::app::queries::brief::Names;
use approvals::app::queries::scope;
use approvals::store::directory::chain::Author;
use approvals::store::directory::delegations::StoredDelegation;
use approvals::web::problem::Problem;
use approvals::wire::api::check_scope;
use approvals::wire::fault::Fault;
use approvals::wire::plain::line;
use approvals_domain::amount::Amount;
use approvals_domain::facts::Delegation;
use approvals_domain::ids::{DelegationId, StepId, TemplateKey};
use approvals_domain::limits;
use approvals_domain::time::Timestamp;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use page_views::Tab;
use page_views::parts::{Tag, Tone, Trouble};
use page_views::settings::{self, DelegationForm, Delegations};

use crate::asked::Path;
use crate::html::{self, sentence};
use crate::post::Post;
use crate::visit::Visit;
use crate::{inputs, people, say, words};

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
    post.answer(made)
}

/// `POST /delegations/{id}/end`.
pub(crate) async fn end(Path(id): Path, post: Post) -> Response {
    let made = ended(&post.visit, &id).await;
    post.answer(made)
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
    let current = |all: Vec<StoredDelegation>| all.into_iter().filter(|stored| visit.here.now < stored.delegation.ends_at);
    let mut own = Vec::new();
    for stored in current(given) {
        // What can never count looks like help that is there.
        let unmet = scope::unmet(&app.directory, tenant, &stored.delegation).await?;
        let warnings = unmet.iter().map(|fault| sentence(&fault.detail)).collect();
        own.push(settings::Delegation { warnings, ..delegation(visit, &stored, &names, false) });
    }
    let received = current(received).map(|stored| delegation(visit, &stored, &names, true)).collect();
    let (frame, zone) = (visit.frame("Stand-ins", Tab::Delegations), visit.here.zone.name().to_owned());
    Ok(html::page(status, &Delegations { frame, given: own, received, form, zone, trouble }))
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
        warnings: Vec::new(),
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
            let problem = say::told(visit, None, error).await;
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
    let key = "letters a to z, digits and _, beginning with a letter: one a line";
    wrongs.extend(templates.as_ref().err().map(|_| ("templates".to_owned(), format!("Kinds: {key}."))));
    let steps: Result<BTreeSet<StepId>, _> = fields.lines("steps").into_iter().map(StepId::new).collect();
    wrongs.extend(steps.as_ref().err().map(|_| ("steps".to_owned(), format!("Steps: {key}."))));
    // A limit that is half said is none that anybody meant.
    let max = match (fields.given("max_amount"), fields.given("max_currency")) {
        (None, None) => None,
        (Some(_), None) => {
            wrongs.push(("max_currency".to_owned(), "Currency: name it, or leave the amount empty.".to_owned()));
            None
        }
        (None, Some(_)) => {
            wrongs.push(("max_amount".to_owned(), "Up to how much: say it, or leave the currency empty.".to_owned()));
            None
        }
        (Some(amount), Some(currency)) => match inputs::number(amount).map(|number| number.as_f64().unwrap_or(f64::NAN)) {
            Ok(value) => Some(Amount { value, currency: currency.to_owned() }),
            Err(said) => {
                wrongs.push(("max_amount".to_owned(), format!("Up to how much: {said}.")));
                None
            }
        },
    };
    let reason = fields.get("reason").trim();
    if reason.is_empty() || reason.chars().count() > limits::DELEGATION_REASON_CHARS {
        wrongs.push(("reason".to_owned(), format!("Say why, in 1 to {} characters.", limits::DELEGATION_REASON_CHARS)));
    }
    let id = DelegationId::new(post.tag("page delegate").request_id().as_str()).map_err(|error| Problem::internal(&error.to_string()))?;
    let (Ok(to), Some((starts_at, ends_at)), Ok(templates), Ok(steps), true) = (to, window, templates, steps, wrongs.is_empty()) else {
        return Ok(Err(wrongs));
    };
    let some = |empty: bool| !empty;
    let (templates, steps) = (Some(templates).filter(|all| some(all.is_empty())), Some(steps).filter(|all| some(all.is_empty())));
    // A day that has begun counts from now on.
    let starts_at = starts_at.max(here.now);
    let me = visit.identity.caller.id.clone();
    let delegation = Delegation { id, version: 1, from: me.clone(), giver_term: 0, starts_at, ends_at, templates, steps, max };
    let field = |fault: &Fault| match fault.pointer.as_str() {
        "/max/amount" => "max_amount",
        "/max/currency" => "max_currency",
        "/steps" => "steps",
        _ => "templates",
    };
    let faults: Vec<(String, String)> =
        check_scope(&delegation).iter().map(|fault| (field(fault).to_owned(), sentence(&fault.detail))).collect();
    if !faults.is_empty() {
        return Ok(Err(faults));
    }
    Ok(Ok(StoredDelegation { delegation, to, reason: Some(reason.to_owned()), made_by: me.to_string(), made_at: here.now }))
}

async fn ended(visit: &Visit, id: &str) -> Result<Response, Problem> {
    let app = &visit.pages.app;
    let id = DelegationId::new(id).map_err(|_| Problem::not_found())?;
    let stored = authority::visible_delegation(&app.directory, &visit.identity, &id).await?;
    let (actor, asker) = (visit.identity.actor(), authority::asker(&visit.identity));
    let author = Author::new(&visit.identity.tenant, &actor, app.clock.now(), app.entropy.salt());
    app.pace.take(&visit.identity.tenant, &visit.identity.caller.id, app.clock.now()).await?;
    amend(&app.directory, &author, None, RevokeDelegation { asker: &asker, stored: &stored }).await?;
    Ok(html::see_other("/delegations"))
}
