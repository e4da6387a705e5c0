//! Who may vote on an open step, before it is known which human does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{Invalid, PersonId, RoleId};

/// As text `user:ID`, `role:NAME`, or `any_of:` and these, comma-separated (a comma is in no id).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Candidate {
    /// A person: one seat.
    User(PersonId),
    /// A role: each active member is a seat.
    Role(RoleId),
    /// One seat that any of these fills: persons and roles only, or its text could not be read again.
    AnyOf(Vec<Candidate>),
}

impl Candidate {
    /// The persons and roles it names.
    pub fn members(&self) -> &[Self] {
        match self {
            Self::AnyOf(members) => members,
            Self::User(_) | Self::Role(_) => std::slice::from_ref(self),
        }
    }

    /// The person, if it is one.
    pub fn person(&self) -> Option<&PersonId> {
        if let Self::User(id) = self { Some(id) } else { None }
    }

    /// The role, if it is one.
    pub fn role(&self) -> Option<&RoleId> {
        if let Self::Role(role) = self { Some(role) } else { None }
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Role(id) => write!(f, "role:{id}"),
            Self::AnyOf(members) => {
                f.write_str("any_of:")?;
                for (index, member) in members.iter().enumerate() {
                    write!(f, "{}{member}", if index == 0 { "" } else { "," })?;
                }
                Ok(())
            }
        }
    }
}

/// Why a text is no candidate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A bad id.
    #[error(transparent)]
    Id(#[from] Invalid),
    /// An unknown form.
    #[error("`{0}` is no candidate: expected `user:ID`, `role:NAME` or `any_of:` and these")]
    Form(String),
}

impl FromStr for Candidate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(members) = text.strip_prefix("any_of:") {
            let members: Vec<Self> = members.split(',').filter(|m| !m.is_empty()).map(Self::from_str).collect::<Result<_, _>>()?;
            let nested = members.iter().any(|member| matches!(member, Self::AnyOf(_)));
            return if nested { Err(Error::Form(text.to_owned())) } else { Ok(Self::AnyOf(members)) };
        }
        match text.split_once(':') {
            Some(("user", id)) => Ok(Self::User(PersonId::new(id)?)),
            Some(("role", id)) => Ok(Self::Role(RoleId::new(id)?)),
            _ => Err(Error::Form(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Candidate {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Candidate> for String {
    fn from(candidate: Candidate) -> String {
        candidate.to_string()
    }
}

/// A candidate, the escalation level that added it, and whether it only stands in.
///
/// As text the candidate; from level 1 on with `@N:` before it; a reserve with `~` before that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Placed {
    /// Who.
    pub candidate: Candidate,
    /// 0 for the first ones.
    pub level: u32,
    /// Stands in while too few others can vote, and casts no more votes than are missing.
    pub reserve: bool,
}

impl Placed {
    /// A first candidate.
    pub fn first(candidate: Candidate) -> Self {
        Self { candidate, level: 0, reserve: false }
    }

    /// One that stands in, added while the step was at that level.
    pub fn reserve(candidate: Candidate, level: u32) -> Self {
        Self { candidate, level, reserve: true }
    }
}

impl From<Placed> for String {
    fn from(placed: Placed) -> String {
        let mark = if placed.reserve { "~" } else { "" };
        match placed.level {
            0 => format!("{mark}{}", placed.candidate),
            level => format!("{mark}@{level}:{}", placed.candidate),
        }
    }
}

impl TryFrom<String> for Placed {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        let (reserve, rest) = text.strip_prefix('~').map_or((false, text.as_str()), |rest| (true, rest));
        let Some(rest) = rest.strip_prefix('@') else { return Ok(Self { candidate: rest.parse()?, level: 0, reserve }) };
        let (level, candidate) = rest.split_once(':').ok_or_else(|| Error::Form(text.clone()))?;
        Ok(Self { level: level.parse().map_err(|_| Error::Form(text.clone()))?, candidate: candidate.parse()?, reserve })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_survives_its_text() {
        for text in [
            "user:bob",
            "role:a.b",
            "any_of:role:legal,user:u_cfo",
            "@2:role:x",
            "@1:any_of:user:a,user:b:c",
            "~role:approval_admin",
            "~@1:user:a",
        ] {
            let placed = Placed::try_from(text.to_owned()).unwrap();
            assert_eq!(String::from(placed), text);
        }
        for bad in ["bob", "team:x", "user:", "any_of:any_of:user:a", "any_of:user:any_of:x", "@x:user:a", "@1:~user:a", "~", "user:a,b"] {
            assert!(Placed::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
