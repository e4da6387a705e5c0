//! Who may act on a request now, and why; who may not, and why not; who comes next.

use approvals::app::queries::explain::Stand;
use approvals::identity::Identity;
use approvals::web::problem::Problem;
use approvals::web::{Ids, Query};
use approvals::wire::view::{CandidateView, TimerView};
use approvals_domain::decide::Prospect;
use approvals_domain::facts::Facts;
use approvals_domain::ids::{DelegationId, PersonId, RequestId};
use approvals_domain::seat::Seat;
use approvals_domain::state::{Request, StepPhase};
use approvals_domain::template::Template;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{READERS, Service};

/// Whom to explain for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Whom {
    /// A person; the caller if left out.
    #[param(value_type = Option<String>)]
    user: Option<PersonId>,
}

/// Who may act, and why or why not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Explanation {
    user: String,
    /// May vote somewhere on this request now.
    may_vote: bool,
    status: &'static str,
    /// Steps that are open or blocked.
    steps: Vec<StepExplanation>,
    /// Steps that are still to open, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<WaitingStep>,
    /// Why nobody may vote, if no step takes votes.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

/// A step that is still to open.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WaitingStep {
    step: String,
    /// It opens once the steps above are through.
    next: bool,
    /// Who would be asked, as far as is known now.
    candidates: Vec<CandidateView>,
    /// How many approvals it would need.
    need: u32,
    /// Who is asked depends on who approves an earlier step.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    depends_on_earlier: bool,
}

/// Somebody who is asked on a step, or may vote for somebody who is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AskedPerson {
    user: String,
    may_vote: bool,
    /// The seat a vote of theirs would take.
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<SeatExplanation>,
    /// Why not, if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

/// The same for one step.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepExplanation {
    step: String,
    state: &'static str,
    may_vote: bool,
    /// Who may vote here.
    candidates: Vec<CandidateView>,
    /// Those who are asked, one by one: named people and members of roles, at most 25. After them, at most 25 of their delegates who
    /// may vote.
    asked: Vec<AskedPerson>,
    /// This person's rights to a vote here, used or not.
    seats: Vec<SeatExplanation>,
    /// Why not, if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// When the step is late.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
    /// Escalation level reached.
    level: u32,
    /// What the clock does next, if it does anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_timer: Option<TimerView>,
}

/// A right to one vote.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SeatExplanation {
    seat: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    delegations: Vec<String>,
    /// Who stands in for whom, from this person to the one whose right it is; empty for an own seat.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    chain: Vec<String>,
    level: u32,
    /// True: only stands in for others who are missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reserve: bool,
}

/// Why somebody may not vote.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Reason {
    code: &'static str,
    detail: String,
}

/// Who may act on a request now and why; why not this person.
#[utoipa::path(get, path = "/v1/requests/{id}/explain", tag = "requests", params(("id" = String, Path), Whom),
    responses((status = 200, body = Explanation), (status = "4XX", body = Problem, content_type = "application/problem+json")),
    security(("bearer" = ["approvals:read"]), ("bearer" = ["approvals:audit"])))]
pub(super) async fn explain(
    State(service): State<Service>,
    identity: Identity,
    Ids(id): Ids<RequestId>,
    Query(whom): Query<Whom>,
) -> Result<Json<Explanation>, Problem> {
    identity.need_one(READERS)?;
    let (record, mut known) = service.app.visible(&identity, &id).await?;
    let user = whom.user.unwrap_or_else(|| identity.caller.id.clone());
    let stands = service.app.stands(&record.state, &user, &mut known).await?;
    let template = service.app.pinned(&identity.tenant, &record.state.template).await?;
    let asked = service.app.asked(&record.state, &mut known).await?;
    let ahead = service.app.ahead(&record.state, &mut known).await?;
    let explain = |stand| explain_step(&record.state, &template, stand, (&user, &asked), &known.facts);
    let steps: Vec<StepExplanation> = stands.iter().map(explain).collect();
    let may_vote = steps.iter().any(|step| step.may_vote);
    let status = record.state.status().as_str();
    let reason = steps.is_empty().then(|| match record.state.outcome() {
        Some(_) if record.state.is_pending() => {
            let by = &record.state.submitted_by;
            let detail = format!(
                "the request is approved and waits for its effect: `{by}`, who submitted it, or whom the template names in `effect.by` may \
                 start it; until then whoever counted in an approval or a member of `approval_admin` may recall it, and its requester may \
                 cancel it"
            );
            Reason { code: "effect_pending", detail }
        }
        Some(outcome) => {
            let by = approvals::wire::view::actor_name(&outcome.by);
            Reason { code: "request_closed", detail: format!("the request is {status} since {}, by `{by}`", outcome.at) }
        }
        None => Reason { code: "request_returned", detail: "the request is with its requester, who may resubmit it".to_owned() },
    });
    let waiting = waiting(&template, &ahead);
    Ok(Json(Explanation { user: user.to_string(), may_vote, status, steps, waiting, reason }))
}

