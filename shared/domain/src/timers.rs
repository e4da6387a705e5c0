//! A step's clock: reminders, levels of escalation, and the end of its time. And those of a returned request and of an effect. Pure
//! arithmetic; the tick reads it, `decide` obeys it.
//!
//! Each step has at most one next timer. Levels fire in their order, each once, however late. Of reminders that are overdue only the last is
//! given, and none once a later level has fired. The clock runs while a step is blocked, but reminders wait: there is nobody to remind.

use crate::command::Command;
use crate::effect::EffectState;
use crate::ids::StepId;
use crate::state::{self, Opening, Phase, Request, StepPhase};
use crate::template::{self, OnTimeout, Template};
use crate::time::Timestamp;

/// What a clock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// The n-th reminder in order of time, from 1.
    Remind(u32),
    /// The n-th level, from 1.
    Escalate(u32),
    /// What the template's `on_timeout` says.
    TimeOut,
}

/// What the clock of a returned request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The n-th reminder of the requester in order of time, from 1.
    Remind(u32),
    /// The request expires.
    Expire,
}

/// What must happen to a request now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A step's timer.
    Step(StepId, Timer),
    /// The request is with its requester.
    Returned(Wait),
    /// The effect was not started in time: the request expires.
    EffectExpired,
    /// The effect was started and is not finished: `approval_admin` is told.
    EffectLate,
}

impl Due {
    /// The command that does it.
    pub fn command(&self) -> Command {
        match self {
            Self::Step(step, timer) => timer.command(step.clone()),
            Self::Returned(Wait::Remind(number)) => Command::RemindRequester { number: *number },
            Self::Returned(Wait::Expire) | Self::EffectExpired => Command::Expire,
            Self::EffectLate => Command::RemindEffect,
        }
    }
}

impl Timer {
    /// The command that fires it.
    pub fn command(self, step: StepId) -> Command {
        match self {
            Self::Remind(number) => Command::Remind { step, number },
            Self::Escalate(level) => Command::Escalate { step, level },
            Self::TimeOut => Command::TimeOut { step },
        }
    }
}

impl template::Step {
    /// Every fraction of the SLA at which something happens, each once, ascending; being late (1.0) is always among them.
    pub fn fractions(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.timers().into_iter().map(|(fraction, _)| fraction).chain([1.0]).collect();
        all.sort_by(f64::total_cmp);
        all.dedup();
        all
    }

    /// Its timers with their fractions of the SLA, ascending; at one moment levels come first.
    ///
    /// Time is up one more gap after the last level: as long after it as it comes after the one before it, the first counted from the
    /// opening. Never before the step is late; without levels just then.
    fn timers(&self) -> Vec<(f64, Timer)> {
        let mut reminders = self.remind.clone();
        reminders.sort_by(f64::total_cmp);
        reminders.dedup();
        let reminders = (1..).zip(reminders).map(|(number, fraction)| (fraction, Timer::Remind(number)));
        let levels = (1..).zip(&self.escalate).map(|(number, level)| (level.after, Timer::Escalate(number)));
        let up = match self.escalate.as_slice() {
            [] => 1.0,
            [only] => only.after * 2.0,
            [.., before, last] => last.after * 2.0 - before.after,
        };
        let up = (self.on_timeout != OnTimeout::None).then_some((up.max(1.0), Timer::TimeOut));
        let mut all: Vec<(f64, Timer)> = levels.chain(reminders).chain(up).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        all
    }
}

impl Opening {
    /// When a fraction of the SLA is over.
    fn instant(&self, rules: &template::Step, fraction: f64) -> Timestamp {
        let place = || rules.fractions().iter().position(|known| *known == fraction);
        let working = if self.working.is_empty() { None } else { place().and_then(|place| self.working.get(place).copied()) };
        working.unwrap_or_else(|| self.opened_at.plus_hours(rules.sla.hours * fraction))
    }
}

/// What is still to fire on a step, soonest first.
fn pending(rules: &template::Step, step: &state::Step) -> Vec<(Timestamp, Timer)> {
    let Some(opening) = step.opening.as_ref().filter(|_| step.phase.is_live()) else { return Vec::new() };
    let timers = rules.timers();
    let fired = timers.iter().find(|(_, timer)| *timer == Timer::Escalate(opening.level)).map(|(fraction, _)| *fraction);
    let stands = |(fraction, timer): &&(f64, Timer)| match timer {
        Timer::Remind(number) => *number > opening.reminded && step.phase == StepPhase::Open && fired.is_none_or(|fired| *fraction > fired),
        Timer::Escalate(level) => *level > opening.level,
        Timer::TimeOut => !opening.timed_out,
    };
    timers.iter().filter(stands).map(|(fraction, timer)| (opening.instant(rules, *fraction), *timer)).collect()
}

/// A step's next timer, and when it fires.
pub fn next(rules: &template::Step, step: &state::Step) -> Option<(Timestamp, Timer)> {
    pending(rules, step).into_iter().next()
}

