//! `template.yaml` and the code say the same: routes, keys and indexes, variables, functions, stream mappings.
//!
//! It is read line by line: routes stand on a line each, and CloudFormation's short forms (`!Ref`) are no plain YAML.

pub(crate) mod metrics;
mod patience;
mod providers;
mod rights;

use std::collections::{BTreeMap, BTreeSet};

use approvals::store::keys;
use approvals::store::table::schema::{APPROVALS, LOCKS};
use base64::Engine;
use serde_json::Value;

fn template() -> String {
    std::fs::read_to_string(crate::tidy::root().join("template.yaml")).unwrap()
}

/// The lines of a resource.
fn resource<'t>(template: &'t str, name: &str) -> Vec<&'t str> {
    let head = format!("  {name}:");
    let lines = template.lines().skip_while(|line| *line != head).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with("   ") || line.starts_with("  #")).collect()
}

/// Functions by their folder, with the name of the resource.
fn functions(template: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut name = "";
    for line in template.lines() {
        if let Some(resource) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')).and_then(|line| line.strip_suffix(':')) {
            name = resource;
        }
        if let Some((_, binary)) = line.split_once("BuildProperties: { Binary: ") {
            found.insert(binary.trim_end_matches([' ', '}']).to_owned(), name.to_owned());
        }
    }
    found
}

fn between<'l>(line: &'l str, from: &str, to: &str) -> Option<&'l str> {
    Some(line.split_once(from)?.1.split_once(to)?.0)
}

/// Scopes are asked for by the functions (`contracts::every_operation`), and by the gateway nowhere: it does not know every issuer's claim.
#[test]
fn every_route_is_served_by_its_function_and_needs_a_token_unless_its_handler_needs_none() {
    let template = template();
    let routers = [
        ("Submission", submission::openapi()),
        ("Decisions", decisions::openapi()),
        ("Queries", queries::openapi()),
        ("Admin", admin::openapi()),
    ];
    assert!(!template.contains("AuthorizationScopes: ["));
    for (name, api) in routers {
        let api: Value = serde_json::from_str(&api.to_json().unwrap()).unwrap();
        let mut wanted = BTreeSet::new();
        for (path, operations) in api["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let scopes = operation["security"].as_array().into_iter().flatten().filter_map(|one| one["bearer"].as_array());
                let is_open = scopes.flatten().next().is_none();
                wanted.insert((method.to_uppercase(), path.clone(), is_open));
            }
        }
        let routed = |line: &&str| -> Option<(String, String, bool)> {
            Some((between(line, "Method: ", ",")?.to_owned(), between(line, "Path: '", "'")?.to_owned(), line.contains("Authorizer: NONE")))
        };
        let lines = resource(&template, name);
        let served = lines.iter().filter(|line| line.contains("Type: HttpApi") && !line.contains("{proxy+}"));
        let found: BTreeSet<_> = served.filter_map(routed).collect();
        assert_eq!(found, wanted, "routes of {name}");
    }
}

/// What is at no address is said by whoever speaks that language: the API in problems, pages in words. Neither needs a token, both are
/// throttled as what is open.
#[test]
fn what_is_nowhere_is_answered_by_the_api_and_by_pages() {
    let template = template();
    let api = resource(&template, "Api").join("\n");
    for (name, route) in [("Queries", "ANY /v1/{proxy+}"), ("Pages", "GET /{proxy+}")] {
        let (method, path) = route.split_once(' ').unwrap();
        let own = resource(&template, name).join("\n");
        assert!(own.contains(&format!("Method: {method}, Path: '{path}', Auth: {{ Authorizer: NONE }}")), "{name}");
        assert!(api.contains(&format!("\n        {route}: {{ ThrottlingRateLimit: !Ref OpenThrottleRate")), "{route}");
    }
    assert_eq!(template.matches("{proxy+}'").count(), 2);
}

