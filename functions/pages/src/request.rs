//! `/requests/{id}`: what is asked, and what the reader may do about it.

use std::sync::Arc;

use approvals::app::Known;
use approvals::app::queries::brief::{self, Names};
use approvals::app::queries::conversation::words::Teller;
use approvals::app::queries::conversation::{Conversation, ENTRIES};
use approvals::app::queries::explain::Stand;
use approvals::app::queries::request::is_admin;
use approvals::app::queries::values::{self, Content};
use approvals::store::Freshness;
use approvals::store::directory::templates::Pinned;
use approvals::store::requests::{Data, Record};
use approvals::web::problem::Problem;
use approvals::wire::plain::line;
use approvals_domain::candidate::Candidate;
use approvals_domain::decide::Prospect;
use approvals_domain::effect::EffectState;
use approvals_domain::event::Event;
use approvals_domain::ids::{PersonId, RequestId};
use approvals_domain::state::{Phase, Request, StepPhase, Vote};
use approvals_domain::time::Timestamp;
use axum::response::Response;
use chrono_tz::Tz;
use page_views::Tab;
use page_views::parts::{Fact, Tone, Trouble, Value};
use page_views::request::{Page, Withdraw, Words};
use serde::Deserialize;

use self::told::did;
use crate::asked::{Path, Query};
use crate::story::{self, Story};
use crate::visit::Visit;
use crate::{html, lists, names, values as parts, words};

mod answer;
mod more;
mod told;

/// Entries of the story on the page.
const STORY: usize = ENTRIES;

/// A request as a reader finds it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    pub(crate) template: Arc<Pinned>,
    pub(crate) data: Option<Data>,
    pub(crate) conversation: Conversation,
    pub(crate) names: Names,
    stands: Vec<Stand>,
    /// Of the steps that are still to open.
    ahead: Vec<Prospect>,
    admin: bool,
    /// The story is told to its beginning.
    whole: bool,
}

/// What a form of the page held, and why it was not taken.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    pub(crate) trouble: Option<Trouble>,
    /// The step that `comment` was for.
    pub(crate) step: String,
    pub(crate) comment: String,
    pub(crate) talk: String,
    pub(crate) cancel: String,
    pub(crate) recall: String,
    pub(crate) to: String,
    pub(crate) reason: String,
}

/// How much of it is looked at.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    story: String,
}

/// `GET /requests/{id}`.
pub(crate) async fn show(visit: Visit, Path(id): Path, Query(asked): Query<Asked>) -> Response {
    let made = async {
        let found = read(&visit, &id, asked.story == "all").await?;
        Ok(html::page(200, &found.page(&visit, Typed::default())))
    };
    let made = made.await;
    visit.answer(made)
}

/// The request of an id, if the reader may see it.
pub(crate) async fn find(visit: &Visit, id: &str) -> Result<Found, Problem> {
    read(visit, id, false).await
}

