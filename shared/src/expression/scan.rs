//! The fence before the parser: cel's parser recurses, so what could make it recurse deeply is refused unparsed.

use approvals_domain::limits;

use super::error::{Code, Error};

/// Checks length, alphabet, text literals, pairs of brackets, and the number of operators and brackets outside
/// text literals.
///
/// The scan must agree with cel's lexer on where a text literal ends, or brackets could hide in one. So only the forms both
/// read alike are taken: one line, no prefix, no triple quotes, the escapes listed in [`escape`].
pub(super) fn fence(text: &str) -> Result<(), Error> {
    if text.len() > limits::EXPRESSION_BYTES {
        let problem = format!("the expression has {} bytes", text.len());
        return Err(Error::new(Code::TooLong, 0, problem, format!("at most {} bytes", limits::EXPRESSION_BYTES)));
    }
    let mut scan = Scan { rest: text, at: 0, tokens: 0, open: Vec::new() };
    while let Some(next) = scan.peek() {
        match next {
            ' ' | '\t' | '\n' | '\r' => scan.skip(1),
            '"' | '\'' => scan.literal(next)?,
            '/' if scan.rest.starts_with("//") => scan.skip(scan.rest.find('\n').unwrap_or(scan.rest.len())),
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => scan.word()?,
            '.' | ',' | ':' => scan.skip(1),
            _ => scan.operator(next)?,
        }
    }
    if let Some((closing, at)) = scan.open.pop() {
        return Err(Error::new(Code::Syntax, at, "a bracket is not closed", format!("add `{closing}`")));
    }
    if text.trim().is_empty() {
        return Err(Error::new(Code::Syntax, 0, "the expression is empty", "for example `metadata.amount > 1000`"));
    }
    Ok(())
}

struct Scan<'t> {
    rest: &'t str,
    at: usize,
    tokens: usize,
    /// The brackets that are open, each as the one that closes it, with its place.
    open: Vec<(char, usize)>,
}

const OPERATORS: [&str; 21] =
    ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "?", "(", ")", "[", "]", "{", "}"];

impl Scan<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn count(&mut self) -> Result<(), Error> {
        self.tokens += 1;
        if self.tokens > limits::EXPRESSION_TOKENS {
            let problem = format!("the expression has more than {} operators and brackets", limits::EXPRESSION_TOKENS);
            return Err(Error::new(Code::TooComplex, self.at, problem, "compute it before submitting and send the result as metadata"));
        }
        Ok(())
    }

    fn operator(&mut self, next: char) -> Result<(), Error> {
        let Some(operator) = OPERATORS.iter().find(|operator| self.rest.starts_with(**operator)) else {
            let problem = format!("`{}` does not belong in an expression", next.escape_default());
            return Err(Error::new(Code::Syntax, self.at, problem, "texts stand in quotes"));
        };
        self.count()?;
        match next {
            '(' => self.open.push((')', self.at)),
            '[' => self.open.push((']', self.at)),
            '{' => self.open.push(('}', self.at)),
            ')' | ']' | '}' if self.open.pop().is_none_or(|(closing, _)| closing != next) => {
                return Err(Error::new(Code::Syntax, self.at, format!("`{next}` closes nothing"), "brackets come in pairs"));
            }
            _ => {}
        }
        self.skip(operator.len());
        Ok(())
    }

    fn word(&mut self) -> Result<(), Error> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        if self.rest.get(..end) == Some("in") {
            self.count()?;
        }
        self.skip(end);
        match self.peek() {
            Some('"' | '\'') => {
                Err(Error::new(Code::Syntax, self.at, "a text literal has a prefix", "write it without a letter before the quote"))
            }
            _ => Ok(()),
        }
    }

    fn literal(&mut self, quote: char) -> Result<(), Error> {
        let start = self.at;
        let wrong = |at, problem: &str, hint: &str| Err(Error::new(Code::Syntax, at, problem, hint));
        self.skip(1);
        loop {
            match self.peek() {
                None | Some('\n' | '\r') => return wrong(start, "a text literal does not end on its line", "close the quote"),
                Some('\\') => match escape(self.rest) {
                    Some(bytes) => self.skip(bytes),
                    None => return wrong(self.at, "an unknown escape", r#"one of \\ \" \' \n \r \t \xHH \uHHHH \UHHHHHHHH"#),
                },
                Some(end) if end == quote => {
                    self.skip(1);
                    let empty = self.at == start + 2;
                    return match self.peek() {
                        Some(more) if empty && more == quote => wrong(start, "a triple-quoted text", "use one quote at each end"),
                        _ => Ok(()),
                    };
                }
                Some(other) => self.skip(other.len_utf8()),
            }
        }
    }
}

/// The length of the escape at the start of the text, if it is a known one.
fn escape(text: &str) -> Option<usize> {
    let digits = match text.as_bytes().get(1)? {
        b'\\' | b'"' | b'\'' | b'n' | b'r' | b't' => 0,
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => return None,
    };
    text.get(2..2 + digits)?.bytes().all(|b| b.is_ascii_hexdigit()).then_some(2 + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_brackets_are_counted_outside_texts_only() {
        assert!(fence(&format!("1{}", "+1".repeat(64))).is_ok());
        assert_eq!(fence(&format!("1{}", "+1".repeat(65))).unwrap_err().code, Code::TooComplex);
        assert!(fence(&format!("{}1{}", "(".repeat(32), ")".repeat(32))).is_ok());
        assert_eq!(fence(&format!("{}1{}", "(".repeat(33), ")".repeat(33))).unwrap_err().code, Code::TooComplex);
        assert!(fence(&format!("a == \"{}\"", "([{".repeat(60))).is_ok());
        assert!(fence(&format!("true // {}", "((".repeat(60))).is_ok());
        assert_eq!(fence(&format!("true //\n{}", "((".repeat(60))).unwrap_err().code, Code::TooComplex);
        assert_eq!(fence(&format!("a{}", " in a".repeat(65))).unwrap_err().code, Code::TooComplex);
        assert_eq!(fence(&"(".repeat(512)).unwrap_err().code, Code::TooComplex);
        assert_eq!(fence(&" ".repeat(513)).unwrap_err().code, Code::TooLong);
    }

    #[test]
    fn nothing_hides_in_a_text_that_the_parser_would_end_earlier() {
        for hiding in [
            r#""\q(((("#,
            r#""a" + "\"#,
            "'a\n(((('",
            r#"r"\"((((""#,
            r#""""a"(((("""""#,
            r#"b'x'"#,
            r#""\u12""#,
            "`a`",
            "a # b",
            "é",
            "a\u{2028}",
            "a\0",
            "(1",
            "(1]",
            "1)",
        ] {
            assert_eq!(fence(hiding).unwrap_err().code, Code::Syntax, "{hiding}");
        }
        for fine in ["''", "'' == \"\"", r#""\"(\\" == 'é\u00e9\x41'"#] {
            assert!(fence(fine).is_ok(), "{fine}");
        }
    }
}
