//! Money, as far as limits compare it.

use serde::{Deserialize, Serialize};

/// An amount of money, for comparison only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// Finite.
    #[serde(rename = "v")]
    pub value: f64,
    /// For example `EUR`.
    #[serde(rename = "c")]
    pub currency: String,
}
