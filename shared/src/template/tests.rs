use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

mod agreement;

/// Name and text of each file in `examples/` that is a template.
static EXAMPLES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().strip_suffix(".yaml").unwrap_or_default().to_owned();
        if !name.is_empty() && !name.ends_with(".mapping") {
            found.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    found.sort();
    assert!(found.len() >= 5);
    found
});

#[test]
fn every_example_lints_clean_and_means_the_same_as_json() {
    for (key, text) in EXAMPLES.iter() {
        assert_eq!(lint(text, Syntax::Yaml, None).findings, [], "{key}");
        let parsed = parse(text, Syntax::Yaml).unwrap();
        assert_eq!(parsed.template.key.as_str(), key);
        assert_eq!(parsed.hash.len(), 43);
        let canonical = String::from_utf8(parsed.canonical.clone()).unwrap();
        let again = parse(&canonical, Syntax::Json).unwrap();
        assert_eq!((again.canonical, again.hash), (parsed.canonical, parsed.hash), "{key}");
    }
}

/// The findings for steps written into a small sound template: each code with the text that begins at its place.
fn found(steps: &str) -> Vec<String> {
    let text = format!(
        "key: t\ntitle: T\nfields: {{ amount: {{ type: number, mail: true }}, owner: {{ type: user, mail: true }} }}\nsteps:\n{steps}\n"
    );
    let begins = |line: usize, column: usize| text.lines().nth(line - 1).map_or("", |line| &line[column - 1..line.len().min(column + 9)]);
    let report = lint(&text, Syntax::Yaml, None);
    report.findings.iter().map(|finding| format!("{} at {}", finding.code, begins(finding.line, finding.column))).collect()
}

fn codes(report: &Report) -> Vec<String> {
    report.findings.iter().map(|finding| format!("{}:{} {}", finding.line, finding.column, finding.code)).collect()
}

