//! What became of one message on one way, whatever the way is.

use approvals_domain::time::Timestamp;

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
