//! What a list says of a request beyond its head: how much, the fields marked for short views, and who its people are.

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::amount::Amount;
use approvals_domain::candidate::Candidate;
use approvals_domain::ids::PersonId;
use approvals_domain::state::Request;
use approvals_domain::template::{FieldKind, Template};
use serde::Serialize;
use serde_json::Value;

use crate::store::directory::User;

/// What a list says of a request beyond its head.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Summary {
    /// As the template counts it; missing if it counts none.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<AmountView>,
    /// Those marked `mail` that are given, in the template's order; empty once erased.
    fields: Vec<FieldView>,
}

/// How much.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Amount)]
pub struct AmountView {
    value: f64,
    /// Such as `EUR`.
    currency: String,
}

impl From<&Amount> for AmountView {
    fn from(amount: &Amount) -> Self {
        Self { value: amount.value, currency: amount.currency.clone() }
    }
}

/// A field of the metadata.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = Field)]
pub struct FieldView {
    key: String,
    /// For people.
    label: String,
    /// `number`, `string`, `boolean`, `date`, `user`, `list` or `object`.
    #[schema(value_type = String)]
    r#type: FieldKind,
    /// As it was sent.
    #[schema(value_type = Object)]
    value: Value,
}

/// Somebody whom an answer names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PersonName)]
pub struct NameView {
    name: String,
}

impl Summary {
    /// Of a request, with its metadata; none: it was erased.
    pub fn new(request: &Request, template: &Template, metadata: Option<&str>) -> Self {
        let metadata: Value = metadata.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let shown = template.fields_in_order().filter(|(_, field)| field.mail);
        let fields = shown.filter_map(|(key, field)| {
            let value = metadata.get(key).filter(|value| !value.is_null())?.clone();
            let label = field.label.clone().unwrap_or_else(|| key.to_owned());
            Some(FieldView { key: key.to_owned(), label, r#type: field.kind, value })
        });
        Self { amount: request.amount.as_ref().map(AmountView::from), fields: fields.collect() }
    }
}

/// Everybody whom an answer about a request names by id.
pub fn everybody(request: &Request) -> BTreeSet<&PersonId> {
    let asked = request.steps.iter().filter_map(|step| step.opening.as_ref()).flat_map(|opening| &opening.candidates);
    let asked = asked.flat_map(|placed| placed.candidate.members()).filter_map(|member| match member {
        Candidate::User(id) => Some(id),
        Candidate::Role(_) | Candidate::AnyOf(_) => None,
    });
    let voted = request.votes().flat_map(|vote| [&vote.by.id, vote.person()]);
    let asks = [&request.requester, &request.submitted_by].into_iter().chain(&request.revised_by).chain(&request.successor);
    let ended = request.outcome().and_then(|outcome| outcome.by.person());
    asks.chain(asked).chain(voted).chain(ended).collect()
}

/// Their names, by id; whoever is not there is left out.
pub fn names(users: BTreeMap<PersonId, User>) -> BTreeMap<String, NameView> {
    users.into_iter().map(|(id, user)| (id.to_string(), NameView { name: user.name })).collect()
}
