//! Recipients, each on one way. What a new kind of recipient needs: a variant here, and its name in the matches below.

use approvals::app;
use approvals::store::deliveries::{Delivery, Way};
use approvals::store::directory::User;
use approvals::store::webhook::WEBHOOK;
use approvals_domain::ids::PersonId;

use crate::Desk;
use crate::mail::{MAIL, Named, Reader, Words};
use crate::outcome::{OUTCOME, Outcome};
use crate::results::{Failed, Sent};
use crate::webhook::{Hook, Shut};

/// Somebody, on one way.
#[derive(Debug, Clone)]
pub(crate) enum Recipient {
    /// A person, by mail.
    Mail(Box<Reader>),
    /// An endpoint, by a webhook: one event.
    Hook(Box<Hook>),
    /// A bus or a task that waits, by a service of AWS: how the request ended.
    Outcome(Box<Outcome>),
}

impl Recipient {
    /// A person at their address. `to`: as deliveries name it.
    pub(crate) fn mail(id: &PersonId, to: String, user: &User, words: Words) -> Self {
        let (name, address) = (user.name.clone(), user.email.clone());
        Self::Mail(Box::new(Reader { id: id.clone(), to, name, address, words }))
    }

    /// Which delivery of its notice.
    pub(crate) fn way(&self) -> Way<'_> {
        match self {
            Self::Mail(reader) => (MAIL, reader.to.as_str()).into(),
            Self::Hook(hook) => Way { event: Some(hook.told.kind), ..(WEBHOOK, hook.to.as_str()).into() },
            Self::Outcome(outcome) => Way { event: Some(outcome.told().kind), ..(outcome.channel(), OUTCOME).into() },
        }
    }

    /// Who gets their messages one after the other; nobody, if there is only one for each.
    pub(crate) fn in_turn(&self) -> Option<&str> {
        match self {
            Self::Mail(_) | Self::Outcome(_) => None,
            Self::Hook(hook) => Some(hook.endpoint.as_str()),
        }
    }

    /// Why nothing is sent, though it is to be noted.
    pub(crate) fn shut(&self, desk: &Desk) -> Option<Shut> {
        match self {
            Self::Mail(_) => desk.mail.is_none().then_some(Shut::Off),
            Self::Outcome(_) => None,
            Self::Hook(hook) => hook.door.as_ref().err().copied(),
        }
    }

    /// Whether its message carries an action link.
    pub(crate) fn has_link(&self) -> bool {
        match self {
            Self::Mail(reader) => reader.words.asks(),
            Self::Hook(_) | Self::Outcome(_) => false,
        }
    }

    /// Sends. The outer error: nothing was tried, and the lease runs out.
    pub(crate) async fn send(&self, desk: &Desk, delivery: &Delivery) -> Result<Result<Sent, Failed>, app::Error> {
        match self {
            Self::Mail(reader) => {
                // Without a way to people this delivery is held before it comes here.
                let Some(mail) = &desk.mail else { return Ok(Err(Failed::new("mail is off"))) };
                let link = reader.words.link(desk, delivery, &reader.id).await?;
                let sent = mail.send(reader, Named::of(delivery), link.as_ref(), desk).await;
                Ok(sent.map(|provider_id| Sent { provider_id, status: None }).map_err(Failed::from))
            }
            Self::Hook(hook) => hook.send(desk).await,
            Self::Outcome(outcome) => Ok(outcome.send(desk, delivery).await),
        }
    }
}
