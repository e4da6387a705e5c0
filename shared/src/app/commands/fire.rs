//! A timer of a request fires.

use approvals_domain::actor::SystemPart;
use approvals_domain::state::Request;
use approvals_domain::timers::{Due, Timer, Wait};

use super::execute::{Order, Outcome};
use crate::app::{App, Error};
use crate::store::requests::Record;

/// Each attempt has timers of its own.
fn attempts(request: &Request) -> u32 {
    request.effect.as_ref().map_or(0, |effect| effect.attempts)
}

impl App {
    /// Gives the timer's command, on strong reads. However many ticks give it, one commit is made of it: its id names step and revision.
    ///
    /// # Errors
    /// [`Error`]: 409 if the domain refuses, 503 if the store is out of reach.
    pub async fn fire(&self, record: &Record, due: &Due) -> Result<Outcome, Error> {
        let request = &record.state;
        let what = match due {
            Due::Step(step, Timer::Remind(number)) => format!("{step}|remind|{number}"),
            Due::Step(step, Timer::Escalate(level)) => format!("{step}|escalate|{level}"),
            Due::Step(step, Timer::TimeOut) => format!("{step}|time_out"),
            // No step's id holds a full stop.
            Due::Returned(Wait::Remind(number)) => format!(".returned|remind|{number}"),
            Due::Returned(Wait::Expire) => ".returned|expire".to_owned(),
            Due::EffectExpired => format!(".effect|expire|{}", attempts(request)),
            Due::EffectLate => format!(".effect|late|{}", attempts(request)),
        };
        let (id, command) = (format!("timer|{}|{what}", request.revision), due.command());
        let order = Order::of_system(request.tenant.clone(), request.id.clone(), SystemPart::Escalation, id, command);
        self.execute(Order { loaded: Some(Box::new(record.clone())), ..order }).await
    }
}
