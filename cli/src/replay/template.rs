//! The little that a replay must know of the template it plays: its key and its steps. The service judges the rest.

use saphyr::{LoadableYamlNode, Yaml};

/// The template used when none is named.
pub const BUILT_IN: &str = include_str!("../../../examples/expense_declaration.yaml");

/// A template file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub key: String,
    /// Id and name of each step, in order, parallel ones too.
    pub steps: Vec<(String, String)>,
    /// The file as it is, sent to the service.
    pub text: String,
}

/// Why a template file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("line {line}: {what}")]
    Yaml { line: usize, what: String },
    #[error("the template has no `{0}`")]
    Lacks(&'static str),
    #[error("the mapping speaks of the step `{0}`, which the template `{1}` does not have")]
    LacksStep(String, String),
}

impl Template {
    /// Reads key and steps.
    ///
    /// # Errors
    /// [`Error::Yaml`] with the line, [`Error::Lacks`] without a key or steps.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let documents =
            Yaml::load_from_str(text).map_err(|error| Error::Yaml { line: error.marker().line(), what: error.info().to_owned() })?;
        let root = documents.first().ok_or(Error::Lacks("key"))?;
        let text_at = |node: &Yaml<'_>, key| node.as_mapping_get(key).and_then(Yaml::as_str).map(str::to_owned);
        let key = text_at(root, "key").ok_or(Error::Lacks("key"))?;
        let groups = root.as_mapping_get("steps").and_then(Yaml::as_sequence).ok_or(Error::Lacks("steps"))?;
        let mut steps = Vec::new();
        for group in groups {
            for step in group.as_sequence().map_or(std::slice::from_ref(group), Vec::as_slice) {
                let id = text_at(step, "id").ok_or(Error::Lacks("id of a step"))?;
                let name = text_at(step, "name").unwrap_or_else(|| id.clone());
                steps.push((id, name));
            }
        }
        Ok(Self { key, steps, text: text.to_owned() })
    }

    /// The name of a step for people, or its id.
    #[must_use]
    pub fn name_of<'t>(&'t self, step: &'t str) -> &'t str {
        self.steps.iter().find(|(id, _)| id == step).map_or(step, |(_, name)| name)
    }

    /// Checks that each of `steps` is one of the template's.
    ///
    /// # Errors
    /// [`Error::LacksStep`] for the first that is not.
    pub fn holds<'s>(&self, mut steps: impl Iterator<Item = &'s str>) -> Result<(), Error> {
        match steps.find(|step| self.steps.iter().all(|(id, _)| id != step)) {
            None => Ok(()),
            Some(step) => Err(Error::LacksStep(step.to_owned(), self.key.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_flat_and_in_order() {
        let template = Template::parse("key: t\nsteps: [{ id: a, name: First }, [{ id: b }, { id: c }]]").unwrap();
        let ids: Vec<_> = template.steps.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!((template.key.as_str(), ids), ("t", vec!["a", "b", "c"]));
        assert_eq!((template.name_of("a"), template.name_of("b")), ("First", "b"));
        assert!(template.holds(["a", "c"].into_iter()).is_ok());
        let error = template.holds(["a", "z"].into_iter()).unwrap_err().to_string();
        assert_eq!(error, "the mapping speaks of the step `z`, which the template `t` does not have");
    }

    #[test]
    fn the_built_in_template_holds_the_steps_of_the_built_in_mapping() {
        let mapping = crate::replay::mapping::Mapping::parse(crate::replay::mapping::BUILT_IN).unwrap();
        let template = Template::parse(BUILT_IN).unwrap();
        template.holds(mapping.steps.iter().map(|pool| pool.role.as_str())).unwrap();
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(Template::parse("steps: []").unwrap_err().to_string(), "the template has no `key`");
        assert_eq!(Template::parse("key: t").unwrap_err().to_string(), "the template has no `steps`");
        assert!(Template::parse("key: [").unwrap_err().to_string().starts_with("line "));
    }
}
