//! What the activities of a log mean. A mapping is a small YAML file, explained in `docs/replay.md`; with it and a
//! template another log of the family needs no code.
//!
//! Read with saphyr, the one YAML library of this repository, so that every complaint names its line.

use std::collections::HashMap;

use saphyr::{LoadableYamlNode, MarkedYaml, YamlData};

/// The mapping used when none is named: domestic declarations of BPI Challenge 2020.
pub const BUILT_IN: &str = include_str!("../../../examples/domestic_declarations.mapping.yaml");

/// The pool that submits; every other pool decides the step of its name.
pub const REQUESTERS: &str = "employee";

/// Steps a mapping may name: a route is one bit per step.
const STEPS_MAX: usize = 63;

/// People in one pool.
const POOL_MAX: u32 = 10_000;

/// The word for "the step that acted last" in `reject: last`.
const LAST: &str = "last";

/// What one activity means. A step is an index into [`Mapping::steps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Submit,
    /// A draft, which this service does not see.
    Save,
    Approve(usize),
    Reject(usize),
    /// A rejection by a role the log lost: at the step that acted last.
    RejectLast,
    /// The requester takes the request back.
    TakeBack,
    /// What the approval was for, such as a payment: counted, and no act.
    Effect,
    /// What the approval was for begins.
    StartEffect,
    /// It is done.
    FinishEffect,
    Ignore,
}

/// A pool of made-up people who share one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    pub role: String,
    pub people: u32,
}

/// A mapping file, read and checked.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// What a request is called; the case id follows it in the title.
    pub title: String,
    /// Attributes that hold the amount, the first present wins; may be empty.
    pub amount: Vec<String>,
    pub requesters: Pool,
    /// One pool per step, in the order of the file; a pool's role is its step.
    pub steps: Vec<Pool>,
    /// Bits of the steps that a submission nobody acted on is sent to.
    pub default_route: u64,
    /// The types of entity a case may hold, each with a request of its own.
    pub entities: Vec<String>,
    meanings: HashMap<String, (usize, Meaning)>,
}

/// Why a mapping cannot be used: the line of the file (1 for the whole) and what is wrong there.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Error {
    pub line: usize,
    pub what: String,
}

type Node<'y> = MarkedYaml<'y>;

