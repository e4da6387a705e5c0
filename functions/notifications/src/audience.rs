//! For whom a notice is: found out when it is sent. Who has left, has answered, may not vote or see, or wants no mail hears nothing; what is
//! decided already is dropped.

use std::collections::{BTreeMap, BTreeSet};

use approvals::app::queries::brief::{Brief, Names, Source, moment, progress, why, zone};
use approvals::app::queries::published::Turn;
use approvals::app::{self, Known};
use approvals::notice::{Audience, Kind, Notice};
use approvals::outbox::hears::{Who, hear};
use approvals::outbox::notices::notices;
use approvals::runtime::metrics::refused;
use approvals::store::Freshness;
use approvals::store::directory::User;
use approvals::store::requests::Record;
use approvals::wire::plain::line;
use approvals::wire::words::entity_id;
use approvals_domain::ids::{PersonId, StepId};
use approvals_domain::seat::Seat;
use approvals_domain::template::Assurance;

use crate::Desk;
use crate::channel::Recipient;
use crate::lead::Lead;
use crate::letter::{Ask, Letter};
use crate::mail::{MAIL, Words};
use crate::matter::Of;
use crate::people::{self, Crowd, Holds};
use crate::reached::reached;
use crate::subject::Day;
use crate::{news, systems};

/// Everybody who hears of a notice now, each on each way they want.
pub(crate) async fn recipients(desk: &Desk, notice: &Notice, record: Option<&Record>) -> Result<Vec<Recipient>, app::Error> {
    if notice.audience == Audience::Endpoints {
        return systems::recipients(desk, notice, record).await;
    }
    let Some(request) = &notice.request else { return news::recipients(desk, notice).await };
    let Some(record) = record else {
        tracing::warn!(notice = %notice.id, "a notice of a request that is not there");
        return Ok(Vec::new());
    };
    let turn = if notice.version <= record.state.version { Some(desk.app.turn(record, notice.version).await?) } else { None };
    let Some(turn) = turn.filter(|turn| is_true(notice, turn)) else {
        tracing::error!(notice = %notice.id, %request, "a notice says what no commit of its request says; it is dropped");
        refused(desk.now(), "untrue_notice");
        return Ok(Vec::new());
    };
    let template = desk.app.pinned(&notice.tenant, &record.state.template).await?;
    Of { desk, notice, record, turn: &turn, template: &template }.recipients().await
}

/// Whether a commit of the request makes this notice, to its last word.
///
/// INVARIANT (true notices): whoever may send to the queue has nobody told what did not happen.
fn is_true(notice: &Notice, turn: &Turn) -> bool {
    let plain = Notice { retry: None, ..notice.clone() };
    turn.sealed.hash == notice.commit && notices(&turn.sealed).contains(&plain)
}

/// Somebody to tell.
struct Told {
    id: PersonId,
    user: User,
    holds: Holds,
}

