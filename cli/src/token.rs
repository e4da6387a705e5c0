//! `approvals token`, and who calls.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Session;
use crate::client::{Call, Client, Secret};
use crate::failure::Failure;
use crate::options::Shared;
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
    client_with(shared, &[])
}

/// The same, by whoever reads everything and writes nothing.
pub fn auditor(shared: &Shared) -> Result<Client, Failure> {
    client_with(shared, &["audit".to_owned()])
}

fn client_with(shared: &Shared, scopes: &[String]) -> Result<Client, Failure> {
    let Some(user) = &shared.acting_as else { return Client::new(&shared.url, shared.token.clone()) };
    let client = Client::new(&shared.url, None)?;
    let (granted, _) = grant(&client, user, scopes, None)?;
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
    match client.ask(&Call::post("/_dev/token", None, &Value::Object(body))) {
        Ok((granted, answer)) => Ok((granted, answer.body)),
        Err(Failure::Refused(problem)) if problem.status == 404 => {
            Err(Failure::usage(format!("{} is no development server, so it gives no tokens away: use --token", client.url())))
        }
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{answer, header_of, server};

    fn shared(url: &str) -> Shared {
        Shared { url: url.to_owned(), token: Some("other".into()), acting_as: Some("bob".to_owned()), json: false }
    }

    #[test]
    fn acting_as_somebody_takes_their_token() {
        let (url, thread) = server([answer("200 OK", &json!({"token": "hush"})), answer("200 OK", &json!({}))]);
        client(&shared(&url)).unwrap().send(&Call::get("/v1/inbox")).unwrap();
        let calls = thread.join().unwrap();
        assert_eq!(calls[0].1, r#"{"user":"bob"}"#);
        assert_eq!(header_of(&calls[0].0, "authorization"), None);
        assert_eq!(header_of(&calls[1].0, "authorization"), Some("Bearer hush"));
    }

    #[test]
    fn a_service_that_gives_no_tokens_says_so() {
        let (url, thread) = server([answer("404 Not Found", &json!({}))]);
        assert!(client(&shared(&url)).unwrap_err().to_string().contains("no development server"));
        thread.join().unwrap();
    }

    #[test]
    fn no_other_machine_is_asked_for_a_token() {
        assert_eq!(client(&shared("https://approvals.example.com")).unwrap_err().exit(), 2);
    }
}
