//! How a command ends when it does not end well, and the exit code that says so.

use crate::output::plain;
use crate::problem::Problem;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The service said no.
    #[error("{}", .0.title)]
    Refused(Box<Problem>),
    /// The service gave no answer, or not one of its own.
    #[error("no usable answer from {url}: {cause}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What happened instead.
        cause: String,
    },
    /// The arguments, or a file they name, make no sense; nothing was sent.
    #[error("{0}")]
    Usage(String),
    /// The command looked at something and says no itself; nothing was sent. The report, if any, is for standard output.
    #[error("{reason}")]
    Declined {
        /// In one line.
        reason: String,
        /// What was found, for `--json` and for people.
        found: crate::output::Shown,
    },
    /// Standard output or the keyboard failed.
    #[error(transparent)]
    Terminal(#[from] std::io::Error),
}

impl Failure {
    /// The exit code of the process, as `approvals help` lists them.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Refused(problem) => match problem.status {
                401 | 403 => 5,
                404 => 3,
                409 => 4,
                500.. => 69,
                _ => 1,
            },
            Self::Declined { .. } => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 69,
            Self::Terminal(_) => 74,
        }
    }

    /// An error of the arguments.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// In words, without what [`Failure::Refused`] shows at length.
    pub fn line(&self) -> String {
        let text = self.to_string();
        let words = plain(&text);
        // To decline is no error.
        if matches!(self, Self::Declined { .. }) { words.into_owned() } else { format!("error: {words}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_no_has_its_exit_code() {
        let exit = |status| Failure::Refused(Box::new(Problem { status, ..Problem::default() })).exit();
        for (status, code) in
            [(400, 1), (401, 5), (403, 5), (404, 3), (409, 4), (412, 1), (413, 1), (422, 1), (429, 1), (500, 69), (503, 69)]
        {
            assert_eq!(exit(status), code, "{status}");
        }
        assert_eq!(Failure::usage("x").exit(), 2);
        assert_eq!(Failure::Unreachable { url: String::new(), cause: String::new() }.exit(), 69);
        assert_eq!(Failure::Declined { reason: String::new(), found: Default::default() }.exit(), 1);
    }
}
