//! Answers stay open in the API's description: v1 only adds, so a client made from it must take a word or a field that comes later.
//! Requests stay closed: what is not known is refused.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The end of the name of a shape as it stands in answers, where requests have it too.
const SHOWN: &str = "Shown";

/// Opens the shapes of answers, and leaves out defaults of body properties: a client would write them into every body.
pub(super) fn opened(mut api: Value) -> Value {
    let mut shapes = api["components"]["schemas"].take();
    for shape in members(&mut shapes).values_mut() {
        without_defaults(shape);
    }
    let (asked, shown) = (reached(&api, &shapes, &["requestBody", "parameters"]), reached(&api, &shapes, &["responses"]));
    let both: BTreeSet<String> = asked.intersection(&shown).filter(|name| is_closed(&shapes, name)).cloned().collect();
    for name in &shown {
        let mut shape = shapes[name].clone();
        open(&mut shape);
        rename(&mut shape, &both);
        let name = if both.contains(name) { format!("{name}{SHOWN}") } else { name.clone() };
        if !asked.contains(&name) {
            shapes[&name] = shape;
        }
    }
    api["components"]["schemas"] = shapes;
    for operation in operations(&mut api) {
        if let Some(responses) = operation.get_mut("responses") {
            rename(responses, &both);
        }
    }
    api
}

/// Every operation.
fn operations(api: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let paths = members(&mut api["paths"]).values_mut();
    paths.flat_map(|path| members(path).values_mut()).filter_map(Value::as_object_mut)
}

/// Names of the shapes that these parts of operations name, and that those name.
pub(super) fn reached(api: &Value, shapes: &Value, parts: &[&str]) -> BTreeSet<String> {
    let operations = api["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut next: Vec<String> = operations.flat_map(|operation| parts.iter().flat_map(|part| named(&operation[*part]))).collect();
    let mut found = BTreeSet::new();
    while let Some(name) = next.pop() {
        if found.insert(name.clone()) {
            next.extend(named(&shapes[&name]));
        }
    }
    found
}

fn named(node: &Value) -> Vec<String> {
    match node {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix("#/components/schemas/")).map(str::to_owned);
            own.into_iter().chain(map.values().flat_map(named)).collect()
        }
        Value::Array(items) => items.iter().flat_map(named).collect(),
        _ => Vec::new(),
    }
}

/// Whether a shape, or one that it names, takes nothing new.
pub(super) fn is_closed(shapes: &Value, name: &str) -> bool {
    let (mut seen, mut next) = (BTreeSet::new(), vec![name.to_owned()]);
    while let Some(name) = next.pop() {
        if seen.insert(name.clone()) {
            if closes(&shapes[&name]) {
                return true;
            }
            next.extend(named(&shapes[&name]));
        }
    }
    false
}

/// Whether a list of words or of fields in it is said to be complete.
pub(super) fn closes(node: &Value) -> bool {
    match node {
        Value::Object(map) => {
            map.contains_key("enum") || map.get("additionalProperties") == Some(&Value::Bool(false)) || map.values().any(closes)
        }
        Value::Array(items) => items.iter().any(closes),
        _ => false,
    }
}

fn open(node: &mut Value) {
    match node {
        Value::Object(map) => {
            if map.get("additionalProperties") == Some(&Value::Bool(false)) {
                map.remove("additionalProperties");
            }
            if let Some(words) = map.remove("enum") {
                map.insert("examples".to_owned(), words);
                let said = map.get("description").and_then(Value::as_str).unwrap_or_default();
                map.insert("description".to_owned(), Value::from(format!("{said} More words may come.").trim().to_owned()));
            }
            map.values_mut().for_each(open);
        }
        Value::Array(items) => items.iter_mut().for_each(open),
        _ => {}
    }
}

fn rename(node: &mut Value, both: &BTreeSet<String>) {
    match node {
        Value::Object(map) => {
            if let Some(Value::String(to)) = map.get_mut("$ref")
                && to.rsplit('/').next().is_some_and(|name| both.contains(name))
            {
                to.push_str(SHOWN);
            }
            map.values_mut().for_each(|node| rename(node, both));
        }
        Value::Array(items) => items.iter_mut().for_each(|node| rename(node, both)),
        _ => {}
    }
}

/// Takes defaults from properties, at any depth.
fn without_defaults(node: &mut Value) {
    if let Some(properties) = node.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut() {
            members(property).remove("default");
        }
    }
    match node {
        Value::Object(map) => map.values_mut().for_each(without_defaults),
        Value::Array(items) => items.iter_mut().for_each(without_defaults),
        _ => {}
    }
}

fn members(node: &mut Value) -> &mut Map<String, Value> {
    node.as_object_mut().unwrap()
}
