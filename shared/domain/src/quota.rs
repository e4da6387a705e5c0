//! What one person may do in a request only so often, so that nobody alone fills it up.

use serde::{Deserialize, Serialize};

use crate::event::is_zero;

/// What one person did that a request takes only so often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acts {
    /// Comments they wrote.
    #[serde(rename = "c", default, skip_serializing_if = "is_zero")]
    pub comments: u32,
    /// Seats they passed on.
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    pub reassignments: u32,
    /// Recalls.
    #[serde(rename = "b", default, skip_serializing_if = "is_zero")]
    pub recalls: u32,
    /// Votes they took back.
    #[serde(rename = "w", default, skip_serializing_if = "is_zero")]
    pub withdrawals: u32,
}
