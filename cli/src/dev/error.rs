//! Why the service does not run.

use std::path::PathBuf;

/// What is wrong with a data folder: where, what, and what would be right.
#[derive(Debug, thiserror::Error)]
#[error("`{place}` {what}. {mend}")]
pub struct Unsound {
    /// A file or folder.
    pub place: String,
    /// What is wrong there.
    pub what: String,
    /// What would be right.
    pub mend: String,
}

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] crate::engine::Error),
    /// The table.
    #[error(transparent)]
    Store(#[from] approvals::store::Error),
    /// A file, or the port.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// `--clock`.
    #[error("`--clock {0}` is no time: expected RFC 3339, such as 2026-01-05T09:00:00Z")]
    Clock(String),
    /// The address mails come from.
    #[error("mails cannot be sent: {0}")]
    Mail(String),
    /// A data folder without the secrets that its items must be tagged with.
    #[error(
        "{0:?} was written by a version that did not say who wrote what, or its secrets are lost: nothing in it can be told from what \
         somebody else wrote. Start with another --data folder, and keep this one's archive"
    )]
    Unauthenticated(PathBuf),
    /// A data folder that is damaged, lacks something, or is put together of two.
    #[error("the data folder cannot be used: {0}")]
    Folder(Unsound),
    /// The archive of this machine.
    #[error(transparent)]
    Archive(#[from] ::archive::archiver::Error),
    /// `--oidc-issuer`.
    #[error("people cannot log in at the issuer: {0}")]
    Login(String),
    /// `--demo`.
    #[error("the demo could not be set up: {0}")]
    Demo(String),
}

impl Error {
    /// The exit code of the process, as `approvals help` lists them.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Clock(_) | Self::Unauthenticated(_) | Self::Folder(_) => 2,
            _ => 1,
        }
    }
}
