//! cel's parser, fenced and with room to recurse.

use cel::common::ast::{IdedExpr, SourceInfo};

use super::error::{Code, Error};
use super::scan::fence;

/// Bytes of stack for the parser. cel's generated parser takes up to 250 kB per nested bracket in a debug build: the
/// 32 that the fence allows were measured at less than 8 MB, four times what a tokio worker has. Only pages really used are committed.
const STACK_BYTES: usize = 32 << 20;

/// Runs the parser where its recursion has room. A panic of the parser is an answer too.
pub(super) fn with_room<T: Send>(parse: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, parse).ok()?.join().ok())
}

/// cel's tree of a text, with the place of each part. To be called [`with_room`].
pub(super) fn parse(text: &str) -> Result<(IdedExpr, SourceInfo), Error> {
    fence(text)?;
    cel::parser::Parser::new().parse_with_source_info(text).map_err(|errors| syntax(text, &errors))
}

fn syntax(text: &str, errors: &cel::ParseErrors) -> Error {
    let hint = "language 1 is CEL, for example `metadata.amount > 1000 && has(metadata.owner)`";
    let Some(first) = errors.errors.first() else { return Error::new(Code::Syntax, 0, "the expression is not CEL", hint) };
    let (line, column) = (usize::try_from(first.pos.0).unwrap_or(1), usize::try_from(first.pos.1).unwrap_or(1));
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let said = first.msg.trim_start_matches("Syntax error: ");
    Error::new(Code::Syntax, before + column.saturating_sub(1), format!("the expression is not CEL: {said:.120}"), hint)
}
