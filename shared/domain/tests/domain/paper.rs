//! Documents that the tests write, so that they cannot drift from the code.

use std::path::PathBuf;

/// Holds `docs/NAME` equal to what the code says now; `UPDATE=1 cargo test -p approvals-domain` writes it anew.
pub(crate) fn keep(name: &str, content: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == content, "docs/{name} has drifted: run `UPDATE=1 cargo test -p approvals-domain` and read the difference");
}
