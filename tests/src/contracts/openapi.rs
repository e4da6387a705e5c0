//! The API's description is the one checked in, and it leaves out no route.

use std::collections::BTreeSet;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Info, License, OpenApi, Ref, ResponseBuilder};

use super::answers;

/// From the repository's root.
const PLACE: &str = "../shared/openapi.json";

/// All functions' parts as one.
pub(super) fn description() -> serde_json::Value {
    let mut api: OpenApi = submission::openapi();
    for part in [decisions::openapi(), queries::openapi(), admin::openapi()] {
        api.merge(part);
    }
    api.info = Info::new("Approvals", "1");
    api.info.description = Some("Human approval steps before something takes effect. v1 only adds.".to_owned());
    api.info.license = Some(License::new("Apache-2.0 OR MIT"));
    too_many_commands(&mut api);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    api.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    answers::opened(serde_json::to_value(api).unwrap())
}

/// D: no `default` on body properties, and enums closed only in requests.
#[test]
fn a_client_made_from_the_description_takes_what_comes_later() {
    let api = description();
    let shapes = &api["components"]["schemas"];
    for name in answers::reached(&api, shapes, &["requestBody", "parameters", "responses"]) {
        assert!(shapes[&name].is_object(), "{name} is named and stands nowhere");
    }
    for name in answers::reached(&api, shapes, &["responses"]) {
        assert!(!answers::closes(&shapes[&name]), "{name}, in an answer, takes nothing new");
    }
    let asked = answers::reached(&api, shapes, &["requestBody"]);
    assert!(["DecisionBody", "Preferences", "Decision"].iter().all(|name| asked.contains(*name) && answers::is_closed(shapes, name)));
    let properties = shapes.as_object().unwrap().iter().flat_map(|(name, shape)| shape["properties"].as_object().map(|all| (name, all)));
    for (name, property) in properties.flat_map(|(name, all)| all.iter().map(move |(key, property)| (format!("{name}.{key}"), property))) {
        assert!(property.get("default").is_none(), "{name} has a default");
    }
}

/// Whoever gives commands as a person may be told to wait: see `approvals::app::pace`.
fn too_many_commands(api: &mut OpenApi) {
    let roads = ["/v1/requests", "/v1/decisions", "/v1/actions", "/v1/delegations", "/v1/users/{id}/preferences"];
    for (path, item) in &mut api.paths.paths {
        if path == "/v1/requests/preview" || !roads.iter().any(|road| path.starts_with(road)) {
            continue;
        }
        for operation in [&mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            let said = "`too_many_commands`: your commands come too fast, or `tenant_throttled`: those of all people of the tenant do; `Retry-After` says \
                        after how many seconds the next one is taken";
            let response = ResponseBuilder::new().description(said).content("application/problem+json", content).build();
            operation.responses.responses.insert("429".to_owned(), response.into());
        }
    }
}

#[test]
fn the_description_checked_in_is_the_one_of_the_code() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(PLACE);
    let made = serde_json::to_string_pretty(&description()).unwrap() + "\n";
    let stands = std::fs::read_to_string(&path).unwrap();
    if stands != made && std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, made).unwrap();
    } else {
        let first = stands.lines().zip(made.lines()).find(|(stands, made)| stands != made);
        assert!(stands == made, "shared/openapi.json has drifted: run `UPDATE=1 cargo test -p tests openapi`; first difference: {first:?}");
    }
}

/// Every operation: path and method, as in `GET /v1/inbox`.
pub(super) fn operations(api: &serde_json::Value) -> BTreeSet<String> {
    let paths = api["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{} {path}", method.to_uppercase()))).collect()
}

/// The text up to the parenthesis that closes a call.
fn argument(rest: &str) -> &str {
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    &rest[..end.unwrap()]
}

#[test]
fn every_route_is_described() {
    let described = operations(&description());
    let mut routed = BTreeSet::new();
    // Pages are for people: what they answer is no part of the API.
    let api = |path: &str| path.starts_with("functions/") && !path.starts_with("functions/pages/");
    for file in crate::tidy::files(".rs").iter().filter(|file| api(&file.path)) {
        let code: String = file.shipped().map(|(_, line)| line.trim()).collect();
        for route in code.split(".route(\"").skip(1) {
            let (path, rest) = route.split_once('"').unwrap();
            let handlers = argument(rest);
            let methods = ["get", "head", "put", "post", "delete", "patch"].into_iter().filter(|method| {
                handlers
                    .match_indices(&format!("{method}("))
                    .any(|(at, _)| !handlers[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
            });
            routed.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
    }
    assert!(routed.len() > 10, "{routed:?}");
    assert_eq!(routed.difference(&described).collect::<Vec<_>>(), Vec::<&String>::new(), "routes that the description leaves out");
    assert_eq!(described.difference(&routed).collect::<Vec<_>>(), Vec::<&String>::new(), "descriptions of what is not routed");
}
