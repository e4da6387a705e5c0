//! `approvals token`, and who calls.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Session;
use crate::args::Shared;
use crate::client::{Call, Client, Secret};
use crate::failure::Failure;
use crate::output::Shown;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose token.
    #[arg(long, value_name = "USER")]
    user: String,
    /// Short names, such as submit,read [default: all but audit].
    #[arg(long, value_delimiter = ',', value_name = "SCOPE,…")]
    scopes: Vec<String>,
    /// Of which tenant [default: default].
    #[arg(long)]
    tenant: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Granted {
    token: String,
}

/// Prints a token, and nothing else, so that a shell can take it: `export APPROVALS_TOKEN=$(approvals token --user alice)`.
pub fn run(args: &Args, session: &Session) -> Result<Shown, Failure> {
    let (granted, body) = grant(&session.client, &args.user, &args.scopes, args.tenant.as_deref())?;
    Ok(Shown { body, text: granted.token })
}

/// The service, called by the person `--as` names, or with the token given.
pub fn client(shared: &Shared) -> Result<Client, Failure> {
    let Some(user) = &shared.acting_as else { return Client::new(&shared.url, shared.token.clone()) };
    let client = Client::new(&shared.url, None)?;
    let (granted, _) = grant(&client, user, &[], None)?;
    Ok(client.with_token(Secret::from(granted.token.as_str())))
}

fn grant(client: &Client, user: &str, scopes: &[String], tenant: Option<&str>) -> Result<(Granted, String), Failure> {
    if !client.is_loopback() {
        return Err(Failure::usage(format!("{} is not on this machine: only a local development server gives tokens away", client.url())));
    }
    let mut body = Map::from_iter([("user".to_owned(), Value::from(user))]);
    if !scopes.is_empty() {
        body.insert("scopes".to_owned(), json!(scopes));
    }
    if let Some(tenant) = tenant {
        body.insert("tenant".to_owned(), json!(tenant));
    }
    let (granted, answer) = client.ask(&Call::post("/_dev/token", None, &Value::Object(body)))?;
    Ok((granted, answer.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_machine_is_asked_for_a_token() {
        let shared =
            Shared { url: "https://approvals.example.com".to_owned(), token: None, acting_as: Some("bob".to_owned()), json: false };
        assert_eq!(client(&shared).unwrap_err().exit(), 2);
    }
}
