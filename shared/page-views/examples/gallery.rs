//! Writes each page with made-up content into a folder, to be looked at in a browser: `cargo run -p page-views --example gallery -- DIR`.

use std::path::Path;

use page_views::parts::{Choice, Due, Fact, File, Moment, Tag, Tone, Trouble, Value};
use page_views::{Frame, Reader, Tab, form, lists, login, request, settings, write};

fn frame(title: &str, tab: Tab) -> Frame {
    let reader = Reader { name: "Bob Martin".into(), csrf: "nonce.mac".into(), waiting: "3".into(), idle_minutes: 30 };
    Frame { title: title.into(), tab, reader: Some(reader), installation: "Approvals at example.com".into(), ..Frame::default() }
}

fn moment(words: &str) -> Moment {
    Moment { iso: "2026-01-05T09:00:00Z".into(), words: words.into() }
}

fn due(far: &str, words: &str, late: bool) -> Due {
    Due { at: moment(words), far: far.into(), late }
}

fn task(title: &str, amount: &str, far: &str, late: bool) -> lists::Task {
    lists::Task {
        href: "/requests/x".into(),
        title: title.into(),
        kind: "Purchase order".into(),
        entity: "order PO-2026-17".into(),
        amount: amount.into(),
        requester: "Alice Lee".into(),
        step: "Manager approval".into(),
        why: "you are Alice Lee’s manager".into(),
        due: due(far, "Tue 6 Jan, 10:00", late),
        fields: vec![("Supplier".into(), "Müller & Söhne GmbH".into())],
        revision: 2,
    }
}

fn row(title: &str, status: Tag) -> lists::Row {
    lists::Row {
        href: "/requests/x".into(),
        title: title.into(),
        kind: "Purchase order".into(),
        entity: "order PO-2026-17".into(),
        amount: "EUR 12,500.00".into(),
        requester: "Alice Lee".into(),
        status,
        words: "waits for Bob Martin".into(),
        at: moment("Mon 5 Jan, 10:00"),
    }
}

fn happened(what: &str, words: &str) -> request::Happened {
    request::Happened { at: moment("Mon 5 Jan, 10:00"), what: what.into(), words: words.into(), ..Default::default() }
}

