//! A function's fields say what it may touch; its rights in `template.yaml` say the same, secrets included.
//!
//! Fields are read from the source: a function's parts, and the parts of `App`, `Hints` and `Outbox` that several functions share.

use std::collections::{BTreeMap, BTreeSet};

use super::{between, resource, template};

/// Fields of wiring structs by their types: the kinds of keys that each touches.
const ROOMS: &[(&str, &[&str])] = &[
    ("Requests", &["REQ#", "ENT#", "by_requester", "by_template"]),
    ("Inboxes", &["INB#", "LST#", "OVR#"]),
    ("Sessions", &["SES#"]),
    // A change of the directory files the job that follows it up.
    ("Directory", &["DIR#", "TPL#", "SEC#", "PRF#", "LST#", "JOB#"]),
    ("Jobs", &["JOB#", "due"]),
    ("Deliveries", &["DLV#"]),
    ("Links", &["LINKS_SECRET"]),
    ("Cursors", &["CURSORS_SECRET"]),
    ("Receipts", &["RECEIPTS_SECRET"]),
    ("KeyWalk", &["scan"]),
    ("Pace", &["PAC#"]),
];

/// Parts that several functions share.
const SHARED: &[(&str, &str)] =
    &[("App", "shared/src/app/mod.rs"), ("Hints", "shared/src/outbox/hints.rs"), ("Outbox", "shared/src/outbox/mod.rs")];

/// Functions by their resource: the struct of their parts, and its file. `audit` touches no room: its fence is a test of its own.
const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("Submission", "Submission", "functions/submission/src/lib.rs"),
    ("Decisions", "Decisions", "functions/decisions/src/lib.rs"),
    ("Queries", "Queries", "functions/queries/src/lib.rs"),
    ("Pages", "Parts", "functions/pages/src/site.rs"),
    ("Admin", "Admin", "functions/admin/src/lib.rs"),
    ("Relay", "Outbox", "shared/src/outbox/mod.rs"),
    ("Escalation", "Escalation", "functions/escalation/src/lib.rs"),
    ("Notifications", "Parts", "functions/notifications/src/lib.rs"),
];

/// Functions that count how fast a person's commands come. The others share `App`, and give no person's commands.
const PACED: [&str; 4] = ["Submission", "Decisions", "Pages", "Admin"];

/// Types of a struct's fields.
fn fields(name: &str, file: &str) -> Vec<String> {
    let source = std::fs::read_to_string(crate::tidy::root().join(file)).unwrap();
    let body = between(&source, &format!("pub struct {name} {{\n"), "\n}").unwrap_or_else(|| panic!("no struct {name} in {file}"));
    let lines = body.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    lines.filter_map(|line| Some(line.split_once(": ")?.1.trim_end_matches(',').to_owned())).collect()
}

/// Rooms that a struct's fields reach, through shared parts too.
fn rooms(name: &str, file: &str) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    for field in fields(name, file) {
        if let Some((shared, file)) = SHARED.iter().find(|(shared, _)| *shared == field) {
            found.extend(rooms(shared, file));
        }
        found.extend(ROOMS.iter().map(|(room, _)| *room).find(|room| *room == field));
    }
    found
}

