//! `/new/{template}` and `/requests/{id}/edit`: a form from a template's fields, read back into metadata.
//!
//! INVARIANT (one admission): what a form says becomes the API's body, and enters by the same door.

use std::sync::Arc;

use approvals::app;
use approvals::app::commands::execute::Outcome;
use approvals::app::queries::{preview, values};
use approvals::store::directory::templates::Pinned;
use approvals::store::requests::Data;
use approvals::web;
use approvals::web::problem::Problem;
use approvals::wire::api::{ResubmitBody, SubmitBody};
use approvals::wire::fault::Fault;
use approvals::wire::plain::line;
use approvals_domain::actor::Channel;
use approvals_domain::ids::{EntityId, EntityType, TemplateKey};
use approvals_domain::payload::{TemplateRef, is_blank};
use approvals_domain::state::{Phase, StepPhase};
use approvals_domain::template::Template;
use axum::response::Response;
use page_views::Tab;
use page_views::form::{Form, Planned, Preview};
use page_views::parts::Trouble;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use crate::act::page_of;
use crate::asked::Path;
use crate::html;
use crate::inputs::{Wrongs, inputs, metadata, plain, written};
use crate::post::Post;
use crate::request::{self, Found};
use crate::visit::Visit;
use crate::{names, say, story, words};

/// `GET /new/{template}`.
pub(crate) async fn new(visit: Visit, Path(key): Path) -> Response {
    let made = async {
        let (key, pinned) = current(&visit, &key).await?;
        let id: String = visit.pages.app.entropy.request_id().as_str().chars().take(6).collect();
        let entity_id = format!("{}-{id}", visit.here.today().format("%Y"));
        let form = Form { entity_type: key.to_string(), entity_id, ..empty(&visit, &pinned, &key, &|_| String::new()) };
        Ok(html::page(200, &form))
    };
    let made = made.await;
    visit.answer(made)
}

/// `POST /new/{template}`.
pub(crate) async fn submit(Path(key): Path, post: Post) -> Response {
    let made = submitted(&post, &key).await;
    post.answer(made)
}

/// GET on the address of a form that is none: `/requests/{id}/edit` shows one.
pub(crate) async fn edit(visit: Visit, Path(id): Path) -> Response {
    let made = async {
        let found = request::find(&visit, &id).await?;
        if !matches!(found.record.state.phase, Phase::Returned { .. }) {
            return Ok(html::see_other(&page_of(&id)));
        }
        if let Err(error) = visit.pages.app.may_revise(&visit.identity, &found.record).await {
            return Err(say::told(&visit, Some(&found.template), error).await);
        }
        Ok(html::page(200, &editing(&visit, &found)))
    };
    let made = made.await;
    visit.answer(made)
}

/// `POST /requests/{id}/edit`.
pub(crate) async fn resubmit(Path(id): Path, post: Post) -> Response {
    let made = resubmitted(&post, &id).await;
    post.answer(made)
}

/// A template that takes requests.
async fn current(visit: &Visit, key: &str) -> Result<(TemplateKey, Arc<Pinned>), Problem> {
    let (app, tenant) = (&visit.pages.app, &visit.identity.tenant);
    let key = TemplateKey::new(key).map_err(|_| Problem::not_found())?;
    let version = app.directory.current(tenant, &key, app.clock.now()).await?.flatten().ok_or_else(Problem::not_found)?;
    let pinned = app.pinned(tenant, &TemplateRef { key: key.clone(), version }).await?;
    Ok((key, pinned))
}

/// What came of a form.
enum Came {
    /// It was taken.
    Sent(Box<Outcome>),
    /// What it would do.
    Would(Box<preview::Preview>),
    /// It cannot be read.
    Wrong(Problem),
    /// It was refused.
    Not(app::Error),
}

impl Came {
    fn sent(done: Result<Outcome, app::Error>) -> Self {
        done.map_or_else(Self::Not, |outcome| Self::Sent(Box::new(outcome)))
    }

    fn would(seen: Result<preview::Preview, app::Error>) -> Self {
        seen.map_or_else(Self::Not, |preview| Self::Would(Box::new(preview)))
    }
}

/// Whether the form is to be sent, or only looked through; none: no button of the page says so.
fn sends(post: &Post) -> Option<bool> {
    match post.fields.get("go") {
        "submit" => Some(true),
        "preview" => Some(false),
        _ => None,
    }
}

