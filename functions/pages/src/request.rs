//! `/requests/{id}`: what is asked, and what the reader may do about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use approvals::app::Known;
use approvals::app::queries::brief::{self, Names};
use approvals::app::queries::explain::Stand;
use approvals::app::queries::request::is_admin;
use approvals::store::Freshness;
use approvals::store::directory::templates::Pinned;
use approvals::store::requests::{Data, Record, Text};
use approvals::web::problem::Problem;
use approvals::wire::plain::line;
use approvals_domain::candidate::Candidate;
use approvals_domain::commit::Sealed;
use approvals_domain::effect::EffectState;
use approvals_domain::hash::Hash;
use approvals_domain::ids::{PersonId, RequestId};
use approvals_domain::seat::Seat;
use approvals_domain::standing::filled_by;
use approvals_domain::state::{Phase, Request, StepPhase, Vote};
use approvals_domain::template::{self, Assurance, Reasoned};
use approvals_domain::timers;
use axum::extract::Path;
use axum::response::Response;
use page_views::Tab;
use page_views::parts::{Choice, Fact, Tag, Tone, Trouble, Value};
use page_views::request::{Decide, Page, Reassign, Step, Why, Withdraw, Words};

use self::told::{did, next, phase};
use crate::story::{self, Teller};
use crate::visit::Visit;
use crate::{html, lists, names, values, words};

mod told;

/// Entries of the story on the page.
const STORY: usize = 50;

/// A request as a reader finds it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    pub(crate) template: Arc<Pinned>,
    pub(crate) data: Option<Data>,
    pub(crate) commits: Vec<Sealed>,
    pub(crate) texts: BTreeMap<Hash, Text>,
    pub(crate) names: Names,
    stands: Vec<Stand>,
    admin: bool,
}

/// What a form of the page held, and why it was not taken.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    pub(crate) trouble: Option<Trouble>,
    pub(crate) comment: String,
    pub(crate) talk: String,
    pub(crate) cancel: String,
    pub(crate) recall: String,
    pub(crate) to: String,
    pub(crate) reason: String,
}

/// `GET /requests/{id}`.
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let made = async {
        let found = find(&visit, &id).await?;
        Ok(html::page(200, &found.page(&visit, Typed::default())))
    };
    let made = made.await;
    visit.answer(made)
}

/// The request of an id, if the reader may see it.
pub(crate) async fn find(visit: &Visit, id: &str) -> Result<Found, Problem> {
    let id = RequestId::new(id).map_err(|_| Problem::not_found())?;
    let (app, identity) = (&visit.pages.app, &visit.identity);
    let (record, known) = app.visible(identity, &id).await?;
    let template = app.pinned(&identity.tenant, &record.state.template).await?;
    let admin = is_admin(identity, &known);
    let mut known = Known::nothing(Freshness::Strong);
    let (data, history, stands) =
        tokio::join!(app.requests.data(&record), app.requests.history(&record), app.stands(&record.state, &identity.caller.id, &mut known));
    let (data, (commits, paged), stands) = (data?, history?, stands?);
    let mut texts = app.requests.texts(&record, story::texts(&commits).into_iter().filter(|hash| !paged.contains_key(hash))).await?;
    texts.extend(paged);
    let metadata = values::object(data.as_ref().map_or("{}", |data| &data.metadata));
    let mut others = values::people(&template, &metadata);
    others.extend(story::people(&commits));
    others.extend(candidates(&record.state));
    others.extend(stands.iter().flat_map(|stand| stand.seats.iter().flatten()).map(|seat| seat.person.clone()));
    let names = app.names(&record.state, &others.iter().collect::<Vec<_>>()).await?;
    Ok(Found { record, template, data, commits, texts, names, stands, admin })
}

/// Persons who are named on open steps.
fn candidates(request: &Request) -> impl Iterator<Item = PersonId> {
    let members = request.live_steps().flat_map(|(_, opening)| &opening.candidates).flat_map(|placed| placed.candidate.members());
    members.filter_map(|candidate| match candidate {
        Candidate::User(id) => Some(id.clone()),
        Candidate::Role(_) | Candidate::AnyOf(_) => None,
    })
}

