//! `/new/{template}` and `/requests/{id}/edit`: a form from a template's fields, read back into metadata.

use std::sync::Arc;

use approvals::store::directory::templates::Pinned;
use approvals::store::requests::Data;
use approvals::web::problem::Problem;
use approvals::wire::api::{ResubmitBody, SubmitBody};
use approvals::wire::plain::line;
use approvals_domain::actor::Channel;
use approvals_domain::ids::{Entity, EntityId, EntityType, Invalid, TemplateKey};
use approvals_domain::payload::TemplateRef;
use approvals_domain::state::{Phase, StepPhase};
use approvals_domain::template::Template;
use axum::extract::Path;
use axum::response::Response;
use page_views::Tab;
use page_views::form::{Form, Planned, Preview};
use page_views::parts::Trouble;
use serde_json::Value as Json;

use crate::act::page_of;
use crate::fields::Fields;
use crate::html::{self, sentence};
use crate::inputs::{Wrongs, inputs, metadata, plain, written};
use crate::names::candidate;
use crate::request::{self, Found};
use crate::visit::{Post, Visit};
use crate::words::listed;
use crate::{story, values, words};

/// Names of candidates in a preview.
const NAMED: usize = 5;

/// `GET /new/{template}`.
pub(crate) async fn new(visit: Visit, Path(key): Path<String>) -> Response {
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
pub(crate) async fn submit(Path(key): Path<String>, post: Post) -> Response {
    let made = submitted(&post, &key).await;
    post.visit.answer(made)
}

/// GET on the address of a form that is none: `/requests/{id}/edit` shows one.
pub(crate) async fn edit(visit: Visit, Path(id): Path<String>) -> Response {
    let made = async {
        let found = request::find(&visit, &id).await?;
        if !matches!(found.record.state.phase, Phase::Returned { .. }) {
            return Ok(html::see_other(&page_of(&id)));
        }
        Ok(html::page(200, &editing(&visit, &found)))
    };
    let made = made.await;
    visit.answer(made)
}

/// `POST /requests/{id}/edit`.
pub(crate) async fn resubmit(Path(id): Path<String>, post: Post) -> Response {
    let made = resubmitted(&post, &id).await;
    post.visit.answer(made)
}

/// A template that takes requests.
async fn current(visit: &Visit, key: &str) -> Result<(TemplateKey, Arc<Pinned>), Problem> {
    let (app, tenant) = (&visit.pages.app, &visit.identity.tenant);
    let key = TemplateKey::new(key).map_err(|_| Problem::not_found())?;
    let version = app.directory.current(tenant, &key, app.clock.now()).await?.flatten().ok_or_else(Problem::not_found)?;
    let pinned = app.pinned(tenant, &TemplateRef { key: key.clone(), version }).await?;
    Ok((key, pinned))
}

async fn submitted(post: &Post, key: &str) -> Result<Response, Problem> {
    let (visit, fields) = (&post.visit, &post.fields);
    let app = &visit.pages.app;
    let (key, pinned) = current(visit, key).await?;
    let filled = |trouble, preview| {
        let typed = |name: &str| fields.get(name).to_owned();
        let form = empty(visit, &pinned, &key, &typed);
        let (entity_type, entity_id) = (typed("entity_type"), typed("entity_id"));
        Form { title: typed("title"), entity_type, entity_id, trouble, preview, ..form }
    };
    let body = match body(visit, &key, &pinned, fields).await? {
        Ok(body) => body,
        Err(items) => return Ok(html::page(400, &filled(Some(trouble(items)), None))),
    };
    if fields.get("go") == "preview" {
        let id = app.entropy.request_id();
        let preview = async { app.preview(&visit.identity, app.prepare(&visit.identity, body, &id).await?, &id).await };
        return match preview.await {
            Ok(preview) => Ok(html::page(200, &filled(None, Some(planned(visit, &preview).await?)))),
            Err(error) => refused(&error.into(), |status, trouble| html::page(status, &filled(Some(trouble), None))),
        };
    }
    match app.submit(&visit.identity, body, post.tag("page submit"), Channel::Page).await {
        Ok(outcome) => Ok(html::see_other(&page_of(outcome.record.state.id.as_str()))),
        Err(error) => refused(&error.into(), |status, trouble| html::page(status, &filled(Some(trouble), None))),
    }
}

async fn body(visit: &Visit, key: &TemplateKey, template: &Template, fields: &Fields) -> Result<Result<SubmitBody, Wrongs>, Problem> {
    let (metadata, mut wrongs) = metadata(visit, template, fields).await?;
    let kind = EntityType::new(fields.get("entity_type").trim());
    let id = EntityId::new(fields.get("entity_id").trim());
    let told = |name: &str, error: &Invalid| (name.to_owned(), sentence(&error.to_string()));
    wrongs.extend(kind.as_ref().err().map(|error| told("entity_type", error)));
    wrongs.extend(id.as_ref().err().map(|error| told("entity_id", error)));
    let title = fields.get("title").trim().to_owned();
    if title.is_empty() {
        wrongs.insert(0, ("title".to_owned(), "Say what it is, in one line.".to_owned()));
    }
    Ok(match (kind, id, wrongs.is_empty()) {
        (Ok(kind), Ok(id), true) => {
            let entity = Entity { kind, id };
            Ok(SubmitBody { template: key.clone(), entity, title, metadata, requester: None, attachments: Vec::new(), callback: None })
        }
        _ => Err(wrongs),
    })
}

async fn resubmitted(post: &Post, id: &str) -> Result<Response, Problem> {
    let (visit, fields) = (&post.visit, &post.fields);
    let found = request::find(visit, id).await?;
    let (metadata, mut wrongs) = metadata(visit, &found.template, fields).await?;
    let title = fields.get("title").trim().to_owned();
    if title.is_empty() {
        wrongs.insert(0, ("title".to_owned(), "Say what it is, in one line.".to_owned()));
    }
    let filled = |trouble| {
        let typed = |name: &str| fields.get(name).to_owned();
        let form = editing(visit, &found);
        let fields = inputs(&found.template, &typed, &|_| false);
        Form { title: typed("title"), fields, comment: typed("comment"), trouble: Some(trouble), ..form }
    };
    if !wrongs.is_empty() {
        return Ok(html::page(400, &filled(trouble(wrongs))));
    }
    let id = found.record.state.id.clone();
    let body = ResubmitBody { title: Some(title), metadata, attachments: None, comment: fields.words("comment") };
    let tag = post.tag(&format!("page edit {id}"));
    match visit.pages.app.resubmit(&visit.identity, &id, body, tag, Channel::Page).await {
        Ok(_) => Ok(html::see_other(&page_of(id.as_str()))),
        Err(error) => refused(&error.into(), |status, trouble| html::page(status, &filled(trouble))),
    }
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
        people: Vec::new(),
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
        why_back: story::why_back(&found.commits, &found.texts, &found.names),
        title,
        fields: inputs(&found.template, &stands, &shaped),
        files: data.iter().flat_map(|Data { attachments, .. }| attachments).map(|file| line(&file.name, 200)).collect(),
        ..empty(visit, &found.template, &state.template.key, &|_| String::new())
    }
}

