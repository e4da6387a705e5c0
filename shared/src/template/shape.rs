//! The structure of a template, as data: one table that the linter walks. `template.schema.json` says the same to other tools,
//! and a test holds both together.

use approvals_domain::ids::{CalendarId, PersonId, RoleId, StepId, TemplateKey};
use approvals_domain::limits;
use approvals_domain::template::Span;

use super::finding::{Findings, Place};
use super::source::{Member, Node, What};
use super::{HOURS_MAX, LABEL_CHARS};
use crate::json::push_pointer;
use crate::spelling::nearest;

/// What a node must be.
pub(super) enum Shape {
    Bool,
    /// Printable, not empty, at most so many characters.
    Text(usize),
    /// Checked elsewhere.
    Expression,
    Word(&'static [&'static str]),
    Id {
        rule: &'static str,
        ok: fn(&str) -> bool,
    },
    Number {
        rule: &'static str,
        ok: fn(f64) -> bool,
    },
    Required,
    List {
        of: &'static Shape,
        least: usize,
        most: usize,
    },
    /// Any key, at least one.
    Map {
        of: &'static Shape,
        ok: fn(&str) -> bool,
    },
    /// Exactly these, the marked ones always.
    Record(&'static [Field]),
    /// Exactly one of these.
    One(&'static [Field]),
    /// Either a list or what is not one.
    ListOr(&'static Shape, &'static Shape),
}

pub(super) type Field = (&'static str, bool, &'static Shape);

const ID_RULE: &str = "1 to 128 of A-Z a-z 0-9 _ . : @ + | ' -";
const NAME_RULE: &str = "1 to 128 of A-Z a-z 0-9 _ . : @ + | ' -, not beginning with `user:`, `role:` or `any_of:`";
const KEY_RULE: &str = "a lower-case letter, then up to 99 of a-z 0-9 _";

static KEY: Shape = Shape::Id { rule: KEY_RULE, ok: |text| TemplateKey::new(text).is_ok() };
static STEP_ID: Shape = Shape::Id { rule: KEY_RULE, ok: |text| StepId::new(text).is_ok() };
static PERSON: Shape = Shape::Id { rule: NAME_RULE, ok: |text| PersonId::new(text).is_ok() };
static ROLE: Shape = Shape::Id { rule: NAME_RULE, ok: |text| RoleId::new(text).is_ok() };
static CALENDAR: Shape = Shape::Id { rule: ID_RULE, ok: |text| CalendarId::new(text).is_ok() };
static SPAN: Shape =
    Shape::Id { rule: "whole hours or days, such as `48h` or `7d`, at most ten years", ok: |text| Span::try_from(text.to_owned()).is_ok() };
static REASONS: Shape = Shape::List { of: &Shape::Word(&["reject", "return"]), least: 0, most: 2 };
static RETURNED: Shape =
    Shape::Record(&[("remind", false, &Shape::List { of: &SPAN, least: 0, most: limits::APPROVERS }), ("expire", false, &SPAN)]);
static TITLE: Shape = Shape::Text(limits::TITLE_CHARS);
static LABEL: Shape = Shape::Text(LABEL_CHARS);
static ANY_NUMBER: Shape = Shape::Number { rule: "a number", ok: |_| true };
static LANGUAGE: Shape = Shape::Number { rule: "1, the only language there is", ok: |number| number == 1.0 };
static HOURS: Shape = Shape::Number { rule: "more than 0 and at most 87600, ten years", ok: |hours| hours > 0.0 && hours <= HOURS_MAX };
static FRACTION: Shape = Shape::Number { rule: "between 0 and 1, a fraction of the SLA", ok: |part| part > 0.0 && part < 1.0 };
static AFTER: Shape = Shape::Number { rule: "more than 0 and at most 100, in SLAs", ok: |part| part > 0.0 && part <= 100.0 };
static BOOL: Shape = Shape::Bool;
static EXPRESSION: Shape = Shape::Expression;
static REQUIRED: Shape = Shape::Required;

/// A member of `any_of` is anything but `any_of`.
static MEMBER: Shape =
    Shape::One(&[("user", false, &PERSON), ("role", false, &ROLE), ("manager_of", false, &STEP_ID), ("expression", false, &EXPRESSION)]);
static MEMBERS: Shape = Shape::List { of: &MEMBER, least: 1, most: limits::APPROVERS };
static APPROVER: Shape = Shape::One(&[
    ("user", false, &PERSON),
    ("role", false, &ROLE),
    ("any_of", false, &MEMBERS),
    ("manager_of", false, &STEP_ID),
    ("expression", false, &EXPRESSION),
]);
static APPROVERS: Shape = Shape::List { of: &APPROVER, least: 1, most: limits::APPROVERS };
static MAYBE_APPROVERS: Shape = Shape::List { of: &APPROVER, least: 0, most: limits::APPROVERS };
static STEP_IDS: Shape = Shape::List { of: &STEP_ID, least: 0, most: limits::STEPS };
static SLA: Shape = Shape::Record(&[("hours", true, &HOURS), ("calendar", false, &CALENDAR)]);
static LEVEL: Shape = Shape::Record(&[("after", true, &AFTER), ("to", true, &APPROVERS)]);
static STEP: Shape = Shape::Record(&[
    ("id", true, &STEP_ID),
    ("name", false, &TITLE),
    ("when", false, &EXPRESSION),
    ("approvers", true, &APPROVERS),
    ("required", false, &REQUIRED),
    ("distinct_from", false, &STEP_IDS),
    ("skip_if_approved_by", false, &STEP_IDS),
    ("meaning", false, &TITLE),
    ("on_reject", false, &Shape::Word(&["reject", "return", "majority"])),
    ("reasons", false, &REASONS),
    ("allow_self", false, &BOOL),
    ("assurance", false, &Shape::Word(&["link", "login"])),
    ("fallback", false, &Shape::ListOr(&MAYBE_APPROVERS, &Shape::Word(&["none"]))),
    ("sla", false, &SLA),
    ("remind", false, &Shape::List { of: &FRACTION, least: 0, most: limits::APPROVERS }),
    ("escalate", false, &Shape::List { of: &LEVEL, least: 0, most: limits::APPROVERS }),
    ("on_timeout", false, &Shape::Word(&["none", "approve", "reject", "expire"])),
]);
static FIELD: Shape = Shape::Record(&[
    ("type", true, &Shape::Word(&["number", "string", "boolean", "date", "user", "list", "object"])),
    ("required", false, &BOOL),
    ("min", false, &ANY_NUMBER),
    ("max", false, &ANY_NUMBER),
    ("enum", false, &Shape::List { of: &LABEL, least: 1, most: 1_000 }),
    ("label", false, &LABEL),
    ("mail", false, &BOOL),
    ("sensitive", false, &BOOL),
]);
static AMOUNT: Shape = Shape::Record(&[("value", true, &EXPRESSION), ("currency", true, &EXPRESSION)]);

static EFFECT: Shape = Shape::Record(&[("confirm", false, &BOOL), ("within", false, &SPAN), ("by", false, &APPROVERS)]);
static MAIL: Shape = Shape::Record(&[("title", false, &BOOL), ("words", false, &BOOL)]);

/// A whole template.
pub(super) static TEMPLATE: Shape = Shape::Record(&[
    ("key", true, &KEY),
    ("title", true, &TITLE),
    ("language", false, &LANGUAGE),
    ("unique_entity", false, &BOOL),
    ("visibility", false, &Shape::Word(&["parties", "tenant"])),
    ("barred", false, &MAYBE_APPROVERS),
    ("fields", false, &Shape::Map { of: &FIELD, ok: |name| printable(name, limits::KEY_CHARS) }),
    ("field_order", false, &Shape::List { of: &Shape::Text(limits::KEY_CHARS), least: 0, most: 1_000 }),
    ("amount", false, &AMOUNT),
    ("when_empty", false, &Shape::Word(&["refuse", "approve"])),
    ("calendar", false, &CALENDAR),
    ("reasons", false, &REASONS),
    ("returned", false, &RETURNED),
    ("effect", false, &EFFECT),
    ("recall", false, &BOOL),
    ("mail", false, &MAIL),
    (
        "steps",
        true,
        &Shape::List {
            of: &Shape::ListOr(&Shape::List { of: &STEP, least: 1, most: limits::STEPS }, &STEP),
            least: 1,
            most: limits::STEPS,
        },
    ),
]);

fn printable(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.chars().count()) && !text.contains(char::is_control)
}

