//! `approvals template`: check, publish, show.

pub mod lint;
mod show;

use approvals::template::{Finding, Syntax};
use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

use crate::Session;
use crate::client::{Call, segment};
use crate::content::file;
use crate::failure::Failure;
use crate::list;
use crate::output::{Shown, Table, plain};

/// What can be done with templates.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Say what is wrong with templates, and what would be right.
    Lint {
        /// YAML or JSON.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
        /// Ask the service as well: it knows the tenant's roles, people and calendars.
        #[arg(long)]
        against: bool,
    },
    /// Store a template as a version of its key; content that is known keeps its number.
    Publish {
        /// YAML or JSON.
        #[arg(value_name = "FILE")]
        path: String,
        /// New requests keep using the present version.
        #[arg(long)]
        no_activate: bool,
    },
    /// Show a template.
    Show {
        /// Its key.
        key: String,
        /// Which version [default: the current one].
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// List the templates.
    List,
    /// Make a version the one new requests use.
    Activate {
        /// Its key.
        key: String,
        /// Which version.
        version: u32,
    },
    /// Let no new request use it.
    Deactivate {
        /// Its key.
        key: String,
    },
}

/// What PUT and the switches answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Published {
    key: String,
    version: u64,
    /// The version new requests use.
    current: Option<u64>,
    /// What may not do what was meant: here the directory is known.
    warnings: Vec<Finding>,
}

/// A template in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    key: String,
    title: String,
    current: Option<u64>,
    latest: u64,
}

/// Does it.
pub fn run(action: &Action, session: &Session) -> Result<Shown, Failure> {
    match action {
        Action::Lint { files, against: false } => lint::run(files, session.style),
        Action::Lint { files, against: true } => lint::against(files, session),
        Action::Publish { path, no_activate } => publish(path, !no_activate, session),
        Action::Show { key, version } => show::run(key, *version, session),
        Action::List => templates(session),
        Action::Activate { key, version } => {
            let path = format!("/v1/templates/{}/versions/{version}/activate", segment(key));
            switch(&path, &format!("new requests use {} v{version}", plain(key)), session)
        }
        Action::Deactivate { key } => {
            let path = format!("/v1/templates/{}/deactivate", segment(key));
            switch(&path, &format!("no new request can use {}", plain(key)), session)
        }
    }
}

fn publish(path: &str, activate: bool, session: &Session) -> Result<Shown, Failure> {
    let text = file(path)?;
    // The same check as the service's, with places in the file.
    let key = match approvals::template::parse(&text, lint::syntax(&text)) {
        Ok(parsed) => parsed.template.key.to_string(),
        Err(findings) => return Err(lint::declined(path, &findings, session.style)),
    };
    let query = if activate { "" } else { "?activate=false" };
    let call = Call::put(format!("/v1/templates/{}{query}", segment(&key)), content_type(&text), text);
    let (published, answer) = session.client.ask::<Published>(&call)?;
    let done = if answer.status == 201 { "published" } else { "nothing new: this is" };
    let used = match published.current {
        Some(current) if current == published.version => "new requests use it".to_owned(),
        Some(current) => format!("new requests go on with v{current}"),
        None => "no new request can use it".to_owned(),
    };
    let mut lines = vec![format!("{done} {} v{}; {used}", plain(&published.key), published.version)];
    lines.extend(published.warnings.iter().map(|finding| lint::draw(path, finding, session.style)));
    Ok(Shown { text: lines.join("\n"), body: answer.body })
}

fn switch(path: &str, done: &str, session: &Session) -> Result<Shown, Failure> {
    let key = crate::client::fresh_key();
    let answer = session.client.send(&Call::post(path, Some(&key), &Value::Object(serde_json::Map::new())))?;
    Ok(Shown { text: done.to_owned(), body: answer.body })
}

fn templates(session: &Session) -> Result<Shown, Failure> {
    let found = list::collect(session, "/v1/templates", Vec::new(), usize::MAX)?;
    let mut table = Table::new(session.style, ["KEY", "CURRENT", "LATEST", "TITLE"]);
    for template in found.items::<Listed>(session)? {
        let current = template.current.map_or_else(|| "inactive".to_owned(), |n| format!("v{n}"));
        table.row([template.key, current, format!("v{}", template.latest), template.title]);
    }
    let text = if table.is_empty() { "no template: approvals template publish FILE".to_owned() } else { table.draw() };
    Ok(Shown { text, body: found.body() })
}

fn content_type(text: &str) -> &'static str {
    match lint::syntax(text) {
        Syntax::Json => "application/json",
        Syntax::Yaml => "application/yaml",
    }
}
