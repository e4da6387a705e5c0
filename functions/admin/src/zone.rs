//! Time zones by their IANA names.

/// Whether the tz database has the name, letter by letter.
pub(crate) fn is_known(name: &str) -> bool {
    name.parse::<chrono_tz::Tz>().is_ok()
}