/// Says everything about a node that is not as the shape wants it.
pub(super) fn check(shape: &Shape, node: &Node, pointer: &str, findings: &mut Findings) {
    let mut wrong = |code: &str, message: String, hint: &str| findings.error(node.at, pointer, code, message, hint);
    match (shape, &node.what) {
        (Shape::Bool, What::Bool(_)) => {}
        (Shape::Text(most), What::Text(text)) => {
            if !printable(text, *most) {
                let hint = format!("1 to {most} characters, none of them a control character");
                wrong("bad_text", format!("a text of {} characters", text.chars().count()), &hint);
            }
        }
        (Shape::Expression, What::Text(_)) => {}
        (Shape::Expression, _) => wrong("wrong_type", format!("an expression is a text, this is {}", node.words()), "put it in quotes"),
        (Shape::Word(words), What::Text(text)) if words.contains(&text.as_str()) => {}
        (Shape::Word(words), found) => {
            let shown = if let What::Text(text) = found { format!("`{text:.40}`") } else { node.words().to_owned() };
            let near = node.text().and_then(|text| nearest(text, words.iter().copied()));
            let hint = near.map_or_else(|| format!("one of {}", words.join(", ")), |near| format!("did you mean `{near}`?"));
            wrong("bad_value", format!("{shown} is not possible here"), &hint);
        }
        (Shape::Id { rule, ok }, What::Text(text)) => {
            if !ok(text) {
                let what = if std::ptr::eq(shape, &SPAN) { "is no time" } else { "is no id" };
                wrong("bad_id", format!("`{text:.40}` {what}"), rule);
            }
        }
        (Shape::Number { rule, ok }, What::Number(number)) => {
            if !ok(*number) {
                wrong("bad_number", format!("{number} is out of range"), rule);
            }
        }
        (Shape::Required, _) => {
            if !required(node) {
                let hint = "a whole number from 1 to 100, `all`, `majority`, or a percentage such as \"60%\"";
                wrong("bad_required", "this is no number of votes".to_owned(), hint);
            }
        }
        (Shape::List { of, least, most }, What::List(items)) => {
            if items.len() < *least {
                wrong("empty", "the list is empty".to_owned(), "at least one entry");
            } else if items.len() > *most {
                wrong("too_many", format!("the list has {} entries", items.len()), &format!("at most {most}"));
            }
            for (index, item) in items.iter().enumerate() {
                check(of, item, &format!("{pointer}/{index}"), findings);
            }
        }
        (Shape::Map { of, ok }, What::Map(members)) => each(of, *ok, node, members, pointer, findings),
        (Shape::Record(fields), What::Map(members)) => record(fields, node.at, members, pointer, findings),
        (Shape::One(kinds), What::Map(members)) => one(kinds, node.at, members, pointer, findings),
        (Shape::ListOr(list, _), What::List(_)) => check(list, node, pointer, findings),
        (Shape::ListOr(_, other), _) => check(other, node, pointer, findings),
        (wanted, _) => wrong("wrong_type", format!("this is {}", node.words()), wanted.words()),
    }
}

