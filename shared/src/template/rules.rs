//! What the structure alone cannot say: references, expressions, what can exist.

mod dead_ends;
mod sensitive;

use std::collections::{BTreeMap, BTreeSet};

use approvals_domain::ids::RoleId;
use approvals_domain::limits;
use approvals_domain::template::Gives;

use super::fields::declared;
use super::finding::Findings;
use super::shape::below;
use super::source::{Node, What, inside};
use super::{EXPRESSIONS, Known};
use crate::expression::{Declared, Expression};
use crate::spelling::nearest;

/// Looks at everything that is well-formed enough to be looked at.
pub(super) fn check(source: &str, root: &Node, known: Option<&Known>, findings: &mut Findings) {
    let steps = flatten(root);
    let declared = declared(root, findings);
    let mut rules = Rules { source, steps: &steps, declared, expressions: 0, known, findings };
    rules.amount(root);
    if let Some(barred) = root.get("barred") {
        rules.approvers(barred, "/barred", List::Barred);
    }
    if let Some(effect) = root.get("effect") {
        rules.effect(effect);
    }
    rules.ids();
    for step in &steps {
        rules.step(step);
    }
    rules.calendars(root);
    rules.totals(root);
    dead_ends::check(root, &steps, findings);
    sensitive::check(root, &steps, findings);
}

pub(super) struct Step<'n> {
    pub(super) node: &'n Node,
    pub(super) pointer: String,
    /// Steps of one number run in parallel.
    pub(super) group: usize,
    pub(super) id: Option<&'n str>,
}

fn flatten(root: &Node) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for (group, entry) in root.get("steps").map(Node::items).unwrap_or_default().iter().enumerate() {
        let pointer = format!("/steps/{group}");
        match &entry.what {
            What::List(parallel) => {
                steps.extend(parallel.iter().enumerate().map(|(index, node)| Step::new(node, format!("{pointer}/{index}"), group)));
            }
            _ => steps.push(Step::new(entry, pointer, group)),
        }
    }
    steps
}

impl<'n> Step<'n> {
    fn new(node: &'n Node, pointer: String, group: usize) -> Self {
        Self { node, pointer, group, id: node.get("id").and_then(Node::text) }
    }
}

/// Where a list of approvers stands.
#[derive(Clone, Copy)]
enum List<'s> {
    Barred,
    Step(&'s Step<'s>),
    Level(&'s Step<'s>),
}

struct Rules<'r> {
    source: &'r str,
    steps: &'r [Step<'r>],
    declared: Declared,
    expressions: usize,
    known: Option<&'r Known>,
    findings: &'r mut Findings,
}

