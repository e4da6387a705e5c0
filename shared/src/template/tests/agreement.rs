//! The schema, the linter's table and the types: three ways to say what a template is.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::*;
use super::EXAMPLES;

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema: Json = serde_json::from_str(include_str!("../../../template.schema.json")).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
});

/// What the linter's table says of a structure, references and expressions aside; and what the types say.
fn table(document: &Json) -> (bool, bool) {
    let mut findings = Findings::default();
    let text = document.to_string();
    let node = read::read(&text, Syntax::Json, &mut findings).unwrap();
    shape::check(&shape::TEMPLATE, &node, "", &mut findings);
    (findings.clean(), serde_json::from_value::<Template>(node.to_json()).is_ok())
}

#[test]
fn schema_table_and_types_take_what_people_write() {
    for (key, text) in EXAMPLES.iter() {
        let document = read::read(text, Syntax::Yaml, &mut Findings::default()).unwrap().to_json();
        assert!(SCHEMA.is_valid(&document), "{key}");
        assert_eq!(table(&document), (true, true), "{key}");
    }
}

/// Every place in a document, as pointers.
fn places(document: &Json, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match document {
        Json::Array(items) => items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), into)),
        Json::Object(map) => map.iter().for_each(|(key, item)| places(item, &shape::below(at, key), into)),
        _ => {}
    }
}

fn values() -> Vec<Json> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(2.0),
        json!(0.5),
        json!(-1),
        json!(100),
        json!(101),
        json!(87_601),
        json!(1e10),
        json!(""),
        json!("a"),
        json!("A b"),
        json!("none"),
        json!("all"),
        json!("60%"),
        json!("060%"),
        json!("+6%"),
        json!("0%"),
        json!("101%"),
        json!("requester"),
        json!("tenant"),
        json!("majority"),
        json!("number"),
        json!("x\ny"),
        json!("\u{85}"),
        json!("\u{2028}"),
        json!("é".repeat(101)),
        json!("x".repeat(201)),
        json!([]),
        json!({}),
        json!([[]]),
        json!([1]),
        json!(["a"]),
        json!({"role": "x"}),
        json!([{"role": "x"}]),
        json!([{"any_of": [{"role": "x"}]}]),
        json!({"any_of": [{"any_of": []}]}),
        json!({"role": "x", "user": "y"}),
        json!({"id": "z", "approvers": [{"user": "y"}]}),
        json!([{"id": "z", "approvers": [{"user": "y"}]}]),
        json!({"hours": 1}),
        json!({"type": "user"}),
        json!(vec![json!({"user": "u"}); 21]),
        json!(vec!["a"; 51]),
        json!([{"after": 1, "to": [{"role": "x"}]}]),
        json!([{"after": 0, "to": []}]),
    ]
}

fn spoiled() -> impl Strategy<Value = Json> {
    let keys = [
        "key",
        "title",
        "mail",
        "words",
        "sensitive",
        "role",
        "user",
        "any_of",
        "required",
        "fallback",
        "remind",
        "sla",
        "calendar",
        "escalate",
        "enum",
        "min",
        "barred",
        "when",
        "",
        "x\ny",
    ];
    let edit = (any::<prop::sample::Index>(), prop::sample::select(values()), prop::sample::select(keys.to_vec()), 0..4u8);
    (0..EXAMPLES.len(), prop::collection::vec(edit, 1..3)).prop_map(|(example, edits)| {
        let mut document = read::read(&EXAMPLES[example].1, Syntax::Yaml, &mut Findings::default()).unwrap().to_json();
        for (index, value, key, how) in edits {
            let mut all = Vec::new();
            places(&document, "", &mut all);
            let place = document.pointer_mut(&all[index.index(all.len())]).unwrap();
            match (how, place) {
                (0, Json::Object(map)) => _ = map.insert(key.to_owned(), value),
                (1, Json::Object(map)) => _ = map.keys().next().cloned().and_then(|first| map.remove(&first)),
                (0, Json::Array(list)) => list.push(value),
                (1, Json::Array(list)) => _ = list.pop(),
                (_, place) => *place = value,
            }
        }
        document
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_schema_takes_exactly_what_the_table_takes_and_the_types_take_all_of_it(document in spoiled()) {
        let (table, types) = table(&document);
        prop_assert_eq!(SCHEMA.is_valid(&document), table, "{}", &document);
        prop_assert!(types || !table, "{}", &document);
        // Whatever the structure, the whole linter answers.
        let _ = lint(&document.to_string(), Syntax::Json, None);
    }
}
