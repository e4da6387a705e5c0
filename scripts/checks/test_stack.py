"""What only AWS would refuse or leave silent, looked for in the template as SAM's transform gives it out.

`python -m unittest` in this folder. Each test names what fails on AWS without it.
"""

import json
import pathlib
import re
import unittest

from transformed import ACCOUNT, ROOT, Stack

# What the environments of deploy/ and a careful company give.
NEEDED = {"Issuer": "https://login.mycompany.com", "Audience": "approvals"}
EVERYTHING = {
    **NEEDED, "TenantClaim": "org", "ThrottleRate": "50", "AllowedOrigins": "https://a.mycompany.com,https://b.mycompany.com",
    "DomainName": "approvals.mycompany.com", "CertificateArn": "arn:aws:acm:eu-west-1:123456789012:certificate/1", "FirstAdmin": "ann",
    "OidcClientId": "pages", "MailFrom": "Approvals <approvals@mycompany.com>", "MailConfigurationSet": "mails", "EventBus": "default",
    "StateMachines": "*", "Installation": "approvals.mycompany.com", "AlarmTopic": "arn:aws:sns:eu-west-1:123456789012:pager",
    "SigningKey": "kms", "TickConcurrency": "2", "TenantCommandsPerMinute": "3000", "MaxWriteUnits": "4000", "NotificationConcurrency": "7", "DetailedMetrics": "true", "Tracing": "Active",
    "PermissionsBoundary": "arn:aws:iam::123456789012:policy/boundary", "KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1",
}


def params(environment):
    """Those of deploy/ENV.params, as scripts/deploy reads them."""
    lines = (ROOT / "deploy" / f"{environment}.params").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name: value for name, value in given.items() if name[0].isupper() and not name.isupper()}


class Case(unittest.TestCase):
    default = Stack("approvals-x", **NEEDED)
    dev = Stack("approvals-dev", **{**params("dev"), **NEEDED})
    prod = Stack("approvals", **{**params("prod"), **NEEDED})
    full = Stack("approvals-x", **EVERYTHING)
    stacks = [default, dev, prod, full]

    def of(self, kind, stack=None):
        return (stack or self.default).of_type(kind).items()

    def functions(self, stack=None):
        return (stack or self.default).of_type("AWS::Lambda::Function")

    def statements(self, role, stack=None):
        """Of a function's role, those that SAM adds included."""
        policies = (stack or self.default).resources[role]["Properties"]["Policies"]
        return [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]


