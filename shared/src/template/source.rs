//! A template's text as a tree whose every node knows its place.

use saphyr::Scalar;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value as Json};

use super::finding::{Findings, Place};
use super::{DEPTH, Syntax};
use crate::json::{SAFE_INTEGER, parse_strict, push_pointer};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Place,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Null,
    Bool(bool),
    /// Finite, within ±(2^53 − 1).
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) at: Place,
    pub(super) key: String,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.node)
    }

    pub(super) fn members(&self) -> &[Member] {
        match &self.what {
            What::Map(members) => members,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.what {
            What::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.what {
            What::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self.what {
            What::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn words(&self) -> &'static str {
        match self.what {
            What::Null => "empty",
            What::Bool(_) => "true or false",
            What::Number(_) => "a number",
            What::Text(_) => "a text",
            What::List(_) => "a list",
            What::Map(_) => "an object",
        }
    }

    /// Whole numbers become integers, so `2.0` is taken wherever `2` is.
    pub(super) fn to_json(&self) -> Json {
        match &self.what {
            What::Null => Json::Null,
            What::Bool(value) => Json::Bool(*value),
            What::Number(number) => whole(*number).map_or_else(|| Number::from_f64(*number).map_or(Json::Null, Json::Number), Json::from),
            What::Text(text) => Json::String(text.clone()),
            What::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            What::Map(members) => members.iter().map(|member| (member.key.clone(), member.node.to_json())).collect::<Map<_, _>>().into(),
        }
    }

    fn from_json(json: &Json) -> Self {
        let what = match json {
            Json::Null => What::Null,
            Json::Bool(value) => What::Bool(*value),
            Json::Number(number) => What::Number(number.as_f64().unwrap_or_default()),
            Json::String(text) => What::Text(text.clone()),
            Json::Array(items) => What::List(items.iter().map(Self::from_json).collect()),
            Json::Object(map) => {
                let member = |(key, inner): (&String, &Json)| Member { at: Place::START, key: key.clone(), node: Self::from_json(inner) };
                What::Map(map.iter().map(member).collect())
            }
        };
        Self { at: Place::START, what }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the number is whole and within ±(2^53 − 1)")]
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && in_range(number)).then_some(number as i64)
}

fn in_range(number: f64) -> bool {
    number.abs() <= SAFE_INTEGER as f64
}

/// Reads a text; `None` when findings say why there is no tree.
pub(super) fn read(text: &str, syntax: Syntax, findings: &mut Findings) -> Option<Node> {
    match syntax {
        Syntax::Yaml => Reader::new(text, findings).read(),
        Syntax::Json => match parse_strict(text.as_bytes()) {
            // JSON is nearly YAML, so YAML's reader knows the places. Where the two differ, JSON is right and places are lost.
            Ok(json) => match Reader::new(text, &mut Findings::default()).read() {
                Some(node) if same(&node, &json) => Some(node),
                _ => Some(Node::from_json(&json)),
            },
            Err(error) => {
                let at = Place { line: error.line.max(1), column: error.column.max(1) };
                findings.error(at, &error.pointer, error.code, error.detail, "JSON as RFC 8259 says, each key once");
                None
            }
        },
    }
}

fn same(node: &Node, json: &Json) -> bool {
    match (&node.what, json) {
        (What::Null, Json::Null) => true,
        (What::Bool(one), Json::Bool(other)) => one == other,
        (What::Number(one), Json::Number(other)) => Some(*one) == other.as_f64(),
        (What::Text(one), Json::String(other)) => one == other,
        (What::List(one), Json::Array(other)) => one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b)),
        (What::Map(one), Json::Object(other)) => {
            one.len() == other.len() && one.iter().all(|member| other.get(&member.key).is_some_and(|inner| same(&member.node, inner)))
        }
        _ => false,
    }
}

/// Builds the tree from the parser's events, without recursion: no alias is ever expanded, nothing goes deeper than [`DEPTH`].
struct Reader<'t, 'f> {
    text: &'t str,
    findings: &'f mut Findings,
    open: Vec<Frame>,
    root: Option<Node>,
}

enum Frame {
    List { at: Place, items: Vec<Node> },
    Map { at: Place, members: Vec<Member>, key: Option<(String, Place)> },
}

/// Nothing more can be read.
struct Stop;

impl<'t, 'f> Reader<'t, 'f> {
    fn new(text: &'t str, findings: &'f mut Findings) -> Self {
        Self { text, findings, open: Vec::new(), root: None }
    }

    fn read(mut self) -> Option<Node> {
        let mut parser = Parser::new_from_str(self.text);
        while let Some(event) = parser.next_event() {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    let at = place(error.marker());
                    self.findings.error(at, &self.pointer(), "yaml_syntax", format!("this is not YAML: {}", error.info()), "YAML 1.2");
                    return None;
                }
            };
            if self.event(event, span).is_err() {
                return None;
            }
        }
        Some(self.root.unwrap_or(Node { at: Place::START, what: What::Null }))
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let at = place(&span.start);
        match event {
            Event::Alias(_) => self.stop(at, "yaml_alias", "an alias", "templates are written out; repeat the text"),
            Event::Scalar(text, style, anchor, tag) => {
                self.plain(at, anchor, tag.is_some())?;
                if self.wants_key() {
                    return self.key(at, &text, style);
                }
                let what = self.scalar(at, &text, style)?;
                self.put(Node { at, what })
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain(at, anchor, tag.is_some())?;
                self.push(at, Frame::List { at, items: Vec::new() })
            }
            Event::MappingStart(anchor, tag) => {
                self.plain(at, anchor, tag.is_some())?;
                self.push(at, Frame::Map { at, members: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Frame::List { at, items }) => self.put(Node { at, what: What::List(items) }),
                Some(Frame::Map { at, members, .. }) => self.put(Node { at, what: What::Map(members) }),
                None => Ok(()),
            },
            Event::DocumentStart(_) if self.root.is_some() => self.stop(at, "yaml_documents", "a second document", "one template per text"),
            Event::DocumentStart(_) | Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => Ok(()),
        }
    }

    fn stop(&mut self, at: Place, code: &str, message: &str, hint: &str) -> Result<(), Stop> {
        self.findings.error(at, &self.pointer(), code, message, hint);
        Err(Stop)
    }

    fn plain(&mut self, at: Place, anchor: usize, tagged: bool) -> Result<(), Stop> {
        match (anchor, tagged) {
            (0, false) => Ok(()),
            (_, true) => self.stop(at, "yaml_tag", "a tag", "leave it out; quote what is meant as text"),
            (_, false) => self.stop(at, "yaml_anchor", "an anchor", "templates are written out; repeat the text"),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame::Map { key: None, .. }))
    }

    fn push(&mut self, at: Place, frame: Frame) -> Result<(), Stop> {
        if self.wants_key() {
            return self.stop(at, "yaml_key", "a list or an object as a key", "keys are texts");
        }
        if self.open.len() >= DEPTH {
            return self.stop(at, "too_deep", "nested too deeply", &format!("at most {DEPTH} levels"));
        }
        self.open.push(frame);
        Ok(())
    }

    fn key(&mut self, at: Place, text: &str, style: ScalarStyle) -> Result<(), Stop> {
        if style == ScalarStyle::Plain && matches!(text, "" | "~" | "null") {
            return self.stop(at, "yaml_key", "a key is empty", "keys are texts");
        }
        if let Some(Frame::Map { key, .. }) = self.open.last_mut() {
            *key = Some((text.to_owned(), at));
        }
        Ok(())
    }

    fn put(&mut self, node: Node) -> Result<(), Stop> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Frame::List { items, .. }) => items.push(node),
            Some(Frame::Map { members, key, .. }) => {
                let Some((key, at)) = key.take() else { return Ok(()) };
                if members.iter().any(|member| member.key == key) {
                    let mut pointer = self.pointer();
                    push_pointer(&mut pointer, &key);
                    self.findings.error(at, &pointer, "duplicate_key", format!("`{key}` stands twice"), "each key once");
                } else {
                    members.push(Member { at, key, node });
                }
            }
        }
        Ok(())
    }

    fn scalar(&mut self, at: Place, text: &str, style: ScalarStyle) -> Result<What, Stop> {
        if style != ScalarStyle::Plain {
            return Ok(What::Text(text.to_owned()));
        }
        let number = match Scalar::parse_from_cow(text.into()) {
            _ if text.is_empty() => return Ok(What::Null),
            Scalar::Null => return Ok(What::Null),
            Scalar::Boolean(value) => return Ok(What::Bool(value)),
            Scalar::String(text) => return Ok(What::Text(text.into_owned())),
            Scalar::Integer(whole) => whole as f64,
            Scalar::FloatingPoint(number) => *number,
        };
        if !in_range(number) {
            self.stop(at, "number_range", &format!("`{text:.40}` is beyond ±(2^53 − 1)"), "a smaller number, or a text in quotes")?;
        }
        Ok(What::Number(number))
    }

    /// Where the reader stands.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for frame in &self.open {
            match frame {
                Frame::List { items, .. } => push_pointer(&mut pointer, &items.len().to_string()),
                Frame::Map { key: Some((key, _)), .. } => push_pointer(&mut pointer, key),
                Frame::Map { key: None, .. } => {}
            }
        }
        pointer
    }
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() + 1 }
}

/// The place of a byte of a text node, when the node stands in the source letter by letter, plain or in quotes.
pub(super) fn inside(source: &str, node: &Node, byte: usize) -> Place {
    let within = || {
        let text = node.text()?;
        let line = source.lines().nth(node.at.line.checked_sub(1)?)?;
        let start = line.char_indices().nth(node.at.column.checked_sub(1)?)?.0;
        let rest = line.get(start..)?;
        let before = text.get(..byte)?.chars().count();
        let quote = match rest.strip_prefix(['"', '\'']) {
            Some(quoted) if quoted.starts_with(text) => 1,
            _ if rest.starts_with(text) => 0,
            _ => return None,
        };
        Some(Place { line: node.at.line, column: node.at.column + quote + before })
    };
    within().unwrap_or(node.at)
}
