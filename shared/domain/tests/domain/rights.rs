//! Two opinions on who may vote: the one function's, and the naive model's.

use std::collections::BTreeSet;

use approvals_domain::facts::FactsQuery;
use approvals_domain::ids::PersonId;
use approvals_domain::standing::{self, Ballot, Search};

use crate::desk::{Desk, system};
use crate::model::{Model, approvals};
use crate::world::Loads;

/// INVARIANT (never stuck), by the naive model's count: an open step can still get what it needs, or it is blocked and says so.
pub(crate) fn never_stuck(model: &Model) {
    for (id, step) in &model.steps {
        let possible = approvals(step) + model.can_still_get(id);
        assert!(
            step.state != "open" || possible >= step.need as usize,
            "step {id} is open, needs {} and gets {possible}: {step:?}",
            step.need
        );
    }
}

/// Who may vote where, on whose seat: for everybody, on every step that is open or blocked, as the one function says and as the model does.
pub(crate) fn same_rights(desk: &Desk, model: &Model, people: &[PersonId], what: &str) {
    let mut facts = desk.world.load(&FactsQuery::new(), Loads::Everything);
    facts.persons.extend(people.iter().filter(|id| !desk.world.is_known(id)).map(|id| (id.clone(), None)));
    let actor = system();
    let cx = desk.context(&actor, &facts);
    for (on, opening) in desk.request().live_steps() {
        let rules = desk.template.step(&on.id).unwrap();
        let ballot =
            Ballot { request: desk.request(), rules, candidates: &opening.candidates, released: &opening.released, votes: &on.votes };
        for who in people {
            let seats = standing::seats(ballot, who, Search::All, &cx).unwrap().unwrap_or_default();
            let seen: BTreeSet<_> = seats.into_iter().map(|seat| (seat.person, seat.any_of)).collect();
            assert_eq!(seen, model.all_seats(&on.id, who), "{who} on step {} after {what}", on.id);
        }
    }
}
