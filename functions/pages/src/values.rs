//! Values as `approvals::app::queries::values` says them, as parts of a page.

use approvals::app::queries::values::{self, File, Value as Said};
use page_views::parts::{Fact, File as Shown, Moment, Value};

/// A labelled value.
pub(crate) fn fact(values::Fact { label, value, .. }: values::Fact) -> Fact {
    Fact { label, value: value_of(value) }
}

fn value_of(value: Said) -> Value {
    match value {
        Said::Text(text) => Value::Text(text),
        Said::List(items) if items.is_empty() => Value::Hidden("none".to_owned()),
        Said::List(items) => Value::List(items),
        Said::Person { name, id } => Value::Person(name, id),
        Said::Day(iso, words) => Value::Moment(Moment { iso, words }),
        Said::File(given) => file(given),
        Said::Nested(lines) if lines.is_empty() => Value::Hidden("none".to_owned()),
        Said::Nested(lines) => Value::Code(lines.join("\n")),
        Said::Nothing => Value::Nothing,
        Said::Hidden => Value::Hidden("not shown here".to_owned()),
    }
}

/// An attached file.
pub(crate) fn file(File { name, href, host, size, kind, sha256 }: File) -> Value {
    Value::File(Shown { name, href, host, size, kind, sha256 })
}
