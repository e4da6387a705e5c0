//! Counts steps: how many open, how many come to their end, and how old those were then. How many stand open at a moment is the sum of the
//! first two; nobody is asked for it, since only a scan could answer.

use approvals_domain::ids::StepId;
use approvals_domain::state::{Request, Step};
use approvals_domain::time::Timestamp;

use crate::runtime::metrics::{Unit, emit, emit_each};

/// Steps of some records. A record that comes twice is counted twice: metrics may be a little off.
#[derive(Debug, Default)]
pub struct Census {
    opened: u64,
    /// Milliseconds from opening to the end, of each.
    ages: Vec<u64>,
}

impl Census {
    /// What a change did to the steps of a request.
    pub fn count(&mut self, old: Option<&Request>, new: &Request) {
        let live = |request: &Request, id: &StepId| request.step(id).is_some_and(|step| step.phase.is_live());
        let same = old.is_none_or(|old| old.revision == new.revision);
        for step in new.steps.iter().filter(|step| step.phase.is_live()) {
            self.opened += u64::from(!old.is_some_and(|old| same && live(old, &step.id)));
        }
        let Some(old) = old else { return };
        for (step, opening) in old.live_steps() {
            if !same || !live(new, &step.id) {
                let end = new.step(&step.id).filter(|_| same).and_then(ended).unwrap_or(new.updated_at);
                self.ages.push(u64::try_from(end.millis() - opening.opened_at.millis()).unwrap_or(0));
            }
        }
    }

    /// Prints them.
    pub fn emit(&self, now: Timestamp) {
        let counts = [("StepsOpened", self.opened, Unit::Count), ("StepsClosed", self.ages.len() as u64, Unit::Count)];
        let told: Vec<_> = counts.into_iter().filter(|(_, count, _)| *count > 0).collect();
        emit("relay", now, &told);
        emit_each("relay", now, ("StepAge", &self.ages, Unit::Milliseconds));
    }
}

fn ended(step: &Step) -> Option<Timestamp> {
    step.opening.as_ref()?.closed_at
}
