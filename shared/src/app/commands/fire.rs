//! A timer of a request fires.

use approvals_domain::actor::SystemPart;
use approvals_domain::ids::StepId;
use approvals_domain::timers::Timer;

use super::execute::{Order, Outcome};
use crate::app::{App, Error};
use crate::store::requests::Record;

impl App {
    /// Gives the timer's command, on strong reads. However many ticks give it, one commit is made of it: its id names step and revision.
    ///
    /// # Errors
    /// [`Error`]: 409 if the domain refuses, 503 if the store is out of reach.
    pub async fn fire(&self, record: &Record, step: &StepId, timer: Timer) -> Result<Outcome, Error> {
        let request = &record.state;
        let what = match timer {
            Timer::Remind(number) => format!("remind|{number}"),
            Timer::Escalate(level) => format!("escalate|{level}"),
            Timer::TimeOut => "time_out".to_owned(),
        };
        let id = format!("timer|{}|{step}|{what}", request.revision);
        let command = timer.command(step.clone());
        let order = Order::of_system(request.tenant.clone(), request.id.clone(), SystemPart::Escalation, id, command);
        self.execute(Order { loaded: Some(Box::new(record.clone())), ..order }).await
    }
}