impl Mapping {
    /// Reads a mapping from YAML text.
    ///
    /// # Errors
    /// [`Error`] with the line of the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let documents = Node::load_from_str(text).map_err(|error| Error { line: error.marker().line(), what: error.info().to_owned() })?;
        let [root] = documents.as_slice() else {
            return Err(Error { line: 1, what: "a mapping file is one YAML document".to_owned() });
        };
        let mut mapping = Self {
            title: "Replayed".to_owned(),
            amount: Vec::new(),
            requesters: Pool { role: REQUESTERS.to_owned(), people: 0 },
            steps: Vec::new(),
            default_route: 0,
            entities: Vec::new(),
            meanings: HashMap::new(),
        };
        // `people` names the steps that the other keys speak of, so it is read first, wherever it stands.
        for wanted in [Some("people"), None] {
            for (key, value) in entries(root)? {
                match (wanted, text_of(key)?) {
                    (Some(_), "people") => mapping.people(value)?,
                    (Some(_), _) | (None, "people") => {}
                    (None, "title") => text_of(value)?.clone_into(&mut mapping.title),
                    (None, "amount") => mapping.amount = texts(value)?,
                    (None, "default_route") => mapping.route(value)?,
                    (None, "entities") => mapping.entities(value)?,
                    (None, "ignore") => {
                        for activity in items(value)? {
                            mapping.add(activity, 0, Meaning::Ignore)?;
                        }
                    }
                    (None, other) => {
                        return wrong(
                            key,
                            format!("unknown key `{other}`; known are title, amount, people, default_route, entities, ignore"),
                        );
                    }
                }
            }
        }
        mapping.complete(root)
    }

    /// The entity (an index into [`Mapping::entities`]) and meaning of an activity; `None` if the file does not name it.
    #[must_use]
    pub fn meaning(&self, activity: &str) -> Option<(usize, Meaning)> {
        self.meanings.get(activity).copied()
    }

    fn complete(self, root: &Node<'_>) -> Result<Self, Error> {
        if self.requesters.people == 0 {
            return wrong(root, format!("`people` has no pool `{REQUESTERS}`, who would submit?"));
        }
        if self.steps.is_empty() {
            return wrong(root, "`people` has no pool but the requesters: no step to decide".to_owned());
        }
        if self.default_route == 0 {
            return wrong(root, "`default_route` is missing: the steps for a submission nobody acted on".to_owned());
        }
        if !self.meanings.values().any(|(_, meaning)| *meaning == Meaning::Submit) {
            return wrong(root, "no activity means `submit`".to_owned());
        }
        Ok(self)
    }

    fn people(&mut self, node: &Node<'_>) -> Result<(), Error> {
        for (key, value) in entries(node)? {
            let role = text_of(key)?;
            let well_formed = role.starts_with(|c: char| c.is_ascii_lowercase())
                && role.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if !well_formed || role == LAST {
                return wrong(key, format!("`{role}` is not a name for a role: lower-case letters, digits and _, not `{LAST}`"));
            }
            let people = value.data.as_integer().and_then(|people| u32::try_from(people).ok());
            let Some(people) = people.filter(|people| (2..=POOL_MAX).contains(people)) else {
                return wrong(value, format!("the pool `{role}` needs between 2 and {POOL_MAX} people"));
            };
            let pool = Pool { role: role.to_owned(), people };
            if role == REQUESTERS {
                self.requesters = pool;
            } else if self.steps.len() < STEPS_MAX {
                self.steps.push(pool);
            } else {
                return wrong(key, format!("more than {STEPS_MAX} steps"));
            }
        }
        Ok(())
    }

    fn route(&mut self, node: &Node<'_>) -> Result<(), Error> {
        for step in items(node)? {
            self.default_route |= 1 << self.step(step)?;
        }
        Ok(())
    }

    fn entities(&mut self, node: &Node<'_>) -> Result<(), Error> {
        for (key, activities) in entries(node)? {
            let entity = self.entities.len();
            self.entities.push(text_of(key)?.to_owned());
            for (activity, value) in entries(activities)? {
                let meaning = self.one_meaning(value)?;
                self.add(activity, entity, meaning)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, activity: &Node<'_>, entity: usize, meaning: Meaning) -> Result<(), Error> {
        let name = text_of(activity)?;
        match self.meanings.insert(name.to_owned(), (entity, meaning)) {
            None => Ok(()),
            Some(_) => wrong(activity, format!("the activity `{name}` is named twice")),
        }
    }

    fn one_meaning(&self, node: &Node<'_>) -> Result<Meaning, Error> {
        const KNOWN: &str = "submit, save, { approve: STEP }, { reject: STEP }, { reject: last }, take_back, effect, { effect: start }, { effect: finish }, ignore";
        match node.data.as_str() {
            Some("submit") => return Ok(Meaning::Submit),
            Some("save") => return Ok(Meaning::Save),
            Some("take_back") => return Ok(Meaning::TakeBack),
            Some("effect") => return Ok(Meaning::Effect),
            Some("ignore") => return Ok(Meaning::Ignore),
            Some(other) => return wrong(node, format!("`{other}` is no meaning; known are {KNOWN}")),
            None => {}
        }
        let pairs = entries(node)?;
        let [(key, step)] = pairs.as_slice() else {
            return wrong(node, format!("one meaning is wanted here: {KNOWN}"));
        };
        match (text_of(key)?, step.data.as_str()) {
            ("reject", Some(LAST)) => Ok(Meaning::RejectLast),
            ("reject", _) => Ok(Meaning::Reject(self.step(step)?)),
            ("approve", _) => Ok(Meaning::Approve(self.step(step)?)),
            ("effect", Some("start")) => Ok(Meaning::StartEffect),
            ("effect", Some("finish")) => Ok(Meaning::FinishEffect),
            ("effect", _) => wrong(step, "an effect has a `start` and a `finish`".to_owned()),
            (other, _) => wrong(key, format!("`{other}` is no meaning; known are {KNOWN}")),
        }
    }

    fn step(&self, node: &Node<'_>) -> Result<usize, Error> {
        let name = text_of(node)?;
        match self.steps.iter().position(|pool| pool.role == name) {
            Some(step) => Ok(step),
            None => wrong(node, format!("no pool of `people` is called `{name}`, so nobody could decide that step")),
        }
    }
}

fn wrong<T>(node: &Node<'_>, what: String) -> Result<T, Error> {
    Err(Error { line: node.span.start.line().max(1), what })
}

fn text_of<'n>(node: &'n Node<'_>) -> Result<&'n str, Error> {
    node.data.as_str().map_or_else(|| wrong(node, "a text is wanted here".to_owned()), Ok)
}

fn entries<'n, 'y>(node: &'n Node<'y>) -> Result<Vec<(&'n Node<'y>, &'n Node<'y>)>, Error> {
    match &node.data {
        YamlData::Mapping(pairs) => Ok(pairs.iter().collect()),
        _ => wrong(node, "keys and values are wanted here".to_owned()),
    }
}

fn items<'n, 'y>(node: &'n Node<'y>) -> Result<&'n [Node<'y>], Error> {
    node.data.as_sequence().map_or_else(|| wrong(node, "a list is wanted here".to_owned()), |items| Ok(items.as_slice()))
}