impl Rules<'_> {
    fn ids(&mut self) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for step in self.steps {
            let (Some(id), Some(node)) = (step.id, step.node.get("id")) else { continue };
            let pointer = below(&step.pointer, "id");
            if let Some(line) = seen.insert(id, node.at.line) {
                self.findings.error(node.at, &pointer, "duplicate_id", format!("`{id:.60}` is also the step of line {line}"), "another id");
            }
            if matches!(id, "requester" | "approver") {
                let hint = "another id: `manager_of` means the person by it";
                self.findings.error(node.at, &pointer, "reserved_id", format!("`{id}` is a reserved word"), hint);
            }
        }
    }

    fn amount(&mut self, root: &Node) {
        for (key, gives) in [("value", Gives::Number), ("currency", Gives::Text)] {
            if let Some(node) = root.get("amount").and_then(|amount| amount.get(key)) {
                self.expression(node, &format!("/amount/{key}"), gives);
            }
        }
    }

    fn effect(&mut self, effect: &Node) {
        let by = effect.get("by");
        if let Some(by) = by {
            self.approvers(by, "/effect/by", List::Barred);
        }
        let confirms = match effect.get("confirm").map(|confirm| &confirm.what) {
            Some(What::Bool(confirms)) => *confirms,
            Some(_) => return,
            None => false,
        };
        let role = RoleId::APPROVAL_EFFECT;
        if confirms && by.is_none() && self.known.is_some_and(|known| !known.roles.contains(role)) {
            let message = format!("nobody holds `{role}`, so only the submitter could start the effect");
            let hint = format!("name in `by` who starts it, such as `by: [{{ role: payments }}]`, or give `{role}` a member");
            self.findings.warning(effect.at, "/effect", "unknown_role", message, hint);
        }
        if !confirms {
            let message = "without `confirm: true` an approval is the end, and nothing of this counts";
            self.findings.warning(effect.at, "/effect", "no_effect", message, "add `confirm: true`, or leave `effect` out");
        }
    }

    fn step(&mut self, step: &Step<'_>) {
        if let Some(when) = step.node.get("when") {
            self.expression(when, &below(&step.pointer, "when"), Gives::Condition);
        }
        for key in ["approvers", "fallback"] {
            if let Some(list) = step.node.get(key) {
                self.approvers(list, &below(&step.pointer, key), List::Step(step));
            }
        }
        for key in ["distinct_from", "skip_if_approved_by"] {
            for (index, node) in step.node.get(key).map(Node::items).unwrap_or_default().iter().enumerate() {
                if let Some(id) = node.text() {
                    self.reference(step, id, node, &format!("{}/{key}/{index}", step.pointer), key == "distinct_from");
                }
            }
        }
        self.levels(step);
        self.required(step);
    }

    fn expression(&mut self, node: &Node, pointer: &str, gives: Gives) {
        let Some(text) = node.text() else { return };
        self.expressions += 1;
        if self.expressions > EXPRESSIONS {
            if self.expressions == EXPRESSIONS + 1 {
                let hint = format!("at most {EXPRESSIONS} in a template");
                self.findings.error(node.at, pointer, "too_many", "one expression too many; none is checked from here on", hint);
            }
            return;
        }
        match Expression::compile(text, gives, &self.declared) {
            Ok(expression) => {
                for field in expression.undeclared() {
                    let message = format!("`metadata.{field}` is not declared, so has() never finds it");
                    self.findings.warning(node.at, pointer, "undeclared_name", message, "declare it in `fields`, or leave it out");
                }
            }
            Err(error) => {
                let at = inside(self.source, node, error.at);
                self.findings.error(at, pointer, error.code.as_str(), error.message, error.hint);
            }
        }
    }

    fn approvers(&mut self, list: &Node, pointer: &str, place: List<'_>) {
        let mut seen = Vec::new();
        for (index, approver) in list.items().iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            let plain = approver.to_json();
            if seen.contains(&plain) {
                self.findings.warning(
                    approver.at,
                    &pointer,
                    "listed_twice",
                    "this approver is already in the list",
                    "a person counts once",
                );
            }
            seen.push(plain);
            self.approver(approver, &pointer, place);
            if let Some(members) = approver.get("any_of") {
                self.approvers(members, &below(&pointer, "any_of"), place);
            }
        }
    }

    fn approver(&mut self, approver: &Node, pointer: &str, place: List<'_>) {
        if let Some(node) = approver.get("expression") {
            self.expression(node, &below(pointer, "expression"), Gives::Candidates);
        }
        if let Some((node, of)) = approver.get("manager_of").and_then(|node| Some((node, node.text()?))) {
            self.manager_of(node, of, &below(pointer, "manager_of"), place);
        }
        for (kind, word) in [("role", "role"), ("user", "person")] {
            let Some((node, id)) = approver.get(kind).and_then(|node| Some((node, node.text()?))) else { continue };
            let Some(known) = self.known else { continue };
            let names = if kind == "role" { &known.roles } else { &known.people };
            if !names.contains(id) {
                let near = nearest(id, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
                let hint = near.unwrap_or_else(|| format!("the directory has no such {word} yet"));
                self.findings.warning(
                    node.at,
                    &below(pointer, kind),
                    &format!("unknown_{word}"),
                    format!("`{id:.128}` is not a known {word}"),
                    hint,
                );
            }
        }
    }

    /// A calendar that the directory does not have: a submission would be refused.
    fn calendars(&mut self, root: &Node) {
        let Some(known) = self.known else { return };
        let of_steps =
            self.steps.iter().filter_map(|step| Some((step.node.get("sla")?.get("calendar")?, format!("{}/sla/calendar", step.pointer))));
        let all: Vec<(&Node, String)> =
            root.get("calendar").map(|node| (node, "/calendar".to_owned())).into_iter().chain(of_steps).collect();
        for (node, pointer) in all {
            let Some(id) = node.text().filter(|id| !known.calendars.contains(*id)) else { continue };
            let near = nearest(id, known.calendars.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
            let hint = near.unwrap_or_else(|| "make it first: requests are refused until it is there".to_owned());
            self.findings.warning(node.at, &pointer, "unknown_calendar", format!("there is no calendar `{id:.128}`"), hint);
        }
    }

    fn manager_of(&mut self, node: &Node, of: &str, pointer: &str, place: List<'_>) {
        match (of, place) {
            ("requester", _) | ("approver", List::Level(_)) => {}
            ("approver", _) => {
                let hint = "`requester` or an earlier step; `approver` stands in `escalate`";
                self.findings.error(node.at, pointer, "approver_outside_escalate", "there is no approver to go up from here", hint);
            }
            (_, List::Barred) => {
                self.findings.error(
                    node.at,
                    pointer,
                    "unknown_step",
                    format!("`{of:.60}` is not known when the request starts"),
                    "`requester`",
                );
            }
            (id, List::Step(step) | List::Level(step)) => self.reference(step, id, node, pointer, false),
        }
    }

    /// A step named by another one must come before it; `distinct_from` may also name a neighbour that names this step back.
    fn reference(&mut self, step: &Step<'_>, id: &str, node: &Node, pointer: &str, neighbours: bool) {
        let Some(other) = self.steps.iter().find(|other| other.id == Some(id)) else {
            let before = self.steps.iter().filter(|other| other.group < step.group).filter_map(|other| other.id);
            let hint = match nearest(id, before.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => earlier(before),
            };
            return self.findings.error(node.at, pointer, "unknown_step", format!("there is no step `{id:.60}`"), hint);
        };
        if other.group < step.group {
            return;
        }
        let mine = step.id.unwrap_or_default();
        let back = || other.node.get("distinct_from").is_some_and(|list| list.items().iter().any(|node| node.text() == Some(mine)));
        if neighbours && other.group == step.group && id != mine {
            if !back() {
                let hint = format!("name `{mine:.60}` in the `distinct_from` of `{id:.60}` too, else the order of votes decides");
                self.findings.error(node.at, pointer, "one_sided", format!("`{id:.60}` runs beside this step"), hint);
            }
            return;
        }
        let message =
            if id == mine { "a step cannot refer to itself".to_owned() } else { format!("`{id:.60}` does not come before this step") };
        let before = self.steps.iter().filter(|other| other.group < step.group).filter_map(|other| other.id);
        self.findings.error(node.at, pointer, "later_step", message, earlier(before));
    }

    fn levels(&mut self, step: &Step<'_>) {
        let mut before = 0.0;
        for (index, level) in step.node.get("escalate").map(Node::items).unwrap_or_default().iter().enumerate() {
            let pointer = format!("{}/escalate/{index}", step.pointer);
            if let Some((node, after)) = level.get("after").and_then(|node| Some((node, node.number()?))) {
                if after <= before {
                    let message = format!("level {} fires no later than the one before it", index + 1);
                    self.findings.error(node.at, &below(&pointer, "after"), "not_ascending", message, format!("more than {before}"));
                }
                before = after;
            }
            if let Some(to) = level.get("to") {
                self.approvers(to, &below(&pointer, "to"), List::Level(step));
            }
        }
    }

    /// More votes than there can be seats.
    fn required(&mut self, step: &Step<'_>) {
        let lists = step.node.get("escalate").map(Node::items).unwrap_or_default().iter().filter_map(|level| level.get("to"));
        let lists = lists.chain(step.node.get("approvers")).chain(step.node.get("fallback"));
        let (mut people, mut seats) = (BTreeSet::new(), 0);
        for approver in lists.flat_map(Node::items) {
            match (approver.get("user").and_then(Node::text), approver.get("any_of"), approver.get("manager_of").and_then(Node::text)) {
                (Some(user), ..) => _ = people.insert(user),
                (_, Some(_), _) | (_, _, Some("requester" | "approver")) => seats += 1,
                // A role, an expression, the managers of a step's approvers: nobody knows how many.
                _ => return,
            }
        }
        let most = people.len() + seats;
        let Some((node, count)) = step.node.get("required").and_then(|node| Some((node, node.number()?))) else { return };
        if count > most as f64 {
            let hint = format!("at most {most}, or more approvers");
            let message = format!("{count} approvals are required, but only {most} can exist");
            self.findings.error(node.at, &below(&step.pointer, "required"), "required_unreachable", message, hint);
        }
    }

    fn totals(&mut self, root: &Node) {
        let Some(node) = root.get("steps") else { return };
        if self.steps.len() > limits::STEPS {
            let hint = format!("at most {}, parallel ones counted one by one", limits::STEPS);
            self.findings.error(node.at, "/steps", "too_many", format!("{} steps", self.steps.len()), hint);
        }
        let votes: f64 = self.steps.iter().map(|step| step.node.get("required").and_then(Node::number).unwrap_or(1.0)).sum();
        if votes > limits::SEATS_PER_REVISION as f64 {
            let hint = format!("at most {} in all steps together", limits::SEATS_PER_REVISION);
            self.findings.error(node.at, "/steps", "too_many", format!("{votes} votes are required"), hint);
        }
        for step in self.steps {
            let lists = step.node.get("escalate").map(Node::items).unwrap_or_default().iter().filter_map(|level| level.get("to"));
            let candidates: usize =
                lists.chain(step.node.get("approvers")).chain(step.node.get("fallback")).map(|list| list.items().len()).sum();
            if candidates > limits::CANDIDATES {
                let hint = format!("at most {} in all levels together", limits::CANDIDATES);
                self.findings.error(step.node.at, &step.pointer, "too_many", format!("{candidates} approvers"), hint);
            }
        }
    }
}

fn earlier<'s>(before: impl Iterator<Item = &'s str>) -> String {
    let names: Vec<String> = before.take(12).map(|id| format!("`{id}`")).collect();
    if names.is_empty() { "no step comes before it".to_owned() } else { format!("before it come {}", names.join(", ")) }
}
