//! Finds the verified claims of a call: those of the gateway's authorizer, or those the embedded engine put into the request.

use axum::extract::FromRequestParts;
use http::request::Parts;
use lambda_http::RequestExt;
use lambda_http::request::RequestContext;
use serde_json::Value;

use super::problem::Problem;
use crate::identity::{ClaimNames, Claims, Error, Identity, Scope};

/// Where an extractor finds the claims' names.
pub trait Names {
    /// Which claims say what.
    fn names(&self) -> &ClaimNames;
}

impl<S: Names + Send + Sync> FromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let local = parts.extensions.get::<Claims>().cloned();
        let claims = local.or_else(|| gateway_claims(parts)).ok_or_else(|| Error::Unknown("send a bearer token".to_owned()))?;
        Ok(Self::of(&claims, state.names())?)
    }
}

macro_rules! callers {
    ($($(#[$doc:meta])* $name:ident, $scopes:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// Refused before anything else of the call is read: what is wrong with a body is for those who may send one.
        #[derive(Debug)]
        pub struct $name(pub Identity);

        impl<S: Names + Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let identity = Identity::from_request_parts(parts, state).await?;
                identity.need_one(&$scopes)?;
                Ok(Self(identity))
            }
        }
    )*};
}

callers!(
    /// A caller whose client may submit.
    Submits, [Scope::Submit];
    /// A caller whose client may decide.
    Decides, [Scope::Decide];
    /// A caller whose client may submit or decide.
    Speaks, [Scope::Submit, Scope::Decide];
    /// A caller whose client carries out what was approved.
    CarriesOut, [Scope::Effect, Scope::SubmitFor];
    /// A caller whose client may administer.
    Administers, [Scope::Admin];
    /// A person with the client they work with, whatever it may do.
    Worker, [Scope::Decide, Scope::Read, Scope::Submit];
    /// Passes rights on: one's own, or as an administrator those of others.
    Delegator, [Scope::Decide, Scope::Admin];
);

fn gateway_claims(parts: &Parts) -> Option<Claims> {
    let RequestContext::ApiGatewayV2(context) = parts.request_context_ref()? else { return None };
    let jwt = context.authorizer.as_ref()?.jwt.as_ref()?;
    Some(Claims(jwt.claims.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect()))
}
