//! Data folders that somebody damaged, cleaned up or put together of two: each is refused at the start, with what is wrong, where, and what
//! would be right; and nothing in it is written over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use approvals::runtime::clock::Clock;
use approvals::secrets::source::{File, Fixed};
use approvals::secrets::{Keys, Ring, Tags, secret_of};
use approvals::store::table::schema::APPROVALS;
use approvals::store::{Stores, Table};
use approvals::wiring::connected;
use tempfile::TempDir;

use super::{Insider, refused};

/// A folder with a history, its service gone.
async fn filled() -> TempDir {
    let insider = Insider::new().await;
    insider.submitted().await;
    insider.api.drain().await;
    left(insider).await
}

/// The folder of a service that is gone.
pub(super) async fn left(insider: Insider) -> TempDir {
    let Insider { api, port, folder } = insider;
    drop((api, port));
    // SQLite takes its log away when the engine's last task lets go.
    while folder.path().join("approvals.sqlite-wal").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&file, &target).unwrap();
    }
}

/// What may not be written over. The database's own files change whenever it is opened.
fn kept(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = files(folder).into_iter().filter(|file| !file.file_name().unwrap().to_str().unwrap().starts_with("approvals."));
    all.map(|file| (file.clone(), std::fs::read(&file).unwrap())).collect()
}

/// What is done to a folder.
type Damage = Box<dyn Fn(&Path)>;

fn write(name: &'static str, bytes: impl AsRef<[u8]> + 'static) -> Damage {
    Box::new(move |folder| std::fs::write(folder.join(name), &bytes).unwrap())
}

/// Takes away files and folders whose path begins so.
fn gone(beginning: &'static str) -> Damage {
    Box::new(move |folder| {
        let all = files(folder).into_iter().filter(|file| file.strip_prefix(folder).unwrap().to_str().unwrap().starts_with(beginning));
        all.for_each(|file| std::fs::remove_file(file).unwrap());
    })
}

/// Another letter in the secret, and nothing else.
fn misspelt(folder: &Path) {
    let file = folder.join("tags.secret");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, after) = text.split_once("\"secret\":\"").unwrap();
    let (first, rest) = after.split_at(1);
    let other = if first == "A" { "B" } else { "A" };
    std::fs::write(&file, format!("{before}\"secret\":\"{other}{rest}")).unwrap();
}

#[tokio::test]
async fn m13_a_damaged_data_folder_is_refused_with_what_is_wrong_where_and_what_would_be_right() {
    let folder = filled().await;
    let foreign = Keys::first(secret_of([7, 9])).text();
    let put_back = "Put the file back from a copy";
    let of_another = "is not the secret that this folder was written with";
    let rows: Vec<(&str, Damage, [&str; 3])> = vec![
        ("no versions", write("tags.secret", "{}"), ["tags.secret", "is no secret: line 1", put_back]),
        ("empty", write("tags.secret", ""), ["tags.secret", "is no secret: line 1", put_back]),
        ("foreign bytes", write("tags.secret", [0xff, 0x00, 0x80]), ["tags.secret", "is no secret: it is not text", put_back]),
        ("one character", Box::new(misspelt), ["tags.secret", of_another, "Put the folder's own file back"]),
        ("another folder's", write("tags.secret", foreign), ["tags.secret", of_another, "Put the folder's own file back"]),
        ("gone", gone("tags.secret"), ["its secrets are lost", "nothing in it can be told", "Start with another --data folder"]),
        ("links", write("links.secret", "{}"), ["links.secret", "is no secret", "or delete it to have a new one"]),
        ("cursors", write("cursors.secret", "[]"), ["cursors.secret", "is no secret", "or delete it to have a new one"]),
        ("receipts", write("receipts.secret", "x"), ["receipts.secret", "is no secret", "or delete it to have a new one"]),
        ("tokens", write("token.key", "short"), ["token.key", "is no key of tokens", "or delete it"]),
        ("clock", write("clock.json", "noon"), ["clock.json", "is no clock", "or delete it"]),
        ("signing", write("archive.key", [1; 31]), ["archive.key", "it has 31 bytes", put_back]),
        ("no signing key", gone("archive.key"), ["archive.key", "there are logs signed with it", put_back]),
        ("another's signing key", write("archive.key", [1; 32]), ["archive", "the published checkpoint", "Put the folder back"]),
        ("database gone", gone("approvals.sqlite"), ["archive", "the database is gone", "Put approvals.sqlite back"]),
        ("database empty", write("approvals.sqlite", ""), ["archive", "the database knows of 0", "Put approvals.sqlite back"]),
        ("archive gone", gone("archive/"), ["archive", "lacks what was signed for `default`", "Put the folder back"]),
        ("checkpoint gone", gone("archive/default/checkpoint"), ["archive", "and it has 0", "Put the folder back"]),
        ("a tile gone", gone("archive/default/tile/entries"), ["archive", "is gone", "Put the folder back"]),
    ];
    for (name, damage, words) in rows {
        let copied = TempDir::new().unwrap();
        copy(folder.path(), copied.path());
        damage(copied.path());
        let before = kept(copied.path());
        let said = refused(copied.path()).await;
        for word in words {
            assert!(said.contains(word), "{name}: `{word}` not in: {said}");
        }
        assert_eq!(kept(copied.path()), before, "{name}: something was written");
    }
}

