//! What administrators write, over the public routes: every answer, every refusal, and what stands afterwards.

mod delegations;
mod directory;
mod documents;
mod endpoints;
mod offices;
mod refusals;
mod templates;
mod terms;
mod together;

use http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use serde_json::{Value, json};

use crate::stage::api::{Answer, Api, asked};

/// Somebody whom the directory does not know, as at the beginning.
const ROOT: &str = "root";

fn person(name: &str) -> Value {
    json!({ "name": name, "email": "someone@example.com", "active": true })
}

fn etag(answer: &Answer) -> String {
    answer.headers.get(ETAG).unwrap().to_str().unwrap().to_owned()
}

/// Calls on condition of a version.
async fn if_match(api: &Api, version: &str, what: &str, body: Option<&Value>) -> Answer {
    let request = asked(what, Some(&api.token(ROOT))).header(IF_MATCH, version).header(CONTENT_TYPE, "application/json");
    api.send(request.body(body.map_or_else(axum::body::Body::empty, |body| body.to_string().into())).unwrap()).await
}

/// All of an object's commits, newest first, page by page of two; the chain is checked on the way.
async fn history(api: &Api, path: &str) -> Vec<Value> {
    let (mut commits, mut cursor): (Vec<Value>, _) = (Vec::new(), String::new());
    loop {
        let page = api.done(ROOT, &format!("GET {path}/history?limit=2{cursor}"), None).await;
        commits.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut before = "A".repeat(43);
    for (index, commit) in commits.iter().rev().enumerate() {
        assert_eq!((&commit["version"], &commit["prev_hash"]), (&json!(index + 1), &json!(before)), "{commit}");
        before = rehashed(&before, commit["canonical"].as_str().unwrap());
        assert_eq!(commit["hash"], json!(before), "{commit}");
    }
    commits
}

/// The hash of a directory commit, from its bytes and the hash before: what a stranger computes.
fn rehashed(before: &str, canonical: &str) -> String {
    use approvals_domain::hash::{DIRECTORY, Hash};
    let before = Hash::try_from(before.to_owned()).unwrap();
    Hash::of(&[DIRECTORY, &before.0, canonical.as_bytes()]).to_string()
}