const MISTAKES: &[(&str, &[&str])] = &[
    ("  - { id: a, approvers: [{ role: x }] }", &[]),
    ("  - { id: a, aprovers: [{ role: x }] }", &["missing_field at { id: a, a", "unknown_field at aprovers: "]),
    ("  - { id: a, approvers: [{ rôle: x }] }", &["unknown_field at rôle: x }"]),
    ("  - { id: a, approvers: [{ role: x, user: y }] }", &["one_kind at { role: x,"]),
    ("  - { id: a, approvers: [{}] }", &["one_kind at {}] }"]),
    ("  - { id: a, approvers: [] }", &["empty at [] }"]),
    ("  - { id: a, approvers: x }", &["wrong_type at x }"]),
    ("  - { id: a, approvers: }", &["wrong_type at : }"]),
    ("  - { id: A, approvers: [{ role: 5 }, { user: a b }] }", &["bad_id at A, approve", "wrong_type at 5 }, { use", "bad_id at a b }] }"]),
    ("  - []", &["empty at []"]),
    ("  - - - { id: a, approvers: [{ role: x }] }", &["wrong_type at - { id: a,"]),
    ("  - { id: a, id: b, approvers: [{ role: x }] }", &["duplicate_key at id: b, app"]),
    ("  - { id: a, approvers: [{ role: x }] }\n  - { id: a, approvers: [{ role: x }] }\n", &["duplicate_id at a, approve"]),
    ("  - { id: approver, approvers: [{ role: x }] }", &["reserved_id at approver, "]),
    ("  - { id: a, approvers: [{ manager_of: b }] }\n  - { id: b, approvers: [{ role: x }] }", &["later_step at b }] }"]),
    ("  - { id: a, approvers: [{ manager_of: a }] }", &["later_step at a }] }"]),
    ("  - { id: a, approvers: [{ manager_of: approver }] }", &["approver_outside_escalate at approver }"]),
    ("  - { id: a, approvers: [{ manager_of: requestor }] }", &["unknown_step at requestor "]),
    (
        "  - { id: a, approvers: [{ role: x }] }\n  - { id: b, approvers: [{ role: x }], distinct_from: [c], skip_if_approved_by: [b] }",
        &["unknown_step at c], skip_i", "later_step at b] }"],
    ),
    (
        "  - { id: a, approvers: [{ role: x }] }\n  - { id: b, approvers: [{ manager_of: a }], distinct_from: [a], skip_if_approved_by: [a] }",
        &["never_skipped at a] }"],
    ),
    ("  - - { id: a, approvers: [{ role: x }], distinct_from: [b] }\n    - { id: b, approvers: [{ role: x }] }", &["one_sided at b] }"]),
    ("  - - { id: a, approvers: [{ role: x }], distinct_from: [b] }\n    - { id: b, approvers: [{ role: x }], distinct_from: [a] }", &[]),
    (
        "  - - { id: a, approvers: [{ role: x }] }\n    - { id: b, approvers: [{ role: x }], skip_if_approved_by: [a] }",
        &["later_step at a] }"],
    ),
    ("  - { id: a, approvers: [{ user: u }, { user: v }], required: 3 }", &["required_unreachable at 3 }"]),
    (
        "  - { id: a, approvers: [{ user: u }, { any_of: [{ role: x }] }, { user: u }], required: 3 }",
        &["listed_twice at { user: u ", "required_unreachable at 3 }"],
    ),
    ("  - { id: a, approvers: [{ user: u }, { user: v }], required: 3, escalate: [{ after: 1, to: [{ user: w }] }] }", &[]),
    ("  - { id: a, approvers: [{ user: u }, { role: v }], required: 3 }", &[]),
    ("  - { id: a, approvers: [{ role: u }], required: 0 }", &["bad_required at 0 }"]),
    ("  - { id: a, approvers: [{ role: u }], required: 60 % }", &["bad_required at 60 % }"]),
    ("  - { id: a, approvers: [{ role: u }], required: 1.5 }", &["bad_required at 1.5 }"]),
    ("  - { id: a, approvers: [{ role: u }], required: 60% }", &[]),
    ("  - { id: a, approvers: [{ any_of: [{ any_of: [{ role: x }] }] }] }", &["nested_any_of at any_of: [{"]),
    ("  - { id: a, approvers: [{ role: x }], on_reject: retrun, assurance: logon }", &["bad_value at retrun, as", "bad_value at logon }"]),
    (
        "  - { id: a, approvers: [{ role: x }], sla: { hours: 0 }, remind: [0, 0.5, 1] }",
        &["bad_number at 0 }, remin", "bad_number at 0, 0.5, 1]", "bad_number at 1] }"],
    ),
    ("  - { id: a, approvers: [{ role: x }], sla: { hours: .inf } }", &["number_range at .inf } }"]),
    ("  - { id: a, approvers: [{ role: x }], sla: { hours: 1e9 } }", &["bad_number at 1e9 } }"]),
    (
        "  - { id: a, approvers: [{ role: x }], escalate: [{ after: 1, to: [{ manager_of: approver }] }, { after: 1.0, to: [{ role: y }] }] }",
        &["not_ascending at 1.0, to: ["],
    ),
    ("  - { id: a, approvers: [{ role: x }], escalate: [{ after: 1, to: [] }] }", &["empty at [] }] }"]),
    ("  - { id: a, when: metadata.ammount > 5, approvers: [{ role: x }] }", &["undeclared_name at .ammount >"]),
    ("  - { id: a, when: \"metadata.amount > 'x'\", approvers: [{ role: x }] }", &["expression_type at > 'x'\", ap"]),
    (
        "  - { id: a, when: metadata.amount, approvers: [{ expression: metadata.amount }] }",
        &["expression_type at metadata.a", "expression_type at metadata.a"],
    ),
    ("  - { id: a, when: metadata.amount >, approvers: [{ role: x }] }", &["expression_syntax at , approver"]),
    ("  - { id: a, when: has(metadata.capex) && metadata.capex, approvers: [{ role: x }] }", &["undeclared_name at has(metada"]),
    ("  - { id: a, when: true, approvers: [{ role: x }] }", &["wrong_type at true, appr"]),
    ("  - { id: a, approvers: [{ role: x }], fallback: nobody }", &["bad_value at nobody }"]),
    ("  - { id: a, approvers: [{ role: x }], fallback: none, on_timeout: approve }", &[]),
    ("  - &s { id: a, approvers: [{ role: x }] }", &["yaml_anchor at &s { id: a"]),
    ("  - !!map { id: a, approvers: [{ role: x }] }", &["yaml_tag at !!map { id"]),
    ("  - { id: a, approvers: [{ role: x }] }\n---\nkey: b", &["yaml_documents at ---"]),
    ("  - { id: a, approvers: [{ role: x }]", &["yaml_syntax at "]),
    ("  - { id: a, approvers: [{ role: x }], name: \"a\\u0007\" }", &["bad_text at \"a\\u0007\" "]),
];