/// The same, with its story to the beginning, if it is wanted.
async fn read(visit: &Visit, id: &str, whole: bool) -> Result<Found, Problem> {
    let id = RequestId::new(id).map_err(|_| Problem::not_found())?;
    let (app, identity) = (&visit.pages.app, &visit.identity);
    let (record, known) = app.visible(identity, &id).await?;
    let template = app.pinned(&identity.tenant, &record.state.template).await?;
    let admin = is_admin(identity, &known);
    let (mut known, mut of_later) = (Known::nothing(Freshness::Strong), Known::nothing(Freshness::Eventual));
    let (data, conversation, stands, ahead) = tokio::join!(
        app.requests.data(&record),
        app.conversation_until(&record, usize::MAX, if whole { usize::MAX } else { STORY }),
        app.stands(&record.state, &identity.caller.id, &mut known),
        app.ahead(&record.state, &mut of_later)
    );
    let ahead = ahead?;
    let (data, conversation, stands) = (data?, conversation?, stands?);
    let metadata = values::object(data.as_ref().map_or("{}", |data| &data.metadata));
    let mut others = values::people(&template, &metadata);
    others.extend(conversation.people(&template));
    others.extend(candidates(&record.state));
    others.extend(names::prospective(&ahead));
    others.extend(stands.iter().flat_map(|stand| stand.seats.iter().flatten()).map(|seat| seat.person.clone()));
    let names = app.names(&record.state, &others).await?;
    Ok(Found { record, template, data, conversation, names, stands, ahead, admin, whole })
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
    /// How its story is told to a reader.
    fn teller<'a>(&'a self, zone: Tz, moment: &'a dyn Fn(Timestamp) -> String) -> Teller<'a> {
        Teller { request: &self.record.state, template: &self.template, names: &self.names, conversation: &self.conversation, zone, moment }
    }

    /// The page, with what was typed.
    pub(crate) fn page(&self, visit: &Visit, typed: Typed) -> Page {
        let (state, me) = (&self.record.state, &visit.identity.caller.id);
        let title = self.title();
        let decide = self.decide(visit, &typed);
        let (stand, stand_tone) = if decide.is_empty() { self.stand(visit) } else { (String::new(), Tone::Plain) };
        let asked = |id: &str| decide.iter().any(|form| form.step == id);
        let dues = state.live_steps().filter(|(step, _)| decide.is_empty() || asked(step.id.as_str()));
        let due = dues.map(|(_, opening)| opening.due_at).min().map(|at| visit.here.due(at));
        let moment = |at| visit.here.moment(at).words;
        let story = Story { teller: self.teller(visit.here.zone, &moment), here: visit.here };
        let seat = self.stands.iter().find_map(|stand| stand.takes.as_ref());
        let news = if decide.is_empty() { Vec::new() } else { story.tell(&self.conversation.news(me, seat)) };
        let entries = self.conversation.entries();
        let hidden = if self.whole { 0 } else { entries.len().saturating_sub(STORY) };
        let older = (hidden > 0).then(|| (format!("/requests/{}?story=all#story", state.id), hidden));
        let told = story.tell(entries.get(hidden..).unwrap_or_default());
        let own = state.is_own(me) || self.admin;
        let reassign = self.reassign(visit, &typed.to, &typed.reason);
        let (facts, undeclared) = self.facts(visit);
        let (may_cancel, may_recall) = (!state.is_over() && own, self.may_recall(me));
        // Words whose form is not there stand by themselves.
        let answered = decide.iter().any(|form| form.step == typed.step && form.step_up.is_none());
        let homeless = [
            ("Your comment", &typed.comment, answered),
            ("Why you wanted to cancel it", &typed.cancel, may_cancel),
            ("Why you wanted to take it back", &typed.recall, may_recall),
            ("Why you wanted to pass it on", &typed.reason, !reassign.is_empty()),
        ];
        let homeless = homeless.into_iter().filter(|(_, words, placed)| !placed && !words.trim().is_empty());
        let kept = homeless.map(|(label, words, _)| (label.to_owned(), words.clone())).collect();
        Page {
            frame: visit.frame(&title, Tab::None),
            id: state.id.to_string(),
            kind: line(&self.template.title, 100),
            status: lists::status(state),
            requester: self.names.of(&state.requester),
            amount: state.amount.as_ref().map(words::money).unwrap_or_default(),
            due,
            entity: lists::entity(state),
            revised_by: story::revised_by(&self.conversation.commits, state, &self.names),
            revision: state.revision,
            stand,
            stand_tone,
            news,
            facts,
            undeclared,
            about: self.about(),
            files: self.data.iter().flat_map(|data| &data.attachments).map(values::file).map(parts::file).collect(),
            steps: self.steps(visit),
            story: told,
            older,
            kept,
            history: story.history(&self.conversation.commits),
            explain: self.explain(visit),
            receipt: self.receipt(me),
            payload_hash: state.payload_hash.to_string(),
            comment: Some(Words { text: typed.talk, required: true }),
            cancel: may_cancel.then_some(Words { text: typed.cancel, required: false }),
            recall: may_recall.then_some(Words { text: typed.recall, required: true }),
            withdraw: self.withdraw(me),
            reassign,
            edit: (matches!(state.phase, Phase::Returned { .. }) && own).then(|| format!("/requests/{}/edit", state.id)),
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

    /// Whether the reader may take the whole request back: `decide` has the last word.
    fn may_recall(&self, me: &PersonId) -> bool {
        let state = &self.record.state;
        let takes = !state.is_over() && !matches!(state.phase, Phase::Returned { .. });
        takes && (state.counted(me, None) || state.recalled_by_its_own(me, &self.template) || self.admin)
    }

    /// Answers of the reader, or on their right, that may be taken back.
    fn withdraw(&self, me: &PersonId) -> Vec<Withdraw> {
        let open = self.record.state.steps.iter().filter(|step| step.phase.is_live());
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

    /// That the reader's own request has been sent, as long as nobody has answered.
    fn submitted(&self, visit: &Visit) -> String {
        let (state, me) = (&self.record.state, &visit.identity.caller.id);
        let unanswered = state.outcome().is_none() && state.votes().next().is_none() && !matches!(state.phase, Phase::Returned { .. });
        let sent = |event: &Event| matches!(event, Event::Submitted { .. } | Event::Resubmitted { .. });
        let last = self.conversation.commits.iter().rev().find(|sealed| sealed.commit.events.iter().any(sent));
        let last = last.filter(|sealed| unanswered && sealed.commit.actor.person() == Some(me));
        last.map(|sealed| format!("You submitted it on {}. ", visit.here.moment(sealed.commit.at).words)).unwrap_or_default()
    }

    /// How things stand for a reader who has nothing to answer.
    fn stand(&self, visit: &Visit) -> (String, Tone) {
        let (state, me) = (&self.record.state, &visit.identity.caller.id);
        let own = state.votes().filter(|vote| vote.by.id == *me).max_by_key(|vote| vote.version);
        let mine = own.map(|vote| format!("You {} on {}. ", did(vote), visit.here.moment(vote.at).words)).unwrap_or_default();
        let mine = if mine.is_empty() { self.submitted(visit) } else { mine };
        if let Some(outcome) = state.outcome() {
            let tag = lists::status(state);
            let by = self.names.actor(&outcome.by);
            let (effect, tone) = self.effect(visit).map_or((String::new(), tag.tone), |(words, tone)| (format!(" {words}"), tone));
            return (format!("{mine}It is {}, by {by} on {}.{effect}", tag.words, visit.here.moment(outcome.at).words), tone);
        }
        if matches!(state.phase, Phase::Returned { .. }) {
            let asks = state.asks();
            let back = if asks == me {
                "It was sent back to you.".to_owned()
            } else if self.names.has_left(asks) {
                format!("It was sent back to {}, who has left: an administrator can hand it over or end it.", self.names.of(asks))
            } else {
                format!("It is with {} again.", self.names.of(asks))
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

    /// Every field, and what no field declares.
    fn facts(&self, visit: &Visit) -> (Vec<Fact>, Vec<Fact>) {
        let state = &self.record.state;
        let metadata = values::object(self.data.as_ref().map_or("", |data| &data.metadata));
        let (template, names, zone) = (&self.template.template, &self.names, visit.here.zone);
        let content = Content { template, metadata: &metadata, amount: state.amount.as_ref(), names, zone };
        let all = if self.data.is_some() { content.facts() } else { Vec::new() };
        let (declared, undeclared): (Vec<_>, Vec<_>) = all.into_iter().partition(|fact| fact.declared);
        (declared.into_iter().map(parts::fact).collect(), undeclared.into_iter().map(parts::fact).collect())
    }

    /// What else the hash covers; apart, since a field may have the same label.
    fn about(&self) -> Vec<Fact> {
        let state = &self.record.state;
        let erased = || Fact { label: "Title, metadata and attachments".to_owned(), value: Value::Hidden("erased".to_owned()) };
        let asked = Value::Person(self.names.of(&state.requester), state.requester.to_string());
        vec![
            self.record.title().map_or_else(erased, |title| Fact::text("Title", words::text(title))),
            Fact::text("About", lists::entity(state)),
            Fact { label: "Asked by".to_owned(), value: asked },
            Fact::text("Kind", format!("{} ({}, version {})", line(&self.template.title, 100), state.template.key, state.template.version)),
            Fact::text("Revision", state.revision.to_string()),
        ]
    }
}