impl Found {
    fn teller(&self, visit: &Visit) -> Teller<'_> {
        Teller { request: &self.record.state, template: &self.template, names: &self.names, texts: &self.texts, here: visit.here }
    }

    /// The page, with what was typed.
    pub(crate) fn page(&self, visit: &Visit, typed: Typed) -> Page {
        let (state, me) = (&self.record.state, &visit.identity.caller.id);
        let title = self.title();
        let decide = self.decide(visit, &typed.comment);
        let (stand, stand_tone) = if decide.is_empty() { self.stand(visit) } else { (String::new(), Tone::Plain) };
        let asked = |id: &str| decide.iter().any(|form| form.step == id);
        let dues = state.live_steps().filter(|(step, _)| decide.is_empty() || asked(step.id.as_str()));
        let due = dues.map(|(_, opening)| opening.due_at).min().map(|at| visit.here.due(at));
        let last = story::last_answer(&self.commits, me);
        let teller = self.teller(visit);
        let news = if last > 0 && !decide.is_empty() { teller.story(&self.commits, last, Some(me)) } else { Vec::new() };
        let mut told = teller.story(&self.commits, 0, None);
        told.truncate(STORY);
        let over = state.is_over();
        let own = state.is_own(me) || self.admin;
        Page {
            frame: visit.frame(&title, Tab::None),
            id: state.id.to_string(),
            kind: line(&self.template.title, 100),
            status: lists::status(state),
            requester: self.names.of(&state.requester),
            amount: state.amount.as_ref().map(words::money).unwrap_or_default(),
            due,
            entity: lists::entity(state),
            revised_by: story::revised_by(&self.commits, state, &self.names),
            revision: state.revision,
            stand,
            stand_tone,
            news,
            facts: self.facts(),
            files: self.data.iter().flat_map(|data| &data.attachments).map(values::file).collect(),
            steps: self.steps(visit),
            story: told,
            older: None,
            history: teller.history(&self.commits),
            explain: self.explain(visit),
            receipt: self.receipt(me),
            payload_hash: state.payload_hash.to_string(),
            comment: Some(Words { text: typed.talk, required: true }),
            // What was typed stands there even if it comes too late.
            cancel: (!over && own || !typed.cancel.is_empty()).then_some(Words { text: typed.cancel, required: false }),
            recall: (self.may_recall(me) || !typed.recall.is_empty()).then_some(Words { text: typed.recall, required: true }),
            withdraw: self.withdraw(me),
            reassign: self.reassign(visit, &typed.to, &typed.reason),
            edit: (matches!(state.phase, Phase::Returned { .. }) && own).then(|| format!("/requests/{}/edit", state.id)),
            people: Vec::new(),
            previous: state.previous.as_ref().map(ToString::to_string),
            trouble: typed.trouble,
            title,
            decide,
        }
    }

    /// Its title, on one line.
    pub(crate) fn title(&self) -> String {
        brief::title(&self.record)
    }

    /// Rules of a step.
    pub(crate) fn rules(&self, step: &str) -> Option<&template::Step> {
        self.template.all_steps().find(|rules| rules.id.as_str() == step)
    }

    /// Seats that the reader may fill now, on the step of a stand.
    fn free<'s>(&'s self, stand: &'s Stand) -> Vec<&'s Seat> {
        let Some(step) = self.record.state.step(&stand.step) else { return Vec::new() };
        let open = stand.phase == StepPhase::Open && !stand.voted;
        stand.seats.iter().flatten().filter(|seat| open && filled_by(&step.votes, seat).is_none()).collect()
    }

    /// Whether a step demands a login more recent than the reader's.
    pub(crate) fn needs_login(&self, step: &str, visit: &Visit) -> bool {
        self.rules(step).is_some_and(|rules| rules.assurance == Assurance::Login) && !visit.logged_in_lately()
    }

    fn decide(&self, visit: &Visit, comment: &str) -> Vec<Decide> {
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
                why: brief::why(first, me, &self.names),
                progress: brief::progress(state, &stand.step).unwrap_or_default(),
                payload_hash: state.payload_hash.to_string(),
                rounds: self.rounds(stand, &seats, me),
                seats: if several { seats.iter().map(choice).collect() } else { Vec::new() },
                on_behalf_of: if several { String::new() } else { other(first) },
                comment: comment.to_owned(),
                reject_reason: self.template.wants_reason(rules, Reasoned::Reject),
                return_reason: self.template.wants_reason(rules, Reasoned::Return),
                step_up: self.needs_login(stand.step.as_str(), visit).then(|| format!("/login?fresh=1&next=/requests/{}", state.id)),
            })
        });
        forms.collect()
    }

    /// The rounds of the seats that may be chosen, by the person whose seat it is; empty: the reader. The first need not be named.
    fn rounds(&self, stand: &Stand, seats: &[&Seat], me: &PersonId) -> Vec<(String, u32)> {
        let step = self.record.state.step(&stand.step);
        let other = |seat: &Seat| if seat.person == *me { String::new() } else { seat.person.to_string() };
        let rounds = step.into_iter().flat_map(|step| seats.iter().map(move |seat| (other(seat), step.round(me, &seat.key()))));
        rounds.filter(|(_, round)| *round > 1).collect()
    }

    /// Whether the reader may take the whole request back: `decide` has the last word.
    fn may_recall(&self, me: &PersonId) -> bool {
        let state = &self.record.state;
        let takes = !state.is_over() && !matches!(state.phase, Phase::Returned { .. });
        takes && (state.counted(me, None) || state.recalled_by_its_own(me, &self.template) || self.admin)
    }

    /// Answers of the reader, or on their right, that may be taken back.
    fn withdraw(&self, me: &PersonId) -> Vec<Withdraw> {
        let open = self.record.state.steps.iter().filter(|step| step.phase == StepPhase::Open);
        let votes = open.flat_map(|step| step.votes.iter().filter(|vote| vote.involves(me)));
        let form = |vote: &Vote| Withdraw {
            step: vote.voted.step.to_string(),
            step_name: self.rules(vote.voted.step.as_str()).map_or_else(|| vote.voted.step.to_string(), |rules| line(rules.title(), 100)),
            on_behalf_of: vote.voted.on_behalf_of.as_ref().map(ToString::to_string).unwrap_or_default(),
            who: if vote.person() == me { String::new() } else { self.names.of(vote.person()) },
        };
        votes.map(form).collect()
    }

    /// How far the effect of an approval is, in words; none: it waits for none.
    fn effect(&self, visit: &Visit) -> Option<(String, Tone)> {
        let effect = self.record.state.effect.as_ref()?;
        let moment = |at| visit.here.moment(at).words;
        let by = effect.last.as_ref().map(|last| (self.names.of(&last.by), moment(last.started_at))).unwrap_or_default();
        let ended = effect.last.as_ref().and_then(|last| last.finished_at).map(moment).unwrap_or_default();
        match effect.state {
            EffectState::None => None,
            EffectState::Pending => {
                let until = effect.expires_at.map(|at| format!(", until {}", moment(at))).unwrap_or_default();
                let again = if effect.failures > 0 { "Its effect failed and may be started once more" } else { "Its effect may start" };
                Some((format!("{again}{until}. Until then it can be recalled."), Tone::Now))
            }
            EffectState::Started => Some((format!("{} started its effect on {}.", by.0, by.1), Tone::Good)),
            EffectState::Done => Some((format!("Its effect was done on {ended}."), Tone::Good)),
            EffectState::Failed => Some((format!("Its effect failed for good on {ended}."), Tone::Bad)),
        }
    }

    /// How things stand for a reader who has nothing to answer.
    fn stand(&self, visit: &Visit) -> (String, Tone) {
        let (state, me) = (&self.record.state, &visit.identity.caller.id);
        let own = state.votes().filter(|vote| vote.by.id == *me).max_by_key(|vote| vote.version);
        let mine = own.map(|vote| format!("You {} on {}. ", did(vote), visit.here.moment(vote.at).words)).unwrap_or_default();
        if let Some(outcome) = state.outcome() {
            let tag = lists::status(state);
            let by = self.names.actor(&outcome.by);
            let (effect, tone) = self.effect(visit).map_or((String::new(), tag.tone), |(words, tone)| (format!(" {words}"), tone));
            return (format!("{mine}It is {}, by {by} on {}.{effect}", tag.words, visit.here.moment(outcome.at).words), tone);
        }
        if matches!(state.phase, Phase::Returned { .. }) {
            let back = if state.requester == *me {
                "It was sent back to you.".to_owned()
            } else {
                format!("It is with {} again.", self.names.of(&state.requester))
            };
            return (format!("{mine}{back}"), Tone::Warn);
        }
        let blocked = state.blocked() && !state.steps.iter().any(|step| step.phase == StepPhase::Open);
        let waits = if blocked {
            "It waits until somebody may answer; the administrators know.".to_owned()
        } else {
            format!("It {}.", names::waits_for(state, &self.names))
        };
        (format!("{mine}{waits}"), if blocked { Tone::Warn } else { Tone::Plain })
    }

    /// Every field that the payload's hash covers.
    fn facts(&self) -> Vec<Fact> {
        let state = &self.record.state;
        let fields = match &self.data {
            Some(data) => values::facts(&self.template, &values::object(&data.metadata), state.amount.as_ref(), &self.names),
            None => Vec::new(),
        };
        let erased = || Fact { label: "Title, metadata and attachments".to_owned(), value: Value::Hidden("erased".to_owned()) };
        let asked = Value::Person(self.names.of(&state.requester), state.requester.to_string());
        let about = [
            self.record.title().map_or_else(erased, |title| Fact::text("Title", words::text(title))),
            Fact::text("About", lists::entity(state)),
            Fact { label: "Asked by".to_owned(), value: asked },
            Fact::text("Kind", format!("{} ({}, version {})", line(&self.template.title, 100), state.template.key, state.template.version)),
            Fact::text("Revision", state.revision.to_string()),
        ];
        fields.into_iter().chain(about).collect()
    }

    fn steps(&self, visit: &Visit) -> Vec<Step> {
        let state = &self.record.state;
        let each = state.steps.iter().enumerate().map(|(index, step)| {
            let rules = self.template.step(&step.id);
            let (words, tone, mark) = phase(step.phase, index + 1);
            let mut lines: Vec<String> = step.votes.iter().map(|vote| self.voted(vote, visit)).collect();
            let opening = step.opening.as_ref().filter(|_| step.phase.is_live());
            lines.extend(opening.map(|opening| format!("waits for {}", names::awaited(step, opening, &self.names))));
            lines.extend(brief::progress(state, &step.id).filter(|_| step.phase.is_live()));
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
    fn explain(&self, visit: &Visit) -> Vec<Why> {
        let me = &visit.identity.caller.id;
        let each = self.stands.iter().map(|stand| {
            let who = self.rules(stand.step.as_str()).map_or_else(|| stand.step.to_string(), |rules| line(rules.title(), 100));
            let words = match &stand.seats {
                Ok(_) if stand.voted => "you have answered".to_owned(),
                Ok(_) if stand.phase != StepPhase::Open => "nobody may answer now: too few could".to_owned(),
                Ok(_) => match self.free(stand).first() {
                    Some(seat) => format!("you may answer, because {}", brief::why(seat, me, &self.names)),
                    None => "somebody else has answered in every place you could take".to_owned(),
                },
                Err(reason) => format!("you may not answer: {}", names::why_not(reason)),
            };
            Why { who, words }
        });
        each.collect()
    }

    fn receipt(&self, me: &PersonId) -> Vec<(String, String)> {
        let state = &self.record.state;
        let mut rows = vec![("Request".to_owned(), state.id.to_string()), ("What was shown".to_owned(), state.payload_hash.to_string())];
        let own = state.votes().filter(|vote| vote.by.id == *me).max_by_key(|vote| vote.version);
        rows.extend(own.map(|vote| ("Your answer".to_owned(), vote.commit.to_string())));
        rows.push(("Last entry".to_owned(), format!("{} (no. {})", state.hash, state.version)));
        rows
    }

    fn reassign(&self, visit: &Visit, to: &str, reason: &str) -> Vec<Reassign> {
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
