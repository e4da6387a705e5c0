//! The few answers there are to a question that an event settles.

use serde::{Deserialize, Serialize};

/// An approver's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Back to the requester.
    Return,
}

/// Why a time-out approved nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unapproved {
    /// Too few could vote.
    Blocked,
    /// Somebody rejected.
    Rejection,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// Enough approvals.
    Approved,
    /// Declined.
    Rejected,
    /// Not needed: its candidates had approved before.
    Skipped,
    /// Sent back here.
    Returned,
    /// Its request ended or was returned around it.
    Closed,
}

/// What is reported of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectEnd {
    /// It happened.
    Done,
    /// It did not.
    Failed,
}

/// To whom a return goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnTo {
    /// The requester.
    Requester,
}

/// Where a returned request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resume {
    /// At the first step.
    Restart,
}
