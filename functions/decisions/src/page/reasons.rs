//! Which answers need a comment.

/// Which answers a step takes only with a comment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reasons {
    pub(super) reject: bool,
    pub(super) back: bool,
}

impl Reasons {
    /// What stands at the field for the comment.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self { reject: true, back: true } => "Comment (needed to reject or to send back)",
            Self { reject: true, back: false } => "Comment (needed to reject)",
            Self { reject: false, back: true } => "Comment (needed to send back)",
            Self { reject: false, back: false } => "Comment (optional)",
        }
    }
}