/// One text or a list of texts.
fn texts(node: &Node<'_>) -> Result<Vec<String>, Error> {
    if let Some(one) = node.data.as_str() {
        return Ok(vec![one.to_owned()]);
    }
    items(node)?.iter().map(|item| text_of(item).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "people: { employee: 3, boss: 2 }\ndefault_route: [boss]\nentities:\n  bill:\n    Sent: submit\n";

    #[test]
    fn the_built_in_mapping_reads() {
        let mapping = Mapping::parse(BUILT_IN).unwrap();
        let roles: Vec<_> = mapping.steps.iter().map(|pool| pool.role.as_str()).collect();
        assert_eq!(roles, ["pre_approver", "administration", "budget_owner", "supervisor", "director"]);
        assert_eq!(mapping.meaning("Declaration FINAL_APPROVED by SUPERVISOR"), Some((0, Meaning::Approve(3))));
        assert_eq!(mapping.meaning("Declaration REJECTED by MISSING"), Some((0, Meaning::RejectLast)));
        assert_eq!(mapping.meaning("Send reminder"), None);
        assert_eq!(mapping.default_route, 0b01000);
    }

    #[test]
    fn mistakes_name_their_line() {
        for (addition, wanted) in [
            ("    Paid: payed\n", "line 6: `payed` is no meaning"),
            ("    Paid: { approve: chief }\n", "line 6: no pool of `people` is called `chief`"),
            ("    Paid: { effect: stop }\n", "line 6: an effect has a `start` and a `finish`"),
            ("    Sent: save\n", "line 6: duplicated key"),
            ("ignore: [Sent]\n", "line 6: the activity `Sent` is named twice"),
            ("colour: red\n", "line 6: unknown key `colour`"),
            ("ignore: Sent\n", "line 6: a list is wanted"),
            ("    Paid: [\n", "line "),
        ] {
            let error = Mapping::parse(&format!("{SMALL}{addition}")).unwrap_err().to_string();
            assert!(error.starts_with(wanted), "{error} for {addition}");
        }
        for (from, to, wanted) in [
            ("boss: 2", "boss: 1", "line 1: the pool `boss` needs between 2 and 10000 people"),
            ("employee: 3, ", "", "line 1: `people` has no pool `employee`"),
            ("Sent: submit", "Sent: save", "line 1: no activity means `submit`"),
            ("default_route: [boss]\n", "", "line 1: `default_route` is missing"),
        ] {
            assert_eq!(Mapping::parse(&SMALL.replace(from, to)).unwrap_err().to_string().find(wanted), Some(0));
        }
    }
}