#[test]
fn each_mistake_is_found_at_its_place() {
    for (steps, expected) in MISTAKES {
        assert_eq!(found(steps), *expected, "{steps}");
    }
}

#[test]
fn all_findings_come_at_once_and_say_what_would_be_right() {
    let text = "key: Purchase\ntitel: x\nlanguage: 2\nfields: { a: { type: text, min: 1 }, b: { type: string, max: 2 }, c: { type: number, min: 2, max: 1, enum: [x, x] } }\nsteps: []\n";
    let report = lint(text, Syntax::Yaml, None);
    let said: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "1:1 error: `title` is missing; add `title:`",
            "1:6 error: `Purchase` is no id; a lower-case letter, then up to 99 of a-z 0-9 _",
            "2:1 error: `titel` is not a field here; did you mean `title`?",
            "3:11 error: 2 is out of range; 1, the only language there is",
            "4:22 error: `text` is not possible here; one of number, string, boolean, date, user, list, object",
            "4:62 error: `max` is for numbers; type: number, or leave it out",
            "4:99 error: `max` 1 is less than `min` 2; at least 2",
            "4:108 error: `enum` is for strings; type: string, or leave it out",
            "4:112 error: this text stands twice; each text once",
            "5:8 error: the list is empty; at least one entry",
        ]
    );
    assert!(report.findings.iter().any(|finding| finding.pointer == "/fields/c/enum/1"));
    assert_eq!(parse(text, Syntax::Yaml).unwrap_err(), report.findings);
}

#[test]
fn unknown_roles_and_people_are_warnings_and_the_template_is_taken() {
    let text = "key: t\ntitle: T\nsteps:\n  - { id: a, approvers: [{ role: finanse }, { any_of: [{ user: bob }, { role: legal }] }] }\n";
    let named = named(text, Syntax::Yaml);
    assert_eq!((named.roles.len(), named.people.len()), (2, 1));
    let directory = Known { roles: ["finance".to_owned(), "legal".to_owned()].into(), people: BTreeSet::new(), calendars: BTreeSet::new() };
    let report = lint(text, Syntax::Yaml, Some(&directory));
    let said: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "4:34 warning: `finanse` is not a known role; did you mean `finance`?",
            "4:64 warning: `bob` is not a known person; the directory has no such person yet",
        ]
    );
    assert!(report.ok() && parse(text, Syntax::Yaml).is_ok());
}

#[test]
fn an_effect_nobody_could_start_and_a_time_that_is_none_are_said_in_plain_words() {
    let text = |effect: &str| format!("key: t\ntitle: T\neffect: {effect}\nsteps:\n  - {{ id: a, approvers: [{{ role: x }}] }}\n");
    let said = |effect: &str| {
        let directory = Known { roles: ["x".to_owned()].into(), ..Known::default() };
        let report = lint(&text(effect), Syntax::Yaml, Some(&directory));
        report.findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        said("{ confirm: true }"),
        ["3:9 warning: nobody holds `approval_effect`, so only the submitter could start the effect; name in `by` who starts it, such as \
          `by: [{ role: payments }]`, or give `approval_effect` a member"]
    );
    assert_eq!(said("{ confirm: true, by: [{ role: x }] }"), Vec::<String>::new());
    assert!(named(&text("{ confirm: true }"), Syntax::Yaml).roles.contains("approval_effect"), "so that it is looked up");
    let span = said("{ confirm: true, within: 90m, by: [{ role: x }] }");
    assert_eq!(span, ["3:34 error: `90m` is no time; whole hours or days, such as `48h` or `7d`, at most ten years"]);
    assert_eq!(said("{ confirm: \"yes\", by: [{ role: x }] }").len(), 1, "the wrong type, and nothing beside it");
}