#[test]
fn the_table_is_the_code_s() {
    let lines = resource(&template(), "Table").join("\n");
    let named = |what: &str| -> Vec<String> {
        lines
            .lines()
            .filter_map(|line| between(line, what, ",").or_else(|| line.split_once(what).map(|(_, rest)| rest.trim())))
            .map(str::to_owned)
            .collect()
    };
    let attributes: Vec<String> = lines
        .lines()
        .filter(|line| line.contains("AttributeType: S"))
        .filter_map(|line| between(line, "AttributeName: ", ","))
        .map(str::to_owned)
        .collect();
    assert_eq!(attributes, APPROVALS.key_attributes());
    let keys = |key: &approvals::store::table::schema::Key| {
        format!("KeySchema: [{{ AttributeName: {}, KeyType: HASH }}, {{ AttributeName: {}, KeyType: RANGE }}]", key.partition, key.sort)
    };
    assert!(lines.contains(&keys(&APPROVALS.key)));
    assert_eq!(named("IndexName: "), APPROVALS.indexes.iter().map(|index| index.name.to_owned()).collect::<Vec<_>>());
    for index in APPROVALS.indexes {
        assert!(lines.contains(&format!(
            "IndexName: {}\n          {}\n          Projection: {{ ProjectionType: KEYS_ONLY }}",
            index.name,
            keys(&index.key)
        )));
    }
    assert!(lines.contains(&format!("TimeToLiveSpecification: {{ AttributeName: {}, Enabled: true }}", APPROVALS.expires_at)));
    assert!(lines.contains("StreamViewType: NEW_AND_OLD_IMAGES"));
    let locks = resource(&template(), "Locks").join("\n");
    assert!(locks.contains(&keys(&LOCKS.key)) && !locks.contains("StreamSpecification"));
    assert_eq!(locks.matches("AttributeType: S").count(), LOCKS.key_attributes().len());
}

