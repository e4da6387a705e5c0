//! Who calls, refused before anything else is read if their client may not do this at all.

use approvals::identity::{Identity, Scope};
use approvals::web::Names;
use approvals::web::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

macro_rules! caller {
    ($(#[$doc:meta])* $name:ident, $scopes:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name(pub(crate) Identity);

        impl<S: Names + Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let identity = Identity::from_request_parts(parts, state).await?;
                identity.need_one(&$scopes)?;
                Ok(Self(identity))
            }
        }
    };
}

caller!(
    /// Writes templates and the directory. The person need not be in the directory, or nobody could write the first one.
    Writer,
    [Scope::Admin]
);
caller!(
    /// Reads templates and the directory.
    Reader,
    [Scope::Read, Scope::Admin, Scope::Audit]
);
caller!(
    /// Reads endpoints, whose addresses often carry a secret of their receiver.
    Keeper,
    [Scope::Admin, Scope::Audit]
);
caller!(
    /// A person with the client they work with, whatever it may do.
    Worker,
    [Scope::Decide, Scope::Read, Scope::Submit]
);
caller!(
    /// Passes rights on: one's own, or as an administrator those of others.
    Delegator,
    [Scope::Decide, Scope::Admin]
);
