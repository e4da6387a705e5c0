//! Who may vote on a step, on whose right, and how many more votes it can get. Everything is counted anew each time it is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use approvals_domain::event::Decision;
use approvals_domain::ids::{PersonId, RoleId};
use approvals_domain::template::{Approver, Required};

use super::people::Occasion;
use super::{Model, Step, Vote};

/// Who is asked, before it is known which human answers. As text as in answers: `user:ID`, `role:NAME`, `any_of:` and these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    User(PersonId),
    Role(RoleId),
    AnyOf(Vec<Who>),
}

impl Who {
    /// Only the people named, if so wanted.
    pub(crate) fn without_roles(&self, wanted: bool) -> Self {
        let members = if let Self::AnyOf(members) = self { members.clone() } else { vec![self.clone()] };
        Self::AnyOf(members.into_iter().filter(|who| !wanted || !matches!(who, Self::Role(_))).collect())
    }

    /// Reads its text back.
    pub(crate) fn read(text: &str) -> Self {
        match text.split_once(':').unwrap() {
            ("any_of", members) => Self::AnyOf(members.split(',').map(Self::read).collect()),
            ("role", id) => Self::Role(id.parse().unwrap()),
            (_, id) => Self::User(id.parse().unwrap()),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Role(id) => write!(f, "role:{id}"),
            Self::AnyOf(members) => write!(f, "any_of:{}", members.iter().map(Self::to_string).collect::<Vec<_>>().join(",")),
        }
    }
}

/// Somebody a step asks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) who: Who,
    pub(crate) level: u32,
    /// Added for want of voters: votes only as far as votes are missing.
    pub(crate) reserve: bool,
    /// Earlier holders of a passed seat, the first giver first.
    pub(crate) givers: Vec<PersonId>,
    /// The seat passed on was one of a role: it is the role's again when it goes back.
    pub(crate) of_role: bool,
}

/// A way for a human to vote: on their own right or on somebody's who delegated to them, on that person's own seat or on an `any_of`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    pub(crate) human: PersonId,
    pub(crate) person: PersonId,
    pub(crate) any_of: Option<Who>,
    pub(crate) reserve: bool,
}

impl Ticket {
    /// Human, right and seat are each good for one vote.
    pub(crate) fn is_free(&self, votes: &[Vote]) -> bool {
        !votes.iter().any(|v| v.by == self.human || v.person == self.person || (self.any_of.is_some() && v.any_of == self.any_of))
    }
}

impl Model {
    /// Persons of a candidate: named ones whether or not active, members of roles as they are now.
    pub(crate) fn persons(&self, who: &Who) -> BTreeSet<PersonId> {
        match who {
            Who::User(id) => [id.clone()].into(),
            Who::Role(role) => self.directory.members(role).into_iter().collect(),
            Who::AnyOf(members) => members.iter().flat_map(|member| self.persons(member)).collect(),
        }
    }

    /// A passed seat goes back to its giver when its holder leaves (ruling on S12), unless the holder has voted.
    pub(crate) fn give_back(&mut self, at: usize) {
        let mut step = self.steps[at].clone();
        for candidate in &mut step.candidates {
            while let (Who::User(holder), Some(giver)) = (candidate.who.clone(), candidate.givers.last().cloned()) {
                if self.directory.is_active(&holder) || step.votes.iter().any(|vote| vote.person == holder) {
                    break;
                }
                candidate.givers.pop();
                step.released.remove(&giver);
                candidate.who = Who::User(giver);
            }
        }
        step.candidates.retain(|candidate| !candidate.of_role || !candidate.givers.is_empty());
        self.steps[at] = step;
    }

    /// Whom a step asks; before it opens, whom it would ask now, as far as earlier steps do not decide it.
    fn asked_on(&self, step: &Step) -> Vec<Candidate> {
        let known: Vec<Approver> = self.rules(step).approvers.iter().filter_map(|spec| self.knowable(spec)).collect();
        let now = || self.candidates(known.iter());
        if step.opened || !step.candidates.is_empty() { step.candidates.clone() } else { now() }
    }

    /// The seats a person holds: regular ones before the reserve's, the own one before `any_of`s.
    fn seats(&self, step: &Step, person: &PersonId) -> Vec<(Option<Who>, bool)> {
        let mut all: Vec<(Option<Who>, bool)> = Vec::new();
        for candidate in &self.asked_on(step) {
            let who = candidate.who.clone();
            let gave_away = candidate.givers.is_empty() && step.released.contains(person);
            if !gave_away && self.persons(&who).contains(person) {
                let any_of = matches!(who, Who::AnyOf(_)).then_some(who);
                all.push((any_of, candidate.reserve));
            }
        }
        all.sort_by_key(|(any_of, reserve)| (*reserve, any_of.is_some()));
        let mut seen = BTreeSet::new();
        all.retain(|(any_of, _)| seen.insert(any_of.clone()));
        all
    }

    /// Neither the requester, nor whoever acts or wrote for them, nor anybody barred; nobody who counted in a step this one is distinct from.
    pub(crate) fn is_excluded(&self, step: &Step, id: &PersonId) -> bool {
        self.is_barred(step, id) || self.counted_elsewhere(step, id)
    }

