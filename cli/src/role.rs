//! `approvals role`: who is in which role.

use clap::Subcommand;
use serde::Deserialize;

use crate::Session;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::list;
use crate::output::{Shown, plain};

/// What can be done with roles.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Make a person a member.
    Add(Member),
    /// End a membership.
    Remove(Member),
    /// List the members.
    Show {
        /// The role.
        role: String,
    },
}

/// A person in a role.
#[derive(Debug, clap::Args)]
pub struct Member {
    /// The role.
    role: String,
    /// The person.
    user: String,
}

impl Member {
    fn path(&self) -> String {
        format!("/v1/roles/{}/members/{}", segment(&self.role), segment(&self.user))
    }
}

/// A membership in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Held {
    user: String,
}

/// Adds, removes or lists.
pub fn run(action: &Action, session: &Session) -> Result<Shown, Failure> {
    let change = |member: &Member, call: Call<'_>, done: &str| {
        let answer = session.client.send(&call)?;
        Ok(Shown { text: format!("{} {done} role {}", plain(&member.user), plain(&member.role)), body: answer.body })
    };
    match action {
        Action::Add(member) => change(member, Call::put(member.path(), "application/json", "{}".to_owned()), "is in"),
        Action::Remove(member) => change(member, Call::delete(member.path()), "is no longer in"),
        Action::Show { role } => {
            let found = list::collect(session, &format!("/v1/roles/{}", segment(role)), Vec::new(), usize::MAX)?;
            Ok(Shown { text: draw(role, &found.items(session)?), body: found.body() })
        }
    }
}

fn draw(role: &str, members: &[Held]) -> String {
    if members.is_empty() {
        return format!("role {} has no member", plain(role));
    }
    members.iter().map(|member| plain(&member.user)).collect::<Vec<_>>().join("\n")
}