/// The steps ahead; those of the first group among them come next.
fn waiting(template: &Template, ahead: &[Prospect]) -> Vec<WaitingStep> {
    let of = |prospect: &Prospect| template.steps.iter().position(|group| group.steps().iter().any(|rules| rules.id == prospect.step));
    let first = ahead.iter().filter_map(of).min();
    let view = |prospect: &Prospect| WaitingStep {
        step: prospect.step.to_string(),
        next: of(prospect) == first,
        candidates: prospect.candidates.iter().map(CandidateView::from).collect(),
        need: prospect.need,
        depends_on_earlier: prospect.later,
    };
    ahead.iter().map(view).collect()
}

fn explain_step(
    request: &Request,
    template: &Template,
    stand: &Stand,
    (user, asked): (&PersonId, &[(PersonId, Stand)]),
    facts: &Facts,
) -> StepExplanation {
    let may_vote = stand.takes.is_some();
    let step = request.step(&stand.step);
    let opening = step.and_then(|step| step.opening.as_ref());
    let next_timer = step.zip(template.step(&stand.step)).and_then(|(step, rules)| TimerView::next(request, rules, step));
    let reason = why_not(stand, user);
    let asked = asked.iter().filter(|(_, of)| of.step == stand.step).map(|(person, of)| AskedPerson {
        user: person.to_string(),
        may_vote: of.takes.is_some(),
        seat: of.takes.as_ref().map(|seat| seat_view(seat, person, facts)),
        reason: why_not(of, person),
    });
    StepExplanation {
        step: stand.step.to_string(),
        state: stand.phase.as_str(),
        may_vote,
        candidates: opening.map_or_else(Vec::new, CandidateView::of),
        asked: asked.collect(),
        seats: stand.seats.iter().flatten().map(|seat| seat_view(seat, user, facts)).collect(),
        reason,
        due_at: opening.map(|opening| opening.due_at.to_string()),
        level: opening.map_or(0, |opening| opening.level),
        next_timer,
    }
}

fn why_not(stand: &Stand, user: &PersonId) -> Option<Reason> {
    match &stand.seats {
        Err(why) => Some(Reason { code: why.code(), detail: format!("`{user}` {why}") }),
        Ok(_) if stand.takes.is_some() => None,
        Ok(_) if stand.voted => Some(Reason { code: "already_voted", detail: format!("`{user}` voted on this step") }),
        Ok(_) if stand.phase != StepPhase::Open => {
            Some(Reason { code: "step_not_open", detail: format!("the step is {}: too few can vote", stand.phase.as_str()) })
        }
        Ok(_) => Some(Reason { code: "seat_taken", detail: format!("every seat `{user}` may fill is filled") }),
    }
}

fn seat_view(seat: &Seat, user: &PersonId, facts: &Facts) -> SeatExplanation {
    SeatExplanation {
        seat: seat.key(),
        on_behalf_of: Some(seat.person.to_string()).filter(|_| seat.person != *user),
        role: seat.role.as_ref().map(ToString::to_string),
        delegations: seat.delegations.iter().map(ToString::to_string).collect(),
        chain: chain(seat, user, facts),
        level: seat.level,
        reserve: seat.reserve,
    }
}

/// The persons of a seat's delegations: the voter, each who stands between, the one whose right it is.
fn chain(seat: &Seat, user: &PersonId, facts: &Facts) -> Vec<String> {
    let received = || facts.persons.values().flatten().flat_map(|person| person.received.iter().flatten());
    let giver = |id: &DelegationId| received().find(|delegation| delegation.id == *id).map(|delegation| delegation.from.to_string());
    let givers: Vec<String> = seat.delegations.iter().filter_map(giver).collect();
    if givers.is_empty() { Vec::new() } else { std::iter::once(user.to_string()).chain(givers).collect() }
}
