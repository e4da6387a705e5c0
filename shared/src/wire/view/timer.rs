//! A step's clock in an answer.

use approvals_domain::state;
use approvals_domain::template::{self, Approver};
use approvals_domain::timers::{self, Timer};
use serde::Serialize;

/// What the clock does next on a step.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = NextTimer)]
pub struct TimerView {
    /// `remind`, `escalate` or `time_out`.
    does: &'static str,
    /// When; in the past, if the next tick does it.
    at: String,
    /// The level that fires.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u32>,
    /// Whom the level adds: `user:ID`, `role:NAME`, `any_of:` and these; `manager_of:approver` and the like are found when it fires.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    /// What a time-out does: `approve`, `reject` or `expire`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    then: Option<template::OnTimeout>,
}

impl TimerView {
    /// Of a step that is open or blocked.
    pub fn next(request: &state::Request, rules: &template::Step, step: &state::Step) -> Option<Self> {
        let (at, timer) = timers::next(rules, step)?;
        let plain = Self { does: "remind", at: at.to_string(), level: None, to: Vec::new(), then: None };
        Some(match timer {
            Timer::Remind(_) => plain,
            Timer::Escalate(level) => {
                let index = level as usize - 1;
                let to = rules.escalate.get(index).map_or(&[][..], |level| level.to.as_slice());
                let prefix = format!("escalate:{}:{index}", rules.id);
                Self { does: "escalate", level: Some(level), to: written(to, &prefix, request), ..plain }
            }
            Timer::TimeOut => Self { does: "time_out", then: Some(rules.on_timeout), ..plain },
        })
    }
}

/// Approvers as written, expressions as they were evaluated.
fn written(approvers: &[Approver], prefix: &str, request: &state::Request) -> Vec<String> {
    let one = |(index, approver): (usize, &Approver)| match approver {
        Approver::User(id) => vec![format!("user:{id}")],
        Approver::Role(role) => vec![format!("role:{role}")],
        Approver::ManagerOf(of) => vec![format!("manager_of:{of}")],
        Approver::AnyOf(inner) => vec![format!("any_of:{}", written(inner, &format!("{prefix}:{index}"), request).join(","))],
        Approver::Expression(_) => request.named.get(&format!("{prefix}:{index}")).into_iter().flatten().map(ToString::to_string).collect(),
    };
    approvers.iter().enumerate().flat_map(one).collect()
}
