//! `approvals template show`: a version, as somebody who submits or approves wants to know it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Session;
use crate::answer::Time;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::output::{Ink, Now, Shown, Style, Table, plain, when};

/// A version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Version {
    key: String,
    version: u64,
    hash: String,
    current: Option<u64>,
    title: String,
    stored_at: Option<Time>,
    template: Content,
}

/// Its content, every default written out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Content {
    fields: Option<Map<String, Value>>,
    /// Groups: a step, or a list of steps that run side by side.
    steps: Vec<Value>,
    unique_entity: bool,
    visibility: String,
}

/// A step.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    id: String,
    name: Option<String>,
    when: Option<String>,
    approvers: Vec<Value>,
    required: Value,
    sla: Sla,
    distinct_from: Vec<String>,
    skip_if_approved_by: Vec<String>,
    allow_self: bool,
    on_reject: String,
}

/// How long it may take.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sla {
    hours: f64,
    calendar: Option<String>,
}

/// Shows the current version, or another one.
pub(super) fn run(key: &str, version: Option<u32>, session: &Session) -> Result<Shown, Failure> {
    let version = version.map(|n| format!("/versions/{n}")).unwrap_or_default();
    let call = Call::get(format!("/v1/templates/{}{version}", segment(key)));
    let (version, answer) = session.client.ask::<Version>(&call)?;
    Ok(Shown { text: draw(&version, session.style, answer.now), body: answer.body })
}

fn draw(version: &Version, style: Style, now: Now) -> String {
    let use_ = match version.current {
        Some(current) if current == version.version => "new requests use it".to_owned(),
        Some(current) => format!("new requests use v{current}"),
        None => "no new request can use it".to_owned(),
    };
    let stored = version.stored_at.map(|at| format!(", stored {}", when(at, now))).unwrap_or_default();
    let content = &version.template;
    let one = if content.unique_entity { "at most one open request per entity" } else { "any number of open requests per entity" };
    let mut lines = vec![
        style.ink(Ink::Bold, &plain(&version.title)),
        format!("{} v{}: {use_}{stored}", plain(&version.key), version.version),
        format!("{one}; seen by {}", if content.visibility == "tenant" { "everybody in the tenant" } else { "its parties" }),
    ];
    if let Some(fields) = content.fields.as_ref().filter(|fields| !fields.is_empty()) {
        lines.extend([String::new(), draw_fields(fields, style)]);
    }
    lines.extend([String::new(), draw_steps(&content.steps, style), String::new()]);
    lines.push(style.ink(Ink::Faint, &format!("hash {}", plain(&version.hash))));
    lines.join("\n")
}

fn draw_fields(fields: &Map<String, Value>, style: Style) -> String {
    let mut table = Table::new(style, ["FIELD", "TYPE", "NEEDED", "SHOWN", "LABEL"]);
    for (name, field) in fields {
        let text = |key: &str| field.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let is = |key: &str| field.get(key).and_then(Value::as_bool).unwrap_or_default();
        let choices = field.get("enum").and_then(Value::as_array).map(|list| format!(": {}", words(list, ", ")));
        table.row([
            name.clone(),
            format!("{}{}", text("type"), choices.unwrap_or_default()),
            if is("required") { "yes".to_owned() } else { String::new() },
            if is("sensitive") {
                "to logins only".to_owned()
            } else if is("mail") {
                "in mails too".to_owned()
            } else {
                String::new()
            },
            text("label"),
        ]);
    }
    table.draw()
}

fn draw_steps(groups: &[Value], style: Style) -> String {
    let mut table = Table::new(style, ["#", "STEP", "NAME", "APPROVERS", "APPROVALS", "WITHIN", "RULES"]);
    for (index, group) in groups.iter().enumerate() {
        for step in group.as_array().map_or(std::slice::from_ref(group), Vec::as_slice) {
            let step: Step = serde_json::from_value(step.clone()).unwrap_or_default();
            let calendar = step.sla.calendar.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            table.row([
                (index + 1).to_string(),
                step.id.clone(),
                step.name.clone().filter(|name| *name != step.id).unwrap_or_default(),
                step.approvers.iter().map(approver).collect::<Vec<_>>().join("\n"),
                word(&step.required),
                format!("{} h{calendar}", step.sla.hours),
                rules(&step).join("\n"),
            ]);
        }
    }
    table.draw()
}

/// What is not as most steps are.
fn rules(step: &Step) -> Vec<String> {
    let list = |name: &str, steps: &[String]| (!steps.is_empty()).then(|| format!("{name} {}", steps.join(", ")));
    [
        step.when.as_deref().map(|when| format!("if {when}")),
        list("nobody who voted in", &step.distinct_from),
        list("skipped if approved by those of", &step.skip_if_approved_by),
        step.allow_self.then(|| "the requester may approve".to_owned()),
        (step.on_reject == "return").then(|| "a rejection returns it".to_owned()),
        (step.on_reject == "majority").then(|| "rejected once too few are left".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Who may vote, in words.
fn approver(value: &Value) -> String {
    let Some((kind, of)) = value.as_object().and_then(|fields| fields.iter().next()) else { return word(value) };
    match (kind.as_str(), of) {
        ("user", of) => word(of),
        ("role", of) => format!("role {}", word(of)),
        ("any_of", Value::Array(members)) => format!("one of {}", members.iter().map(approver).collect::<Vec<_>>().join(" or ")),
        ("manager_of", of) if of == "requester" => "manager of the requester".to_owned(),
        ("manager_of", of) => format!("manager of whoever approves {}", word(of)),
        ("expression", of) => format!("whom {} names", word(of)),
        (kind, of) => format!("{kind} {}", word(of)),
    }
}

fn words(values: &[Value], between: &str) -> String {
    values.iter().map(word).collect::<Vec<_>>().join(between)
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use approvals::template::{Syntax, parse};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_template_reads_like_this() {
        let parsed = parse(include_str!("../../../examples/purchase_order.yaml"), Syntax::Yaml).unwrap();
        let content: Value = serde_json::from_slice(&parsed.canonical).unwrap();
        let version: Version = serde_json::from_value(json!({
            "key": "purchase_order", "version": 2, "hash": "h", "current": 3, "title": "Purchase order",
            "stored_at": "2026-01-05T09:00:00.000Z", "template": content,
        }))
        .unwrap();
        let drawn = draw(&version, Style::default(), Some("2026-01-06T09:00:00Z".parse().unwrap()));
        assert_eq!(drawn, include_str!("../golden/template.txt").trim_end_matches('\n'), "\n{drawn}");
    }
}
