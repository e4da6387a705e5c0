//! `approvals preview`: what submitting would do.

use serde::Deserialize;
use serde_json::Value;

use crate::Session;
use crate::answer::{Step, TemplateRef};
use crate::client::Call;
use crate::failure::Failure;
use crate::output::{Now, Shown, Style, plain};
use crate::show;
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
    steps: Vec<Step>,
    gaps: Vec<Gap>,
}

/// A step nobody could vote on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Gap {
    step: String,
    detail: String,
}

/// Asks, and shows the plan.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let mut body = args.about.body()?;
    body.insert("title".to_owned(), Value::from(args.title.as_deref().unwrap_or("preview")));
    let (preview, answer) = session.client.ask::<Preview>(&Call::post("/v1/requests/preview", None, &Value::Object(body)))?;
    Ok(Shown { text: draw(&preview, session.style, answer.now), body: answer.body })
}

fn draw(preview: &Preview, style: Style, now: Now) -> String {
    let mut lines = vec![format!("would run as {} v{}; nothing was written", plain(&preview.template.key), preview.template.version)];
    lines.push(String::new());
    lines.push(show::steps(&preview.steps, style, now));
    for gap in &preview.gaps {
        lines.push(format!("! step {}: {}", plain(&gap.step), plain(&gap.detail)));
    }
    lines.join("\n")
}
