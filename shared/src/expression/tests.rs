use serde_json::{Value as Json, json};

use approvals_domain::ids::Entity;
use approvals_domain::template::FieldKind;

use super::*;

mod hostile;
mod oracle;

fn with<T>(metadata: &Json, look: impl FnOnce(&Variables<'_>) -> T) -> T {
    let entity: Entity = serde_json::from_value(json!({"type": "purchase_order", "id": "po-7"})).unwrap();
    let (id, manager) = (PersonId::new("alice").unwrap(), PersonId::new("bob").unwrap());
    let roles = [RoleId::new("staff").unwrap(), RoleId::new("buyer").unwrap()];
    let attributes = json!({"cost_center": "cc1", "level": 3});
    let requester = Requester { id: &id, manager: Some(&manager), roles: &roles, attributes: attributes.as_object() };
    look(&Variables::new(metadata, &entity, requester))
}

fn sample() -> Json {
    json!({
        "amount": 12000, "small": 0.5, "currency": "EUR", "capex": true, "owner": "carol", "none": null, "date": "2026-01-05",
        "tags": ["a", "b"], "mixed": ["a", 1], "items": [{"price": 10}, {"price": "ten"}], "a b": {"c/d": 1}, "people": ["carol", "role:legal", "user:carol"],
    })
}

fn give(text: &str, gives: Gives) -> Result<Evaluated, String> {
    let expression =
        Expression::compile(text, gives, &Declared::anything()).map_err(|error| format!("{}: {error}", error.code.as_str()))?;
    with(&sample(), |variables| expression.evaluate(variables)).map_err(|failure| failure.to_string())
}

#[test]
fn conditions_mean_what_cel_means() {
    for (text, expected) in [
        ("metadata.amount > 10000", true),
        ("metadata.amount >= 12000.0 && metadata.amount <= 12000u", true),
        ("metadata.amount / 2 == 6000 && -metadata.small + 1 == 0.5", true),
        ("metadata.amount < 5 || (has(metadata.capex) && metadata.capex)", true),
        ("has(metadata.absent)", false),
        ("!has(metadata.absent) || metadata.absent > 5", true),
        ("metadata.currency == 'EUR'", true),
        ("metadata.currency != \"EUR\"", false),
        ("metadata.currency in ['USD', 'EUR']", true),
        ("'absent' in metadata", false),
        ("'b' in metadata.tags && size(metadata.tags) == 2 && metadata.tags.size() == 2", true),
        ("metadata.tags[1] == 'b' && metadata['tags'][0] == 'a'", true),
        ("metadata['a b']['c/d'] == 1", true),
        ("!has(metadata.none) && metadata.amount != null", true),
        ("requester.id == 'alice' && requester.manager == 'bob' && 'buyer' in requester.roles", true),
        ("requester.attributes[metadata.amount > 1 ? 'level' : 'cost_center'] == 3", true),
        ("entity.type == 'purchase_order' && entity.id.startsWith('po-')", true),
        ("metadata.currency.endsWith('R') && metadata.currency.contains('U')", true),
        ("metadata.date < '2026-02-01'", true),
        ("metadata.capex ? metadata.amount > 1 : metadata.absent", true),
        ("size('é\\u00e9') == 2 // a comment", true),
        ("!!true && --1 == 1", true),
    ] {
        assert_eq!(give(text, Gives::Condition), Ok(Evaluated::Condition(expected)), "{text}");
    }
}

#[test]
fn numbers_texts_and_candidates_are_given() {
    let people = |people: &[&str]| Ok(Evaluated::Candidates(people.iter().map(|&person| person.to_owned()).collect()));
    assert_eq!(give("metadata.amount * 2 - 1", Gives::Number), Ok(Evaluated::Number(23_999.0)));
    assert_eq!(give("metadata.currency", Gives::Text), Ok(Evaluated::Text("EUR".into())));
    assert_eq!(give("metadata.owner", Gives::Candidates), people(&["user:carol"]));
    assert_eq!(give("metadata.people", Gives::Candidates), people(&["user:carol", "role:legal"]));
    assert_eq!(
        give("[metadata.owner, 'role:finance', requester.manager]", Gives::Candidates),
        people(&["user:carol", "role:finance", "user:bob"])
    );
    assert_eq!(give("metadata.amount > 5 ? ['role:a'] : 'role:b'", Gives::Candidates), people(&["role:a"]));
    assert_eq!(give("[]", Gives::Candidates), people(&[]));
}

#[test]
fn a_missing_or_mistyped_value_is_named_and_never_a_result() {
    for (text, failure) in [
        ("metadata.absent > 5", "`metadata.absent` is missing"),
        ("metadata.absent > 5 || true", "`metadata.absent` is missing"),
        ("metadata.absent.deeper == 1", "`metadata.absent` is missing"),
        ("metadata.tags[7] == 'x'", "`metadata.tags[7]` is missing"),
        ("metadata['a b'].x == 1", "`metadata[\"a b\"].x` is missing"),
        ("metadata.currency > 5", "`metadata.currency` is a text, not a number"),
        ("5 < metadata.currency", "`metadata.currency` is a text, not a number"),
        ("metadata.currency == 5", "`metadata.currency` is a text, not a number"),
        ("'EUR' == metadata.amount", "`metadata.amount` is a number, not a text"),
        ("metadata.items[1].price > 5", "`metadata.items[1].price` is a text, not a number"),
        ("metadata.none > 5", "`metadata.none` is missing"),
        ("metadata.none", "`metadata.none` is missing"),
        ("metadata.amount", "`metadata.amount` is a number, not true or false"),
        ("metadata.currency + metadata.owner > 1", "`metadata.currency` is a text, not a number"),
        ("metadata.tags + metadata.tags == null", "`metadata.tags` is a list, not a number"),
        ("metadata.tags == metadata.tags", "`metadata.tags` is a list, not a single value"),
        ("'c' in metadata.mixed", "`metadata.mixed` is a number, not a text"),
        ("metadata.amount.x == 1", "`metadata.amount` is a number, not an object"),
        ("has(metadata.amount.x)", "`metadata.amount` is a number, not an object"),
        ("metadata.amount.startsWith('x')", "`metadata.amount` is a number, not a text"),
        ("requester.attributes.absent == 1", "`requester.attributes.absent` is missing"),
        ("metadata.amount / 0 > 1", "the result is not a finite number"),
        ("1e308 * 10 > 1", "the result is not a finite number"),
    ] {
        assert_eq!(give(text, Gives::Condition), Err(failure.to_owned()), "{text}");
    }
    for (text, gives, failure) in [
        ("metadata.currency", Gives::Number, "`metadata.currency` is a text, not a number"),
        ("metadata.amount", Gives::Text, "`metadata.amount` is a number, not a text"),
        ("metadata.mixed", Gives::Candidates, "`metadata.mixed[1]` is a number, not a text that names a candidate"),
        ("metadata.amount", Gives::Candidates, "`metadata.amount` is a number, not a text that names a candidate"),
        ("'a b'", Gives::Candidates, "the result names no candidate: \"a b\" is not `user:ID`, `role:NAME` or a person id"),
        ("'role:'", Gives::Candidates, "the result names no candidate: \"role:\" is not `user:ID`, `role:NAME` or a person id"),
        ("['x', '']", Gives::Candidates, "the result names no candidate: \"\" is not `user:ID`, `role:NAME` or a person id"),
    ] {
        assert_eq!(give(text, gives), Err(failure.to_owned()), "{text}");
    }
    let failure = with(&sample(), |variables| {
        Expression::compile("metadata['a b']['c/d'] > 'x'", Gives::Condition, &Declared::anything())
            .unwrap()
            .evaluate(variables)
            .unwrap_err()
    });
    assert_eq!((failure.field.unwrap().pointer().as_str(), failure.problem.code()), ("/metadata/a b/c~1d", "mistyped"));
}

#[test]
fn candidates_and_texts_are_bounded() {
    let crowd = json!({"crowd": (0..21).map(|n| format!("p{n}")).collect::<Vec<_>>(), "long": "x".repeat(129)});
    let fail = |text, gives| with(&crowd, |v| Expression::compile(text, gives, &Declared::anything()).unwrap().evaluate(v)).unwrap_err();
    assert_eq!(fail("metadata.crowd", Gives::Candidates).problem, Problem::TooManyCandidates(21));
    assert_eq!(fail("metadata.long", Gives::Text).problem, Problem::TooLong(129));
    assert!(matches!(fail("metadata.long", Gives::Candidates).problem, Problem::NoCandidate(_)));
}

#[test]
fn what_is_not_language_1_is_refused_when_compiled() {
    for (text, code) in [
        ("[1, 2].map(x, x * 2) == 3", "expression_forbidden"),
        ("metadata.tags.exists(x, x == 'a')", "expression_forbidden"),
        ("metadata.tags.all(x, true)", "expression_forbidden"),
        ("metadata.tags.filter(x, true)", "expression_forbidden"),
        ("metadata.tags.exists_one(x, true)", "expression_forbidden"),
        ("metadata.owner.matches('(a+)+$')", "expression_forbidden"),
        ("matches(metadata.owner, 'a')", "expression_forbidden"),
        ("'a' + 'b' == 'ab'", "expression_type"),
        ("[1] + [2] == null", "expression_type"),
        ("string(1) == '1'", "expression_forbidden"),
        ("int('1') == 1", "expression_forbidden"),
        ("duration('1h') == null", "expression_forbidden"),
        ("now() > 1", "expression_forbidden"),
        ("metadata.amount % 2 == 0", "expression_forbidden"),
        ("{'a': 1}.a == 1", "expression_forbidden"),
        ("b'x' == null", "expression_syntax"),
        ("Thing{a: 1} == null", "expression_forbidden"),
        ("metadata.?amount == 1", "expression_syntax"),
        ("metadata[?'a'] == 1", "expression_syntax"),
        ("metadata.`a` == 1", "expression_syntax"),
        ("metadata.amount >", "expression_syntax"),
        ("metadata.amount 5", "expression_syntax"),
        ("if == 1", "expression_syntax"),
        ("1e999 > 1", "expression_syntax"),
        ("99999999999999999999 > 1", "expression_syntax"),
        ("9007199254740992 > 1", "expression_type"),
        ("metdata.amount > 1", "undeclared_name"),
        ("true || amount > 1", "undeclared_name"),
        ("requester.name == 'x'", "undeclared_name"),
        ("entity.kind == 'x'", "undeclared_name"),
        (".metadata.amount > 1", "undeclared_name"),
        ("1 == 'a'", "expression_type"),
        ("'a' in ['b', 1]", "ok"),
        ("1 in ['b']", "expression_type"),
        ("requester.id > 5", "expression_type"),
        ("requester.roles[-1] == 'x'", "expression_type"),
        ("requester.roles[1.0] == 'x'", "expression_type"),
        ("requester.roles['x'] == 'x'", "expression_type"),
        ("true + 1 == 2", "expression_type"),
        ("1 && true", "expression_type"),
        ("1 ? true : false", "expression_type"),
        ("1", "expression_type"),
        ("'a'", "expression_type"),
        ("null", "expression_type"),
        ("", "expression_syntax"),
        ("// only a comment", "expression_syntax"),
    ] {
        let found = Expression::compile(text, Gives::Condition, &Declared::anything()).map_or_else(|error| error.code.as_str(), |_| "ok");
        assert_eq!(found, code, "{text}");
    }
}

#[test]
fn declared_fields_are_checked_by_name_and_type() {
    let declared = Declared::fields([
        ("amount", Some(FieldKind::Number)),
        ("currency", Some(FieldKind::String)),
        ("capex", Some(FieldKind::Boolean)),
        ("owner", Some(FieldKind::User)),
        ("tags", Some(FieldKind::List)),
        ("odd", None),
    ]);
    for (text, gives, said) in [
        ("metadata.amount > 5 && metadata.odd", Gives::Condition, None),
        ("metadata.owner", Gives::Candidates, None),
        ("metadata.tags", Gives::Candidates, None),
        ("metadata.ammount > 5", Gives::Condition, Some("`metadata.ammount` is not declared; did you mean `metadata.amount`?")),
        ("has(metadata.zebra) && metadata.zebra > 5", Gives::Condition, None),
        (
            "metadata.zebra && has(metadata.zebra)",
            Gives::Condition,
            Some("`metadata.zebra` is not declared; declared are `amount`, `capex`, `currency`, `odd`, `owner`, `tags`"),
        ),
        ("has(metadata.amout)", Gives::Condition, Some("`metadata.amout` is not declared; did you mean `metadata.amount`?")),
        (
            "metadata['zebra'] == 1",
            Gives::Condition,
            Some("`metadata.zebra` is not declared; declared are `amount`, `capex`, `currency`, `odd`, `owner`, `tags`"),
        ),
        (
            "metadata.amount == 'x'",
            Gives::Condition,
            Some("a number is compared with a text; both sides must be numbers, texts, or true and false; or one of them null"),
        ),
        ("metadata.currency > 5", Gives::Condition, Some("a text is compared with a number; two numbers or two texts can be ordered")),
        ("metadata.amount", Gives::Condition, Some("the expression gives a number; here it must give true or false")),
        ("metadata.currency", Gives::Number, Some("the expression gives a text; here it must give a number")),
        ("metadata.amount", Gives::Candidates, Some("the expression gives a number; here it must give a text or a list of texts")),
        ("metadata.amount.x == 1", Gives::Condition, Some("`.x` asks for a member, but `amount` is a number; only objects have members")),
    ] {
        let found = Expression::compile(text, gives, &declared).err().map(|error| error.to_string());
        assert_eq!(found.as_deref(), said, "{text}");
    }
}

#[test]
fn a_step_that_is_not_planned_asks_nothing_of_the_metadata() {
    let template: Template = serde_json::from_value(json!({
        "key": "t", "title": "T", "amount": {"value": "metadata.amount", "currency": "metadata.currency"},
        "steps": [
            {"id": "a", "when": "has(metadata.absent)", "approvers": [{"expression": "metadata.absent"}]},
            {"id": "b", "when": "metadata.amount > 5", "approvers": [{"any_of": [{"expression": "metadata.owner"}, {"role": "x"}]}]},
        ],
    }))
    .unwrap();
    let results = with(&sample(), |variables| evaluate_all(&template, variables)).unwrap();
    let shown = serde_json::to_value(&results).unwrap();
    assert_eq!(shown, json!({"amount": 12000.0, "currency": "EUR", "when:a": false, "when:b": true, "approvers:b:0:0": ["user:carol"]}));
    let failed = with(&json!({"amount": 9}), |variables| evaluate_all(&template, variables)).unwrap_err();
    let said: Vec<String> = failed.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "`metadata.currency` (currency): `metadata.currency` is missing",
            "step `b`, `metadata.owner` (approvers:b:0:0): `metadata.owner` is missing",
        ]
    );
}
