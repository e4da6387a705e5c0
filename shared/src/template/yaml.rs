//! YAML's events made into a tree, within bounds.

use saphyr::Scalar;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

use super::DEPTH;
use super::finding::{Findings, Place};
use super::source::{Member, Node, What, in_range};
use crate::json::push_pointer;

/// Builds the tree from the parser's events, without recursion: no alias is ever expanded, nothing goes deeper than [`DEPTH`].
pub(super) struct Reader<'t, 'f> {
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
    pub(super) fn new(text: &'t str, findings: &'f mut Findings) -> Self {
        Self { text, findings, open: Vec::new(), root: None }
    }

    /// `None` when findings say why there is no tree.
    pub(super) fn read(mut self) -> Option<Node> {
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
