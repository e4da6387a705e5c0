//! The pinned template's expressions once more, on the content that the service shows: what the commits say of them must be so.
//!
//! Whoever forges a first commit can say of each condition what they like; the core takes its result from the commit. Only the content tells.

use approvals::expression::{Evaluated, Program, Requester, Variables};
use approvals_domain::candidate::Candidate;
use approvals_domain::event::Revision;
use approvals_domain::ids::StepId;
use approvals_domain::state::Request;
use approvals_domain::template::Template;
use serde_json::Value;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Expressions that gave what the commits say.
    pub(super) agreed: u64,
    /// Expressions that rest on who asked: the log does not hold what the directory knew of them.
    pub(super) not_checked: u64,
    /// What differs, in words.
    pub(super) differs: Vec<String>,
}

/// Evaluates the expressions of a revision's template.
pub(super) fn again(template: &Template, request: &Request, revision: &Revision, metadata: &Value) -> Found {
    let mut found = Found::default();
    let program = match Program::compile(template) {
        Ok(program) => program,
        Err(failed) => {
            found.differs.extend(failed.first().map(|failed| format!("an expression of the template does not compile: {failed}")));
            return found;
        }
    };
    // Nothing that is evaluated here reads the requester.
    let requester = Requester { id: &request.requester, manager: None, roles: &[], attributes: None };
    let planned = |step: &StepId| revision.plan.contains(step) && !revision.skipped.contains(step);
    let again = program.evaluate_again(&Variables::new(metadata, &request.entity, requester), planned);
    found.not_checked = again.not_checked.len() as u64;
    found.differs.extend(again.failed.iter().map(|failed| format!("an expression gives no result on what the service shows: {failed}")));
    for (name, gives) in &again.results {
        let said = said(revision, name, gives);
        if said.as_ref() == Some(gives) {
            found.agreed += 1;
        } else {
            let words = |value: Option<&Evaluated>| serde_json::to_string(&value).unwrap_or_default();
            found.differs.push(format!(
                "`{name}` of the template gives {} on what the service shows, and the commit says {}",
                words(Some(gives)),
                words(said.as_ref())
            ));
        }
    }
    let known = |name: &String| again.results.contains_key(name) || again.not_checked.contains(name);
    let failed = |name: &String| again.failed.iter().any(|failed| failed.name == *name);
    let invented = revision.named.keys().filter(|name| !known(name) && !failed(name));
    found
        .differs
        .extend(invented.map(|name| format!("the commit names approvers under `{name}`, and the template has no such expression")));
    found
}

/// What the commit says of an expression's result.
fn said(revision: &Revision, name: &str, like: &Evaluated) -> Option<Evaluated> {
    Some(match like {
        Evaluated::Condition(_) => {
            let step = StepId::new(name.strip_prefix("when:")?).ok()?;
            Evaluated::Condition(revision.plan.contains(&step) && !revision.skipped.contains(&step))
        }
        Evaluated::Candidates(_) => Evaluated::Candidates(revision.named.get(name)?.iter().map(Candidate::to_string).collect()),
        Evaluated::Number(_) => Evaluated::Number(revision.amount.as_ref()?.value),
        Evaluated::Text(_) => Evaluated::Text(revision.amount.as_ref()?.currency.clone()),
    })
}
