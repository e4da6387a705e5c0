//! What is known of a value before there is one, and which names exist.

use std::collections::BTreeMap;

use approvals_domain::template::{FieldKind, Template};

use super::tree::Variable;

/// The type of a part of an expression, as far as it is known without values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// Nothing is known; the evaluation will see.
    Any,
    Null,
    Bool,
    Number,
    Text,
    List(Box<Type>),
    Object,
    /// One of the variables itself.
    Variable(Variable),
}

impl Type {
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List(_) => "a list",
            Self::Object | Self::Variable(_) => "an object",
        }
    }

    /// Whether a value of this type may turn out to be one of that type.
    pub(super) fn may_be(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(of), Self::List(wanted)) => of.may_be(wanted),
            (Self::Variable(_), Self::Object) | (Self::Object, Self::Variable(_)) => true,
            (one, other) => one == other,
        }
    }

    /// The type of a value that is one or the other.
    pub(super) fn or(self, other: Self) -> Self {
        if self == other { self } else { Self::Any }
    }
}

impl From<FieldKind> for Type {
    fn from(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Number => Self::Number,
            FieldKind::String | FieldKind::Date | FieldKind::User => Self::Text,
            FieldKind::Boolean => Self::Bool,
            FieldKind::List => Self::List(Box::new(Self::Any)),
            FieldKind::Object => Self::Object,
        }
    }
}

/// The names that `metadata` has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Declared(Option<BTreeMap<String, Type>>);

impl Declared {
    /// No fields are declared: any name goes, and its type is seen at evaluation.
    pub fn anything() -> Self {
        Self(None)
    }

    /// Exactly these; a kind of `None` says that the name exists but its kind is not known.
    pub fn fields<N: Into<String>>(fields: impl IntoIterator<Item = (N, Option<FieldKind>)>) -> Self {
        let typed = |(name, kind): (N, Option<FieldKind>)| (name.into(), kind.map_or(Type::Any, Type::from));
        Self(Some(fields.into_iter().map(typed).collect()))
    }

    /// What the template declares.
    pub fn of(template: &Template) -> Self {
        if template.fields.is_empty() {
            return Self::anything();
        }
        Self::fields(template.fields.iter().map(|(name, field)| (name.as_str(), Some(field.kind))))
    }

    /// The type of a member of a variable; the names there are if it has no such member.
    pub(super) fn member(&self, variable: Variable, name: &str) -> Result<Type, Vec<&str>> {
        match (variable, name) {
            (Variable::Metadata, name) => match &self.0 {
                None => Ok(Type::Any),
                Some(fields) => fields.get(name).cloned().ok_or_else(|| fields.keys().map(String::as_str).collect()),
            },
            (Variable::Entity, "type" | "id") | (Variable::Requester, "id" | "manager") => Ok(Type::Text),
            (Variable::Requester, "roles") => Ok(Type::List(Box::new(Type::Text))),
            (Variable::Requester, "attributes") => Ok(Type::Object),
            (Variable::Entity, _) => Err(vec!["type", "id"]),
            (Variable::Requester, _) => Err(vec!["id", "manager", "roles", "attributes"]),
        }
    }
}
