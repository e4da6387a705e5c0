//! Identifiers: compared exactly, checked once, when they enter.

use std::borrow::Borrow;
use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Serialize};

use crate::limits;

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind}: {rule}")]
pub struct Invalid {
    kind: &'static str,
    rule: &'static str,
    text: String,
}

fn checked(kind: &'static str, rule: &'static str, ok: fn(&str) -> bool, text: String) -> Result<String, Invalid> {
    if ok(&text) { Ok(text) } else { Err(Invalid { kind, rule, text: text.chars().take(limits::ID_CHARS).collect() }) }
}

fn is_id(text: &str) -> bool {
    // Whatever normalises paths takes these for the way up: nothing of that name could ever be addressed.
    let addressed = !matches!(text, "." | "..");
    addressed && (1..=limits::ID_CHARS).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.:@+|'-".contains(&b))
}

fn is_key(text: &str) -> bool {
    (1..=limits::KEY_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// How candidates are written as text: no id of a person or role may begin so, or a text could mean two things.
const PREFIXES: [&str; 3] = ["user:", "role:", "any_of:"];

fn is_name(text: &str) -> bool {
    is_id(text) && !PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// An entity's id: any text of the caller's, without control characters.
fn is_entity_id(text: &str) -> bool {
    (1..=limits::ID_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

const ID_RULE: &str = "1 to 128 of A-Z a-z 0-9 _ . : @ + | ' -, and neither `.` nor `..`";
const NAME_RULE: &str =
    "1 to 128 of A-Z a-z 0-9 _ . : @ + | ' -, neither `.` nor `..`, and not beginning with `user:`, `role:` or `any_of:`";
const ENTITY_ID_RULE: &str = "1 to 128 characters, none of them a control character";
const KEY_RULE: &str = "a lower-case letter, then up to 99 of a-z 0-9 _";

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:ident, $ok:ident) => {
        id!(@type $(#[$doc])* $name);

        impl $name {
            /// Checks the text; the error says the rule.
            pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
                checked($kind, $rule, $ok, text.into()).map(Self)
            }
        }
    };
    (@type $(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;
            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(/** A tenant: nothing is shared between two. */ TenantId, "a tenant", ID_RULE, is_id);
id!(/** A person of the tenant's directory. */ PersonId, "a person id", NAME_RULE, is_name);
id!(/** A role of the tenant's directory. */ RoleId, "a role", NAME_RULE, is_name);
id!(/** A request. Made by us: 26 characters of Crockford base32, 128 bits. */ RequestId, "a request id", ID_RULE, is_id);
id!(/** A delegation. */ DelegationId, "a delegation id", ID_RULE, is_id);
id!(/** A webhook endpoint. */ EndpointId, "an endpoint id", ID_RULE, is_id);
id!(/** A working calendar. */ CalendarId, "a calendar id", ID_RULE, is_id);
id!(/** Type of the thing a request is about. */ EntityType, "an entity type", ID_RULE, is_id);
id!(/** A template's key. */ TemplateKey, "a template key", KEY_RULE, is_key);
id!(/** A step's id, unique within its template. */ StepId, "a step id", KEY_RULE, is_key);

id!(@type /** The caller's own id of the thing a request is about: any text, in Unicode's normal form C, compared exactly. */ EntityId);

/// A text in Unicode's normal form C: one spelling of what looks the same.
pub fn normal(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()
}

impl EntityId {
    /// Checks the text and brings it into normal form C, so that one id has one spelling; the error says the rule.
    pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        checked("an entity id", ENTITY_ID_RULE, is_entity_id, normal(&text)).map(Self)
    }
}

impl RoleId {
    /// The role whose members may act on others' requests and catch what nobody else can approve.
    pub const APPROVAL_ADMIN: &'static str = "approval_admin";

    /// The role whose members start and finish effects where the template names nobody.
    pub const APPROVAL_EFFECT: &'static str = "approval_effect";

    /// The role [`RoleId::APPROVAL_EFFECT`].
    pub fn approval_effect() -> Self {
        Self(Self::APPROVAL_EFFECT.to_owned())
    }

    /// The role [`RoleId::APPROVAL_ADMIN`].
    pub fn approval_admin() -> Self {
        Self(Self::APPROVAL_ADMIN.to_owned())
    }

    /// The role whose members keep people, roles, calendars and settings. It gives no vote and gets no mail.
    pub fn directory_admin() -> Self {
        Self("directory_admin".to_owned())
    }

    /// The role whose members see every request through a client with the scope `audit`.
    pub fn approval_audit() -> Self {
        Self("approval_audit".to_owned())
    }

    /// Whether only members of `approval_admin` change who holds the role.
    pub fn is_guarded(&self) -> bool {
        self.0.starts_with("approval_") || self.0 == "directory_admin"
    }
}

/// What a request is about, in the caller's own terms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// For example `purchase_order`.
    #[serde(rename = "type")]
    pub kind: EntityType,
    /// The caller's id of it.
    pub id: EntityId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p1_an_entity_keeps_the_number_its_own_system_gave_it() {
        for number in ["INV/2026/00001", "PO 17", "PO#17", "Ä-17", "注文-7", &"x".repeat(128), &"Ä".repeat(128)] {
            assert_eq!(EntityId::new(number).unwrap().as_str(), number);
        }
        assert_eq!(EntityId::new("A\u{308}-17").unwrap(), EntityId::new("\u{c4}-17").unwrap(), "one id, one spelling");
        assert_ne!(EntityId::new("po 17").unwrap(), EntityId::new("PO 17").unwrap());
        for bad in ["", "a\nb", "a\0", "\u{85}", &"x".repeat(129)] {
            let error = EntityId::new(bad).unwrap_err().to_string();
            assert!(error.contains(ENTITY_ID_RULE), "{error}");
        }
    }

    #[test]
    fn an_id_is_compared_exactly_and_a_bad_one_names_the_rule() {
        assert_ne!(PersonId::new("Bob").unwrap(), PersonId::new("bob").unwrap());
        for bad in ["", ".", "..", "a b", "a#b", "a\0", "é", &"x".repeat(129)] {
            let error = PersonId::new(bad).unwrap_err().to_string();
            assert!(error.contains(NAME_RULE), "{error}");
        }
        assert!(PersonId::new("o'neil+x@y.z|a:b-c_d").is_ok());
        for taken in ["user:amy", "role:finance", "any_of:x"] {
            assert!(PersonId::new(taken).is_err() && RoleId::new(taken).is_err(), "{taken}");
            assert!(DelegationId::new(taken).is_ok(), "only what candidates name");
        }
        assert!(TemplateKey::new("Purchase").is_err());
        assert!(serde_json::from_str::<StepId>("\"_x\"").is_err());
    }
}
