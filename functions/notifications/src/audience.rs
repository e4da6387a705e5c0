//! For whom a notice is: found out when it is sent. Who has left, has answered, may not vote or wants no mail hears nothing; what is
//! decided already is dropped.

use std::collections::{BTreeMap, BTreeSet};

use approvals::app;
use approvals::app::Known;
use approvals::app::queries::brief::{Brief, Names, Source, moment, progress, why, zone};
use approvals::notice::{Audience, Kind, Notice};
use approvals::outbox::notices::notices;
use approvals::runtime::metrics::refused;
use approvals::store::Freshness;
use approvals::store::directory::User;
use approvals::store::directory::templates::Pinned;
use approvals::store::requests::Record;
use approvals::wire::plain::lines;
use approvals_domain::candidate::Candidate;
use approvals_domain::commit::Sealed;
use approvals_domain::effect::EffectState;
use approvals_domain::event::Event;
use approvals_domain::ids::{PersonId, RoleId, StepId, TenantId};
use approvals_domain::limits;
use approvals_domain::seat::Seat;
use approvals_domain::state::{Phase, StepPhase};
use approvals_domain::template::Assurance;

use crate::Desk;
use crate::channel::Recipient;
use crate::letter::{Ask, Letter};
use crate::mail::{MAIL, Reader, Words};
use crate::subject::Day;
use crate::{news, systems};

/// Everybody who hears of a notice now, each on each way they want.
pub(crate) async fn recipients(desk: &Desk, notice: &Notice) -> Result<Vec<Recipient>, app::Error> {
    if notice.audience == Audience::Endpoints {
        return systems::recipients(desk, notice).await;
    }
    let Some(request) = &notice.request else { return news::recipients(desk, notice).await };
    let Some(record) = desk.app.requests.load(&notice.tenant, request, Freshness::Strong).await? else {
        tracing::warn!(notice = %notice.id, "a notice of a request that is not there");
        return Ok(Vec::new());
    };
    if !is_true(desk, notice, &record).await? {
        tracing::error!(notice = %notice.id, %request, "a notice says what no commit of its request says; it is dropped");
        refused(desk.now(), "untrue_notice");
        return Ok(Vec::new());
    }
    let template = desk.app.pinned(&notice.tenant, &record.state.template).await?;
    let of = Of { desk, notice, record: &record, template: &template };
    match &notice.audience {
        Audience::Approvers(step) => of.approvers(step).await,
        Audience::Person(id) => of.informed(vec![id.clone()]).await,
        Audience::Requester => of.requester().await,
        Audience::Administrators => of.administrators().await,
        Audience::Endpoints | Audience::FormerAddress(_) => Ok(Vec::new()),
    }
}

/// Whether a commit of the request makes this notice, to its last word.
///
/// INVARIANT (true notices): whoever may send to the queue has nobody told what did not happen.
async fn is_true(desk: &Desk, notice: &Notice, record: &Record) -> Result<bool, app::Error> {
    let made = |sealed: &Sealed| {
        let plain = Notice { retry: None, ..notice.clone() };
        sealed.hash == notice.commit && notices(sealed).contains(&plain)
    };
    if notice.version > record.paged_version() {
        return Ok(record.commits.iter().any(made));
    }
    let (history, _) = desk.app.requests.history(record).await?;
    Ok(history.iter().any(made))
}

/// A notice and what it is about.
struct Of<'a> {
    desk: &'a Desk,
    notice: &'a Notice,
    record: &'a Record,
    template: &'a Pinned,
}

/// Somebody to tell, and the seat they may fill, if they are asked.
struct Told {
    id: PersonId,
    user: User,
    seat: Option<Seat>,
}