async fn planned(visit: &Visit, preview: &approvals::app::queries::preview::Preview) -> Result<Preview, Problem> {
    let people = preview.prospects.iter().flat_map(|prospect| &prospect.candidates).flat_map(|placed| placed.candidate.members());
    let people = people.filter_map(|member| match member {
        approvals_domain::candidate::Candidate::User(id) => Some(id.clone()),
        _ => None,
    });
    let names = visit.pages.app.people(&visit.identity.tenant, people).await?;
    let steps = preview.template.all_steps().map(|rules| {
        let prospect = preview.prospects.iter().find(|prospect| prospect.step == rules.id);
        let skipped = preview.planned.step(&rules.id).is_none_or(|step| step.phase == StepPhase::Skipped);
        let candidates: Vec<String> =
            prospect.iter().flat_map(|p| &p.candidates).map(|placed| candidate(&placed.candidate, &names)).collect();
        let need = prospect.filter(|prospect| prospect.need > 1).map_or_else(String::new, |prospect| format!("{} of: ", prospect.need));
        let gap = prospect.and_then(|prospect| match (prospect.later, prospect.routable) {
            (true, _) => Some("who decides depends on who decides an earlier step"),
            (false, false) => Some("too few people could answer"),
            (false, true) => None,
        });
        Planned {
            name: line(rules.title(), 100),
            skipped,
            who: if candidates.is_empty() { String::new() } else { format!("{need}{}", listed(&candidates, NAMED)) },
            due: preview.due.get(&rules.id).map(|at| visit.here.due(*at)),
            gaps: gap.map(str::to_owned).into_iter().collect(),
        }
    });
    let sum = preview.planned.amount.as_ref().map(words::money).unwrap_or_default();
    let problem = preview.refusal.clone().map(|refusal| sentence(&Problem::from(refusal).detail)).unwrap_or_default();
    Ok(Preview { ok: preview.refusal.is_none(), problem, sum, steps: steps.collect() })
}

fn trouble(items: Wrongs) -> Trouble {
    Trouble { heading: "Nothing was submitted yet".to_owned(), items, way: None }
}

/// A refusal beside the form; what nobody can mend in it is a page of its own.
fn refused(problem: &Problem, page: impl FnOnce(u16, Trouble) -> Response) -> Result<Response, Problem> {
    if problem.status >= 500 || problem.status == 404 {
        return Err(problem.clone());
    }
    let field = |pointer: &str| match pointer {
        "/title" => "title".to_owned(),
        "/entity/type" => "entity_type".to_owned(),
        "/entity/id" => "entity_id".to_owned(),
        "/comment" => "comment".to_owned(),
        other => other.strip_prefix("/metadata/").map(|name| format!("field.{name}")).unwrap_or_default(),
    };
    let items: Wrongs = problem.errors.iter().map(|fault| (field(&fault.pointer), sentence(&fault.detail))).collect();
    let items = if items.is_empty() { vec![(String::new(), sentence(&problem.detail))] } else { items };
    let busy = problem.facts.get("request").and_then(Json::as_str);
    let way = busy.map(|id| (page_of(id), "Open the request that is under way".to_owned()));
    Ok(page(problem.status, Trouble { way, ..trouble(items) }))
}
