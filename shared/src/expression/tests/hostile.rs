//! Whatever the text and the metadata: an answer, soon, on a small stack.

use proptest::prelude::*;
use serde_json::json;

use super::super::*;
use super::{sample, with};

fn deepest() -> [String; 19] {
    [
        format!("{}true{}", "(".repeat(32), ")".repeat(32)),
        format!("{}metadata{}", "[".repeat(32), "]".repeat(32)),
        format!("{}'x'{} == 1", "size(".repeat(31), ")".repeat(31)),
        format!("{}metadata.a", "has(".repeat(32)),
        format!("{}true", "!".repeat(64)),
        format!("{}1 == 1", "-".repeat(62)),
        format!("{}true", "true ? true : ".repeat(36)),
        format!("{}true{}", "true?".repeat(64), ":true".repeat(38)),
        format!("metadata{} == 1", ".a".repeat(240)),
        format!("metadata{} == 1", ".a".repeat(32)),
        format!("metadata{} == 1", "[0]".repeat(31)),
        format!("metadata{}", "['a'".repeat(64)),
        format!("1{} == 1", "+1".repeat(63)),
        format!("true{}", "&&true".repeat(64)),
        format!("1{}", " in 1".repeat(64)),
        format!("{}1", "a.map(x,".repeat(60)),
        format!("{}1", "[1].map(x,".repeat(21)),
        format!("{}1{}", "{1:".repeat(32), "}".repeat(32)),
        format!("[{}1]", "1,".repeat(250)),
    ]
}

/// The deepest trees that the fence lets through, called on a stack of 256 kB, an eighth of what a tokio worker has.
#[test]
fn the_deepest_expressions_the_fence_takes_fit_a_small_stack() {
    let deepest = deepest();
    let small = std::thread::Builder::new().stack_size(256 << 10).spawn(move || {
        for text in deepest {
            if let Ok(expression) = Expression::compile(&text, Gives::Condition, &Declared::anything()) {
                let _ = with(&sample(), |variables| expression.evaluate(variables));
            }
        }
    });
    small.unwrap().join().unwrap();
}

#[test]
fn the_slowest_evaluation_of_64_kb_of_metadata_takes_milliseconds() {
    let long = json!({"list": vec!["x"; 10_000], "text": "a".repeat(60_000)});
    let text = vec!["'y' in metadata.list"; 22].join("||");
    assert!(text.len() <= 512);
    for text in [text, "metadata.text.contains('aaaaaaaaab') || size(metadata.text) < 5".to_owned()] {
        let expression = Expression::compile(&text, Gives::Condition, &Declared::anything()).unwrap();
        let started = std::time::Instant::now();
        assert_eq!(with(&long, |variables| expression.evaluate(variables)), Ok(Evaluated::Condition(false)));
        // 220,000 comparisons in a debug build; a release build takes a tenth.
        assert!(started.elapsed().as_millis() < 500, "{:?}", started.elapsed());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}", cel in "[a-z0-9.()\\[\\]{}'\"\\\\+*/<>=!&|?:, \\-]{0,80}") {
        for text in [text, cel] {
            for gives in [Gives::Condition, Gives::Candidates, Gives::Number, Gives::Text] {
                if let Ok(expression) = Expression::compile(&text, gives, &Declared::anything()) {
                    let _ = with(&sample(), |variables| expression.evaluate(variables));
                }
            }
        }
    }
}
#[test]
fn an_ordinary_template_is_evaluated_in_well_under_5_milliseconds() {
    let text = include_str!("../../../../examples/purchase_order.yaml");
    let program = Program::compile(&crate::template::parse(text, crate::template::Syntax::Yaml).unwrap().template).unwrap();
    let metadata = json!({"amount": 12000, "currency": "EUR", "security_owner": "x"});
    let started = std::time::Instant::now();
    assert_eq!(with(&metadata, |variables| program.evaluate(variables)).map(|results| results.len()), Ok(6));
    // 40 µs in a debug build.
    assert!(started.elapsed().as_millis() < 5, "{:?}", started.elapsed());
}