#[test]
fn limits_hold() {
    let many = |n: usize| (0..n).map(|i| format!("  - {{ id: s{i}, approvers: [{{ role: x }}] }}\n")).collect::<String>();
    assert_eq!(found(&many(50)), Vec::<String>::new());
    assert_eq!(found(&many(51)), ["too_many at - { id: s0", "too_many at - { id: s0"]);
    let parallel = format!("  -\n{}", (0..51).map(|i| format!("    - {{ id: s{i}, approvers: [{{ role: x }}] }}\n")).collect::<String>());
    assert_eq!(found(&parallel), ["too_many at -", "too_many at - { id: s0"]);
    let approvers =
        |n: usize| format!("  - {{ id: a, approvers: [{}] }}", (0..n).map(|i| format!("{{ user: u{i} }}")).collect::<Vec<_>>().join(", "));
    assert_eq!(found(&approvers(20)), Vec::<String>::new());
    assert_eq!(found(&approvers(21)), ["too_many at [{ user: u"]);
    let votes: String = (0..6).map(|i| format!("  - {{ id: s{i}, approvers: [{{ role: x }}], required: 100 }}\n")).collect();
    assert_eq!(found(&votes), ["too_many at - { id: s0"]);
    let when = |n: usize| vec!["{ expression: metadata.owner }"; n].join(", ");
    let step = |i: usize| format!("  - {{ id: s{i}, approvers: [{}] }}\n", when(20));
    let codes_of = |n| {
        found(&(0..n).map(step).collect::<String>())
            .into_iter()
            .filter(|code| !code.starts_with("listed") && !code.starts_with("more"))
            .collect::<Vec<_>>()
    };
    assert_eq!(codes_of(10), Vec::<String>::new());
    assert_eq!(codes_of(11), ["too_many at metadata.o"]);
    let large = format!("key: t\ntitle: {}\n", "x".repeat(TEMPLATE_BYTES));
    assert_eq!(codes(&lint(&large, Syntax::Yaml, None)), ["1:1 too_large"]);
}

#[test]
fn hostile_texts_end_quickly_with_a_finding() {
    let laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n";
    let deep_flow = "[".repeat(60_000);
    let deep_block: String = (0..300).map(|n| format!("{}- \n", " ".repeat(n))).collect();
    let deep_json = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let many = format!("key: t\ntitle: T\nsteps: [{}]", "[],".repeat(20_000));
    let keys: String = (0..8_000).map(|n| format!("k{n}: 1\n")).collect();
    let merge = "base: &b { id: a }\nsteps: [{ <<: *b }]\n";
    for text in [
        laughs,
        &deep_flow,
        &deep_block,
        &deep_json,
        &many,
        &keys,
        merge,
        "",
        "--- !!binary x",
        "? [a]\n: b",
        "\u{feff}\u{0}",
        "{",
        "\t- x",
        "%YAML 9.9\n---\n",
    ] {
        for syntax in [Syntax::Yaml, Syntax::Json] {
            let started = std::time::Instant::now();
            assert!(!lint(text, syntax, None).ok(), "{text:.60}");
            assert!(started.elapsed().as_secs() < 5, "{text:.60}: {:?}", started.elapsed());
        }
    }
}

#[test]
fn json_has_places_too() {
    let text = "{\"key\": \"t\", \"title\": \"T\",\n  \"steps\": [{\"id\": \"a\", \"approvers\": [{\"rle\": \"x\"}]}]}";
    assert_eq!(codes(&lint(text, Syntax::Json, None)), ["2:40 unknown_field"]);
    assert_eq!(codes(&lint("{\"key\": \"t\",\n \"key\": \"u\"}", Syntax::Json, None)), ["2:6 json_duplicate_key"]);
    assert_eq!(codes(&lint("{key: t}", Syntax::Json, None)), ["1:2 json_syntax"]);
}

proptest! {
    #[test]
    fn no_text_makes_the_linter_panic(text in "[a-z:\\-\\[\\]{},&*!?|>'\"%@#\n 0-9.~]{0,120}", any in ".{0,60}") {
        for text in [text, any] {
            let _ = lint(&text, Syntax::Yaml, None);
            let _ = lint(&text, Syntax::Json, None);
        }
    }
}
