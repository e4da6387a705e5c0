//! What Cargo is told: the domain's few dependencies, one source of crates, no dependency a package does not inherit.

use super::{files, none, root};

/// All the domain may lean on. None of these has a clock, a thread or a socket with the features it is given.
const DOMAIN: &[&str] = &["base64", "chrono", "icu_normalizer", "serde", "serde_json", "serde_json_canonicalizer", "sha2", "thiserror"];

/// The names under `[dependencies]`, and what stands after each.
fn dependencies(manifest: &str) -> Vec<(String, String)> {
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default().split("\n[").next().unwrap_or_default();
    let lines = section.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        line.split_once('=').map(|(name, value)| (name.trim().trim_end_matches(".workspace").to_owned(), value.trim().to_owned()))
    };
    lines.filter_map(entry).collect()
}

#[test]
fn the_domain_depends_on_data_only() {
    let manifest = std::fs::read_to_string(root().join("shared/domain/Cargo.toml")).unwrap();
    let found = dependencies(&manifest);
    assert!(!found.is_empty(), "no dependencies read");
    let foreign = found.iter().filter(|(name, _)| !DOMAIN.contains(&name.as_str()));
    let mut findings: Vec<_> =
        foreign.map(|(name, _)| format!("approvals-domain depends on {name}: it is pure, the shell brings the world")).collect();
    let featured = found.iter().filter(|(_, value)| value.contains("features"));
    findings.extend(featured.map(|(name, _)| format!("approvals-domain adds features to {name}: see [workspace.dependencies]")));
    none(findings);
}

#[test]
fn the_clock_is_a_feature_of_the_shell_only() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let chrono = manifest.lines().find(|line| line.starts_with("chrono =")).unwrap();
    assert!(
        chrono.contains("default-features = false") && !chrono.contains("clock"),
        "{chrono}: chrono gives no clock unless a package asks"
    );
}

#[test]
fn versions_stand_in_the_workspace_manifest_only() {
    let members = files("Cargo.toml").into_iter().filter(|file| file.path != "Cargo.toml");
    let mut findings = Vec::new();
    for file in members {
        let own = dependencies(&file.text).into_iter().filter(|(_, value)| value != "true" && !value.contains("workspace = true"));
        findings.extend(own.map(|(name, _)| format!("{}: {name} is not inherited from [workspace.dependencies]", file.path)));
        if !file.text.contains("[lints]\nworkspace = true") {
            findings.push(format!("{}: does not inherit the lints", file.path));
        }
    }
    none(findings);
}

#[test]
fn crates_come_from_one_registry() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let sources = lock.lines().filter_map(|line| line.strip_prefix("source = "));
    let foreign = sources.filter(|source| *source != "\"registry+https://github.com/rust-lang/crates.io-index\"");
    none(foreign.map(|source| format!("Cargo.lock: {source}")).collect());
}
