//! `approvals preview`: what submitting would do.

use serde::Deserialize;
use serde_json::Value;

use crate::Session;
use crate::answer::{Candidate, TemplateRef, Time};
use crate::client::Call;
use crate::failure::Failure;
use crate::output::{Ink, Now, Shown, Style, Table, due, plain};
use crate::problem::Problem;
use crate::show::seat;
use crate::submit::About;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    about: About,
    /// What approvers would read first.
    #[arg(long)]
    title: Option<String>,
}

/// What the service would do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Preview {
    template: TemplateRef,
    requester: String,
    ok: bool,
    problem: Option<Problem>,
    steps: Vec<Step>,
    effect: Option<Effect>,
}

/// What its approval would wait for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Effect {
    within_hours: u64,
}

/// A step, planned or not.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    id: String,
    name: String,
    planned: bool,
    candidates: Vec<Candidate>,
    need: Option<u64>,
    sla_hours: f64,
    due_at: Option<Time>,
    gaps: Vec<String>,
}

/// Asks, and shows the plan. What would be refused is a no here as well.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let mut body = args.about.body()?;
    body.insert("title".to_owned(), Value::from(args.title.as_deref().unwrap_or("preview")));
    let (preview, answer) = session.client.ask::<Preview>(&Call::post("/v1/requests/preview", None, &Value::Object(body)))?;
    let found = Shown { text: draw(&preview, session.style, answer.now), body: answer.body };
    if preview.ok { Ok(found) } else { Err(Failure::Declined { reason: "submitting it would be refused".to_owned(), found }) }
}

fn draw(preview: &Preview, style: Style, now: Now) -> String {
    let template = format!("{} v{}", plain(&preview.template.key), preview.template.version);
    let mut lines = vec![format!("{template}, requested by {}; nothing was written", plain(&preview.requester)), String::new()];
    let mut table = Table::new(style, ["", "STEP", "NAME", "APPROVALS", "WHO", "DUE"]);
    for step in &preview.steps {
        // Some gaps close on the way: who approves may depend on who approved before.
        let sign = match step {
            step if !step.planned => '○',
            step if !preview.ok && !step.gaps.is_empty() => '!',
            _ => '●',
        };
        let who = step.candidates.iter().map(|candidate| seat(&candidate.seat)).chain(step.gaps.iter().cloned());
        let due = match step.due_at {
            _ if !step.planned => String::new(),
            Some(at) => due(at, now),
            None => format!("{} h after it opens", step.sla_hours),
        };
        table.row([
            sign.to_string(),
            step.id.clone(),
            if step.name == step.id { String::new() } else { step.name.clone() },
            if step.planned { step.need.map(|need| need.to_string()).unwrap_or_default() } else { "not needed".to_owned() },
            who.collect::<Vec<_>>().join("\n"),
            due,
        ]);
    }
    lines.push(table.draw());
    if let Some(effect) = &preview.effect {
        lines.push(String::new());
        lines.push(format!("once approved it waits for the start of its effect, at most {} h", effect.within_hours));
    }
    if let Some(problem) = &preview.problem {
        lines.push(String::new());
        lines.push(problem.draw(style));
    } else if preview.ok {
        lines.push(String::new());
        lines.push(style.ink(Ink::Good, "it would be accepted"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_preview_reads_like_this() {
        let preview: Preview = serde_json::from_value(json!({
            "template": {"key": "purchase_order", "version": 3}, "requester": "alice", "ok": false,
            "problem": {"title": "unroutable", "status": 422, "code": "unroutable", "detail": "nobody could vote on step `legal`"},
            "steps": [
                {"id": "manager", "name": "Manager approval", "planned": true, "candidates": [{"seat": "user:bob", "level": 0}], "need": 1,
                    "sla_hours": 48.0, "due_at": "2026-01-08T09:00:00.000Z", "gaps": []},
                {"id": "director", "name": "director", "planned": false, "candidates": [], "sla_hours": 48.0, "gaps": []},
                {"id": "legal", "name": "Legal", "planned": true, "candidates": [{"seat": "role:legal", "level": 0}], "need": 2,
                    "sla_hours": 1.5, "gaps": ["too few could vote"]}]
        }))
        .unwrap();
        let drawn = draw(&preview, Style::default(), Some("2026-01-06T09:00:00Z".parse().unwrap()));
        assert_eq!(drawn, include_str!("golden/preview.txt").trim_end_matches('\n'), "\n{drawn}");
    }
}