impl Of<'_> {
    async fn recipients(&self) -> Result<Vec<Recipient>, app::Error> {
        let hears = hear(self.turn, &self.spoke().await?);
        // Each kind in its turn, so that whoever is found keeps the first that holds.
        let mut crowd = Crowd::new(self);
        let mut claims: BTreeMap<PersonId, Vec<(Kind, &Who)>> = BTreeMap::new();
        for hears in &hears {
            for (kind, id) in crowd.meant(hears.kind, &hears.who).await? {
                claims.entry(id).or_default().push((kind, &hears.who));
            }
        }
        // Nobody else's rights need be asked for.
        let people: Vec<PersonId> = claims.keys().cloned().collect();
        let reached = reached(self.desk, &self.notice.tenant, &people).await?;
        let mut known = Known::nothing(Freshness::Strong);
        let mut told = Vec::new();
        for (id, user) in reached {
            let mut claims = claims.remove(&id).unwrap_or_default();
            claims.sort_by_key(|(kind, _)| *kind);
            if let Some(holds) = people::first_that_holds(self, &id, &claims, &mut known).await? {
                told.push(Told { id, user, holds });
            }
        }
        let steps: BTreeSet<&StepId> = hears.iter().filter_map(|hears| hears.who.step_to_vote()).collect();
        self.letters(told, steps.len()).await
    }

    /// Who said something in this revision, up to the commit. Votes tell of theirs; of comments only the commits do.
    async fn spoke(&self) -> Result<BTreeSet<PersonId>, app::Error> {
        let (after, version) = (&self.turn.after, self.notice.version);
        let commented = after.acts.values().any(|acts| acts.comments > 0);
        let voted = after.votes().any(|vote| vote.voted.comment.is_some());
        if !commented && !voted {
            return Ok(BTreeSet::new());
        }
        let upto = |sealed: &&approvals_domain::commit::Sealed| sealed.commit.version <= version;
        // All of them lie in the item as long as it has no page.
        if self.record.base.is_none() {
            return Ok(approvals::outbox::hears::speakers(self.record.commits.iter().filter(upto)));
        }
        let (history, _) = self.desk.app.requests.history(self.record).await?;
        Ok(approvals::outbox::hears::speakers(history.iter().filter(upto)))
    }

    /// A letter for each; for somebody who is asked for several answers one for each of these, unless pages show them together.
    ///
    /// `steps`: how many the commit asks about. So each letter has the same name however often it is tried, whatever was answered meanwhile.
    async fn letters(&self, told: Vec<Told>, steps: usize) -> Result<Vec<Recipient>, app::Error> {
        let (app, state) = (&self.desk.app, &self.record.state);
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let seats = told.iter().flat_map(|told| &told.holds.asks).map(|(_, seat)| &seat.person);
        let others: Vec<&PersonId> = seats.chain(self.named()).collect();
        let (conversation, data) = tokio::try_join!(app.conversation(self.record), async { Ok(app.requests.data(self.record).await?) })?;
        let source = Source { record: self.record, template: self.template, data: data.as_ref(), conversation: &conversation };
        let people = source.people();
        let names = app.names(state, people.iter().chain(others)).await?;
        // Why a reserve is asked: nobody holds the roles that were asked first.
        let mut gaps: BTreeMap<StepId, Option<String>> = BTreeMap::new();
        for (step, _) in told.iter().flat_map(|told| &told.holds.asks).filter(|(_, seat)| seat.reserve) {
            if !gaps.contains_key(step) {
                gaps.insert(step.clone(), app.gap(state, step).await?);
            }
        }
        let mut letters = Vec::new();
        for Told { id, user, holds: Holds { kind, asks, sees } } in told {
            let zone = zone(&user);
            let brief = Brief::new(source, &names, zone, (&id, asks.first().map(|(_, seat)| seat)));
            let lead = Lead { of: self, names: &names, requester: &brief.requester };
            let (lead, words) = (lead.sentence(kind), self.words(kind).await?);
            let (tenant, request, entity) = (state.tenant.clone(), state.id.clone(), entity_id(&state.entity));
            let letter = Letter { kind, lead, tenant, request, entity, brief, ask: None, words, sees: true };
            let letter = if sees { letter } else { letter.that_it_is_over() };
            let mut asked: Vec<Ask> = asks
                .iter()
                .filter_map(|(step, seat)| self.ask((step, gaps.get(step).and_then(Option::as_deref)), seat, &id, &names, zone))
                .collect();
            if asked.is_empty() {
                letters.push(Recipient::mail(&id, id.to_string(), &user, Words::Letter(Box::new(letter))));
                continue;
            }
            let apart = steps > 1 && (!self.desk.pages || people::is_part(self.notice));
            if !apart {
                // One link: the request's page, where all of them can be answered.
                let more = asked.split_off(1).into_iter().map(|ask| ask.step).collect();
                asked.iter_mut().for_each(|ask| ask.more = Vec::clone(&more));
            }
            for ask in asked {
                let to = if apart { people::part(&id, &ask.step_id) } else { id.to_string() };
                letters.push(Recipient::mail(&id, to, &user, Words::Letter(Box::new(Letter { ask: Some(ask), ..letter.clone() }))));
            }
        }
        letters.retain(|letter| self.notice.is_for(MAIL, letter.way().to));
        Ok(letters)
    }

    fn ask(&self, (step, gap): (&StepId, Option<&str>), seat: &Seat, person: &PersonId, names: &Names, zone: chrono_tz::Tz) -> Option<Ask> {
        let state = &self.record.state;
        let rules = self.template.step(step)?;
        let stands = state.step(step)?;
        let opening = stands.opening.as_ref()?;
        Some(Ask {
            step: line(rules.title(), 100),
            more: Vec::new(),
            meaning: Some(line(&rules.meaning, 100)).filter(|meaning| meaning != "approval"),
            due: moment(opening.due_at, zone),
            due_at: opening.due_at,
            day: Day::of(opening.due_at, self.desk.now(), zone),
            why: why(seat, (state, Some(rules), gap), person, names),
            progress: progress(state, step),
            login: rules.assurance == Assurance::Login,
            revision: state.revision,
            step_id: step.clone(),
            round: stands.round(person, &seat.key()),
            zone,
        })
    }
}
