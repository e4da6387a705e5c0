//! `approvals submit`.

use serde_json::{Map, Value};

use crate::Session;
use crate::answer::Request;
use crate::client::Call;
use crate::content::{Content, entity};
use crate::failure::Failure;
use crate::options::Once;
use crate::output::Shown;
use crate::show;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    about: About,
    /// What approvers read first; at most 200 characters.
    #[arg(long)]
    title: String,
    #[command(flatten)]
    once: Once,
}

/// Which request.
#[derive(Debug, clap::Args)]
pub struct About {
    /// Key of the template.
    #[arg(long, value_name = "KEY")]
    template: String,
    /// What it is about, in the system it comes from.
    #[arg(long, value_name = "TYPE/ID", value_parser = entity)]
    entity: Value,
    /// Who asks, if not the caller; needs the scope submit_for.
    #[arg(long, value_name = "USER")]
    requester: Option<String>,
    #[command(flatten)]
    content: Content,
}

impl About {
    /// The body, without the title.
    pub fn body(&self) -> Result<Map<String, Value>, Failure> {
        let mut body = self.content.read()?;
        body.insert("template".to_owned(), Value::from(self.template.as_str()));
        body.insert("entity".to_owned(), self.entity.clone());
        if let Some(requester) = &self.requester {
            body.insert("requester".to_owned(), Value::from(requester.as_str()));
        }
        Ok(body)
    }
}

/// Submits, and shows the request that came of it.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let mut body = args.about.body()?;
    body.insert("title".to_owned(), Value::from(args.title.as_str()));
    let key = args.once.key();
    let (request, answer) = session.client.ask::<Request>(&Call::post("/v1/requests", Some(&key), &Value::Object(body)))?;
    Ok(show::after("submitted", &request, answer, session.style))
}
