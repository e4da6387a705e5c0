//! Which events carry words: as salted hashes, the words lie beside the commit.

use crate::event::Event;
use crate::hash::Hash;

impl Event {
    /// The salted hash of what somebody wrote with it.
    pub const fn text(&self) -> Option<Hash> {
        match self {
            Self::Voted(voted) => voted.comment,
            Self::Resubmitted { comment, .. } => *comment,
            Self::Cancelled { reason } => *reason,
            Self::EffectFinished { reference, .. } => *reference,
            Self::Commented { comment } => Some(*comment),
            Self::Reassigned { reason, .. }
            | Self::Transferred { reason, .. }
            | Self::Recalled { reason, .. }
            | Self::Erased { reason } => Some(*reason),
            Self::Submitted { .. }
            | Self::Opened { .. }
            | Self::Blocked { .. }
            | Self::Widened { .. }
            | Self::Narrowed { .. }
            | Self::SeatReturned { .. }
            | Self::Reminded { .. }
            | Self::Escalated { .. }
            | Self::TimedOut { .. }
            | Self::Closed { .. }
            | Self::Returned { .. }
            | Self::RequesterReminded { .. }
            | Self::Approved { .. }
            | Self::EffectStarted { .. }
            | Self::EffectReminded {}
            | Self::VoteWithdrawn { .. }
            | Self::Rejected {}
            | Self::Expired {} => None,
        }
    }
}
