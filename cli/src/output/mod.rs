//! What people and programs see. Everything printed goes through [`Screen`]; everything people wrote goes through [`plain`].

mod plain;
mod table;
mod time;

use std::io::{self, BufRead, IsTerminal, Write};

pub use plain::{plain, plain_lines};
pub use table::Table;
use time::local_zone;
pub use time::{Now, Zone, absolute, due, soon, when};

/// What a command has to say: one of the two is printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// For `--json`: the body of the answer as it came.
    pub body: String,
    /// For people.
    pub text: String,
}

/// How text is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// With ANSI colours.
    pub colour: bool,
    /// Columns of the terminal; none: no line is broken.
    pub width: Option<u16>,
    /// The zone whose clock hangs on the wall; none: UTC.
    pub zone: Option<Zone>,
}

/// Colours, by what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Came to a good end.
    Good,
    /// Came to a bad end, or failed.
    Bad,
    /// Somebody has to do something.
    Live,
    /// Of little weight.
    Faint,
    /// Of great weight.
    Bold,
}

impl Style {
    /// As standard output and the environment (`NO_COLOR`, `TERM`) allow.
    pub fn detect() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let wanted =
            std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
        let width = is_terminal.then(|| console::Term::stdout().size_checked()).flatten().map(|(_, columns)| columns);
        Self { colour: is_terminal && wanted, width, zone: local_zone() }
    }

    /// The text in a colour, or as it is.
    pub fn ink(self, ink: Ink, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match ink {
            Ink::Good => "32",
            Ink::Bad => "31",
            Ink::Live => "33",
            Ink::Faint => "2",
            Ink::Bold => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// The mark and the colour of a state of a request or a step.
pub fn mark(state: &str) -> (char, Ink) {
    match state {
        "approved" => ('✓', Ink::Good),
        "rejected" | "expired" => ('✗', Ink::Bad),
        "blocked" => ('!', Ink::Bad),
        "open" | "in_progress" | "pending" => ('●', Ink::Live),
        "returned" => ('↩', Ink::Live),
        _ => ('○', Ink::Faint),
    }
}

/// A state as people say it: `in progress`.
pub fn state(word: &str) -> String {
    plain(word).replace('_', " ")
}

/// The first characters of a hash, enough to tell it from its neighbours.
pub fn short(hash: &str) -> String {
    let hash = plain(hash);
    if hash.chars().count() <= 12 { hash.into_owned() } else { format!("{}…", hash.chars().take(10).collect::<String>()) }
}

/// Standard output, standard error and the keyboard.
#[derive(Debug, Clone, Copy)]
pub struct Screen;

impl Screen {
    /// Prints to standard output, ending with one line break. A reader that has gone away (`| head`) is no failure.
    pub fn print(self, text: &str) -> io::Result<()> {
        write_line(io::stdout().lock(), text)
    }

    /// Says something beside the answer, on standard error.
    pub fn say(self, text: &str) {
        // Nobody is left to tell if standard error is gone.
        let _ = write_line(io::stderr().lock(), text);
    }

    /// Somebody sits at the keyboard and sees the question.
    pub fn can_ask(self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks; anything but `y` or `yes` is a no.
    pub fn confirm(self, question: &str) -> io::Result<bool> {
        let mut error = io::stderr().lock();
        write!(error, "{question} [y/N] ")?;
        error.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(is_yes(&answer))
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

fn write_line(mut to: impl Write, text: &str) -> io::Result<()> {
    let text = text.trim_end_matches('\n');
    if text.is_empty() {
        return Ok(());
    }
    match to.write_all(text.as_bytes()).and_then(|()| to.write_all(b"\n")).and_then(|()| to.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        assert!(["y", "Y\n", " yes \r\n"].iter().all(|answer| is_yes(answer)));
        assert!(["", "\n", "n", "yy", "j", "yes please"].iter().all(|answer| !is_yes(answer)));
    }

    #[test]
    fn colour_is_only_where_it_is_wanted() {
        assert_eq!(Style::default().ink(Ink::Bad, "no"), "no");
        assert_eq!(Style { colour: true, ..Style::default() }.ink(Ink::Bad, "no"), "\u{1b}[31mno\u{1b}[0m");
    }

    #[test]
    fn a_long_hash_is_cut() {
        assert_eq!(short("k3Jx0aQm5tYw9LrB2nVc7dHf4gSp8uEi1oZkXyTqWvA"), "k3Jx0aQm5t…");
        assert_eq!(short("abc"), "abc");
    }

    #[test]
    fn what_is_printed_ends_with_one_line_break() {
        let mut out = Vec::new();
        write_line(&mut out, "a\n\n").unwrap();
        write_line(&mut out, "").unwrap();
        assert_eq!(out, b"a\n");
    }
}
