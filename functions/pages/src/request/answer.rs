//! What the reader may answer: a form for each step that asks them.

use approvals::app::queries::brief;
use approvals::app::queries::explain::Stand;
use approvals::wire::plain::line;
use approvals_domain::ids::PersonId;
use approvals_domain::seat::Seat;
use approvals_domain::standing::filled_by;
use approvals_domain::state::StepPhase;
use approvals_domain::template::{self, Assurance, Reasoned};
use page_views::parts::Choice;
use page_views::request::Decide;

use super::{Found, Typed};
use crate::visit::Visit;

impl Found {
    /// Rules of a step.
    pub(crate) fn rules(&self, step: &str) -> Option<&template::Step> {
        self.template.all_steps().find(|rules| rules.id.as_str() == step)
    }

    /// Seats that the reader may fill now, on the step of a stand.
    pub(super) fn free<'s>(&'s self, stand: &'s Stand) -> Vec<&'s Seat> {
        let Some(step) = self.record.state.step(&stand.step) else { return Vec::new() };
        let open = stand.phase == StepPhase::Open && !stand.voted;
        stand.seats.iter().flatten().filter(|seat| open && filled_by(&step.votes, seat).is_none()).collect()
    }

    /// Whether a step demands a login more recent than the reader's.
    pub(crate) fn needs_login(&self, step: &str, visit: &Visit) -> bool {
        self.rules(step).is_some_and(|rules| rules.assurance == Assurance::Login) && !visit.logged_in_lately()
    }

    pub(super) fn decide(&self, visit: &Visit, typed: &Typed) -> Vec<Decide> {
        let me = &visit.identity.caller.id;
        let state = &self.record.state;
        let forms = self.stands.iter().filter_map(|stand| {
            let seats = self.free(stand);
            let first = *seats.first()?;
            let rules = self.rules(stand.step.as_str())?;
            let other = |seat: &Seat| if seat.person == *me { String::new() } else { seat.person.to_string() };
            let choice = |seat: &&Seat| {
                let label = if seat.person == *me { "myself".to_owned() } else { self.names.of(&seat.person) };
                Choice::new(other(seat), label, &other(first))
            };
            let several = seats.len() > 1 && seats.iter().any(|seat| seat.person != first.person);
            Some(Decide {
                step: stand.step.to_string(),
                step_name: line(rules.title(), 100),
                meaning: Some(line(&rules.meaning, 100)).filter(|meaning| meaning != "approval").unwrap_or_default(),
                why: brief::why(first, (state, Some(rules), None), me, &self.names),
                progress: brief::progress(state, &stand.step).unwrap_or_default(),
                payload_hash: state.payload_hash.to_string(),
                rounds: self.rounds(stand, &seats, (me, several)),
                seats: if several { seats.iter().map(choice).collect() } else { Vec::new() },
                on_behalf_of: if several { String::new() } else { other(first) },
                comment: if typed.step == stand.step.as_str() { typed.comment.clone() } else { String::new() },
                reject_reason: self.template.wants_reason(rules, Reasoned::Reject),
                return_reason: self.template.wants_reason(rules, Reasoned::Return),
                step_up: self.needs_login(stand.step.as_str(), visit).then(|| format!("/login?fresh=1&next=/requests/{}", state.id)),
            })
        });
        forms.collect()
    }

    /// The rounds of the seats that may be chosen, by the name of the field. The first of the only seat need not be named.
    fn rounds(&self, stand: &Stand, seats: &[&Seat], (me, several): (&PersonId, bool)) -> Vec<(String, u32)> {
        let Some(step) = self.record.state.step(&stand.step) else { return Vec::new() };
        let field = |seat: &Seat| if several && seat.person != *me { format!("round.{}", seat.person) } else { "round".to_owned() };
        let rounds = seats.iter().map(|seat| (field(seat), step.round(me, &seat.key())));
        let mut rounds: Vec<(String, u32)> = rounds.filter(|(_, round)| several || *round > 1).collect();
        rounds.dedup_by(|one, other| one.0 == other.0);
        if rounds.iter().all(|(_, round)| *round == 1) { Vec::new() } else { rounds }
    }
}
