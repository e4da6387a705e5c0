//! `approvals template`: check, publish, show.

pub mod lint;

use approvals::template::Syntax;
use clap::Subcommand;
use serde::Deserialize;
use serde_json::Value;

use crate::Session;
use crate::client::{Call, segment};
use crate::content::file;
use crate::failure::Failure;
use crate::list;
use crate::output::{Shown, Table, plain, plain_lines};

/// What can be done with templates.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Say what is wrong with templates, and what would be right.
    Lint {
        /// YAML or JSON.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
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
    current: Value,
}

/// Does it.
pub fn run(action: &Action, session: &Session) -> Result<Shown, Failure> {
    match action {
        Action::Lint { files } => lint::run(files, session.style),
        Action::Publish { path, no_activate } => publish(path, !no_activate, session),
        Action::Show { key, version } => show(key, *version, session),
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
    let known = if answer.status == 201 { "published" } else { "known already:" };
    let used = if published.current == published.version || published.current == Value::Bool(true) {
        "new requests use it"
    } else {
        "new requests do not use it"
    };
    Ok(Shown { text: format!("{known} {} v{}; {used}", plain(&published.key), published.version), body: answer.body })
}

fn switch(path: &str, done: &str, session: &Session) -> Result<Shown, Failure> {
    let key = crate::client::fresh_key();
    let answer = session.client.send(&Call::post(path, Some(&key), &Value::Object(serde_json::Map::new())))?;
    Ok(Shown { text: done.to_owned(), body: answer.body })
}

fn show(key: &str, version: Option<u32>, session: &Session) -> Result<Shown, Failure> {
    let version = version.map(|n| format!("/versions/{n}")).unwrap_or_default();
    let (template, answer) = session.client.ask::<Value>(&Call::get(format!("/v1/templates/{}{version}", segment(key))))?;
    let text = serde_json::to_string_pretty(&template).unwrap_or_default();
    Ok(Shown { text: plain_lines(&text).join("\n"), body: answer.body })
}

fn templates(session: &Session) -> Result<Shown, Failure> {
    let found = list::collect(session, "/v1/templates", Vec::new(), usize::MAX)?;
    let mut table = Table::new(session.style, ["KEY", "CURRENT", "TITLE"]);
    for template in found.items::<Value>(session)? {
        let field = |name: &str| match template.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        table.row([field("key"), field("current"), field("title")]);
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