impl Of<'_> {
    /// Whoever can fill a seat of the step now.
    async fn approvers(&self, step: &StepId) -> Result<Vec<Recipient>, app::Error> {
        let (app, state) = (&self.desk.app, &self.record.state);
        let Some(opening) = state.step(step).filter(|step| step.phase == StepPhase::Open).and_then(|step| step.opening.as_ref()) else {
            return Ok(Vec::new());
        };
        // Opened anew since, by a later commit: that one has a notice of its own.
        if opening.opened_at > self.notice.at {
            return Ok(Vec::new());
        }
        let asked: Vec<Candidate> = if self.notice.only.is_empty() {
            opening.candidates.iter().map(|placed| placed.candidate.clone()).collect()
        } else {
            self.notice.only.clone()
        };
        let mut known = Known::nothing(Freshness::Strong);
        let mut told = Vec::new();
        // Who took a seat over knows of it; whom their own vote asks for another one does not.
        let took = |id: &PersonId| self.notice.kind == Kind::Reassigned && self.notice.by.as_ref() == Some(id);
        let people: Vec<PersonId> = self.people(&asked).await?.into_iter().filter(|id| !took(id)).collect();
        for (id, user) in self.reached(people).await? {
            let stands = app.stands(state, &id, &mut known).await?;
            let free = stands.iter().find(|stand| stand.step == *step).and_then(|stand| stand.takes.clone());
            told.extend(free.map(|seat| Told { id, user, seat: Some(seat) }));
        }
        self.letters(told, Some(step)).await
    }

    /// Those whom the notice concerns, who can be written to and want it: nobody else's rights need be asked for.
    async fn reached(&self, people: Vec<PersonId>) -> Result<BTreeMap<PersonId, User>, app::Error> {
        let (directory, tenant) = (&self.desk.app.directory, &self.notice.tenant);
        let people: Vec<PersonId> = people.into_iter().filter(|id| self.notice.is_for(MAIL, id.as_str())).collect();
        if people.is_empty() {
            return Ok(BTreeMap::new());
        }
        let (users, choices) = tokio::try_join!(directory.users(tenant, &people), directory.choices(tenant, &people))?;
        let wants = |id: &PersonId| choices.get(id).is_none_or(|choices| choices.channels.mail);
        Ok(users.into_iter().filter(|(id, user)| user.active && !user.email.is_empty() && wants(id)).collect())
    }

    /// The people candidates may mean, and those who stand in for them now. Whether they may vote is asked for each.
    async fn people(&self, asked: &[Candidate]) -> Result<Vec<PersonId>, app::Error> {
        let (directory, tenant) = (&self.desk.app.directory, &self.notice.tenant);
        if let Some(retry) = &self.notice.retry {
            return Ok(PersonId::new(retry.to.as_str()).into_iter().filter(|_| retry.channel == MAIL).collect());
        }
        let mut found = BTreeSet::new();
        for member in asked.iter().flat_map(Candidate::members) {
            match member {
                Candidate::User(id) => {
                    found.insert(id.clone());
                }
                Candidate::Role(role) => found.extend(self.members(tenant, role).await?),
                Candidate::AnyOf(_) => {}
            }
        }
        let now = self.desk.now();
        let mut frontier: Vec<PersonId> = found.iter().cloned().collect();
        for _ in 0..limits::DELEGATION_HOPS {
            let mut next = Vec::new();
            for id in &frontier {
                let (given, _) = directory.delegations(tenant, id, false, None, limits::DELEGATIONS_GIVEN).await?;
                let in_force = given.into_iter().filter(|given| given.delegation.starts_at <= now && now < given.delegation.ends_at);
                next.extend(in_force.map(|given| given.to).filter(|to| found.insert(to.clone())));
            }
            if next.is_empty() || found.len() > limits::TOLD {
                break;
            }
            frontier = next;
        }
        Ok(found.into_iter().take(limits::TOLD).collect())
    }

    async fn members(&self, tenant: &TenantId, role: &RoleId) -> Result<Vec<PersonId>, app::Error> {
        let members = self.desk.app.directory.members(tenant, role, limits::TOLD, Freshness::Eventual).await?;
        Ok(members.present().take(limits::TOLD).cloned().collect())
    }

    /// Who asked, and who called for them; not of what they did themselves.
    async fn requester(&self) -> Result<Vec<Recipient>, app::Error> {
        let state = &self.record.state;
        let returned = matches!(state.phase, Phase::Returned { .. }) && state.updated_at >= self.notice.at;
        if self.notice.kind == Kind::Returned && !(returned && last_return(self.record) <= self.notice.version) {
            return Ok(Vec::new());
        }
        let mut both = BTreeSet::from([state.asks().clone(), state.submitted_by.clone()]);
        // What is returned to somebody who has left is for administrators to bring to an end.
        let asks = std::slice::from_ref(state.asks());
        if returned && !self.desk.app.directory.users(&self.notice.tenant, asks).await?.values().any(|user| user.active) {
            both.extend(self.members(&self.notice.tenant, &RoleId::approval_admin()).await?);
        }
        self.informed(both.into_iter().filter(|id| self.notice.by.as_ref() != Some(id)).collect()).await
    }

    /// Members of `approval_admin`, while something is blocked, or an effect is not finished.
    async fn administrators(&self) -> Result<Vec<Recipient>, app::Error> {
        let concerns = match self.notice.kind {
            Kind::EffectLate => self.record.state.effect_state() == EffectState::Started,
            _ => self.record.state.blocked(),
        };
        if !concerns {
            return Ok(Vec::new());
        }
        let members = self.members(&self.notice.tenant, &RoleId::approval_admin()).await?;
        self.informed(members).await
    }

    /// A letter that asks nothing.
    async fn informed(&self, people: Vec<PersonId>) -> Result<Vec<Recipient>, app::Error> {
        let told = self.reached(people).await?.into_iter().map(|(id, user)| Told { id, user, seat: None });
        self.letters(told.collect(), None).await
    }

    /// A letter for each.
    async fn letters(&self, told: Vec<Told>, step: Option<&StepId>) -> Result<Vec<Recipient>, app::Error> {
        let (app, state) = (&self.desk.app, &self.record.state);
        if told.is_empty() {
            return Ok(Vec::new());
        }
        let others: Vec<&PersonId> = told
            .iter()
            .filter_map(|told| told.seat.as_ref().map(|seat| &seat.person))
            .chain(&self.notice.by)
            .chain(self.passed_to())
            .collect();
        let (conversation, data) = tokio::try_join!(app.conversation(self.record), async { Ok(app.requests.data(self.record).await?) })?;
        let people = conversation.people(self.template);
        let names = app.names(state, people.iter().chain(others)).await?;
        let words = self.words().await?;
        let reserve = told.iter().any(|told| told.seat.as_ref().is_some_and(|seat| seat.reserve));
        let gap = match step.filter(|_| reserve) {
            Some(step) => app.gap(state, step).await?,
            None => None,
        };
        let mut letters = Vec::new();
        for Told { id, user, seat } in told {
            let zone = zone(&user);
            let source = Source { record: self.record, template: self.template, data: data.as_ref(), conversation: &conversation };
            let brief = Brief::new(source, &names, zone, (&id, seat.as_ref()));
            let ask = step.zip(seat.as_ref()).and_then(|(step, seat)| self.ask((step, gap.as_deref()), seat, &id, &names, zone));
            let letter = Letter {
                kind: self.notice.kind,
                lead: self.lead(&names, &brief),
                tenant: state.tenant.clone(),
                request: state.id.clone(),
                entity: state.entity.id.to_string(),
                brief,
                ask,
                words: words.clone(),
            };
            letters.push(reader(id, &user, letter));
        }
        Ok(letters)
    }

    fn ask(&self, (step, gap): (&StepId, Option<&str>), seat: &Seat, person: &PersonId, names: &Names, zone: chrono_tz::Tz) -> Option<Ask> {
        let state = &self.record.state;
        let rules = self.template.step(step)?;
        let stands = state.step(step)?;
        let opening = stands.opening.as_ref()?;
        Some(Ask {
            step: approvals::wire::plain::line(rules.title(), 100),
            meaning: Some(approvals::wire::plain::line(&rules.meaning, 100)).filter(|meaning| meaning != "approval"),
            due: moment(opening.due_at, zone),
            late: opening.due_at <= self.desk.now(),
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

    /// The first line: what happened.
    fn lead(&self, names: &Names, brief: &Brief) -> String {
        let state = &self.record.state;
        let by = || self.notice.by.as_ref().map_or_else(|| "Somebody".to_owned(), |id| names.of(id));
        let ended = || state.outcome().map_or_else(by, |outcome| names.actor(&outcome.by));
        let requester = &brief.requester;
        match self.notice.kind {
            Kind::Asked => format!("{requester} asks for your approval."),
            Kind::Reminded => format!("A reminder: a request of {requester} still waits for your answer."),
            Kind::Escalated => format!("Nobody answered a request of {requester} in time, so now you are asked."),
            Kind::Reassigned => format!("{} passed a request of {requester} on to you.", by()),
            Kind::OffDesk => {
                let to = self.passed_to().map_or_else(|| "somebody else".to_owned(), |id| names.of(id));
                format!("{} passed your part in a request of {requester} on to {to}. It is off your desk.", by())
            }
            Kind::Blocked => format!(
                "A request of {requester} cannot go on: too few people may vote on {}. It goes on by itself once the directory has enough.",
                self.blocked()
            ),
            Kind::Returned if recalled(self.record, self.notice.version) => {
                format!("{} recalled the request: its approvals are void. Change it and submit it again, or cancel it.", by())
            }
            Kind::Returned => format!("{} sent the request back to you. Change it and submit it again, or cancel it.", by()),
            Kind::Commented => format!("{} commented on the request.", by()),
            Kind::Approved if state.is_pending() => "The request is approved. It has not taken effect yet.".to_owned(),
            Kind::Approved => "The request is approved.".to_owned(),
            Kind::EffectLate => {
                let who = state.effect.as_ref().and_then(|effect| effect.last.as_ref()).map_or_else(by, |last| names.of(&last.by));
                format!(
                    "{who} started the effect of this request more than a day ago, and has not reported its end. Find out what became of it, \
                     and report it: approvals effect finish {} done, or failed.",
                    state.id
                )
            }
            Kind::Expired if state.effect.is_some() => {
                "The request expired: it was approved, but nobody started its effect in time.".to_owned()
            }
            Kind::Rejected => format!("The request was rejected by {}.", ended()),
            Kind::Cancelled => format!("The request was cancelled by {}.", ended()),
            Kind::Expired => "The request expired: nobody answered in time.".to_owned(),
            Kind::Committed | Kind::AddressChanged | Kind::OfficeChanged => String::new(),
        }
    }

    /// Who has the seat now that was passed on.
    fn passed_to(&self) -> Option<&PersonId> {
        self.notice.only.first().filter(|_| self.notice.kind == Kind::OffDesk).and_then(Candidate::person)
    }

    fn blocked(&self) -> String {
        let blocked = self.record.state.steps.iter().filter(|step| step.phase == StepPhase::Blocked);
        let titles = blocked.map(|step| self.template.step(&step.id).map_or(step.id.as_str(), |rules| rules.title()));
        approvals::wire::plain::line(&titles.collect::<Vec<_>>().join(", "), 200)
    }

    /// What somebody said along with it: a comment, or the reason of a cancellation or a recall.
    async fn words(&self) -> Result<Vec<String>, app::Error> {
        let requests = &self.desk.app.requests;
        let recall = self.notice.kind == Kind::Returned && recalled(self.record, self.notice.version);
        if !recall && !matches!(self.notice.kind, Kind::Commented | Kind::Cancelled | Kind::OffDesk) {
            return Ok(Vec::new());
        }
        let version = self.notice.version;
        let inline = self.record.commits.iter().find(|sealed| sealed.commit.version == version).cloned();
        let sealed = match inline {
            Some(sealed) => Some(sealed),
            None => requests.history(self.record).await?.0.into_iter().find(|sealed| sealed.commit.version == version),
        };
        let said = sealed.iter().flat_map(|sealed| &sealed.commit.events).find_map(|event| match event {
            Event::Commented { comment } => Some(*comment),
            Event::Recalled { reason, .. } => Some(*reason),
            Event::Reassigned { reason, .. } => Some(*reason),
            Event::Cancelled { reason } => *reason,
            _ => None,
        });
        let Some(hash) = said else { return Ok(Vec::new()) };
        let texts = requests.texts(self.record, [hash]).await?;
        Ok(texts.get(&hash).map(|text| lines(&text.words, limits::COMMENT_CHARS)).unwrap_or_default())
    }
}

/// Version of the commit that sent a returned request back, as far as it can be seen; a later return has a notice of its own.
fn last_return(record: &Record) -> u64 {
    let returns = record.commits.iter().filter(|sealed| sealed.commit.events.iter().any(|event| matches!(event, Event::Returned { .. })));
    returns.map(|sealed| sealed.commit.version).max().unwrap_or(0)
}

/// Whether a commit took approvals back, as far as it can be seen.
fn recalled(record: &Record, version: u64) -> bool {
    let commit = record.commits.iter().find(|sealed| sealed.commit.version == version);
    commit.is_some_and(|sealed| sealed.commit.events.iter().any(|event| matches!(event, Event::Recalled { .. })))
}

fn reader(id: PersonId, user: &User, letter: Letter) -> Recipient {
    Recipient::Mail(Box::new(Reader { id, name: user.name.clone(), address: user.email.clone(), words: Words::Letter(Box::new(letter)) }))
}