class ANewAccount(Case):
    """The first try, the second stack, and the next try after one that failed."""

    def test_nothing_is_named_so_that_a_second_stack_collides(self):
        """B1: names of schedules, log groups and the like are unique in account and region."""
        fixed = re.compile(r"^(Name|\w+Name)$")
        free = {"FunctionName", "TableName", "StageName", "IndexName", "AttributeName", "DomainName", "GroupName", "MetricName"}
        for stack in self.stacks:
            for key, resource in stack.resources.items():
                for name, value in resource["Properties"].items():
                    if fixed.match(name) and name not in free:
                        self.assertIn(stack.name, value, f"{key}.{name} is the same in each stack")
            for key, schedule in stack.of_type("AWS::Scheduler::Schedule").items():
                self.assertEqual(schedule["Properties"]["GroupName"], "<Schedules>", key)

    def test_the_default_reserves_no_concurrency(self):
        """B2: an account with 10 executions refuses to reserve any."""
        for stack in [self.default, self.dev, self.prod]:
            reserved = [key for key, one in self.functions(stack).items() if "ReservedConcurrentExecutions" in one["Properties"]]
            self.assertEqual(reserved, [])
        self.assertEqual(self.functions(self.full)["Escalation"]["Properties"]["ReservedConcurrentExecutions"], "2")

    def test_no_parameter_is_given_in_two_places(self):
        """B3: parameters on the command line replace those of samconfig.toml, all of them."""
        lines = [line for line in (ROOT / "samconfig.toml").read_text().splitlines() if not line.startswith("#")]
        self.assertNotIn("parameter_overrides", "\n".join(lines))
        self.assertEqual(params("dev")["Deletion"], "allowed")
        self.assertEqual(params("prod")["Deletion"], "protected")

    def test_what_a_failed_creation_made_goes_with_it(self):
        """O7: `Retain` keeps tables, a bucket and a secret of each failed try."""
        for stack in self.stacks:
            kept = {key: one for key, one in stack.resources.items() if "DeletionPolicy" in one}
            signing = {"SigningSecret"} | ({"SigningKmsKey"} if stack.values["SigningKey"] == "kms" else set())
            self.assertGreaterEqual(set(kept), {"Table", "Locks", "Archive", *signing})
            for key, one in kept.items():
                self.assertEqual((one["DeletionPolicy"], one["UpdateReplacePolicy"]), ("RetainExceptOnCreate", "Retain"), key)

    def test_access_logs_need_no_policy_of_their_own(self):
        """O9: elsewhere each API's log takes room in the one resource policy of the account."""
        for stack in self.stacks:
            self.assertEqual(stack.resources["ApiLog"]["Properties"]["LogGroupName"], f"/aws/vendedlogs/{stack.name}/api")

    def test_only_an_archive_that_stays_is_locked(self):
        """O8: a stack that comes and goes leaves a bucket that nobody can empty for ten years."""
        lock = ["ObjectLockEnabled", "ObjectLockConfiguration"]
        denied = lambda stack: [one["Sid"] for one in stack.resources["ArchivePolicy"]["Properties"]["PolicyDocument"]["Statement"]]
        for stack in [self.default, self.prod, self.full]:
            self.assertTrue(all(name in stack.resources["Archive"]["Properties"] for name in lock))
            self.assertIn("NeverDeleted", denied(stack))
        self.assertFalse(any(name in self.dev.resources["Archive"]["Properties"] for name in lock))
        self.assertNotIn("NeverDeleted", denied(self.dev))
        self.assertEqual(len(Stack("x", **NEEDED, Deletion="allowed", ArchiveRetention="COMPLIANCE").refused()), 1)
        self.assertEqual([stack.refused() for stack in self.stacks], [[]] * 4)

    def test_a_boundary_is_on_each_role_and_a_key_on_all_that_is_kept(self):
        """S6: landing zones refuse roles without a boundary. S4: a key of one's own lies on everything or on nothing."""
        for stack, boundary, key in [(self.default, None, None), (self.full, EVERYTHING["PermissionsBoundary"], EVERYTHING["KmsKeyArn"])]:
            for name, role in stack.of_type("AWS::IAM::Role").items():
                self.assertEqual(role["Properties"].get("PermissionsBoundary"), boundary, name)
            for name, log in stack.of_type("AWS::Logs::LogGroup").items():
                self.assertEqual(log["Properties"].get("KmsKeyId"), key, name)
            for name, secret in stack.of_type("AWS::SecretsManager::Secret").items():
                self.assertEqual(secret["Properties"].get("KmsKeyId"), key, name)
            for name, table in stack.of_type("AWS::DynamoDB::Table").items():
                self.assertEqual(table["Properties"]["SSESpecification"].get("KMSMasterKeyId"), key, name)
            for name, bucket in stack.of_type("AWS::S3::Bucket").items():
                (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
                self.assertEqual(rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID"), key, name)
            for name in self.functions(stack):
                used = [one["Resource"] for one in self.statements(f"{name}Role", stack) if one.get("Sid") == "UseKey"]
                self.assertEqual(used, [key] if key else [], name)

    def test_what_costs_without_being_used_can_be_switched_off(self):
        """C7, C8: metrics of each route cost up to 97 dollars a month, a dashboard 3."""
        settings = lambda stack: stack.resources["ApiApiGatewayDefaultStage"]["Properties"]["DefaultRouteSettings"]
        self.assertEqual([settings(stack)["DetailedMetricsEnabled"] for stack in self.stacks], [False, False, False, True])
        self.assertNotIn("Overview", Stack("x", **NEEDED, Dashboard="false").resources)
        self.assertIn("Overview", self.prod.resources)


    def test_a_table_costs_no_more_than_somebody_allows(self):
        """C10: on demand a loop costs without end."""
        cap = lambda stack: stack.resources["Table"]["Properties"].get("OnDemandThroughput")
        self.assertEqual([cap(stack) for stack in self.stacks], [None, None, None, {"MaxWriteRequestUnits": "4000"}])
        self.assertEqual(cap(Stack("x", **NEEDED, MaxReadUnits="9")), {"MaxReadRequestUnits": "9"})


class Failures(Case):
    """What fails is tried again as the template says, and ends where somebody looks."""

    def invoked_later(self, stack):
        """Functions that a schedule or an alarm calls: Lambda takes the call, and answers for it alone."""
        targets = {one["Properties"]["Target"]["Arn"] for _, one in self.of("AWS::Scheduler::Schedule", stack)}
        targets |= {action for _, one in self.of("AWS::CloudWatch::Alarm", stack) for action in one["Properties"].get("AlarmActions", [])}
        return {arn.strip("<>").split(".")[0] for arn in targets} & set(self.functions(stack))

    def test_every_asynchronous_call_says_what_becomes_of_it(self):
        """B5: otherwise Lambda tries twice, keeps throttled calls for six hours, and drops what fails."""
        for stack in self.stacks:
            self.assertEqual(self.invoked_later(stack), {"Escalation", "Audit", "Relay"})
            for name in self.invoked_later(stack):
                config = stack.resources[f"{name}EventInvokeConfig"]["Properties"]
                self.assertEqual(config["DestinationConfig"]["OnFailure"]["Destination"], f"<{name}Failed.Arn>")
                self.assertLessEqual(config["MaximumEventAgeInSeconds"], 3600)
            self.assertEqual(stack.resources["EscalationEventInvokeConfig"]["Properties"]["MaximumRetryAttempts"], 0)

    def test_every_grant_to_send_to_a_queue_has_its_sender(self):
        """B5: `Escalation` could park, and nothing made it."""
        for name, function in self.functions().items():
            said = json.dumps([
                one for one in self.default.resources.values()
                if one["Type"] in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig") and f"<{name}>" in json.dumps(one)
            ]) + json.dumps(function["Properties"].get("Environment", {}))
            for one in self.statements(f"{name}Role"):
                if one["Action"] == "sqs:SendMessage":
                    queue = one["Resource"].strip("<>").split(".")[0]
                    self.assertTrue(f"<{queue}.Arn>" in said or f"<{queue}>" in said, f"{name} may send to {queue}, and never does")

    def test_streams_outlast_an_outage_and_lose_no_name(self):
        """O4: ten tries are over in minutes; at a full day the stream forgets a record before Lambda gives it up."""
        mappings = [one["Properties"] for _, one in self.of("AWS::Lambda::EventSourceMapping") if "StartingPosition" in one["Properties"]]
        self.assertEqual(len(mappings), 2)
        for mapping in mappings:
            self.assertGreaterEqual(mapping["MaximumRetryAttempts"], 100)
            self.assertLess(mapping["MaximumRecordAgeInSeconds"], 86400)

    def test_notices_leave_room_for_calls(self):
        """C11: SQS takes a thousand executions, the account's."""
        for stack, most in [(self.default, "5"), (self.full, "7")]:
            for name in ["NotificationsQueue", "NotificationsSystems"]:
                self.assertEqual(stack.resources[name]["Properties"]["ScalingConfig"]["MaximumConcurrency"], most, name)

    def test_receivers_that_do_not_answer_hold_up_no_mail(self):
        """O2: twenty dead endpoints of one tenant, ten seconds each, took everybody's turns."""
        for function in ["Relay", "Escalation"]:
            variables = self.functions()[function]["Properties"]["Environment"]["Variables"]
            self.assertEqual((variables["NOTICE_QUEUE_URL"], variables["SYSTEM_QUEUE_URL"]), ("<Notices>", "<SystemNotices>"), function)
        read = {one["EventSourceArn"] for one in (each["Properties"] for _, each in self.of("AWS::Lambda::EventSourceMapping")) if "StartingPosition" not in one}
        self.assertEqual(read, {"<Notices.Arn>", "<SystemNotices.Arn>"})
        people, systems = self.default.resources["Notices"], self.default.resources["SystemNotices"]
        self.assertEqual(people, systems, "both queues keep, hide and park alike")

    def test_an_alarm_that_starts_work_starts_it_each_time(self):
        """O3: an alarm acts when its state changes; on messages that lie there it acts once in fourteen days."""
        for key, alarm in self.of("AWS::CloudWatch::Alarm"):
            alarm = alarm["Properties"]
            if any(action.startswith("<") for action in alarm.get("AlarmActions", [])) and alarm.get("Namespace") == "AWS/SQS":
                self.assertEqual(alarm["MetricName"], "NumberOfMessagesSent", key)


class Identity(Case):
    """Who comes in, and who hears."""

    PAGES = {"GET /", "GET /{proxy+}"} | {
        f"POST {form}"
        for form in [
            "/new/{template}", "/requests/{id}/edit", "/requests/{id}/decide", "/requests/{id}/comments", "/requests/{id}/cancel",
            "/requests/{id}/reassign", "/requests/{id}/recall", "/requests/{id}/withdraw-vote", "/delegations", "/delegations/{id}/end", "/preferences", "/preferences/sessions/{handle}/revoke",
            "/login/first", "/logout",
        ]
    }
    OPEN = {"GET /.well-known/jwks.json", "GET /v1/openapi.json", "ANY /v1/{proxy+}", "GET /v1/actions/{token}", "HEAD /v1/actions/{token}", "POST /v1/actions/{token}"} | PAGES

    def routes(self, stack):
        paths = stack.resources["Api"]["Properties"]["Body"]["paths"]
        named = {"x-amazon-apigateway-any-method": "ANY"}
        return {f"{named.get(method, method.upper())} {path}": one for path, methods in paths.items() for method, one in methods.items() if method != "options"}

    def test_the_gateway_asks_for_a_token_and_for_no_scope(self):
        """B9: it looks for scopes in `scope` and `scp` alone; machines of Entra ID bring `roles`. tests/src asks each handler for its scope."""
        for stack in self.stacks:
            for route, one in self.routes(stack).items():
                security = [scopes for each in one.get("security", []) for name, scopes in each.items() if name == "Tokens"]
                self.assertEqual(security, [] if route in self.OPEN else [[]], route)

    def test_scopes_are_read_from_several_claims(self):
        """B9: machines of Entra ID have `roles` and never `scp`."""
        for stack, claims in [(self.default, "scope,scp"), (Stack("x", **NEEDED, ScopeClaim="scp,roles"), "scp,roles")]:
            read = {one["Properties"]["Environment"]["Variables"].get("SCOPE_CLAIM") for one in self.functions(stack).values()}
            self.assertEqual(read, {claims, None})

    def test_whoever_has_no_token_cannot_spend_the_others_limit(self):
        """S1: the open routes share a limit with nobody."""
        for stack in self.stacks:
            stage = stack.resources["ApiApiGatewayDefaultStage"]["Properties"]
            self.assertEqual(set(stage["RouteSettings"]), self.OPEN)
            for route, limit in stage["RouteSettings"].items():
                self.assertIn(route, self.routes(stack))
                self.assertLess(float(limit["ThrottlingRateLimit"]), float(stage["DefaultRouteSettings"]["ThrottlingRateLimit"]))

    def test_pages_of_other_sites_call_only_if_named(self):
        self.assertNotIn("x-amazon-apigateway-cors", self.default.resources["Api"]["Properties"]["Body"])
        cors = self.full.resources["Api"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
        self.assertEqual(cors["allowOrigins"], EVERYTHING["AllowedOrigins"] if isinstance(cors["allowOrigins"], str) else EVERYTHING["AllowedOrigins"].split(","))

    def test_the_first_administrator_is_named(self):
        """B8: a scope alone makes nobody an administrator."""
        admin = lambda stack: self.functions(stack)["Admin"]["Properties"]["Environment"]["Variables"]["FIRST_ADMIN"]
        self.assertEqual([admin(self.default), admin(self.full)], ["", "ann"])

    def test_mail_is_off_until_it_has_an_address(self):
        """B7: an address nobody owns parks every notice."""
        variables = lambda stack: self.functions(stack)["Notifications"]["Properties"]["Environment"]["Variables"]
        mails = lambda stack: [one for one in self.statements("NotificationsRole", stack) if one.get("Sid") == "Mail"]
        self.assertEqual((variables(self.default)["MAIL_FROM"], mails(self.default)), ("", []))
        for nobodys in ["approvals@example.com", "Approvals <approvals@example.com>", "approvals"]:
            with self.assertRaises(AssertionError, msg=nobodys):
                Stack("x", **NEEDED, MailFrom=nobodys)
        for address in ["approvals@mycompany.com", "Approvals <approvals@mycompany.com>"]:
            stack = Stack("x", **NEEDED, MailFrom=address)
            (mail,) = mails(stack)
            self.assertEqual(mail["Condition"], {"StringEqualsIgnoreCase": {"ses:FromAddress": "approvals@mycompany.com"}})
        self.assertEqual(variables(self.full)["MAIL_CONFIGURATION_SET"], "mails")

    def test_mail_may_use_the_configuration_set_of_its_identity(self):
        """B6: SES asks for that right too as soon as the identity has a default set."""
        (mail,) = [one for one in self.statements("NotificationsRole", self.full) if one.get("Sid") == "Mail"]
        self.assertEqual([arn.rpartition(":")[2] for arn in mail["Resource"]], ["identity/*", "configuration-set/*"])

    def test_a_domain_is_what_mails_and_outputs_name(self):
        variables = lambda stack: self.functions(stack)["Notifications"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables(self.full)["PUBLIC_URL"], "https://approvals.mycompany.com")
        self.assertEqual(self.full.outputs["Url"], "https://approvals.mycompany.com")
        self.assertEqual(variables(self.default)["PUBLIC_URL"], self.default.outputs["Url"])
        self.assertEqual(len(Stack("x", **NEEDED, DomainName="a.mycompany.com").refused()), 1)

    def test_what_stands_before_a_domain_is_not_gone_round(self):
        """M7: a firewall before the domain says nothing to whoever calls the API's own address."""
        for stack, closed in [(self.full, True), (self.default, False)]:
            ((_, api),) = self.of("AWS::ApiGatewayV2::Api", stack)
            (server,) = api["Properties"]["Body"]["servers"]
            self.assertEqual(server["x-amazon-apigateway-endpoint-configuration"], {"disableExecuteApiEndpoint": closed})

    def test_a_fence_of_attributes_fences_what_an_update_answers(self):
        """S7: `ReturnValues=ALL_OLD` gives the whole item."""
        for name in self.functions():
            for one in self.statements(f"{name}Role"):
                if one["Effect"] == "Allow" and "dynamodb:UpdateItem" in one["Action"] and "dynamodb:Attributes" in json.dumps(one.get("Condition", {})):
                    answers = one["Condition"]["StringEqualsIfExists"]["dynamodb:ReturnValues"]
                    self.assertEqual(answers, ["NONE", "UPDATED_OLD", "UPDATED_NEW"], name)


class Signing(Case):
    """S5: who signs, and who could copy what it is signed with."""

    secret, both, kms = (Stack("x", **NEEDED, SigningKey=where) for where in ["secret", "both", "kms"])

    def test_the_archive_is_signed_where_the_parameter_says(self):
        self.assertEqual(self.default.values["SigningKey"], "secret")
        for stack, has_secret, has_key in [(self.secret, True, False), (self.both, True, True), (self.kms, False, True)]:
            # The secret stays: without the key that signed before there is no way back.
            self.assertGreaterEqual(set(stack.resources), {"SigningSecret", "SigningSecretPolicy"})
            self.assertEqual("SigningKmsKey" in stack.resources, has_key)
            variables = self.functions(stack)["Audit"]["Properties"]["Environment"]["Variables"]
            self.assertEqual(variables["SIGNING_SECRET"], "<SigningSecret.Id>" if has_secret else "")
            self.assertEqual(variables["SIGNING_KMS_KEY"], "<SigningKmsKey.Arn>" if has_key else "")
            self.assertEqual(("SigningSecret" in stack.outputs, "SigningKmsKey" in stack.outputs), (True, has_key))
            self.assertEqual(any(one.get("Sid") == "Sign" for one in self.statements("AuditRole", stack)), has_secret)

    def test_a_key_in_kms_makes_signatures_that_every_verifier_knows(self):
        key = self.kms.resources["SigningKmsKey"]["Properties"]
        self.assertEqual((key["KeySpec"], key["KeyUsage"]), ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY"))
        self.assertNotIn("EnableKeyRotation", key)

    def test_one_role_may_have_it_sign_and_nobody_may_hand_that_on(self):
        """No policy of a role adds to this: no statement of the key leaves `kms:Sign` to the account's own policies."""
        policy = self.kms.resources["SigningKmsKey"]["Properties"]["KeyPolicy"]["Statement"]
        granted = {}
        for one in policy:
            self.assertEqual(one["Effect"], "Allow")
            for action in one["Action"] if isinstance(one["Action"], list) else [one["Action"]]:
                self.assertNotIn("*", action)
                granted.setdefault(action, set()).add(one["Principal"]["AWS"])
        self.assertEqual(granted["kms:Sign"], {"<AuditRole.Arn>"})
        (sign,) = [one for one in policy if one["Action"] == "kms:Sign"]
        self.assertEqual(sign["Condition"], {"StringEquals": {"kms:SigningAlgorithm": "ED25519_SHA_512"}})
        self.assertNotIn("kms:CreateGrant", granted)
        # KMS refuses a key that nobody could look after.
        root = f"arn:aws:iam::{ACCOUNT}:root"
        for action in ["kms:PutKeyPolicy", "kms:DescribeKey", "kms:ScheduleKeyDeletion"]:
            self.assertEqual(granted[action], {root}, action)
        for name in self.functions(self.kms):
            for one in self.statements(f"{name}Role", self.kms):
                self.assertNotIn("kms:", json.dumps(one["Action"]), f"{name} has a right to KMS of its own")

    def test_roles_do_not_wait_for_the_key_that_names_them(self):
        """The key names the role; a role that named the key would be a circle, which CloudFormation refuses."""
        self.assertNotIn("SigningKmsKey", json.dumps(self.kms.resources["AuditRole"]))


class Alarms(Case):
    """Each asks for something that is there, and stops when it is over."""

    # AWS's own metrics with the dimensions that they have, as AWS documents them. Other combinations exist for nobody, and say nothing.
    METRICS = {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): [{"QueueName"}],
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"): [{"QueueName"}],
        ("AWS/SQS", "NumberOfMessagesSent"): [{"QueueName"}],
        ("AWS/Lambda", "Errors"): [{"FunctionName"}, {"FunctionName", "Resource"}],
        ("AWS/Lambda", "Invocations"): [{"FunctionName"}, {"FunctionName", "Resource"}],
        ("AWS/Lambda", "Duration"): [{"FunctionName"}, {"FunctionName", "Resource"}],
        ("AWS/Lambda", "IteratorAge"): [{"FunctionName"}, {"FunctionName", "Resource"}],
        ("AWS/ApiGateway", "4xx"): [{"ApiId"}, {"ApiId", "Stage"}],
        ("AWS/ApiGateway", "5xx"): [{"ApiId"}, {"ApiId", "Stage"}],
        ("AWS/ApiGateway", "Count"): [{"ApiId"}, {"ApiId", "Stage"}],
        ("AWS/ApiGateway", "Latency"): [{"ApiId"}, {"ApiId", "Stage"}],
        ("AWS/DynamoDB", "ConsumedReadCapacityUnits"): [{"TableName"}, {"TableName", "GlobalSecondaryIndexName"}],
        ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"): [{"TableName"}, {"TableName", "GlobalSecondaryIndexName"}],
        ("AWS/DynamoDB", "ReadThrottleEvents"): [{"TableName"}, {"TableName", "GlobalSecondaryIndexName"}],
        ("AWS/DynamoDB", "WriteThrottleEvents"): [{"TableName"}, {"TableName", "GlobalSecondaryIndexName"}],
        ("AWS/DynamoDB", "ThrottledRequests"): [{"TableName", "Operation"}],
    }
    # Written only while it happens.
    SPARSE = {"ReadThrottleEvents", "WriteThrottleEvents", "ThrottledRequests"}

    def asked(self, stack):
        """Of each alarm: the alarm, and each metric that it reads."""
        for key, alarm in self.of("AWS::CloudWatch::Alarm", stack):
            alarm = alarm["Properties"]
            metrics = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one] or [alarm]
            yield key, alarm, metrics

    def test_every_metric_has_the_dimensions_that_aws_writes(self):
        """B4: a metric asked for by the wrong dimensions is no error, and has no data."""
        for stack in self.stacks:
            for key, _, metrics in self.asked(stack):
                for one in metrics:
                    dimensions = {each["Name"] for each in one["Dimensions"]}
                    if one["Namespace"].startswith("AWS/"):
                        self.assertIn(dimensions, self.METRICS[(one["Namespace"], one["MetricName"])], key)
                    else:
                        # Two stacks that shared a namespace would ring for each other.
                        self.assertEqual((one["Namespace"], len(dimensions)), (f"Approvals/{stack.name}", 1), key)
            for one in self.board(stack):
                if one[0].startswith("AWS/"):
                    self.assertIn(set(one[2::2]), self.METRICS[(one[0], one[1])])
                else:
                    self.assertEqual(one[0], f"Approvals/{stack.name}")
            for name, function in self.functions(stack).items():
                self.assertEqual(function["Properties"]["Environment"]["Variables"]["METRICS_NAMESPACE"], f"Approvals/{stack.name}", name)

    def board(self, stack):
        """The dashboard's metrics, written out."""
        for widget in json.loads(stack.resources["Overview"]["Properties"]["DashboardBody"])["widgets"]:
            before = []
            for metric in widget["properties"]["metrics"]:
                words = [one for one in metric if isinstance(one, str)]
                if words:
                    before = [before[at] if word == "." else word for at, word in enumerate(words)]
                    yield before
                else:
                    self.assertIn(f'"Approvals/{stack.name}"', metric[0]["expression"])

    def test_an_alarm_on_dynamodb_fills_its_gaps(self):
        """B4: such an alarm keeps its state where there is no data: once in ALARM it would stay."""
        for key, alarm, metrics in self.asked(self.default):
            if any(one["Namespace"] == "AWS/DynamoDB" for one in metrics):
                (expression,) = [one["Expression"] for one in alarm["Metrics"] if "Expression" in one]
                named = {one["Id"]: one["MetricStat"]["Metric"]["MetricName"] for one in alarm["Metrics"] if "MetricStat" in one}
                self.assertEqual(set(re.findall(r"FILL\((\w+), 0\)", expression)), set(named), key)
                self.assertTrue(set(named.values()) - self.SPARSE, f"{key} has nothing that is always there")

    def test_throttles_of_each_index_are_heard(self):
        """B4: an index that refuses has the table refuse, under the index's name."""
        indexes = {one["IndexName"] for one in self.default.resources["Table"]["Properties"]["GlobalSecondaryIndexes"]}
        heard = {}
        for one in self.default.resources["TableThrottled"]["Properties"]["Metrics"]:
            if one.get("MetricStat", {}).get("Metric", {}).get("MetricName") in self.SPARSE:
                dimensions = {each["Name"]: each["Value"] for each in one["MetricStat"]["Metric"]["Dimensions"]}
                heard.setdefault(dimensions.get("GlobalSecondaryIndexName"), set()).add(one["MetricStat"]["Metric"]["MetricName"])
        self.assertEqual(heard, {name: {"ReadThrottleEvents", "WriteThrottleEvents"} for name in [None, *indexes]})

    def test_an_alarm_takes_ten_metrics(self):
        for key, alarm, _ in self.asked(self.default):
            self.assertLessEqual(len(alarm.get("Metrics", [])), 10, key)
            self.assertEqual(sum(one.get("ReturnData", True) for one in alarm.get("Metrics", [{}])), 1, key)

    def test_failures_that_come_in_threes_are_counted_over_their_pauses(self):
        """O1: an hour's signing fails at minutes 0, 6 and 13; three in a row never come."""
        alarm = self.default.resources["ArchiveFailing"]["Properties"]
        self.assertGreaterEqual(alarm["EvaluationPeriods"] * alarm["Period"], 15 * 60)
        self.assertLessEqual(alarm["DatapointsToAlarm"], 3)

    def test_what_one_error_says_has_a_number_of_its_own(self):
        """O1, O2: a log passed over, an hour without signatures, a mapping that is off and a mail that SES refuses are one error or none."""
        asked = {(one["MetricName"], one["Dimensions"][0]["Value"]): key for key, _, metrics in self.asked(self.default) for one in metrics}
        for name, function in [("Refreshes", "audit"), ("LogsNotReconciled", "audit"), ("MailsRefused", "notifications"), ("MailsFailed", "notifications"), ("LeavesAppended", "audit")]:
            self.assertIn((name, function), asked)
        self.assertEqual(self.default.resources["ArchiveUnsigned"]["Properties"]["TreatMissingData"], "breaching")

    def test_one_delivery_that_fails_is_no_alarm(self):
        """O2: it stays on the queue for a quarter of an hour, and six minutes more."""
        alarm = self.default.resources["NoticesBehind"]["Properties"]
        visibility = self.default.resources["Notices"]["Properties"]["VisibilityTimeout"]
        self.assertGreater(alarm["Threshold"], 900 + visibility)

    def test_people_are_told_by_every_alarm_that_only_they_can_mend(self):
        for key, alarm, _ in self.asked(self.full):
            people = EVERYTHING["AlarmTopic"] in alarm["AlarmActions"]
            self.assertNotEqual(people, key.endswith("Parking"), key)


class Money(Case):
    """docs/cost.md says what a stack costs that nobody asks."""

    def test_what_is_counted_there_is_what_the_template_makes(self):
        page = (ROOT / "docs/cost.md").read_text()
        alarms = [one["Properties"] for _, one in self.of("AWS::CloudWatch::Alarm")]
        metrics = sum(sum("MetricStat" in each for each in one.get("Metrics", [])) or 1 for one in alarms)
        queues = sum("StartingPosition" not in one["Properties"] for _, one in self.of("AWS::Lambda::EventSourceMapping"))
        secrets = len(self.default.of_type("AWS::SecretsManager::Secret"))
        words = {2: "two", 5: "five"}
        lines = [
            f"| {len(alarms)} alarms over {metrics} metrics, 0.10 each | {metrics / 10:.2f} |",
            f"| pollers of the {words[queues]} queues | {0.26 * queues:.2f} |",
            f"| {words[secrets]} secrets: the signing key, tags, links, cursors, receipts | {0.40 * secrets:.2f} |",
        ]
        for line in lines:
            self.assertIn(line, page)
        table = page.split("## What a stack costs when nobody asks")[1].split("**together**")[0]
        sums = sum(float(one) for one in re.findall(r"\| (\d+\.\d\d) \|", table))
        self.assertIn(f"| **together** | **{sums:.2f}** |", page)


class Help(Case):
    """What somebody needs at three in the morning."""

    def test_everything_of_the_runbook_is_an_output(self):
        """O5: names are made by CloudFormation; a logical id calls nothing."""
        kinds = ["AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::Logs::LogGroup", "AWS::SecretsManager::Secret", "AWS::DynamoDB::Table",
                 "AWS::S3::Bucket", "AWS::Scheduler::ScheduleGroup", "AWS::KMS::Key"]
        for kind in kinds:
            for stack in [self.default, self.full]:
                for key in stack.of_type(kind):
                    self.assertIn(f"<{key}>", stack.outputs.values(), f"{key} has no output")

    def test_documented_commands_use_outputs_that_are_there(self):
        """O5: `$(out X)` is how the documents name what a stack made."""
        for name in ["docs/runbook.md", "docs/deploy.md"]:
            text = (ROOT / name).read_text()
            for output in re.findall(r"\$\(out (\w+)\)", text):
                self.assertTrue(output in self.full.outputs or output in self.default.outputs, f"{name}: {output}")
            for words in re.findall(r"--(?:function-name|queue-url|log-group-name|secret-id|table-name|bucket) (\S+)", text):
                self.assertTrue(words.strip('`"').startswith("$(out"), f"{name}: {words} is no name on AWS")

    def test_calls_can_be_followed_into_functions(self):
        """O6: the access log knows the call's id in the function's log, and why it failed."""
        stage = self.default.resources["ApiApiGatewayDefaultStage"]["Properties"]
        fields = json.loads(stage["AccessLogSettings"]["Format"])
        for field in ["$context.integration.requestId", "$context.integration.error", "$context.authorizer.error", "$context.error.message"]:
            self.assertIn(field, fields.values())
        logs = {f"<{key}>" for key in self.default.of_type("AWS::Logs::LogGroup")}
        queries = [one["Properties"] for _, one in self.of("AWS::Logs::QueryDefinition")]
        self.assertEqual({name for one in queries for name in one["LogGroupNames"]}, logs)


if __name__ == "__main__":
    unittest.main()