/// Kinds of keys, indexes and scans that a function's statements allow.
fn allowed(own: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let text = own.join("\n");
    for statement in text.split("            - Sid: ").skip(1).filter(|statement| !statement.contains("Effect: Deny")) {
        let keys = between(statement, "dynamodb:LeadingKeys: [", "]").unwrap_or_default();
        for key in keys.split(", ").map(|key| key.trim_matches('"')).filter(|key| !key.is_empty()) {
            found.insert(key.split_inclusive('#').next().unwrap().to_owned());
        }
        found.extend(statement.split("/index/").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
        if statement.contains("dynamodb:Scan") {
            found.insert("scan".to_owned());
        }
    }
    let secrets = [("LINKS_SECRET", "LinksSecret"), ("CURSORS_SECRET", "CursorsSecret"), ("RECEIPTS_SECRET", "ReceiptsSecret")];
    found.extend(secrets.iter().filter(|(_, secret)| may_read(&text, secret)).map(|(variable, _)| (*variable).to_owned()));
    found
}

fn may_read(own: &str, secret: &str) -> bool {
    own.contains(&format!("Action: secretsmanager:GetSecretValue, Resource: !GetAtt {secret}.Id }}"))
}

/// Who decides, or writes what decides, has the secret of tags; nobody else has: relay files hints, and `queries` reads.
#[test]
fn a_secret_is_read_by_those_who_need_it_alone() {
    let template = template();
    for (secret, variable, readers) in [
        ("TagsSecret", "TAGS_SECRET", "Submission Decisions Pages Admin Escalation Notifications Audit"),
        ("LinksSecret", "LINKS_SECRET", "Decisions Pages Admin Notifications"),
        ("CursorsSecret", "CURSORS_SECRET", "Queries Pages Admin"),
        ("ReceiptsSecret", "RECEIPTS_SECRET", "Submission"),
        ("SigningSecret", "SIGNING_SECRET", "Audit"),
    ] {
        let readers: BTreeSet<&str> = readers.split(' ').collect();
        for name in super::functions(&template).values() {
            let own = resource(&template, name).join("\n");
            let reads = readers.contains(name.as_str());
            assert_eq!(may_read(&own, secret), reads, "{name} may read {secret}");
            let told = [format!("{variable}: !GetAtt {secret}.Id"), format!("{variable}: !If [Has{secret}, !GetAtt {secret}.Id, \"\"]")];
            assert_eq!(told.iter().any(|words| own.contains(words)), reads, "{name} is told of {secret}");
        }
        let own = resource(&template, secret).join("\n");
        assert!(own.contains("DeletionPolicy: Retain") && own.contains("GenerateSecretString"), "{secret}: {own}");
    }
    let pages = resource(&template, "Pages").join("\n");
    assert!(pages.contains("OIDC_CLIENT_SECRET: !If [HasClientSecret, !GetAtt ClientSecret.Id, \"\"]") && may_read(&pages, "ClientSecret"));
    assert_eq!(template.matches("!Ref OidcClientSecret").count(), 2, "it stands in its secret and in a condition, in nobody's environment");
    let all = template.matches("secretsmanager:").count();
    assert_eq!(all, 7 + 4 + 3 + 1 + 1 + 1 + 1, "every right to a secret is one of those, and the last one is a denial");
    // M5: with the key a whole other log can be signed. Rights that somebody has on all secrets do not reach it.
    let policy = resource(&template, "SigningSecretPolicy").join("\n");
    for part in [
        "SecretId: !Ref SigningSecret",
        "Effect: Deny",
        "Action: secretsmanager:GetSecretValue",
        "ArnNotEquals: { aws:PrincipalArn: !GetAtt AuditRole.Arn }",
        "ForAllValues:StringNotEquals: { aws:CalledVia: [cloudformation.amazonaws.com] }",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
}

#[test]
fn a_function_may_touch_what_its_fields_name_and_nothing_else() {
    let template = template();
    let kinds: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    let mut findings = Vec::new();
    for (function, name, file) in FUNCTIONS {
        let (mut rooms, allowed) = (rooms(name, file), allowed(&resource(&template, function)));
        if !PACED.contains(function) {
            rooms.remove("Pace");
        }
        assert!(allowed.len() > 2, "{function}: its statements are not read: {allowed:?}");
        let named = |kind: &str| rooms.iter().any(|room| kinds[room].contains(&kind));
        findings.extend(
            allowed.iter().filter(|kind| !named(kind)).map(|kind| format!("{function} may touch {kind}; no field of `{name}` does")),
        );
        let unused = rooms.iter().filter(|room| !kinds[*room].iter().any(|kind| allowed.contains(*kind)));
        findings.extend(unused.map(|room| format!("{function}: `{name}` has {room} and no right to any of its keys")));
    }
    assert_eq!(findings, Vec::<String>::new());
}

/// A function that takes commands of people counts them, by the limit of the stack.
#[test]
fn whoever_takes_commands_counts_them() {
    let template = template();
    for (folder, name) in super::functions(&template) {
        let main = std::fs::read_to_string(crate::tidy::root().join(format!("functions/{folder}/src/main.rs"))).unwrap();
        let paced = PACED.contains(&name.as_str());
        assert_eq!(main.contains(".paced(config.pace(&stores)?)"), paced, "{name}");
        let own = resource(&template, &name).join("\n");
        for said in ["COMMANDS_PER_MINUTE: !Ref CommandsPerMinute", "TENANT_COMMANDS_PER_MINUTE: !Ref TenantCommandsPerMinute"] {
            assert_eq!(own.contains(said), paced, "{name}: {said}");
        }
    }
}

/// M8: DynamoDB deletes by itself what has the attribute of the time to live. Whoever may put a request may not give it one.
#[test]
fn m8_nobody_gives_a_request_an_end() {
    let template = template();
    for (_, name) in super::functions(&template) {
        let own = resource(&template, &name).join("\n");
        let writes = own
            .split("            - Sid: ")
            .skip(1)
            .any(|one| one.contains("dynamodb:PutItem") && one.contains("Allow") && one.contains("\"REQ#*\""));
        let denied = own.split("Sid: NeverLetRequestsExpire").nth(1).unwrap_or_default();
        let fence = "ForAnyValue:StringLike: { dynamodb:LeadingKeys: [\"REQ#*\", \"ENT#*\"] }, ForAnyValue:StringEquals: { dynamodb:Attributes: [ttl] }";
        assert_eq!(denied.contains("Effect: Deny") && denied.contains("dynamodb:PutItem") && denied.contains(fence), writes, "{name}");
    }
}

/// What a function needs it has: only what the stack may leave out is an `Option`.
#[test]
fn no_part_that_is_needed_is_optional() {
    for (function, name, file) in FUNCTIONS {
        let optional: Vec<String> = fields(name, file).into_iter().filter(|field| field.starts_with("Option<")).collect();
        let wanted: &[&str] = if *function == "Notifications" { &["Option<Mail>", "Option<Bus>"] } else { &[] };
        assert_eq!(optional, wanted, "{function}");
    }
    for (name, file) in SHARED.iter().copied().chain([("Config", "shared/src/wiring.rs")]) {
        assert_eq!(fields(name, file).into_iter().find(|field| field.starts_with("Option<")), None, "{name}");
    }
}
