//! The rulings on decisions, each named after the fault or surprise that asked for it.

mod clocks;
mod parties;
mod seats;

use approvals_domain::refusal::Refusal;
use approvals_domain::template::Template;
use serde_json::{Value, json};

use crate::desk::{Desk, template};

/// One step `x` with these fields.
pub(super) fn one(more: Value) -> Template {
    let mut step = json!({ "id": "x", "sla": { "hours": 10 } });
    step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    template(json!([step]))
}

pub(super) fn why(desk: &mut Desk, by: &str) -> &'static str {
    match desk.approve(by, "x") {
        Err(Refusal::NotEligible { why, .. }) => why.code(),
        Err(refusal) => refusal.code(),
        Ok(_) => "approved",
    }
}