/// An older copy of the database beside the archive of today: what it would write, the archive would contradict.
#[tokio::test]
async fn m13_an_older_database_beside_a_newer_archive_is_refused() {
    let folder = filled().await;
    let older = TempDir::new().unwrap();
    copy(folder.path(), older.path());
    let api = crate::stage::api::Api::at_time(folder.path(), None).await;
    api.people("zoe").await;
    api.drain().await;
    drop(api);
    while folder.path().join("approvals.sqlite-wal").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    std::fs::copy(older.path().join("approvals.sqlite"), folder.path().join("approvals.sqlite")).unwrap();
    let said = refused(folder.path()).await;
    assert!(said.contains("goes further") && said.contains("Put approvals.sqlite back"), "{said}");
    // Of one time, they are whole.
    crate::stage::api::Api::at_time(older.path(), None).await;
}

/// On AWS the same: a function whose secret of tags is none does not start, and says which. One that cannot be read now may be readable soon.
#[tokio::test]
async fn m13_a_function_whose_secret_of_tags_is_none_does_not_start() {
    let folder = TempDir::new().unwrap();
    let engine = cli::engine::Engine::start(folder.path()).unwrap();
    engine.create_table(&APPROVALS, APPROVALS.name).await.unwrap();
    let starts = async |ring: Ring| {
        let table = Table::new(engine.clients().dynamodb, APPROVALS.name).with_tags(Tags::new(ring));
        connected(Stores::new(table)).await.map(drop).map_err(|error| error.to_string())
    };
    let clock = Clock::system;
    for text in ["", "{}", "[]", "\u{feff}{}", "{\"current\": 1, \"keys\": {\"1\": {\"secret\": \"short\"}}}"] {
        let refused = starts(Ring::new(Tags::NAME, Fixed(text.to_owned()), clock())).await.unwrap_err();
        assert!(refused.contains("the secret `tags` is not in its form"), "{text}: {refused}");
    }
    assert_eq!(starts(Ring::new(Tags::NAME, File(folder.path().join("nowhere")), clock())).await, Ok(()));
    assert_eq!(starts(Ring::new(Tags::NAME, Fixed(Keys::first(secret_of([7, 9])).text()), clock())).await, Ok(()));
}

/// What a start says of a folder is no riddle for scripts either.
#[test]
fn m13_a_data_folder_that_cannot_be_used_has_the_exit_code_of_a_file_that_cannot() {
    let unsound = cli::dev::Error::Unauthenticated("folder".into());
    assert_eq!(unsound.exit(), 2);
    assert_eq!(cli::dev::Error::Clock("noon".to_owned()).exit(), 2);
    assert_eq!(cli::dev::Error::Mail("no".to_owned()).exit(), 1);
}
