//! What is wrong with a body, all of it at once, each fault with its place.

use approvals::web::problem::Problem;
use approvals::wire::api::UNSEEN;
use approvals::wire::fault::Fault;
use approvals_domain::payload::is_blank;

/// Faults as they are found.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault.
    pub(crate) fn add(&mut self, pointer: impl Into<String>, code: &str, detail: impl Into<String>) {
        self.0.push(Fault::new(pointer, code, detail));
    }

    /// Notes a text that is empty, too long, or has control characters.
    pub(crate) fn line(&mut self, pointer: &str, text: &str, chars_max: usize) {
        let length = text.chars().count();
        if text.is_empty() || length > chars_max {
            self.add(pointer, "length", format!("1 to {chars_max} characters are allowed, not {length}"));
        } else if is_blank(text) {
            self.add(pointer, "length", UNSEEN);
        } else if text.chars().any(char::is_control) {
            self.add(pointer, "control_character", "one line without control characters is wanted");
        }
    }

    /// 400 if there is any.
    pub(crate) fn done(self) -> Result<(), Problem> {
        match self.0.first() {
            None => Ok(()),
            Some(first) => Err(Problem::new(400, "invalid_body", format!("{}: {}", first.pointer, first.detail)).at(self.0)),
        }
    }

    #[cfg(test)]
    pub(crate) fn codes(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|fault| (fault.pointer.as_str(), fault.code.as_str())).collect()
    }
}