#[test]
fn every_function_is_in_the_template_with_the_variables_it_reads() {
    let (template, root) = (template(), crate::tidy::root());
    let folders = std::fs::read_dir(root.join("functions")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let functions = functions(&template);
    assert_eq!(functions.keys().cloned().collect::<BTreeSet<_>>(), folders.collect::<BTreeSet<_>>());
    let config = std::fs::read_to_string(root.join("shared/src/wiring.rs")).unwrap();
    let read = config.split("required(\"").skip(1).chain(config.split("optional(\"").skip(1)).filter_map(|rest| rest.split('"').next());
    // Lambda sets its own; an endpoint is for emulators.
    let ours: BTreeSet<&str> = read.filter(|name| !name.starts_with("AWS_")).collect();
    assert!(ours.contains("TABLE_NAME") && ours.contains("NOTICE_QUEUE_URL") && ours.contains("SUBJECT_CLAIM"), "{ours:?}");
    let global = template.split("\nResources:").next().unwrap();
    for (folder, name) in &functions {
        let own = resource(&template, name).join("\n");
        // Only who answers HTTP reads claims.
        // Who sends notices, and who delivers them.
        let told = |variable: &str| match variable {
            "SYSTEM_QUEUE_URL" => ["relay", "escalation"].contains(&folder.as_str()),
            "NOTICE_QUEUE_URL" => ["relay", "escalation", "notifications"].contains(&folder.as_str()),
            "PUBLIC_URL" => ["notifications", "pages"].contains(&folder.as_str()),
            "COMMANDS_PER_MINUTE" | "TENANT_COMMANDS_PER_MINUTE" => {
                ["submission", "decisions", "pages", "admin"].contains(&folder.as_str())
            }
            "FIRST_ADMIN" => ["admin", "pages"].contains(&folder.as_str()),
            "ISSUER" | "OIDC_CLIENT_ID" | "OIDC_CLIENT_SECRET" | "LOGIN_SUBJECT_CLAIM" | "LOGIN_TENANT_CLAIM" => folder == "pages",
            "NOTICE_DLQ_URL" | "MAIL_FROM" | "MAIL_CONFIGURATION_SET" | "EVENT_BUS" => folder == "notifications",
            "LOCK_TABLE_NAME" | "ARCHIVE_BUCKET" | "STAGING_BUCKET" | "SIGNING_SECRET" | "SIGNING_KMS_KEY" | "INSTALLATION" => {
                folder == "audit"
            }
            _ => true,
        };
        for variable in
            ours.iter().filter(|variable| told(variable)).filter(|variable| !variable.ends_with("_CLAIM") || own.contains("HttpApi"))
        {
            assert!(own.contains(&format!(" {variable}: ")) || global.contains(&format!(" {variable}: ")), "{folder} reads {variable}");
        }
    }
}

/// Partial answers, bisecting, a bound and a place for what fails for good; and only what the consumer looks at.
#[test]
fn every_stream_mapping_can_fail_in_part_and_loses_nothing() {
    let template = template();
    for (name, prefixes) in [("Relay", &[keys::REQUESTS][..]), ("Audit", archive::PREFIXES)] {
        let own = resource(&template, name).join("\n");
        let wanted: Vec<String> = prefixes.iter().map(|prefix| format!("{{\"prefix\":\"{prefix}\"}}")).collect();
        for part in [
            "FunctionResponseTypes: [ReportBatchItemFailures]",
            "BisectBatchOnFunctionError: true",
            "MaximumRetryAttempts: ",
            "MaximumRecordAgeInSeconds: ",
            &format!("OnFailure: {{ Destination: !GetAtt {name}Failed.Arn }}"),
            &format!("[{}]", wanted.join(",")),
        ] {
            assert!(own.contains(part), "{name}: {part}");
        }
    }
    assert_eq!(
        template.matches("Type: DynamoDB\n").count() + template.matches("Type: SQS\n").count(),
        template.matches("FunctionResponseTypes: [ReportBatchItemFailures]").count()
    );
}

/// The archive's bucket keeps every version, locked, and denies deletion to everybody; only `audit` reads the key.
#[test]
fn the_archive_can_only_grow() {
    let template = template();
    let bucket = resource(&template, "Archive").join("\n");
    for part in [
        "DeletionPolicy: Retain",
        "VersioningConfiguration: { Status: Enabled }",
        "ObjectLockEnabled: !If [Protected, true",
        "DefaultRetention: ",
    ] {
        assert!(bucket.contains(part), "{part}");
    }
    let policy = resource(&template, "ArchivePolicy").join("\n");
    for part in
        ["s3:DeleteObject, s3:DeleteObjectVersion, s3:BypassGovernanceRetention", "aws:SecureTransport: false", "!GetAtt AuditRole.Arn"]
    {
        assert!(policy.contains(part), "{part}");
    }
    for name in functions(&template).values() {
        let own = resource(&template, name).join("\n");
        assert_eq!(own.contains("!GetAtt SigningSecret.Id"), name == "Audit", "{name} and the key");
        assert_eq!(own.contains("SigningKmsKey"), name == "Audit", "{name} and the key in KMS");
        assert!(!own.contains("\n            - { Sid: Keep") || name == "Audit", "{name} and the archive");
    }
}

/// What could not be handled for good stands in a queue, and each such queue has its alarm.
#[test]
fn every_place_for_what_failed_has_its_alarm() {
    let template = template();
    let lines: Vec<&str> = template.lines().collect();
    let queues = lines.windows(2).filter(|pair| pair[1].trim() == "Type: AWS::SQS::Queue").map(|pair| pair[0].trim().trim_end_matches(':'));
    let failed: Vec<&str> = queues.filter(|name| name.ends_with("Failed") || name.ends_with("Parked")).collect();
    assert!(failed.contains(&"AuditFailed") && failed.contains(&"RelayFailed"), "{failed:?}");
    for queue in failed {
        let dimension = format!("Dimensions: [{{ Name: QueueName, Value: !GetAtt {queue}.QueueName }}]");
        assert!(template.contains(&dimension), "{queue} fills and nobody is told");
    }
}

/// The archive's alarms on what may be missing start the reconciliation, which may read commits and nothing else, and write nothing there.
#[test]
fn what_the_archive_may_lack_is_looked_for_at_once() {
    let template = template();
    for (name, times) in [("ArchiveParking", 1), ("ArchiveBehind", 2)] {
        let alarm = resource(&template, name).join("\n");
        assert_eq!(alarm.matches("!GetAtt Audit.Arn").count(), times, "{name}, with a topic and without");
        let permission = resource(&template, &format!("{name}Reconciles")).join("\n");
        for part in ["lambda.alarms.cloudwatch.amazonaws.com", "!Ref Audit,", &format!("SourceArn: !GetAtt {name}.Arn")] {
            assert!(permission.contains(part), "{name}: {part}");
        }
    }
    let audit = resource(&template, "Audit").join("\n");
    let attributes = between(&audit, "dynamodb:Attributes: [", "]").unwrap().split(", ").collect::<Vec<_>>();
    assert_eq!(attributes, archive::reconcile::ATTRIBUTES);
    assert!(audit.contains("dynamodb:Select: SPECIFIC_ATTRIBUTES"));
    let of_the_table: Vec<&str> =
        audit.split("            - ").filter(|statement| statement.contains("Resource: !GetAtt Table.Arn")).collect();
    let actions: Vec<&str> = of_the_table.iter().filter_map(|statement| between(statement, "Action: [", "]")).collect();
    let denied = "dynamodb:DeleteItem, dynamodb:BatchWriteItem, dynamodb:PartiQLDelete";
    assert_eq!(actions, ["dynamodb:Scan", denied], "the second is denied");
}

/// Secrets of endpoints are read by who signs and who rotates, and by nobody else; of the directory `notifications` writes endpoints alone.
#[test]
fn the_secrets_of_endpoints_are_kept_apart() {
    let template = template();
    for name in functions(&template).values() {
        let own = resource(&template, name).join("\n");
        assert_eq!(own.contains("SEC#*"), ["Admin", "Notifications"].contains(&name.as_str()), "{name}");
        assert_eq!(own.contains("DLV#*\""), ["Escalation", "Notifications"].contains(&name.as_str()), "{name} and deliveries to people");
    }
    let own = resource(&template, "Notifications").join("\n");
    let statement = |sid: &str| own.split("Sid: ").find(|part| part.starts_with(sid)).unwrap_or_default().to_owned();
    assert!(!statement("Write").contains("DIR#"));
    let keys = r##"dynamodb:LeadingKeys: ["DIR#*#E", "DIR#*#H#endpoint/*"]"##;
    assert!(statement("SwitchEndpointsOff").contains("[dynamodb:PutItem]") && statement("SwitchEndpointsOff").contains(keys));
    let denied = statement("NothingElseOfTheDirectory");
    // A person called E has a partition that the pattern above would take as well.
    assert!(denied.contains("Effect: Deny") && denied.contains("ForAnyValue:StringLike") && denied.contains("DIR#*#U#*"), "{denied}");
}

/// How requests end is told by `notifications` alone: to a bus if one is named, and to tasks, which it may wake and not fail.
#[test]
fn outcomes_go_where_the_stack_says() {
    let template = template();
    for name in functions(&template).values() {
        let own = resource(&template, name).join("\n");
        let is_it = name == "Notifications";
        assert_eq!(own.contains("- !If [HasEventBus, { Sid: TellTheBus, Effect: Allow, Action: events:PutEvents"), is_it, "{name}");
        assert_eq!(
            own.contains("- !If [HasStateMachines, { Sid: WakeTasks, Effect: Allow, Action: states:SendTaskSuccess, Resource: !Sub"),
            is_it,
            "{name}"
        );
        assert!(!own.contains("states:SendTaskFailure") && own.matches("events:PutEvents").count() <= 1, "{name}");
    }
}

/// Each alarm has its entry, with a first look and a command.
#[test]
fn every_alarm_is_in_the_runbook() {
    let template = template();
    let runbook = std::fs::read_to_string(crate::tidy::root().join("docs/runbook.md")).unwrap();
    let lines: Vec<&str> = template.lines().collect();
    let alarms =
        lines.windows(2).filter(|pair| pair[1].trim() == "Type: AWS::CloudWatch::Alarm").map(|pair| pair[0].trim().trim_end_matches(':'));
    let entries: BTreeSet<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(alarms.collect::<BTreeSet<_>>(), entries);
    for entry in runbook.split("\n## ").skip(1) {
        let name = entry.lines().next().unwrap();
        assert!(entry.contains("First look: "), "{name} has no first look");
        let code = entry.split('`').skip(1).step_by(2);
        assert!(code.into_iter().any(|code| code.starts_with("aws ") || code.starts_with("approvals ")), "{name} has no command");
    }
}

/// Whoever may walk through the whole table sees keys and nothing else, but for the archive's function, whose fence is held above; and the
/// alarms about lost records have relay reconcile.
#[test]
fn the_one_walk_is_fenced_and_the_alarms_start_it() {
    let template = template();
    for name in functions(&template).values() {
        let own = resource(&template, name);
        let scans: Vec<usize> = (0..own.len()).filter(|at| own[*at].contains("dynamodb:Scan")).collect();
        assert_eq!(scans.len(), usize::from(["Relay", "Escalation", "Audit"].contains(&name.as_str())), "{name}");
        for at in scans.into_iter().filter(|_| name != "Audit") {
            let fence =
                "ForAllValues:StringEquals: { dynamodb:Attributes: [PK, SK] }, StringEquals: { dynamodb:Select: SPECIFIC_ATTRIBUTES }";
            assert!(own[at].trim() == "Action: [dynamodb:Scan]" && own[at + 2].contains(fence), "{name}: {}", own[at + 2]);
        }
        // A batch is a right of its own: without it no hint is filed.
        assert_eq!(
            own.windows(2).any(|pair| pair[0].contains("Effect: Allow") && pair[1].contains("dynamodb:BatchWriteItem")),
            ["Relay", "Escalation"].contains(&name.as_str()),
            "{name}"
        );
    }
    let both = "AlarmActions: !If [HasAlarmTopic, [!GetAtt Relay.Arn, !Ref AlarmTopic], [!GetAtt Relay.Arn]]";
    for (alarm, actions) in [("RelayParking", "AlarmActions: [!GetAtt Relay.Arn]"), ("RelayBehind", both)] {
        assert!(resource(&template, alarm).join("\n").contains(actions), "{alarm}");
    }
    let permission = resource(&template, "RelayAlarms").join("\n");
    for part in
        ["FunctionName: !GetAtt Relay.Arn", "Principal: lambda.alarms.cloudwatch.amazonaws.com", "SourceAccount: !Ref AWS::AccountId"]
    {
        assert!(permission.contains(part), "{part}");
    }
    for output in ["RelayFunction", "NoticeQueueUrl", "ParkedQueueUrl", "TableName"] {
        assert!(template.split("\nOutputs:").nth(1).unwrap().contains(&format!("\n  {output}:")), "{output}");
    }
}

/// Nobody deletes a request, and no policy says `*`.
#[test]
fn rights_are_narrow() {
    let template = template();
    for name in functions(&template).values() {
        let own = resource(&template, name).join("\n");
        assert!(own.contains("Sid: NeverDeleteRequests\n              Effect: Deny"), "{name}");
        assert!(!own.contains("Resource: \"*\"") && !own.contains(":*]") && !own.contains("Action: \"*\""), "{name}");
    }
}

/// Functions believe exactly the roots of Amazon's that Mozilla's list has: one that is gone from there, or new, is seen here.
#[test]
fn functions_trust_amazon_s_roots_and_no_others() {
    let whole =
        |part: &str| base64::engine::general_purpose::STANDARD.decode(part.split("-----END").next().unwrap().replace('\n', "")).unwrap();
    let ours: Vec<Vec<u8>> = approvals::runtime::trust::AMAZON_ROOTS.split("-----BEGIN CERTIFICATE-----\n").skip(1).map(whole).collect();
    let within = |part: &[u8], whole: &[u8]| whole.windows(part.len()).any(|window| window == part);
    let amazon = |subject: &[u8]| within(b"Amazon", subject) || within(b"Starfield Services", subject);
    let listed: Vec<_> = webpki_roots::TLS_SERVER_ROOTS.iter().filter(|root| amazon(&root.subject)).collect();
    assert_eq!(listed.len(), ours.len());
    for root in listed {
        let same = |der: &&Vec<u8>| within(&root.subject, der) && within(&root.subject_public_key_info, der);
        assert_eq!(ours.iter().filter(same).count(), 1, "{:?}", String::from_utf8_lossy(&root.subject));
    }
}