fn request_page() -> request::Page {
    let facts = vec![
        Fact::text("Title", "Twelve chairs for the new meeting rooms on the second floor"),
        Fact::text("Amount", "EUR 12,500.00"),
        Fact::text("Supplier", "Müller & Söhne GmbH"),
        Fact { label: "Security owner".into(), value: Value::Person("Ivan Petrov".into(), "ivan".into()) },
        Fact { label: "Needed by".into(), value: Value::Moment(moment("Friday 30 January 2026")) },
        Fact { label: "Capital expenditure".into(), value: Value::Nothing },
        Fact { label: "cost centres".into(), value: Value::List(vec!["4711".into(), "4712".into()]) },
        Fact { label: "הערה".into(), value: Value::Text("שלום עולם".into()) },
    ];
    let file = Value::File(File {
        name: "offer.pdf".into(),
        href: "https://files.example.com/offer.pdf".into(),
        host: "files.example.com".into(),
        size: "182 kB".into(),
        kind: "application/pdf".into(),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
    });
    let step = |name: &str, tag: Tag, mark: &str, lines: &[&str]| request::Step {
        name: name.into(),
        state: tag,
        mark: mark.into(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        ..Default::default()
    };
    let open = request::Step {
        due: Some(due("in 6 hours", "Tue 6 Jan, 10:00", false)),
        next: "Carol Jansen is asked too from Tue 6 Jan, 10:00.".into(),
        ..step("Manager approval", Tag::new("open", Tone::Now), "1", &["waits for Bob Martin"])
    };
    let change = request::Change { label: "Supplier".into(), old: "Acme".into(), new: "Müller & Söhne GmbH".into() };
    request::Page {
        frame: frame("Twelve chairs", Tab::None),
        id: "x1".into(),
        title: "Twelve chairs for the new meeting rooms".into(),
        kind: "Purchase order".into(),
        status: Tag::new("in progress", Tone::Now),
        requester: "Alice Lee".into(),
        amount: "EUR 12,500.00".into(),
        due: Some(due("in 6 hours", "Tue 6 Jan, 10:00", false)),
        entity: "order PO-2026-17".into(),
        revision: 2,
        decide: vec![request::Decide {
            step: "manager".into(),
            step_name: "Manager approval".into(),
            why: "you are Alice Lee’s manager".into(),
            payload_hash: "hash".into(),
            ..Default::default()
        }],
        news: vec![request::Happened {
            changes: vec![change],
            ..happened("Alice Lee changed it and submitted it again", "Now with the offer.")
        }],
        facts,
        files: vec![file],
        steps: vec![
            open,
            step("Director", Tag::new("later", Tone::Plain), "2", &[]),
            step("Finance review", Tag::new("later", Tone::Plain), "3", &["2 of finance"]),
        ],
        story: vec![happened("Bob Martin sent it back", "Which supplier?"), happened("Alice Lee asked for it", "")],
        history: vec![request::Commit {
            version: 1,
            at: moment("Mon 5 Jan, 10:00"),
            by: "Alice Lee".into(),
            what: "submitted".into(),
            hash: "kS3xP…".into(),
        }],
        explain: vec![request::Why { who: "Bob Martin".into(), words: "may answer: Alice Lee’s manager".into() }],
        receipt: vec![("Request".into(), "x1".into())],
        comment: Some(request::Words::default()),
        cancel: Some(request::Words::default()),
        reassign: vec![request::Reassign { step: "manager".into(), step_name: "Manager approval".into(), ..Default::default() }],
        people: vec![("carol".into(), "Carol Jansen".into())],
        ..Default::default()
    }
}

fn new_form() -> form::Form {
    let field = |name: &str, label: &str, input, hint: &str, required| form::Field {
        name: format!("field.{name}"),
        label: label.into(),
        hint: hint.into(),
        input,
        required,
        value: String::new(),
    };
    let currencies = vec![Choice::new("", "choose", ""), Choice::new("EUR", "EUR", ""), Choice::new("USD", "USD", "")];
    let yes_no = vec![Choice::new("", "not given", ""), Choice::new("true", "yes", ""), Choice::new("false", "no", "")];
    form::Form {
        frame: frame("Purchase order", Tab::New),
        kind: "Purchase order".into(),
        action: "/new/purchase_order".into(),
        edits: None,
        why_back: None,
        title: "Chairs".into(),
        entity_type: "order".into(),
        entity_id: "PO-17".into(),
        fields: vec![
            field("amount", "Amount", form::Input::Number, "at least 0, such as 1250.50", true),
            field("currency", "Currency", form::Input::Choice(currencies), "", true),
            field("capex", "Capital expenditure", form::Input::YesNo(yes_no), "", false),
            field("supplier", "Supplier", form::Input::Text, "", false),
            field("owner", "Security owner", form::Input::Person, "name or id", false),
            field("by", "Needed by", form::Input::Date, "", false),
            field("notes", "Cost centres", form::Input::List, "one a line", false),
        ],
        comment: String::new(),
        people: vec![("ivan".into(), "Ivan Petrov".into())],
        preview: Some(form::Preview {
            ok: true,
            sum: "EUR 12,500.00".into(),
            steps: vec![form::Planned { name: "Manager approval".into(), who: "Bob Martin".into(), ..Default::default() }],
            ..Default::default()
        }),
        trouble: Some(Trouble {
            heading: "Nothing was submitted yet".into(),
            items: vec![("field.amount".into(), "Amount: a number such as 1250.50, without a comma".into())],
            way: None,
        }),
        files: Vec::new(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let kinds = vec![Choice::new("", "all kinds", ""), Choice::new("purchase_order", "Purchase order", "")];
    let tasks = vec![
        task("Twelve chairs for the new meeting rooms", "EUR 12,500.00", "3 hours late", true),
        task("Train to Utrecht", "EUR 48.50", "in 6 hours", false),
        task("שלום: access to the ledger", "", "in 2 days", false),
    ];
    let inbox = lists::Inbox {
        frame: frame("Waiting for me", Tab::Inbox),
        count: "3".into(),
        tasks,
        templates: kinds.clone(),
        filtered: false,
        next: Some("/?cursor=x".into()),
        returned: vec![("Printer".into(), "/requests/y".into())],
    };
    let empty =
        lists::Inbox { tasks: Vec::new(), returned: Vec::new(), next: None, count: String::new(), templates: Vec::new(), ..inbox.clone() };
    let statuses = vec![Choice::new("", "anywhere", ""), Choice::new("approved", "approved", "")];
    let mine = lists::List {
        frame: frame("What I asked for", Tab::Mine),
        which: lists::Which::Mine,
        rows: vec![
            row("Chairs", Tag::new("in progress", Tone::Now)),
            row("Lease", Tag::new("approved", Tone::Good)),
            row("Server", Tag::new("rejected", Tone::Bad)),
        ],
        statuses,
        templates: kinds,
        filtered: false,
        next: None,
    };
    let confirm = request::Confirm {
        frame: frame("Reject this?", Tab::None),
        id: "x1".into(),
        title: "Twelve chairs".into(),
        requester: "Alice Lee".into(),
        amount: "EUR 12,500.00".into(),
        consequence: "The request ends, and Alice Lee is told.".into(),
        step: "manager".into(),
        ..Default::default()
    };
    let delegation = settings::Delegation {
        id: "d".into(),
        person: "Carol Jansen".into(),
        when: "5 to 9 January 2026".into(),
        scope: "all requests".into(),
        reason: "holiday".into(),
        tag: Tag::new("now", Tone::Now),
        can_end: true,
    };
    let delegations = settings::Delegations {
        frame: frame("Stand-ins", Tab::Delegations),
        given: vec![delegation.clone()],
        received: vec![delegation],
        form: settings::DelegationForm::default(),
        people: vec![("carol".into(), "Carol Jansen".into())],
        zone: "Europe/Amsterdam".into(),
        trouble: None,
    };
    let preferences = settings::Preferences {
        frame: frame("Preferences", Tab::Preferences),
        about: vec![("Name".into(), "Bob Martin".into()), ("Id".into(), "bob".into())],
        channels: vec![("email".into(), "When my answer is wanted".into(), true)],
        themes: vec![Choice::new("system", "as the device", "system"), Choice::new("light", "light", ""), Choice::new("dark", "dark", "")],
        time_zone: String::new(),
        default_zone: "UTC".into(),
        sessions: vec![settings::Session { handle: "h".into(), since: moment("Mon 5 Jan"), used: moment("today"), here: true }],
        trouble: None,
        saved: true,
    };
    let person = |id: &str, name: &str, words: &str| login::Person { id: id.into(), name: name.into(), words: words.into() };
    let login = login::Login {
        frame: Frame { title: "Log in".into(), ..Frame::default() },
        next: "/".into(),
        login: String::new(),
        people: vec![person("alice", "Alice Lee", "reports to Bob Martin"), person("bob", "Bob Martin", "supervisor, editor")],
        first: false,
        left: true,
        end_session: String::new(),
        trouble: None,
    };
    let said = login::Said {
        frame: frame("That page is not here", Tab::None),
        heading: "That page is not here".into(),
        lines: vec!["Nothing is at this address, or nothing that you may see.".into()],
        ways: vec![("/".into(), "See what waits for you".into())],
        kept: vec![("Comment".into(), "my words".into())],
        again: None,
    };
    let pages = [
        ("inbox", write(&inbox)?),
        ("empty", write(&empty)?),
        ("mine", write(&mine)?),
        ("request", write(&request_page())?),
        ("confirm", write(&confirm)?),
        ("form", write(&new_form())?),
        ("delegations", write(&delegations)?),
        ("preferences", write(&preferences)?),
        ("login", write(&login)?),
        ("said", write(&said)?),
    ];
    for (name, html) in pages {
        std::fs::write(folder.join(format!("{name}.html")), html)?;
    }
    Ok(())
}