/// The timer of a step that must fire now, if one must.
pub fn due(rules: &template::Step, step: &state::Step, now: Timestamp) -> Option<Timer> {
    let over: Vec<Timer> = pending(rules, step).into_iter().take_while(|(at, _)| *at <= now).map(|(_, timer)| timer).collect();
    let level = over.iter().find(|timer| matches!(timer, Timer::Escalate(_)));
    level.or_else(|| over.iter().find(|timer| **timer == Timer::TimeOut)).or(over.last()).copied()
}

/// The last reminder whose time has come: a step that opens again asks, and asking counts as all of these.
pub(crate) fn reminders_over(rules: &template::Step, opening: &Opening, now: Timestamp) -> u32 {
    let over = rules.timers().into_iter().filter(|(fraction, _)| opening.instant(rules, *fraction) <= now);
    over.filter_map(|(_, timer)| if let Timer::Remind(number) = timer { Some(number) } else { None }).max().unwrap_or(0)
}

/// When a request wants attention next; `None`: nothing of it runs.
pub fn soonest(request: &Request, template: &Template) -> Option<Timestamp> {
    let steps = live(request, template).filter_map(|(rules, step)| Some(next(rules, step)?.0));
    let waits = waits(request, template).into_iter().map(|(at, _)| at);
    steps.chain(waits).chain(effect_timer(request).map(|(at, _)| at)).min()
}

/// When a request wants attention next: a timer, or a step that has a clock is late. Of the latter only what comes after `after`.
pub fn attention(request: &Request, template: &Template, after: Timestamp) -> Option<Timestamp> {
    let late = clocked(request, template).map(|(_, due_at)| due_at).filter(|due_at| *due_at > after);
    soonest(request, template).into_iter().chain(late).min()
}

/// Steps with a clock that are late, and since when.
pub fn late(request: &Request, template: &Template, now: Timestamp) -> Vec<(StepId, Timestamp)> {
    clocked(request, template).filter(|(_, due_at)| *due_at <= now).map(|(step, due_at)| (step.id.clone(), due_at)).collect()
}

/// Live steps that have any timer, and when they are late. Without a timer nobody asked to be told.
fn clocked<'a>(request: &'a Request, template: &'a Template) -> impl Iterator<Item = (&'a state::Step, Timestamp)> {
    let due = |(rules, step): (&template::Step, &'a state::Step)| {
        let opening = step.opening.as_ref().filter(|_| !rules.timers().is_empty())?;
        Some((step, opening.due_at))
    };
    live(request, template).filter_map(due)
}

/// What must happen to a request now.
pub fn first_due(request: &Request, template: &Template, now: Timestamp) -> Option<Due> {
    let step = live(request, template).find_map(|(rules, step)| Some(Due::Step(step.id.clone(), due(rules, step, now)?)));
    step.or_else(|| wait_over(request, template, now).map(Due::Returned)).or_else(|| effect_due(request, now))
}

/// What the clock of an effect must do now.
pub(crate) fn effect_due(request: &Request, now: Timestamp) -> Option<Due> {
    effect_timer(request).filter(|(at, _)| *at <= now).map(|(_, due)| due)
}

/// What is still to happen to an effect, with its time.
fn effect_timer(request: &Request) -> Option<(Timestamp, Due)> {
    let effect = request.effect.as_ref()?;
    let told = effect.last.as_ref().is_some_and(|last| last.reminded);
    match effect.state {
        EffectState::Pending => effect.expires_at.map(|at| (at, Due::EffectExpired)),
        EffectState::Started if !told => effect.late_at().map(|at| (at, Due::EffectLate)),
        EffectState::None | EffectState::Started | EffectState::Done | EffectState::Failed => None,
    }
}

/// What the clock of a returned request must do now: expire it, or give the last reminder that is overdue.
pub(crate) fn wait_over(request: &Request, template: &Template, now: Timestamp) -> Option<Wait> {
    let over = waits(request, template).into_iter().filter(|(at, _)| *at <= now).map(|(_, wait)| wait);
    over.max_by_key(|wait| (*wait == Wait::Expire, if let Wait::Remind(number) = wait { *number } else { 0 }))
}

/// What is still to happen to a returned request, with its time.
fn waits(request: &Request, template: &Template) -> Vec<(Timestamp, Wait)> {
    let Phase::Returned { at, reminded } = request.phase else { return Vec::new() };
    let after = |span: &template::Span| at.plus_hours(f64::from(span.hours()));
    let reminders = (1..).zip(template.returned.reminders()).filter(|(number, _)| *number > reminded);
    let expiry = template.returned.expire.iter().map(|span| (after(span), Wait::Expire));
    reminders.map(|(number, span)| (after(&span), Wait::Remind(number))).chain(expiry).collect()
}

fn live<'a>(request: &'a Request, template: &'a Template) -> impl Iterator<Item = (&'a template::Step, &'a state::Step)> {
    request.live_steps().filter_map(|(step, _)| Some((template.step(&step.id)?, step)))
}
