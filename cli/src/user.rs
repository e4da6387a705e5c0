//! `approvals user`: people of the directory.

use clap::Subcommand;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Session;
use crate::client::{Call, segment};
use crate::failure::Failure;
use crate::output::{Shown, plain};

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Add a person, or replace all that is known of one.
    Put(Put),
    /// Show a person.
    Show {
        /// The person.
        #[arg(value_name = "USER")]
        id: String,
    },
}

/// A person, as typed.
#[derive(Debug, clap::Args)]
pub struct Put {
    /// As the token's subject says it.
    #[arg(value_name = "USER")]
    id: String,
    /// How others know the person.
    #[arg(long)]
    name: String,
    /// Where notices go.
    #[arg(long)]
    email: String,
    /// Whom the person reports to.
    #[arg(long, value_name = "USER")]
    manager: Option<String>,
    /// Neither asks nor votes.
    #[arg(long)]
    inactive: bool,
    /// IANA name, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// For expressions; may be repeated.
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = pair)]
    attributes: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

/// A person, as the service answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Person {
    name: Option<String>,
    email: Option<String>,
    manager: Option<String>,
    active: bool,
    time_zone: Option<String>,
    attributes: Map<String, Value>,
    roles: Vec<String>,
}

/// Puts or shows.
pub fn run(action: &Action, session: &Session) -> Result<Shown, Failure> {
    let (id, call) = match action {
        Action::Put(put) => (&put.id, Call::put(format!("/v1/users/{}", segment(&put.id)), "application/json", put.body().to_string())),
        Action::Show { id } => (id, Call::get(format!("/v1/users/{}", segment(id)))),
    };
    let (person, answer) = session.client.ask::<Person>(&call)?;
    let done = match (action, answer.status) {
        (Action::Show { .. }, _) => "",
        (Action::Put(_), 201) => "added ",
        (Action::Put(_), _) => "replaced ",
    };
    Ok(Shown { text: format!("{done}{}", draw(id, &person)), body: answer.body })
}

impl Put {
    fn body(&self) -> Value {
        let mut body = json!({"name": self.name, "email": self.email, "active": !self.inactive});
        let optional = [("manager", &self.manager), ("time_zone", &self.time_zone)];
        let given = optional.into_iter().filter_map(|(name, value)| Some((name, Value::from(value.as_deref()?))));
        let attributes: Map<String, Value> =
            self.attributes.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
        let attributes = (!attributes.is_empty()).then_some(("attributes", Value::Object(attributes)));
        if let Some(fields) = body.as_object_mut() {
            fields.extend(given.chain(attributes).map(|(name, value)| (name.to_owned(), value)));
        }
        body
    }
}

fn draw(id: &str, person: &Person) -> String {
    let mut lines = vec![format!("{}{}", plain(id), if person.active { "" } else { " (inactive)" })];
    let roles = (!person.roles.is_empty()).then(|| person.roles.join(", "));
    let fields = [
        ("name", &person.name),
        ("email", &person.email),
        ("manager", &person.manager),
        ("time zone", &person.time_zone),
        ("roles", &roles),
    ];
    lines.extend(fields.into_iter().filter_map(|(name, value)| Some(format!("  {name:<9}  {}", plain(value.as_deref()?)))));
    for (key, value) in &person.attributes {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        lines.push(format!("  {:<9}  {}", plain(key), plain(&value)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_replaced_as_a_whole() {
        let put = Put {
            id: "bob".to_owned(),
            name: "Bob".to_owned(),
            email: "bob@example.com".to_owned(),
            manager: Some("eve".to_owned()),
            inactive: false,
            time_zone: None,
            attributes: vec![pair("team=a=b").unwrap()],
        };
        let wanted = json!({"name": "Bob", "email": "bob@example.com", "active": true, "manager": "eve", "attributes": {"team": "a=b"}});
        assert_eq!(put.body(), wanted);
    }

    #[test]
    fn a_person_reads_like_this() {
        let person: Person =
            serde_json::from_value(json!({"name": "Bob\nB", "email": "bob@example.com", "active": false, "attributes": {"limit": 5}}))
                .unwrap();
        assert_eq!(draw("bob", &person), "bob (inactive)\n  name       Bob B\n  email      bob@example.com\n  limit      5");
    }
}