    pub(crate) fn is_barred(&self, step: &Step, id: &PersonId) -> bool {
        let barred = || self.template.barred.iter().flat_map(|spec| self.resolve(spec)).any(|who| self.persons(&who).contains(id));
        !self.rules(step).allow_self && (self.bound.contains(id) || barred())
    }

    fn counted_elsewhere(&self, step: &Step, id: &PersonId) -> bool {
        let others = self.steps.iter().filter(|other| self.rules(step).distinct_from.contains(&other.id));
        others.flat_map(|other| &other.votes).any(|vote| vote.by == *id || vote.person == *id)
    }

    pub(crate) fn occasion<'a>(&'a self, step: &'a Step) -> Occasion<'a> {
        Occasion { now: self.now, template: &self.template.key, step: &step.id, amount: self.content.amount.as_ref() }
    }

    /// Every way a human may vote, taken or not, the one to prefer first: own right, then the nearest, then by id.
    pub(crate) fn all_tickets(&self, step: &Step, human: &PersonId) -> Vec<Ticket> {
        if self.is_excluded(step, human) {
            return Vec::new();
        }
        let rights = self.directory.rights(human, self.occasion(step), &|id| self.is_barred(step, id));
        let rights = rights.into_iter().filter(|(person, _)| !self.is_excluded(step, person));
        let seats = rights.flat_map(|(person, _)| self.seats(step, &person).into_iter().map(move |seat| (person.clone(), seat)));
        seats.map(|(person, (any_of, reserve))| Ticket { human: human.clone(), person, any_of, reserve }).collect()
    }

    /// As [`Model::all_tickets`], without those of a reserve that is not needed, unless it has voted.
    pub(crate) fn tickets(&self, step: &Step, human: &PersonId) -> Vec<Ticket> {
        let mut all = self.all_tickets(step, human);
        if all.iter().any(|ticket| ticket.reserve) && self.missing(step) == 0 {
            all.retain(|ticket| !ticket.reserve || step.votes.iter().any(|vote| vote.person == ticket.person));
        }
        all
    }

    /// The person could cast a vote there now on a right of their own, other than as a reserve.
    pub(crate) fn could_vote(&self, step: &Step, id: &PersonId) -> bool {
        self.all_tickets(step, id).iter().any(|ticket| ticket.person == *id && !ticket.reserve && ticket.is_free(&step.votes))
    }

    fn free_tickets(&self, step: &Step) -> Vec<Ticket> {
        let everybody = self.directory.people.keys();
        everybody.flat_map(|human| self.all_tickets(step, human)).filter(|ticket| ticket.is_free(&step.votes)).collect()
    }

    /// Votes that only the reserve can bring: needed, less what the regular ones gave and can give, less the reserve's votes.
    pub(crate) fn missing(&self, step: &Step) -> usize {
        let mut regular = self.free_tickets(step);
        regular.retain(|ticket| !ticket.reserve);
        let (spent, approvals): (Vec<&Vote>, Vec<&Vote>) = step.votes.iter().partition(|vote| vote.reserve);
        let approvals = approvals.iter().filter(|vote| vote.decision == Decision::Approve).count();
        (step.need as usize).saturating_sub(approvals + most_votes(&regular) + spent.len())
    }

    /// The approvals a step has and can still get, the reserve's among them.
    pub(crate) fn within_reach(&self, step: &Step) -> usize {
        let all = self.free_tickets(step);
        let regular: Vec<Ticket> = all.iter().filter(|ticket| !ticket.reserve).cloned().collect();
        approvals(step) + most_votes(&all).min(most_votes(&regular) + self.missing(step))
    }

    /// What `required` becomes: out of the persons who may vote there. `all` counts named persons whether or not they are active.
    pub(crate) fn need(&self, step: &Step) -> u32 {
        let rule = self.rules(step).required;
        let counts = |id: &PersonId| (rule == Required::All || self.directory.is_active(id)) && !self.is_excluded(step, id);
        let regular = step.candidates.iter().filter(|candidate| !candidate.reserve);
        let mut tickets = Vec::new();
        for candidate in regular {
            let any_of = matches!(candidate.who, Who::AnyOf(_)).then(|| candidate.who.clone());
            let persons = self.persons(&candidate.who).into_iter().filter(|id| counts(id));
            tickets.extend(persons.map(|id| Ticket { human: id.clone(), person: id, any_of: any_of.clone(), reserve: false }));
        }
        rule.of(u32::try_from(most_votes(&tickets)).unwrap())
    }

