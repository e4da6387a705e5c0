//! A small model of the service for the tests: ordered conditional steps, one approval each, `on_reject: return`.
//! It knows nothing of logs or cases; that the figures of the real log come out of it shows that the plan and the
//! drive read the log rightly.

use std::collections::{HashMap, HashSet};

use approvals_domain::effect::EffectState;

use super::desk::Seen;
use super::drive::{Answer, Ask, Ballot, Desk, Standing, Status, View};
use super::plan::{Docket, Route};

#[derive(Default)]
pub(super) struct Model {
    /// An approval waits for its effect.
    confirms: bool,
    now_ms: i64,
    requests: Vec<Asked>,
    open: HashMap<(u32, usize), usize>,
}

struct Asked {
    entity: (u32, usize),
    status: Status,
    revision: u32,
    created_ms: i64,
    route: Route,
    /// The step that is open, meaningful while in progress.
    step: u8,
    opened_ms: i64,
    voted: HashSet<(u8, u16)>,
    effect: EffectState,
}

impl Asked {
    /// Nothing changes its outcome.
    fn is_over(&self) -> bool {
        self.status.is_final() && self.effect != EffectState::Pending
    }
}

impl Model {
    /// With a template that says `effect: { confirm: true }`.
    pub(super) fn confirming() -> Self {
        Self { confirms: true, ..Self::default() }
    }

    pub(super) fn status(&self, id: &str) -> Status {
        self.requests[id.parse::<usize>().unwrap()].status
    }

    /// A docket's requests as a service would show them at the end.
    pub(super) fn read_back(&self, standing: &Standing) -> Vec<Seen> {
        let ids = standing.earlier.iter().chain(standing.current.as_ref().map(|current| &current.id));
        ids.map(|id| {
            let asked = &self.requests[id.parse::<usize>().unwrap()];
            let created_ms = Some(asked.created_ms);
            Seen {
                status: asked.status,
                effect: asked.effect,
                revision: asked.revision,
                created_ms,
                closed_ms: asked.status.is_final().then_some(self.now_ms),
                clock: Default::default(),
            }
        })
        .collect()
    }

    fn view(&self, place: usize, waited_ms: Option<i64>) -> Answer {
        let asked = &self.requests[place];
        let payload_hash = format!("{place}.{}", asked.revision);
        Answer::Done(View { id: place.to_string(), status: asked.status, payload_hash, effect: asked.effect, waited_ms })
    }
}

fn refused(status: u16, code: &str) -> Result<Answer, String> {
    Ok(Answer::Refused { status, code: code.to_owned() })
}

fn first_step(route: Route) -> u8 {
    u8::try_from(route.trailing_zeros()).unwrap()
}

impl Desk for Model {
    type Error = String;

    fn clock(&mut self, now_ms: i64) -> Result<(), String> {
        if now_ms < self.now_ms {
            return Err(format!("the clock would go back from {} to {now_ms}", self.now_ms));
        }
        self.now_ms = now_ms;
        Ok(())
    }

    fn submit(&mut self, ask: Ask<'_>) -> Result<Answer, String> {
        let entity = (ask.docket.case, ask.docket.entity);
        if self.open.get(&entity).is_some_and(|&place| !self.requests[place].is_over()) {
            return refused(409, "entity_busy");
        }
        if ask.route == 0 {
            return refused(422, "empty_plan");
        }
        self.open.insert(entity, self.requests.len());
        self.requests.push(Asked {
            entity,
            status: Status::InProgress,
            revision: 1,
            created_ms: self.now_ms,
            route: ask.route,
            step: first_step(ask.route),
            opened_ms: self.now_ms,
            voted: HashSet::new(),
            effect: EffectState::None,
        });
        Ok(self.view(self.requests.len() - 1, None))
    }

