//! JSON as it comes in (strict, bounded) and as it is hashed (RFC 8785).

use std::cell::RefCell;
use std::fmt;

use approvals_domain::limits;
use serde::Serialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::{Map, Number, Value};

/// The largest whole number a double holds without gaps, 2^53 − 1.
pub const SAFE_INTEGER: i64 = 9_007_199_254_740_991;

/// Why bytes are not JSON that is taken here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail} at line {line}, column {column}")]
pub struct JsonError {
    /// Stable: `json_syntax`, `json_bom`, `json_too_deep`, `json_duplicate_key`, `json_number`, `json_nul`.
    pub code: &'static str,
    /// What is wrong.
    pub detail: String,
    /// RFC 6901 pointer to the value being read.
    pub pointer: String,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub column: usize,
}

/// Reads one JSON value. Refused: a byte order mark, nesting beyond [`limits::JSON_DEPTH`], duplicate keys, numbers beyond
/// ±(2^53 − 1), lone surrogates, NUL characters, text after the value. Memory is a small multiple of the input's length,
/// which the caller bounds.
pub fn parse_strict(bytes: &[u8]) -> Result<Value, JsonError> {
    if bytes.starts_with("\u{feff}".as_bytes()) {
        let detail = "a byte order mark stands before the JSON".to_owned();
        return Err(JsonError { code: "json_bom", detail, pointer: String::new(), line: 1, column: 1 });
    }
    let trail = Trail::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = Strict { trail: &trail, depth: 0 }.deserialize(&mut deserializer);
    read.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| trail.explain(&error))
}

/// A value to read a shape from, in which an object is written as an object. Serde takes an array for it too, member by member, which no
/// document promises and no check expects.
#[derive(Debug, Clone)]
pub struct Objects(pub Value);

impl<'de> IntoDeserializer<'de, serde_json::Error> for Objects {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Objects {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(items) => SeqDeserializer::new(items.into_iter().map(Self)).deserialize_any(visitor),
            Value::Object(members) => {
                MapDeserializer::new(members.into_iter().map(|(name, value)| (name, Self(value)))).deserialize_any(visitor)
            }
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Self::Error> {
        match &self.0 {
            Value::Array(_) => Err(de::Error::invalid_type(Unexpected::Seq, &"an object")),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        identifier ignored_any
    }
}

/// RFC 8785 bytes: the one form that is hashed and kept. Fails only for what JSON cannot hold, such as a NaN.
pub fn canonical<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json_canonicalizer::to_vec(value)
}

/// Merges a patch into a value as RFC 7396 says: `null` takes a member away.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            members.remove(&key);
        } else {
            merge(members.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// Appends a member's name or an index to an RFC 6901 pointer.
pub fn push_pointer(pointer: &mut String, segment: &str) {
    pointer.push('/');
    pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
}

/// Where the reader is, and the first thing that we, not the syntax, refused.
#[derive(Default)]
struct Trail {
    path: RefCell<Vec<Segment>>,
    refused: RefCell<Option<(&'static str, String)>>,
}

enum Segment {
    Key(String),
    Index(usize),
}

impl Trail {
    fn refuse<E: de::Error>(&self, code: &'static str, detail: impl Into<String>) -> E {
        *self.refused.borrow_mut() = Some((code, detail.into()));
        E::custom("refused")
    }

    /// One segment further down. Nobody leaves after a fault, so the trail then ends there.
    fn enter(&self, segment: Segment) {
        self.path.borrow_mut().push(segment);
    }

    fn leave(&self) {
        self.path.borrow_mut().pop();
    }

    fn explain(&self, error: &serde_json::Error) -> JsonError {
        let mut pointer = String::new();
        for segment in self.path.borrow().iter() {
            match segment {
                Segment::Key(key) => push_pointer(&mut pointer, key),
                Segment::Index(index) => push_pointer(&mut pointer, &index.to_string()),
            }
        }
        let (code, detail) = self.refused.take().unwrap_or_else(|| ("json_syntax", syntax(error)));
        JsonError { code, detail, pointer, line: error.line(), column: error.column() }
    }
}

/// serde_json's own words without the place, which stands beside them.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text.get(..at).unwrap_or_default().to_owned(),
        None => text,
    }
}

#[derive(Clone, Copy)]
struct Strict<'t> {
    trail: &'t Trail,
    depth: usize,
}