    /// `on_reject: majority`: approvals and seats that have not voted no longer suffice. A seat counts as long as its right is unused,
    /// even if its holder voted for another. The reserve makes up for voters who are missing, never for one who said no.
    pub(crate) fn is_lost(&self, step: &Step) -> bool {
        let unused = |mut all: Vec<Ticket>| {
            all.retain(|ticket| {
                !ticket.reserve
                    && !step.votes.iter().any(|v| v.person == ticket.person || (v.any_of.is_some() && v.any_of == ticket.any_of))
            });
            most_votes(&all)
        };
        let own = self.directory.people.keys().filter(|id| self.directory.is_active(id));
        let seats = unused(own.flat_map(|id| self.all_tickets(step, id)).filter(|ticket| ticket.human == ticket.person).collect());
        let (spent, regular) = (step.votes.iter().filter(|v| v.reserve).count(), step.votes.iter().filter(|v| !v.reserve).count());
        let reserve: Vec<Ticket> = self.free_tickets(step).into_iter().filter(|ticket| ticket.reserve).collect();
        let room = (step.need as usize).saturating_sub(regular + seats + spent).min(most_votes(&reserve));
        approvals(step) + seats + room < step.need as usize
    }

    /// The ticket a vote takes: of the free ones the first that leaves the step within reach if it approves; if there is none, the first.
    pub(crate) fn seat_for(&self, step: &Step, tickets: &[Ticket]) -> Option<Ticket> {
        let free: Vec<&Ticket> = tickets.iter().filter(|ticket| ticket.is_free(&step.votes)).collect();
        let keeps = |ticket: &&&Ticket| {
            let mut after = step.clone();
            after.votes.push(Vote::with(ticket, Decision::Approve));
            self.within_reach(&after) >= step.need as usize
        };
        free.iter().find(keeps).or(free.first()).map(|ticket| (*ticket).clone())
    }

    /// The candidates that an approver of the template means now.
    pub(crate) fn resolve(&self, spec: &Approver) -> Vec<Who> {
        match spec {
            Approver::User(id) => vec![Who::User(id.clone())],
            Approver::Role(id) => vec![Who::Role(id.clone())],
            Approver::Expression(text) => self.content.named.get(text).cloned().unwrap_or_default(),
            Approver::ManagerOf(of) => self.managers_of(of).into_iter().map(Who::User).collect(),
            Approver::AnyOf(specs) => any_of(specs.iter().flat_map(|spec| self.resolve(spec)).collect()),
        }
    }

    /// The manager of the requester, or of whoever approved an earlier step. If nobody did: of the nearest earlier approvers, else of the
    /// requester (ruling on S3).
    fn managers_of(&self, of: &str) -> Vec<PersonId> {
        let manager = |id: &PersonId| self.directory.manager(id).cloned();
        let upto = self.steps.iter().position(|step| step.id.as_str() == of).map_or(0, |named| named + 1);
        let approvers =
            |step: &Step| step.votes.iter().filter(|v| v.decision == Decision::Approve).map(|v| v.person.clone()).collect::<Vec<_>>();
        let nearest = self.steps[..upto].iter().rev().map(approvers).find(|all| !all.is_empty());
        let of = nearest.unwrap_or_else(|| vec![self.requester.clone()]);
        of.iter().filter_map(manager).collect()
    }
}

/// One seat of all these, nested ones opened; none if there is nobody.
pub(crate) fn any_of(members: Vec<Who>) -> Vec<Who> {
    let mut flat: Vec<Who> = Vec::new();
    for member in members.into_iter().flat_map(|who| if let Who::AnyOf(inner) = who { inner } else { vec![who] }) {
        if !flat.contains(&member) {
            flat.push(member);
        }
    }
    if flat.is_empty() { Vec::new() } else { vec![Who::AnyOf(flat)] }
}

pub(crate) fn approvals(step: &Step) -> usize {
    step.votes.iter().filter(|vote| vote.decision == Decision::Approve).count()
}

/// The most votes that can be cast with these tickets: each human, each right and each `any_of` serves once. By trying everything: what may
/// be used up after each human in turn, who votes in any of their ways or not at all.
pub(crate) fn most_votes(tickets: &[Ticket]) -> usize {
    let rights: BTreeSet<&PersonId> = tickets.iter().map(|ticket| &ticket.person).collect();
    let any_ofs: BTreeSet<&Who> = tickets.iter().filter_map(|ticket| ticket.any_of.as_ref()).collect();
    assert!(rights.len() + any_ofs.len() <= 64, "more than this model was made for");
    let spent = |ticket: &Ticket| -> u64 {
        let right = 1 << rights.iter().position(|id| **id == ticket.person).unwrap();
        let any_of = ticket.any_of.as_ref().map_or(0, |who| 1 << (rights.len() + any_ofs.iter().position(|known| *known == who).unwrap()));
        right | any_of
    };
    let mut ways: BTreeMap<&PersonId, BTreeSet<u64>> = BTreeMap::new();
    for ticket in tickets {
        ways.entry(&ticket.human).or_default().insert(spent(ticket));
    }
    let mut used = BTreeSet::from([0u64]);
    for ways in ways.values() {
        let voted: Vec<u64> =
            used.iter().flat_map(|used| ways.iter().filter(move |way| used & *way == 0).map(move |way| used | way)).collect();
        used.extend(voted);
    }
    let votes = |used: &u64| (0..rights.len()).filter(|right| used >> right & 1 == 1).count();
    used.iter().map(votes).max().unwrap_or(0)
}