async fn submitted(post: &Post, key: &str) -> Result<Response, Problem> {
    let (visit, fields) = (&post.visit, &post.fields);
    let (app, identity) = (&visit.pages.app, &visit.identity);
    let (key, pinned) = current(visit, key).await?;
    let filled = |trouble, preview| {
        let typed = |name: &str| fields.get(name).to_owned();
        let form = empty(visit, &pinned, &key, &typed);
        let (entity_type, entity_id) = (typed("entity_type"), typed("entity_id"));
        Form { title: typed("title"), entity_type, entity_id, trouble, preview, ..form }
    };
    let (metadata, mut wrongs) = metadata(visit, &pinned, fields).await?;
    let (kind, id) = (fields.get("entity_type").trim(), fields.get("entity_id").trim());
    if EntityType::new(kind).is_err() {
        wrongs.push(("entity_type".to_owned(), "Kind of thing: 1 to 128 letters, digits and _ . : @ + | ' -, without blanks.".to_owned()));
    }
    if EntityId::new(id).is_err() {
        wrongs.push(("entity_id".to_owned(), "Number or name: 1 to 128 characters on one line.".to_owned()));
    }
    let body = json!({ "template": key, "entity": { "type": kind, "id": id }, "title": fields.get("title").trim(), "metadata": metadata });
    let came = match admitted::<SubmitBody>(post, &pinned, &body, wrongs) {
        Err(not) => Came::Wrong(not),
        Ok((body, true)) => Came::sent(app.submit(identity, body, post.tag("page submit"), Channel::Page).await),
        Ok((body, false)) => {
            let id = app.entropy.request_id();
            match app.prepare(identity, body, &id).await {
                Ok(prepared) => Came::would(app.preview(identity, prepared, &id).await),
                Err(error) => Came::Not(error),
            }
        }
    };
    shown(visit, &pinned, came, filled).await
}

async fn resubmitted(post: &Post, id: &str) -> Result<Response, Problem> {
    let (visit, fields) = (&post.visit, &post.fields);
    let (app, identity) = (&visit.pages.app, &visit.identity);
    let found = request::find(visit, id).await?;
    let filled = |trouble, preview| {
        let typed = |name: &str| fields.get(name).to_owned();
        let form = editing(visit, &found);
        let fields = inputs(&found.template, &typed, &|_| false);
        Form { title: typed("title"), fields, comment: typed("comment"), trouble, preview, ..form }
    };
    let id = &found.record.state.id;
    let (metadata, wrongs) = metadata(visit, &found.template, fields).await?;
    let body = json!({ "title": fields.get("title").trim(), "metadata": metadata, "comment": fields.words("comment") });
    let came = match admitted::<ResubmitBody>(post, &found.template, &body, wrongs) {
        Err(not) => Came::Wrong(not),
        Ok((body, true)) => Came::sent(app.resubmit(identity, id, body, post.tag(&format!("page edit {id}")), Channel::Page).await),
        Ok((body, false)) => match app.prepare_revision(identity, &found.record, body).await {
            Ok(prepared) => Came::would(app.preview(identity, prepared, id).await),
            Err(error) => Came::Not(error),
        },
    };
    shown(visit, &found.template, came, filled).await
}

/// The API's body that a form says, and whether it is to be sent; or all that is wrong with it.
fn admitted<B: DeserializeOwned>(post: &Post, template: &Template, body: &Json, mut wrongs: Wrongs) -> Result<(B, bool), Problem> {
    let send = sends(post);
    if send.is_none() {
        wrongs.push((String::new(), "Press one of the buttons below.".to_owned()));
    }
    if is_blank(post.fields.get("title")) {
        wrongs.insert(0, ("title".to_owned(), "What it is: say it in one line.".to_owned()));
    }
    if let Some(send) = send.filter(|_| wrongs.is_empty()) {
        let read = web::body::<B>(body.to_string().as_bytes(), "");
        return read.map(|body| (body, send)).map_err(|problem| say::in_words(Some(template), problem));
    }
    // What the form itself found names its own fields.
    let faults = wrongs.into_iter().map(|(field, said)| Fault::new(field, "invalid", said));
    Err(Problem::new(400, "invalid_form", "the form is not complete").at(faults))
}

/// What came of a form: its request, what it would do, or the form with all that is wrong and every word typed.
async fn shown(
    visit: &Visit,
    template: &Template,
    came: Came,
    filled: impl Fn(Option<Trouble>, Option<Preview>) -> Form,
) -> Result<Response, Problem> {
    let problem = match came {
        Came::Sent(outcome) => return Ok(html::see_other(&page_of(outcome.record.state.id.as_str()))),
        Came::Would(preview) => return Ok(html::page(200, &filled(None, Some(planned(visit, &preview).await?)))),
        Came::Wrong(problem) => problem,
        Came::Not(error) => say::told(visit, Some(template), error).await,
    };
    // What nobody can mend in the form is a page of its own.
    if problem.status >= 500 || problem.status == 404 {
        return Err(problem);
    }
    let trouble = Trouble { heading: "Nothing was submitted yet".to_owned(), ..trouble(template, &problem) };
    Ok(html::page(problem.status, &filled(Some(trouble), None)))
}

