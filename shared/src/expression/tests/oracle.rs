//! Held against cel's own interpreter: it may fail less often, but never gives another value.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::super::*;
use super::with;

/// Language 1's numbers in cel's own tree: whole literals outside an index and sizes become doubles.
fn doubled(mut part: IdedExpr) -> IdedExpr {
    part.expr = match part.expr {
        Expr::Literal(LiteralValue::Int(whole)) => Expr::Literal(LiteralValue::Double((*whole.inner() as f64).into())),
        Expr::Literal(LiteralValue::UInt(whole)) => Expr::Literal(LiteralValue::Double((*whole.inner() as f64).into())),
        Expr::Select(mut select) => {
            select.operand = Box::new(doubled(*select.operand));
            Expr::Select(select)
        }
        Expr::List(mut list) => {
            list.elements = list.elements.into_iter().map(doubled).collect();
            Expr::List(list)
        }
        Expr::Call(mut call) => {
            let index = call.func_name == operators::INDEX;
            call.target = call.target.map(|target| Box::new(doubled(*target)));
            call.args = call.args.into_iter().enumerate().map(|(n, arg)| if index && n == 1 { arg } else { doubled(arg) }).collect();
            if call.func_name == "size" {
                let size = IdedExpr { id: part.id, expr: Expr::Call(call) };
                Expr::Call(CallExpr { func_name: "double".into(), target: None, args: vec![size] })
            } else {
                Expr::Call(call)
            }
        }
        other => other,
    };
    part
}

fn value(json: &Json) -> cel::Value {
    match json {
        Json::Null => cel::Value::Null,
        Json::Bool(value) => cel::Value::Bool(*value),
        Json::Number(number) => cel::Value::Float(number.as_f64().unwrap()),
        Json::String(text) => cel::Value::String(Arc::new(text.clone())),
        Json::Array(items) => cel::Value::from(items.iter().map(value).collect::<Vec<_>>()),
        Json::Object(map) => cel::Value::from(map.iter().map(|(key, inner)| (key.clone(), value(inner))).collect::<HashMap<_, _>>()),
    }
}

fn by_cel(text: &str, variables: &Variables<'_>) -> Result<cel::Value, cel::ExecutionError> {
    let tree = doubled(cel::parser::Parser::new().parse(text).unwrap());
    let mut context = cel::Context::default();
    for variable in [tree::Variable::Metadata, tree::Variable::Entity, tree::Variable::Requester] {
        context.add_variable_from_value(variable.name(), value(variables.of(variable)));
    }
    cel::Value::resolve(&tree, &context)
}

fn metadata() -> impl Strategy<Value = Json> {
    let leaf = || {
        prop_oneof![
            3 => (-3i64..4).prop_map(Json::from),
            2 => (-2.0..2.0).prop_map(|x: f64| Json::from(x)),
            3 => "[ab]{0,2}".prop_map(Json::from),
            2 => any::<bool>().prop_map(Json::from),
            1 => Just(Json::Null),
        ]
    };
    let list = prop::collection::vec(leaf(), 0..4).prop_map(Json::from);
    let object = prop::collection::btree_map("[ab]", leaf(), 0..3).prop_map(|map| json!(map));
    prop::collection::btree_map("[abnstl]", prop_oneof![4 => leaf(), 1 => list, 1 => object], 0..7).prop_map(|map| json!(map))
}

fn expression() -> impl Strategy<Value = String> {
    let field = "[abnstl]".prop_map(|name| format!("metadata.{name}"));
    let leaf = prop_oneof![
        6 => field.clone(),
        1 => (field.clone(), "[ab]").prop_map(|(field, name)| format!("{field}.{name}")),
        1 => (field.clone(), 0..3).prop_map(|(field, index)| format!("{field}[{index}]")),
        1 => field.prop_map(|field| format!("has({field})")),
        2 => (-3..4).prop_map(|n: i32| n.to_string()),
        1 => (0..9).prop_map(|n: i32| format!("{n}.5")),
        2 => "'[ab]{0,2}'",
        1 => prop_oneof![Just("true"), Just("false"), Just("null"), Just("requester.roles"), Just("requester.id"), Just("entity.type")].prop_map(String::from),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "<", "<=", ">", ">=", "==", "!=", "&&", "||", "in"]);
        let test = prop::sample::select(vec!["startsWith", "endsWith", "contains"]);
        prop_oneof![
            8 => (inner.clone(), operator, inner.clone()).prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            1 => inner.clone().prop_map(|a| format!("!({a})")),
            1 => inner.clone().prop_map(|a| format!("size({a})")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            1 => (inner.clone(), test, inner.clone()).prop_map(|(a, test, b)| format!("{a}.{test}({b})")),
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn every_value_given_is_the_value_cel_gives(text in expression(), metadata in metadata()) {
        for gives in [Gives::Condition, Gives::Number, Gives::Text] {
            let Ok(compiled) = Expression::compile(&text, gives, &Declared::anything()) else { continue };
            with(&metadata, |variables| {
                let expected = match compiled.evaluate(variables) {
                    Ok(Evaluated::Condition(value)) => cel::Value::Bool(value),
                    Ok(Evaluated::Number(value)) => cel::Value::Float(value),
                    Ok(Evaluated::Text(text)) => cel::Value::String(Arc::new(text)),
                    Ok(Evaluated::Candidates(_)) | Err(_) => return Ok(()),
                };
                prop_assert_eq!(by_cel(&text, variables), Ok(expected), "{}", &text);
                Ok(())
            })?;
        }
    }
}
