//! Reads an event log in XES (IEEE 1849), gzip or plain, as a stream.
//!
//! Memory grows with the number of events and nothing else: each event becomes one [`Row`] of 32 bytes, and each
//! different name (activity, role, resource) is kept once. Byte positions in errors count the XML, after gzip.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Elements inside one another before a file is refused; real logs need five.
const DEPTH_MAX: usize = 64;
/// The longest tag, text or comment: it is held in memory whole.
const TOKEN_BYTES_MAX: usize = 1 << 20;
/// A log may be so much longer than its gzip, or [`SMALL_BYTES`]; real logs shrink to a fortieth.
const RATIO_MAX: u64 = 200;
/// So much XML is read of any file, bytes.
const SMALL_BYTES: u64 = 256 << 20;

/// One event of the log. `amount` is NaN when neither the event nor its trace has one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// When it happened, in milliseconds since 1970-01-01T00:00:00Z.
    pub at_ms: i64,
    pub amount: f64,
    /// Index into [`Log::cases`].
    pub case: u32,
    /// Indices into [`Log::names`].
    pub activity: u32,
    pub role: u32,
    pub resource: u32,
}

const _: () = assert!(size_of::<Row>() <= 100, "one row per event stays small");

/// The whole log: one row per event, in file order.
#[derive(Debug, Default, Clone)]
pub struct Log {
    pub rows: Vec<Row>,
    /// Case ids (`concept:name` of the trace), in file order.
    pub cases: Vec<String>,
    /// Activity, role and resource names, each once.
    pub names: Names,
}

/// Each different text once, by number.
#[derive(Debug, Default, Clone)]
pub struct Names {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Names {
    /// The text of a number, or `""` for one never given out.
    #[must_use]
    pub fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }

    fn number(&mut self, text: &str) -> Result<u32, What> {
        if let Some(&number) = self.numbers.get(text) {
            return Ok(number);
        }
        let number = u32::try_from(self.texts.len()).map_err(|_| What::TooMany)?;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        Ok(number)
    }
}

/// Why a log could not be read, and where.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open `{path}`: {cause}")]
    Open { path: String, cause: io::Error },
    #[error("not a readable XES log: {what} at byte {position}")]
    Read { what: What, position: u64 },
}

/// What is wrong at a byte of the file.
#[derive(Debug, thiserror::Error)]
pub enum What {
    #[error("{0}")]
    Xml(#[from] quick_xml::Error),
    #[error("{0}")]
    Attribute(#[from] quick_xml::events::attributes::AttrError),
    #[error("the document ends inside an element")]
    CutShort,
    #[error("elements nested more than {DEPTH_MAX} deep")]
    TooDeep,
    #[error("the outermost element is `{0}`, not `log`")]
    NotALog(String),
    #[error("an event outside a trace")]
    EventOutsideTrace,
    #[error("an event without `{0}`")]
    EventLacks(&'static str),
    #[error("a trace without `concept:name`")]
    TraceUnnamed,
    #[error("a second trace named `{0}`")]
    TraceTwice(String),
    #[error("`{0}` is not a time with an offset")]
    Time(String),
    #[error("the amount `{0}` is not a number")]
    Amount(String),
    #[error("more than 2^32 cases or names")]
    TooMany,
}

/// Reads the log at `path`; gzip is known by its first two bytes. `amount_keys` name the attributes of an event or
/// its trace that hold the amount, the first one present wins.
///
/// # Errors
/// [`Error::Open`] when the file cannot be opened, [`Error::Read`] with the byte position for everything else.
pub fn read_file(path: &Path, amount_keys: &[String]) -> Result<Log, Error> {
    let open = |cause| Error::Open { path: path.display().to_string(), cause };
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(open)?);
    let packed = file.get_ref().metadata().map_err(open)?.len();
    let gzip = file.fill_buf().map_err(open)?.starts_with(&[0x1f, 0x8b]);
    if !gzip {
        return read(file, amount_keys);
    }
    let unpacked = MultiGzDecoder::new(file).take(packed.saturating_mul(RATIO_MAX).max(SMALL_BYTES));
    read(BufReader::with_capacity(1 << 16, unpacked), amount_keys)
}

/// Reads plain XML from any source; see [`read_file`].
///
/// # Errors
/// [`Error::Read`] with the byte position.
pub fn read(source: impl BufRead, amount_keys: &[String]) -> Result<Log, Error> {
    let left = Rc::new(Cell::new(TOKEN_BYTES_MAX));
    let mut reader = Reader::from_reader(Bounded { source, left: Rc::clone(&left) });
    let mut reading = Reading::new(amount_keys);
    let mut buffer = Vec::with_capacity(1 << 10);
    loop {
        buffer.clear();
        left.set(TOKEN_BYTES_MAX);
        let step = match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(element)) => reading.open(&element),
            Ok(Event::Empty(element)) => reading.open(&element).and_then(|()| reading.close()),
            Ok(Event::End(_)) => reading.close(),
            Ok(Event::Eof) if reading.inside.is_empty() && reading.seen_log => return Ok(reading.log),
            Ok(Event::Eof) => Err(What::CutShort),
            // INVARIANT (data only): text, comments, instructions and doctypes carry nothing of a log.
            Ok(_) => Ok(()),
            Err(error) => {
                return Err(Error::Read { what: error.into(), position: reader.error_position() });
            }
        };
        step.map_err(|what| Error::Read { what, position: reader.buffer_position() })?;
    }
}