impl Shape {
    fn words(&self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Text(_) | Self::Expression | Self::Id { .. } | Self::Word(_) => "a text; numbers and true or false need quotes",
            Self::Number { rule, .. } => rule,
            Self::Required => "a number of votes",
            Self::List { .. } => "a list",
            Self::Map { .. } | Self::Record(_) => "an object of named fields",
            Self::One(_) => "an approver such as { role: finance }",
            Self::ListOr(..) => "a list or a single entry",
        }
    }
}

/// `1` to `100`, `all`, `majority`, `1%` to `100%`.
fn required(node: &Node) -> bool {
    match &node.what {
        What::Number(number) => number.fract() == 0.0 && (1.0..=f64::from(limits::QUORUM)).contains(number),
        What::Text(text) => match text.strip_suffix('%') {
            Some(digits) => digits.parse::<u8>().is_ok_and(|p| (1..=100).contains(&p) && p.to_string() == digits),
            None => matches!(text.as_str(), "all" | "majority"),
        },
        _ => false,
    }
}

fn each(of: &Shape, ok: fn(&str) -> bool, node: &Node, members: &[Member], pointer: &str, findings: &mut Findings) {
    if members.is_empty() {
        findings.error(node.at, pointer, "empty", "the object is empty", "at least one entry, or leave the field out");
    }
    for member in members {
        let inner = below(pointer, &member.key);
        if !ok(&member.key) {
            let hint = format!("1 to {} characters, none of them a control character", limits::KEY_CHARS);
            findings.error(member.at, &inner, "bad_text", "this is no name for a field", hint);
        }
        check(of, &member.node, &inner, findings);
    }
}

fn record(fields: &[Field], at: Place, members: &[Member], pointer: &str, findings: &mut Findings) {
    for member in members {
        let inner = below(pointer, &member.key);
        match fields.iter().find(|(name, ..)| *name == member.key) {
            Some((_, _, shape)) => check(shape, &member.node, &inner, findings),
            None => unknown(fields, member, &inner, findings),
        }
    }
    for (name, required, _) in fields {
        if *required && !members.iter().any(|member| member.key == *name) {
            findings.error(at, pointer, "missing_field", format!("`{name}` is missing"), format!("add `{name}:`"));
        }
    }
}

fn unknown(fields: &[Field], member: &Member, pointer: &str, findings: &mut Findings) {
    let names = fields.iter().map(|(name, ..)| *name);
    let hint = match nearest(&member.key, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("one of {}", names.collect::<Vec<_>>().join(", ")),
    };
    findings.error(member.at, pointer, "unknown_field", format!("`{:.60}` is not a field here", member.key), hint);
}

fn one(kinds: &[Field], at: Place, members: &[Member], pointer: &str, findings: &mut Findings) {
    for member in members {
        let inner = below(pointer, &member.key);
        match kinds.iter().find(|(name, ..)| *name == member.key) {
            Some((_, _, shape)) => check(shape, &member.node, &inner, findings),
            None if member.key == "any_of" => {
                findings.error(member.at, &inner, "nested_any_of", "`any_of` inside `any_of`", "list its members directly");
            }
            None => unknown(kinds, member, &inner, findings),
        }
    }
    if members.len() != 1 {
        let names = kinds.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
        findings.error(at, pointer, "one_kind", format!("an approver has {} kinds", members.len()), format!("exactly one of {names}"));
    }
}

pub(super) fn below(pointer: &str, key: &str) -> String {
    let mut inner = pointer.to_owned();
    push_pointer(&mut inner, key);
    inner
}
