//! Whether a delegation's scope can ever match: templates, steps and currencies as the directory has them now.

use std::collections::BTreeSet;

use approvals_domain::facts::Delegation;
use approvals_domain::ids::{StepId, TenantId};
use approvals_domain::payload::TemplateRef;
use approvals_domain::template::Template;

use crate::app::Error;
use crate::spelling::nearest;
use crate::store::Directory;
use crate::wire::fault::Fault;

/// Templates looked through for the near one: this is for warnings only.
const NAMES: i32 = 100;

/// What of a delegation's scope nothing can meet, for a warning. Only templates it names are looked at: of all others anything may be true.
///
/// # Errors
/// [`Error`] if the store does not answer.
pub async fn unmet(directory: &Directory, tenant: &TenantId, delegation: &Delegation) -> Result<Vec<Fault>, Error> {
    let Some(keys) = &delegation.templates else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut templates = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        let Some(pointer) = directory.pointer(tenant, key).await? else {
            let (known, _) = directory.pointers(tenant, None, NAMES).await?;
            let near = nearest(key.as_str(), known.iter().map(|(key, _)| key.as_str()));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            found.push(Fault::new(format!("/templates/{index}"), "unknown_template", format!("there is no template `{key}`{hint}")));
            continue;
        };
        let of = TemplateRef { key: key.clone(), version: pointer.current.unwrap_or(pointer.latest) };
        templates.extend(directory.template_version(tenant, &of).await?.map(|version| version.template));
    }
    // A template that is still to come may have any step.
    if templates.len() < keys.len() {
        return Ok(found);
    }
    found.extend(delegation.steps.iter().flat_map(|steps| unknown_steps(steps, &templates)));
    if let Some(max) = &delegation.max
        && !templates.iter().any(|template| may_be_in(template, &max.currency))
    {
        let detail = format!("no request of these templates has an amount in `{:.20}`", max.currency);
        found.push(Fault::new("/max/currency", "never_matches", detail));
    }
    Ok(found)
}

fn unknown_steps(steps: &BTreeSet<StepId>, templates: &[Template]) -> Vec<Fault> {
    let known: BTreeSet<&StepId> = templates.iter().flat_map(Template::all_steps).map(|step| &step.id).collect();
    let unknown = steps.iter().enumerate().filter(|(_, step)| !known.contains(step));
    let fault = |(index, step): (usize, &StepId)| {
        let near = nearest(step.as_str(), known.iter().map(|id| id.as_str()));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Fault::new(format!("/steps/{index}"), "unknown_step", format!("none of these templates has a step `{step}`{hint}"))
    };
    unknown.map(fault).collect()
}

/// Whether a template's amount can be in a currency: known where its currency is a field with an `enum`.
fn may_be_in(template: &Template, currency: &str) -> bool {
    let Some(amount) = &template.amount else { return false };
    let field = amount.currency.trim().strip_prefix("metadata.").and_then(|name| template.fields.get(name));
    field.and_then(|field| field.one_of.as_ref()).is_none_or(|allowed| allowed.iter().any(|known| known == currency))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Template {
        serde_json::from_value(json!({
            "key": "order", "title": "Order", "amount": { "value": "metadata.amount", "currency": "metadata.currency" },
            "fields": { "amount": { "type": "number" }, "currency": { "type": "string", "enum": ["EUR", "USD"] } },
            "steps": [{ "id": "manager", "approvers": [{ "role": "p" }] }]
        }))
        .unwrap()
    }

    #[test]
    fn f12_a_step_and_a_currency_that_no_named_template_has_are_found() {
        let steps = |ids: &str| ids.split(' ').map(|id| id.parse().unwrap()).collect::<BTreeSet<StepId>>();
        let found = unknown_steps(&steps("manager manger"), &[template()]);
        assert_eq!(
            found.iter().map(|fault| fault.detail.as_str()).collect::<Vec<_>>(),
            ["none of these templates has a step `manger`; did you mean `manager`?"]
        );
        assert!(may_be_in(&template(), "EUR") && !may_be_in(&template(), "CHF"));
        assert!(!may_be_in(&Template { amount: None, ..template() }, "EUR"), "a limit covers nothing without an amount");
    }
}
