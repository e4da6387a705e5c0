//! Who calls: read from verified claims, which are checked again here. Plain data; `web` finds the claims of a call.

use std::collections::BTreeSet;

use approvals_domain::actor::{Actor, Caller};
use approvals_domain::ids::{PersonId, TenantId};
use serde_json::{Map, Value};

/// Verified claims of a token. The embedded engine puts them into the request as the gateway's authorizer does on AWS.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims(pub Map<String, Value>);

/// Longest claim kept with a vote: four of them stay within a commit's envelope.
const CLAIM_BYTES: usize = 256;

/// Where the client's id stands: in RFC 9068 and Cognito, in OpenID Connect, with Okta, and in version 1 of Entra ID.
const CLIENT_CLAIMS: [&str; 4] = ["client_id", "azp", "cid", "appid"];

/// Which claims say what.
#[derive(Debug, Clone)]
pub struct ClaimNames {
    /// The person.
    pub subject: String,
    /// The tenant; none: everybody is of the tenant `default`.
    pub tenant: Option<String>,
    /// The scopes: every one of these claims is read. Machines of some issuers have theirs in `roles`.
    pub scopes: Vec<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self { subject: "sub".to_owned(), tenant: None, scopes: vec!["scope".to_owned(), "scp".to_owned()] }
    }
}

/// What a client may do. It limits the client and never entitles the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Submit, cancel, resubmit, comment.
    Submit,
    /// Name another requester.
    SubmitFor,
    /// Start and finish effects.
    Effect,
    /// Vote, reassign, comment, delegate.
    Decide,
    /// Read what the person may see.
    Read,
    /// Write templates and the directory.
    Admin,
    /// Read everything, write nothing.
    Audit,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Submit, Self::SubmitFor, Self::Effect, Self::Decide, Self::Read, Self::Admin, Self::Audit];

    /// Without its prefix.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::SubmitFor => "submit_for",
            Self::Effect => "effect",
            Self::Decide => "decide",
            Self::Read => "read",
            Self::Admin => "admin",
            Self::Audit => "audit",
        }
    }

    /// Reads `approvals:x`, `approvals/x`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("approvals:").or_else(|| text.strip_prefix("approvals/"))?;
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// Why a caller is turned away before the call is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The claims do not say who calls. The text says what is missing or wrong.
    #[error("{0}")]
    Unknown(String),
    /// The client has none of these scopes.
    #[error("the token needs the scope `approvals:{}`", names(.0).join("` or `approvals:"))]
    ScopeNeeded(Vec<Scope>),
    /// Whoever came by a bare link must prove who they are.
    #[error("this step demands your own login")]
    LoginNeeded,
}

/// Names of scopes, without their prefix.
pub fn names(scopes: &[Scope]) -> Vec<&'static str> {
    scopes.iter().map(|scope| scope.as_str()).collect()
}

/// Who calls, for which tenant, through a client with which scopes.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The tenant.
    pub tenant: TenantId,
    /// The person, with how they proved who they are.
    pub caller: Caller,
    /// What the client may do.
    pub scopes: BTreeSet<Scope>,
}

impl Identity {
    /// Reads verified claims.
    ///
    /// # Errors
    /// [`Error::Unknown`] if a claim is missing, no id, or too long to be kept.
    pub fn of(claims: &Claims, names: &ClaimNames) -> Result<Self, Error> {
        let text = |name: &str| claims.0.get(name).and_then(Value::as_str);
        let subject = text(&names.subject).ok_or_else(|| Error::Unknown(format!("the token has no claim `{}`", names.subject)))?;
        let id = PersonId::new(subject).map_err(|error| Error::Unknown(error.to_string()))?;
        let tenant = match &names.tenant {
            None => "default",
            Some(name) => text(name).ok_or_else(|| Error::Unknown(format!("the token has no claim `{name}`")))?,
        };
        let tenant = TenantId::new(tenant).map_err(|error| Error::Unknown(error.to_string()))?;
        let words_of_scopes = names.scopes.iter().flat_map(|name| words(claims.0.get(name)));
        let scopes: BTreeSet<Scope> = words_of_scopes.filter_map(|word| Scope::parse(&word)).collect();
        for name in CLIENT_CLAIMS.into_iter().chain(["acr"]) {
            if text(name).is_some_and(|text| text.len() > CLAIM_BYTES) {
                return Err(Error::Unknown(format!("the claim `{name}` has more than {CLAIM_BYTES} bytes")));
            }
        }
        let amr = words(claims.0.get("amr"));
        if amr.iter().map(String::len).sum::<usize>() > CLAIM_BYTES {
            return Err(Error::Unknown(format!("the claim `amr` has more than {CLAIM_BYTES} bytes")));
        }
        let caller = Caller {
            id,
            method: "jwt".to_owned(),
            client_id: CLIENT_CLAIMS.into_iter().find_map(text).map(str::to_owned),
            auth_time: claims.0.get("auth_time").and_then(|v| v.as_i64().or_else(|| v.as_str()?.parse().ok())),
            acr: text("acr").map(str::to_owned),
            amr,
            submit_for: false,
        };
        Ok(Self { tenant, caller, scopes })
    }

    /// Refuses a client without the scope.
    ///
    /// # Errors
    /// [`Error::ScopeNeeded`].
    pub fn need(&self, scope: Scope) -> Result<(), Error> {
        self.need_one(&[scope])
    }

    /// Refuses a client that has none of the scopes.
    ///
    /// # Errors
    /// [`Error::ScopeNeeded`].
    pub fn need_one(&self, scopes: &[Scope]) -> Result<(), Error> {
        if scopes.iter().any(|scope| self.scopes.contains(scope)) { Ok(()) } else { Err(Error::ScopeNeeded(scopes.to_vec())) }
    }

    /// The person as actor of a command.
    pub fn actor(&self) -> Actor {
        Actor::Person(self.caller.clone())
    }
}

/// Words of a claim: a list, or a text parted by spaces; the gateway writes lists as `[a b]`.
fn words(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(text)) => text.trim_matches(['[', ']']).split([' ', ',']).filter(|w| !w.is_empty()).map(str::to_owned).collect(),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(value: Value) -> Claims {
        Claims(value.as_object().unwrap().clone())
    }

    #[test]
    fn scopes_are_the_same_with_colon_and_slash_in_text_and_list() {
        for scope in [
            serde_json::json!("approvals:read openid approvals/decide"),
            serde_json::json!(["approvals/read", "approvals:decide"]),
            serde_json::json!("[approvals:read approvals:decide]"),
        ] {
            let identity = Identity::of(&claims(serde_json::json!({ "sub": "bob", "scp": scope })), &ClaimNames::default()).unwrap();
            assert_eq!(identity.scopes, BTreeSet::from([Scope::Read, Scope::Decide]));
            assert_eq!(identity.tenant.as_str(), "default");
            assert_eq!(identity.need(Scope::Admin), Err(Error::ScopeNeeded(vec![Scope::Admin])));
        }
    }

    #[test]
    fn a_token_without_subject_or_tenant_is_nobody() {
        let names = ClaimNames { tenant: Some("org".to_owned()), ..ClaimNames::default() };
        for bad in [serde_json::json!({}), serde_json::json!({ "sub": "a b", "org": "t" }), serde_json::json!({ "sub": "bob" })] {
            assert!(matches!(Identity::of(&claims(bad), &names), Err(Error::Unknown(_))));
        }
    }
}
