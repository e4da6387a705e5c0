//! What stands below the answer: the route, who may act and why, the receipt, passing a place on.

use approvals::app::queries::brief;
use approvals::wire::plain::line;
use approvals_domain::candidate::Candidate;
use approvals_domain::ids::PersonId;
use approvals_domain::state::{StepPhase, Vote};
use approvals_domain::timers;
use page_views::parts::{Choice, Tag};
use page_views::request::{Reassign, Step, Why};

use super::Found;
use super::told::{did, next, phase};
use crate::names;
use crate::visit::Visit;

impl Found {
    pub(super) fn steps(&self, visit: &Visit) -> Vec<Step> {
        let state = &self.record.state;
        let each = state.steps.iter().enumerate().map(|(index, step)| {
            let rules = self.template.step(&step.id);
            let (words, tone, mark) = phase(step, index + 1);
            let mut lines: Vec<String> = step.votes.iter().map(|vote| self.voted(vote, visit)).collect();
            let opening = step.opening.as_ref().filter(|_| step.phase.is_live());
            lines.extend(Some("too few people can answer it now").filter(|_| step.phase == StepPhase::Blocked).map(str::to_owned));
            lines.extend(opening.map(|opening| format!("waits for {}", names::awaited(step, opening, &self.names))));
            lines.extend(brief::progress(state, &step.id).filter(|_| step.phase.is_live()));
            let later = self.ahead.iter().find(|prospect| prospect.step == step.id).filter(|_| step.phase == StepPhase::Waiting);
            let (who, gap) = later.map(|prospect| names::prospect(prospect, state, rules, &self.names)).unwrap_or_default();
            lines.extend(Some(who).filter(|who| !who.is_empty()));
            lines.extend(gap.map(str::to_owned));
            let name = line(rules.map_or(step.id.as_str(), |rules| rules.title()), 100);
            let due = opening.map(|opening| visit.here.due(opening.due_at));
            let next =
                rules.and_then(|rules| timers::next(rules, step)).map(|(at, timer)| next(&timer, rules, &visit.here.moment(at).words));
            Step { name, state: Tag::new(words, tone), mark, lines, due, next: next.unwrap_or_default() }
        });
        each.collect()
    }

    fn voted(&self, vote: &Vote, visit: &Visit) -> String {
        let instead = vote.voted.on_behalf_of.as_ref().map_or_else(String::new, |person| format!(", for {}", self.names.of(person)));
        format!("{} {}{instead}, {}", self.names.of(&vote.by.id), did(vote), visit.here.moment(vote.at).words)
    }

    /// Why the reader may answer on each step, or not.
    pub(super) fn explain(&self, visit: &Visit) -> Vec<Why> {
        let me = &visit.identity.caller.id;
        let each = self.stands.iter().map(|stand| {
            let who = self.rules(stand.step.as_str()).map_or_else(|| stand.step.to_string(), |rules| line(rules.title(), 100));
            let words = match &stand.seats {
                Ok(_) if stand.voted => "you have answered".to_owned(),
                Ok(_) if stand.phase != StepPhase::Open => "nobody may answer now: too few could".to_owned(),
                Ok(_) => match self.free(stand).first() {
                    Some(seat) => format!(
                        "you may answer, because {}",
                        brief::why(seat, (&self.record.state, self.rules(stand.step.as_str()), None), me, &self.names)
                    ),
                    None => "somebody else has answered in every place you could take".to_owned(),
                },
                Err(reason) => format!("you may not answer: {}", names::why_not(reason)),
            };
            Why { who, words }
        });
        each.collect()
    }

    pub(super) fn receipt(&self, me: &PersonId) -> Vec<(String, String)> {
        let state = &self.record.state;
        let mut rows = vec![("Request".to_owned(), state.id.to_string()), ("What was shown".to_owned(), state.payload_hash.to_string())];
        let own = state.votes().filter(|vote| vote.by.id == *me).max_by_key(|vote| vote.version);
        rows.extend(own.map(|vote| ("Your answer".to_owned(), vote.commit.to_string())));
        rows.push(("Last entry".to_owned(), format!("{} (no. {})", state.hash, state.version)));
        rows
    }

    pub(super) fn reassign(&self, visit: &Visit, to: &str, reason: &str) -> Vec<Reassign> {
        let me = &visit.identity.caller.id;
        let forms = self.stands.iter().filter(|stand| stand.phase == StepPhase::Open).filter_map(|stand| {
            let mut from: Vec<PersonId> = self.free(stand).iter().map(|seat| seat.person.clone()).collect();
            let step = self.record.state.step(&stand.step)?;
            if self.admin && !self.record.state.is_own(me) {
                let named = step.opening.iter().flat_map(|opening| &opening.candidates).filter_map(|placed| match &placed.candidate {
                    Candidate::User(id) => Some(id.clone()),
                    Candidate::Role(_) | Candidate::AnyOf(_) => None,
                });
                from.extend(named.filter(|id| !step.votes.iter().any(|vote| vote.involves(id))));
            }
            from.sort();
            from.dedup();
            let choices: Vec<Choice> = from.iter().map(|id| Choice::new(id.as_str(), self.names.of(id), me.as_str())).collect();
            let own = from.iter().all(|id| id == me);
            (!from.is_empty()).then(|| Reassign {
                step: stand.step.to_string(),
                step_name: self.rules(stand.step.as_str()).map_or_else(|| stand.step.to_string(), |rules| line(rules.title(), 100)),
                from: if own { Vec::new() } else { choices },
                to: to.to_owned(),
                reason: reason.to_owned(),
            })
        });
        forms.collect()
    }
}