    fn resubmit(&mut self, request: &str, ask: Ask<'_>) -> Result<Answer, String> {
        let place = request.parse().unwrap();
        let asked: &mut Asked = &mut self.requests[place];
        assert_eq!(asked.entity, (ask.docket.case, ask.docket.entity));
        if asked.status != Status::Returned {
            return refused(409, "not_returned");
        }
        asked.status = Status::InProgress;
        asked.revision += 1;
        (asked.route, asked.step, asked.opened_ms) = (ask.route, first_step(ask.route), self.now_ms);
        asked.voted.clear();
        Ok(self.view(place, None))
    }

    fn vote(&mut self, ballot: Ballot<'_>) -> Result<Answer, String> {
        let place = ballot.request.parse().unwrap();
        let asked: &mut Asked = &mut self.requests[place];
        if asked.voted.contains(&(ballot.step, ballot.person)) {
            return refused(409, "already_voted");
        }
        if asked.is_over() {
            return refused(409, "request_closed");
        }
        if asked.status != Status::InProgress || asked.step != ballot.step {
            return refused(409, "step_not_open");
        }
        if ballot.payload_hash != format!("{place}.{}", asked.revision) {
            return refused(409, "stale_revision");
        }
        asked.voted.insert((ballot.step, ballot.person));
        let waited_ms = self.now_ms - asked.opened_ms;
        let later = asked.route & !((1 << (ballot.step + 1)) - 1);
        match (ballot.approve, later) {
            (false, _) => asked.status = Status::Returned,
            (true, 0) => {
                asked.status = Status::Approved;
                asked.effect = if self.confirms { EffectState::Pending } else { EffectState::None };
            }
            (true, later) => (asked.step, asked.opened_ms) = (first_step(later), self.now_ms),
        }
        Ok(self.view(place, Some(waited_ms)))
    }

    fn cancel(&mut self, request: &str, _docket: &Docket) -> Result<Answer, String> {
        let place = request.parse().unwrap();
        let asked: &mut Asked = &mut self.requests[place];
        if matches!(asked.effect, EffectState::Started | EffectState::Done) {
            return refused(409, "effect_started");
        }
        if asked.is_over() {
            return refused(409, "request_closed");
        }
        (asked.status, asked.effect) = (Status::Cancelled, EffectState::None);
        Ok(self.view(place, None))
    }

    fn recall(&mut self, request: &str, step: u8, person: u16) -> Result<Answer, String> {
        let place = request.parse().unwrap();
        let asked: &mut Asked = &mut self.requests[place];
        assert!(asked.voted.contains(&(step, person)), "whoever recalls has approved");
        match (asked.status, asked.effect) {
            (Status::Approved, EffectState::Pending) => {
                (asked.status, asked.effect) = (Status::Returned, EffectState::None);
                Ok(self.view(place, None))
            }
            (Status::Approved, EffectState::None) => refused(409, "request_closed"),
            (Status::Approved, _) => refused(409, "effect_started"),
            _ => refused(409, "not_approved"),
        }
    }

    fn start_effect(&mut self, request: &str, payload_hash: &str, _docket: &Docket) -> Result<Answer, String> {
        let place = request.parse().unwrap();
        let asked: &mut Asked = &mut self.requests[place];
        match asked.effect {
            EffectState::Pending => asked.effect = EffectState::Started,
            EffectState::None => return refused(409, "not_approved"),
            EffectState::Started | EffectState::Done | EffectState::Failed => return refused(409, "effect_started"),
        }
        assert_eq!(payload_hash, format!("{place}.{}", asked.revision));
        Ok(self.view(place, None))
    }

    fn finish_effect(&mut self, request: &str, _docket: &Docket) -> Result<Answer, String> {
        let place = request.parse().unwrap();
        let asked: &mut Asked = &mut self.requests[place];
        if asked.effect != EffectState::Started {
            return refused(409, "effect_not_started");
        }
        asked.effect = EffectState::Done;
        Ok(self.view(place, None))
    }
}
