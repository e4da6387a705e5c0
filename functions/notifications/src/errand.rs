//! A message of the queue that is under way.

use std::sync::Arc;

use approvals::notice::Notice;
use approvals::store::deliveries::tries::Noted;

use crate::channel::Recipient;

/// A notice, and whom it is for.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) notice: Notice,
    pub(crate) recipients: Vec<Recipient>,
    /// One for each message: the same one twice in a batch is two who must not take each other's delivery for their own.
    pub(crate) worker: String,
    /// Of the key that links are made with now.
    pub(crate) key_id: Option<String>,
    /// What is noted of the deliveries of its batch.
    pub(crate) noted: Arc<Noted>,
}
