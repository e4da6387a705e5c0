//! Steps, votes and clocks in words.

use approvals_domain::event::Decision;
use approvals_domain::state::{Step, StepPhase, Vote};
use approvals_domain::template;
use approvals_domain::timers::Timer;
use page_views::parts::Tone;

/// What somebody answered.
pub(super) fn did(vote: &Vote) -> &'static str {
    match vote.voted.decision {
        Decision::Approve => "approved",
        Decision::Reject => "rejected",
        Decision::Return => "sent it back",
    }
}

/// How a step stands: word, tone, and the sign in front of it.
pub(super) fn phase(step: &Step, number: usize) -> (&'static str, Tone, String) {
    match step.phase {
        StepPhase::Waiting => ("later", Tone::Plain, number.to_string()),
        StepPhase::Open => ("open", Tone::Now, number.to_string()),
        StepPhase::Blocked => ("stuck", Tone::Bad, "!".to_owned()),
        StepPhase::Approved => ("approved", Tone::Good, "✓".to_owned()),
        StepPhase::Rejected => ("rejected", Tone::Bad, "✕".to_owned()),
        StepPhase::Skipped => ("not needed", Tone::Plain, "–".to_owned()),
        StepPhase::Returned => ("sent back", Tone::Warn, "↩".to_owned()),
        StepPhase::Closed if step.opening.is_some() => ("stopped", Tone::Plain, "–".to_owned()),
        StepPhase::Closed => ("not reached", Tone::Plain, "–".to_owned()),
    }
}

/// What the clock does next.
pub(super) fn next(timer: &Timer, rules: Option<&template::Step>, at: &str) -> String {
    match timer {
        Timer::Remind(_) => format!("Reminder on {at}."),
        Timer::Escalate(_) => format!("Others are asked too from {at}."),
        Timer::TimeOut => match rules.map(|rules| rules.on_timeout) {
            Some(template::OnTimeout::Approve) => format!("Approved without an answer on {at}."),
            Some(template::OnTimeout::Reject) => format!("Rejected without an answer on {at}."),
            Some(template::OnTimeout::Expire) => format!("Expires on {at}."),
            Some(template::OnTimeout::None) | None => String::new(),
        },
    }
}
