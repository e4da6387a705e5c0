//! Recipients, each on one way. What a new kind of recipient needs: a variant here, and its name in the four matches below.

use approvals::store::deliveries::Delivery;
use approvals::wire::problem::Problem;
use approvals_domain::ids::PersonId;

use crate::Desk;
use crate::letter::Letter;
use crate::mail::Failure;

/// Somebody, on one way.
#[derive(Debug, Clone)]
pub(crate) enum Recipient {
    /// A person, by mail.
    Mail(Box<Reader>),
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
    /// The way, as deliveries name it.
    pub(crate) fn channel(&self) -> &'static str {
        match self {
            Self::Mail(_) => MAIL,
        }
    }

    /// Who, as deliveries name them: unique on that way.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Mail(reader) => reader.id.as_str(),
        }
    }

    /// Whether its message carries an action link.
    pub(crate) fn has_link(&self) -> bool {
        match self {
            Self::Mail(reader) => reader.letter.ask.is_some(),
        }
    }

    /// Sends; gives the provider's name for what was sent. The outer error: nothing was tried, and the lease runs out.
    pub(crate) async fn send(&self, desk: &Desk, delivery: &Delivery) -> Result<Result<Option<String>, Failure>, Problem> {
        match self {
            Self::Mail(reader) => {
                let link = reader.letter.link(desk, delivery, &reader.id).await?;
                Ok(desk.mail.send(reader, delivery, link.as_ref(), desk).await)
            }
        }
    }
}