fn empty(visit: &Visit, template: &Template, key: &TemplateKey, typed: &dyn Fn(&str) -> String) -> Form {
    let kind = line(&template.title, 100);
    Form {
        frame: visit.frame(&kind, Tab::New),
        kind,
        action: format!("/new/{key}"),
        edits: None,
        why_back: None,
        title: String::new(),
        entity_type: String::new(),
        entity_id: String::new(),
        fields: inputs(template, typed, &|_| false),
        comment: String::new(),
        preview: None,
        trouble: None,
        files: Vec::new(),
    }
}

/// The form of a request that was sent back, with what stands in it.
fn editing(visit: &Visit, found: &Found) -> Form {
    let state = &found.record.state;
    let data = found.data.as_ref();
    let metadata = values::object(data.map_or("{}", |data| &data.metadata));
    let stands = |name: &str| match name.strip_prefix("field.") {
        Some(name) => metadata.get(name).map(written).unwrap_or_default(),
        None => serde_json::to_string_pretty(&metadata).unwrap_or_default(),
    };
    let shaped = |name: &str| metadata.get(name).is_some_and(|value| !plain(value));
    let title = found.title();
    Form {
        frame: visit.frame(&format!("Change {title}"), Tab::None),
        action: format!("/requests/{}/edit", state.id),
        edits: Some((title.clone(), page_of(state.id.as_str()))),
        why_back: story::why_back(&found.conversation.commits, &found.conversation.texts, &found.names),
        title,
        fields: inputs(&found.template, &stands, &shaped),
        files: data.iter().flat_map(|Data { attachments, .. }| attachments).map(|file| line(&file.name, 200)).collect(),
        ..empty(visit, &found.template, &state.template.key, &|_| String::new())
    }
}

async fn planned(visit: &Visit, preview: &preview::Preview) -> Result<Preview, Problem> {
    let names = visit.pages.app.people(&visit.identity.tenant, names::prospective(&preview.prospects)).await?;
    let steps = preview.template.all_steps().map(|rules| {
        let prospect = preview.prospects.iter().find(|prospect| prospect.step == rules.id);
        let skipped = preview.planned.step(&rules.id).is_none_or(|step| step.phase == StepPhase::Skipped);
        let (who, gap) = prospect.map(|prospect| names::prospect(prospect, &preview.planned, Some(rules), &names)).unwrap_or_default();
        let due = preview.due.get(&rules.id).map(|at| visit.here.due(*at));
        Planned { name: line(rules.title(), 100), skipped, who, due, gaps: gap.map(str::to_owned).into_iter().collect() }
    });
    let steps = steps.collect();
    let sum = preview.planned.amount.as_ref().map(words::money).unwrap_or_default();
    let problem = match &preview.refusal {
        Some(refusal) => say::told(visit, Some(&preview.template), refusal.clone().into()).await.detail,
        None => String::new(),
    };
    Ok(Preview { ok: preview.refusal.is_none(), problem, sum, steps })
}

/// A refusal, with the fields of the form that it is about.
fn trouble(template: &Template, problem: &Problem) -> Trouble {
    let field = |pointer: &str| match pointer {
        "/title" => "title".to_owned(),
        "/entity/type" => "entity_type".to_owned(),
        "/entity/id" => "entity_id".to_owned(),
        "/comment" => "comment".to_owned(),
        other => match other.strip_prefix("/metadata") {
            Some(_) if template.fields.is_empty() => "metadata".to_owned(),
            Some(rest) => {
                let name = rest.trim_start_matches('/').split('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
                if name.is_empty() { String::new() } else { format!("field.{name}") }
            }
            None if other.starts_with('/') => String::new(),
            None => other.to_owned(),
        },
    };
    let mut items: Wrongs = problem.errors.iter().map(|fault| (field(&fault.pointer), fault.detail.clone())).collect();
    if items.is_empty() {
        items.push((String::new(), html::sentence(&problem.detail)));
    }
    let busy = problem.facts.get("request").and_then(Json::as_str);
    let way = busy.map(|id| (page_of(id), "Open the request that is under way".to_owned()));
    Trouble { items, way, ..Trouble::default() }
}