impl<'t> Strict<'t> {
    fn inside<E: de::Error>(self) -> Result<Strict<'t>, E> {
        if self.depth >= limits::JSON_DEPTH {
            return Err(self.trail.refuse("json_too_deep", format!("nested deeper than {}", limits::JSON_DEPTH)));
        }
        Ok(Strict { trail: self.trail, depth: self.depth + 1 })
    }

    fn text<E: de::Error>(self, text: &str) -> Result<String, E> {
        if text.contains('\0') {
            return Err(self.trail.refuse("json_nul", "a text holds a NUL character"));
        }
        Ok(text.to_owned())
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        if !(-SAFE_INTEGER..=SAFE_INTEGER).contains(&value) {
            return Err(self.trail.refuse("json_number", format!("`{value}` is beyond ±(2^53 − 1)")));
        }
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(self.trail.refuse("json_number", format!("`{value}` is beyond ±(2^53 − 1)"))),
        }
    }

    /// Every double of 2^53 and more is a whole number, and RFC 8785 writes it as one: it must not pass here either.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        match Number::from_f64(value) {
            Some(number) if value.abs() < 9_007_199_254_740_992.0 => Ok(Value::Number(number)),
            _ => Err(self.trail.refuse("json_number", format!("`{value:e}` is beyond ±(2^53 − 1)"))),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.text(text).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        loop {
            self.trail.enter(Segment::Index(list.len()));
            let item = items.next_element_seed(inside)?;
            self.trail.leave();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let key = self.text(&key)?;
            self.trail.enter(Segment::Key(key.clone()));
            if map.contains_key(&key) {
                return Err(self.trail.refuse("json_duplicate_key", "the key stands twice"));
            }
            map.insert(key, members.next_value_seed(inside)?);
            self.trail.leave();
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_exactly_json_is_refused_with_code_and_place() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for (text, code, pointer) in [
            ("", "json_syntax", ""),
            ("{\"a\":1} x", "json_syntax", ""),
            ("\u{feff}{}", "json_bom", ""),
            ("{\"a\":{\"b\":1,\"b\":2}}", "json_duplicate_key", "/a/b"),
            ("{\"a\":1,\"\\u0061\":2}", "json_duplicate_key", "/a"),
            ("{\"a\":[1,9007199254740992]}", "json_number", "/a/1"),
            ("{\"a\":-9007199254740992}", "json_number", "/a"),
            ("{\"a\":123456789012345678901234567890}", "json_number", "/a"),
            ("{\"a\":1e300}", "json_number", "/a"),
            ("{\"a\":1e999}", "json_syntax", "/a"),
            ("{\"a\":NaN}", "json_syntax", "/a"),
            ("{\"a/b\":{\"~\":\"x\\u0000\"}}", "json_nul", "/a~1b/~0"),
            ("{\"x\\u0000\":1}", "json_nul", ""),
            ("{\"a\":\"\\ud800\"}", "json_syntax", "/a"),
            ("{\"a\":\"\\udc00\\ud800\"}", "json_syntax", "/a"),
            ("{\"a\":01}", "json_syntax", "/a"),
            (&deep, "json_too_deep", &"/0".repeat(32)),
        ] {
            let error = parse_strict(text.as_bytes()).unwrap_err();
            assert_eq!((error.code, error.pointer.as_str()), (code, pointer), "{text:.60}: {error}");
        }
        assert_eq!(parse_strict(b"{\"a\":\"\xff\"}").unwrap_err().code, "json_syntax");
    }

    /// The examples of RFC 7396's appendix.
    #[test]
    fn a_patch_is_merged_as_the_standard_says() {
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, r"{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let [mut target, patch, result]: [Value; 3] = [target, patch, result].map(|text| serde_json::from_str(text).unwrap());
            merge(&mut target, patch.clone());
            assert_eq!(target, result, "{patch}");
        }
    }

    #[test]
    fn depth_32_and_the_safe_integers_are_taken() {
        let deepest = format!("{}{}", "[".repeat(32), "]".repeat(32));
        assert!(parse_strict(deepest.as_bytes()).is_ok());
        for text in ["9007199254740991", "-9007199254740991", "9007199254740991.0", "1e15", "5e-324", "\"\u{1f600}\"", "\"\\ud83d\\ude00\""]
        {
            assert!(parse_strict(text.as_bytes()).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_body_full_of_keys_or_brackets_ends_quickly() {
        let keys: Vec<String> = (0..20_000).map(|n| format!("\"{n}\":1")).collect();
        assert!(parse_strict(format!("{{{}}}", keys.join(",")).as_bytes()).is_ok());
        assert!(parse_strict(format!("[{}]", vec!["[]"; 80_000].join(",")).as_bytes()).is_ok());
    }

    fn json() -> impl Strategy<Value = Value> {
        let number = any::<f64>().prop_filter_map("in range", |x| Number::from_f64(x).filter(|_| x.abs() < 9e15));
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-SAFE_INTEGER..=SAFE_INTEGER).prop_map(Value::from),
            number.prop_map(Value::Number),
            (-1e6..1e6).prop_map(|x: f64| Value::from(x)),
            "[^\0]{0,8}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::btree_map("[^\0]{0,6}", inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn canonical_bytes_read_back_and_written_again_are_identical(value in json()) {
            let once = canonical(&value).unwrap();
            let twice = canonical(&parse_strict(&once).unwrap()).unwrap();
            prop_assert_eq!(String::from_utf8(once).unwrap(), String::from_utf8(twice).unwrap());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:0-9eE.\\\\u+-]{0,60}") {
            let _ = parse_strict(&bytes);
            let _ = parse_strict(text.as_bytes());
        }
    }
}