/// A source that ends a token which is too long.
struct Bounded<R> {
    source: R,
    /// Bytes that the token being read may still have.
    left: Rc<Cell<usize>>,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.fill_buf()?.read(into)?;
        self.consume(got);
        Ok(got)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let left = self.left.get();
        let bytes = self.source.fill_buf()?;
        if left == 0 && !bytes.is_empty() {
            let text = format!("a tag, text or comment of more than {TOKEN_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(bytes.get(..left).unwrap_or(bytes))
    }

    fn consume(&mut self, amount: usize) {
        self.left.set(self.left.get().saturating_sub(amount));
        self.source.consume(amount);
    }
}

/// What an open element is to us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Log,
    Trace,
    Event,
    /// An attribute, or anything else whose children are not read.
    Other,
}

/// The attributes of the trace or event being read.
#[derive(Default)]
struct Scratch {
    name: Option<String>,
    at_ms: Option<i64>,
    /// The amount and the place of its key in `amount_keys`.
    amount: Option<(usize, f64)>,
    role: Option<u32>,
    resource: Option<u32>,
}

struct Reading<'k> {
    amount_keys: &'k [String],
    log: Log,
    case_numbers: HashMap<String, u32>,
    inside: Vec<Inside>,
    seen_log: bool,
    trace: Scratch,
    event: Scratch,
    /// Where the rows of the trace being read begin.
    trace_from: usize,
}

impl<'k> Reading<'k> {
    fn new(amount_keys: &'k [String]) -> Self {
        Self {
            amount_keys,
            log: Log::default(),
            case_numbers: HashMap::new(),
            inside: Vec::new(),
            seen_log: false,
            trace: Scratch::default(),
            event: Scratch::default(),
            trace_from: 0,
        }
    }

    fn open(&mut self, element: &BytesStart<'_>) -> Result<(), What> {
        if self.inside.len() >= DEPTH_MAX {
            return Err(What::TooDeep);
        }
        let name = element.local_name();
        let next = match (self.inside.last(), name.as_ref()) {
            (None, "log") => {
                self.seen_log = true;
                Inside::Log
            }
            (None, other) => return Err(What::NotALog(other.to_owned())),
            (Some(Inside::Log), "trace") => {
                self.trace = Scratch::default();
                self.trace_from = self.log.rows.len();
                Inside::Trace
            }
            (Some(Inside::Log), "event") => return Err(What::EventOutsideTrace),
            (Some(Inside::Trace), "event") => {
                self.event = Scratch::default();
                Inside::Event
            }
            (Some(Inside::Trace | Inside::Event), _) => {
                self.attribute(element)?;
                Inside::Other
            }
            (Some(Inside::Log | Inside::Other), _) => Inside::Other,
        };
        self.inside.push(next);
        Ok(())
    }

    fn attribute(&mut self, element: &BytesStart<'_>) -> Result<(), What> {
        let (mut key, mut value) = (None, None);
        for attribute in element.attributes() {
            let attribute = attribute?;
            match attribute.key.as_ref() {
                "key" => key = Some(attribute.normalized_value(XmlVersion::Implicit1_0)?),
                "value" => value = Some(attribute.normalized_value(XmlVersion::Implicit1_0)?),
                _ => {}
            }
        }
        let (Some(key), Some(value)) = (key, value) else {
            return Ok(());
        };
        let scratch = if self.inside.last() == Some(&Inside::Event) { &mut self.event } else { &mut self.trace };
        match key.as_ref() {
            "concept:name" => scratch.name = Some(value.into_owned()),
            "time:timestamp" => scratch.at_ms = Some(time(&value)?),
            "org:role" => scratch.role = Some(self.log.names.number(&value)?),
            "org:resource" => scratch.resource = Some(self.log.names.number(&value)?),
            other => {
                if let Some(rank) = self.amount_keys.iter().position(|wanted| wanted == other)
                    && scratch.amount.is_none_or(|(held, _)| rank < held)
                {
                    scratch.amount = Some((rank, amount(&value)?));
                }
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), What> {
        match self.inside.pop() {
            Some(Inside::Event) => self.close_event(),
            Some(Inside::Trace) => self.close_trace(),
            Some(Inside::Log | Inside::Other) | None => Ok(()),
        }
    }

    fn close_event(&mut self) -> Result<(), What> {
        let event = std::mem::take(&mut self.event);
        let activity = event.name.ok_or(What::EventLacks("concept:name"))?;
        let nobody = self.log.names.number("")?;
        let row = Row {
            at_ms: event.at_ms.ok_or(What::EventLacks("time:timestamp"))?,
            amount: event.amount.map_or(f64::NAN, |(_, amount)| amount),
            case: u32::try_from(self.log.cases.len()).map_err(|_| What::TooMany)?,
            activity: self.log.names.number(&activity)?,
            role: event.role.unwrap_or(nobody),
            resource: event.resource.unwrap_or(nobody),
        };
        self.log.rows.push(row);
        Ok(())
    }

    /// Attributes of a trace may follow its events, so its rows are completed here.
    fn close_trace(&mut self) -> Result<(), What> {
        let trace = std::mem::take(&mut self.trace);
        let name = trace.name.ok_or(What::TraceUnnamed)?;
        let number = u32::try_from(self.log.cases.len()).map_err(|_| What::TooMany)?;
        if self.case_numbers.insert(name.clone(), number).is_some() {
            return Err(What::TraceTwice(name));
        }
        self.log.cases.push(name);
        if let Some((_, amount)) = trace.amount {
            for row in self.log.rows.iter_mut().skip(self.trace_from).filter(|row| row.amount.is_nan()) {
                row.amount = amount;
            }
        }
        Ok(())
    }
}

fn time(text: &str) -> Result<i64, What> {
    chrono::DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_millis()).map_err(|_| What::Time(text.to_owned()))
}

fn amount(text: &str) -> Result<f64, What> {
    text.trim().parse().ok().filter(|amount: &f64| amount.is_finite()).ok_or_else(|| What::Amount(text.to_owned()))
}

#[cfg(test)]
mod tests;
