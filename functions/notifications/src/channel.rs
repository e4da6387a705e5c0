//! Recipients, each on one way. What a new kind of recipient needs: a variant here, and its name in the matches below.

use approvals::app;
use approvals::store::deliveries::{Delivery, Way};
use approvals::store::endpoint_log::WEBHOOK;
use approvals_domain::ids::PersonId;
use approvals_domain::time::Timestamp;

use crate::Desk;
use crate::letter::Letter;
use crate::mail::Failure;
use crate::outcome::{OUTCOME, Outcome};
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

/// What was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The provider's name for it.
    pub(crate) provider_id: Option<String>,
    /// What was answered, if the receiver speaks HTTP.
    pub(crate) status: Option<u16>,
}

/// Why something was not sent, and what that means for what comes after it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Failed {
    /// A class for logs and for the delivery: nobody's words, nobody's address.
    pub(crate) class: String,
    /// No further try could help.
    pub(crate) for_good: bool,
    /// What was answered, if the receiver speaks HTTP.
    pub(crate) status: Option<u16>,
    /// The receiver asked for no try before this.
    pub(crate) not_before: Option<Timestamp>,
    /// The receiver as a whole does not work: what else this message has for it waits as well.
    pub(crate) spreads: bool,
    /// The receiver is switched off now.
    pub(crate) gone: bool,
}

impl Failed {
    /// Of this class; a later try may help.
    pub(crate) fn new(class: &str) -> Self {
        Self { class: class.to_owned(), ..Self::default() }
    }

    /// Of what was not tried because the one before it failed so.
    pub(crate) fn behind(&self) -> Self {
        Self { not_before: self.not_before, spreads: true, ..Self::new("endpoint_failing") }
    }
}

impl From<Failure> for Failed {
    fn from(Failure { class, for_good }: Failure) -> Self {
        Self { class, for_good, ..Self::default() }
    }
}

/// A person with an address.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) id: PersonId,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) letter: Letter,
}

/// The name of mail in deliveries.
pub(crate) const MAIL: &str = "mail";

impl Recipient {
    /// Which delivery of its notice.
    pub(crate) fn way(&self) -> Way<'_> {
        match self {
            Self::Mail(reader) => (MAIL, reader.id.as_str()).into(),
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
    pub(crate) fn shut(&self) -> Option<Shut> {
        match self {
            Self::Mail(_) | Self::Outcome(_) => None,
            Self::Hook(hook) => hook.door.as_ref().err().copied(),
        }
    }

    /// Whether its message carries an action link.
    pub(crate) fn has_link(&self) -> bool {
        match self {
            Self::Mail(reader) => reader.letter.ask.is_some(),
            Self::Hook(_) | Self::Outcome(_) => false,
        }
    }

    /// Sends. The outer error: nothing was tried, and the lease runs out.
    pub(crate) async fn send(&self, desk: &Desk, delivery: &Delivery) -> Result<Result<Sent, Failed>, app::Error> {
        match self {
            Self::Mail(reader) => {
                let link = reader.letter.link(desk, delivery, &reader.id).await?;
                let sent = desk.mail.send(reader, delivery, link.as_ref(), desk).await;
                Ok(sent.map(|provider_id| Sent { provider_id, status: None }).map_err(Failed::from))
            }
            Self::Hook(hook) => hook.send(desk).await,
            Self::Outcome(outcome) => Ok(outcome.send(desk, delivery).await),
        }
    }
}
