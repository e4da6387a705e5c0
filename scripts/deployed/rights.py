"""What each role may do against what its function did: nothing it was not granted, and nothing granted that it never does."""

import fnmatch
import hashlib
import json
import re

# Granted, and not seen in the week: why it is granted all the same. `function sid action`, then perhaps a prefix of partition keys.
LATE = "of a delivery that has failed for fifteen minutes"
LAMBDA = "by Lambda itself: where it leaves what it could not hand over"
GONE = "when a receiver says that it is gone (410)"
LISTS = "of a reconciliation, or a list, that this week has not"
RENAMED = "of somebody who is called otherwise from now on"
PACE = "of a person who sends more than 29 commands in a minute; this stack counts none"
UNSEEN = {
    "Audit Park sqs:SendMessage": LAMBDA,
    "Escalation Park sqs:SendMessage": LAMBDA,
    "Escalation Write DLV#*": LATE,
    "Notifications Park sqs:SendMessage": "of a delivery that failed for good, or for three days",
    "Relay Park sqs:SendMessage": LAMBDA,
    "Notifications SwitchEndpointsOff DIR#*#E": GONE,
    "Notifications SwitchEndpointsOff DIR#*#H#endpoint/*": GONE,
    "Notifications SwitchEndpointsOff dynamodb:PutItem": GONE,
    "Admin Read LST#*": LISTS,
    "Admin RemoveRows LST#*": RENAMED,
    "Admin RemoveRows dynamodb:DeleteItem": RENAMED,
    "Escalation FileHints LST#*": LISTS,
    "Queries Read OVR#*": LISTS,
    "Decisions Read SES#*": "of a link that somebody opens who is logged in: scripts/pages-test does",
    **{f"{name} Write PAC#*": PACE for name in ("Submission", "Decisions", "Admin", "Pages")},
    "Pages Cursors secretsmanager:GetSecretValue": "of a list of more than a page",
    "Pages Read ENT#*": "of an entity with a request before",
    **{f"Pages Write {grant}": "of the first administrator, who becomes it on a page" for grant in ("LST#*", "dynamodb:ConditionCheckItem")},
    "Notifications Mail ses:SendEmail": "documented as the right of SES's call; what AWS asks for a mail in its final form is SendRawEmail",
}
# Conditions that are judged here; another one would need another judge.
JUDGED = {
    ("ForAllValues:StringLike", "dynamodb:LeadingKeys"),
    ("ForAnyValue:StringLike", "dynamodb:LeadingKeys"),
    ("ForAllValues:StringEquals", "dynamodb:Attributes"),
    ("ForAnyValue:StringEquals", "dynamodb:Attributes"),
    ("StringEquals", "dynamodb:Select"),
    ("StringEqualsIfExists", "dynamodb:ReturnValues"),
    ("StringEqualsIgnoreCase", "ses:FromAddress"),
}
# A policy of the harness's own, for the emulator alone: see `Stack.fit`.
EMULATOR = "emulator"


def check(stack):
    """Fails with every difference. The emulator has judged actions and resources as it went along; here partition keys count too."""
    roles = {name: statements(stack, name) for name in stack.functions()}
    names = {access_key(stack, name): name for name in roles}
    used, faults = set(), list(stack.recorder.unknown)
    for call in stack.recorder.calls:
        name = names.get(call.access_key)
        if name is None:
            faults.append(f"{call.action} with credentials of nobody's")
            continue
        denied = [one["Sid"] for one in roles[name] if one["Effect"] == "Deny" and covers(one, call)]
        allowed = [one for one in roles[name] if one["Effect"] == "Allow" and covers(one, call)]
        if denied or not allowed:
            faults.append(f"{name} does {call.action} on {call.resource} {' '.join(call.leading)}: {denied or 'not granted'}")
        for one in allowed:
            fences = [fence for fence in leading(one) if any(like(key, fence) for key in call.leading)]
            used.add((name, one["Sid"], call.action, ""))
            used.update((name, one["Sid"], "", fence) for fence in fences)
    reasons = dict(UNSEEN)
    for grant in sorted(granted(roles) - used):
        words = " ".join(word for word in grant if word)
        if reasons.pop(words, None) is None:
            faults.append(f"granted and never done: {words}")
    faults.extend(f"rights.py gives a reason for what is done, or not granted: {words}" for words in reasons)
    if faults:
        raise SystemExit("rights and deeds differ:\n  " + "\n  ".join(sorted(set(faults))))
    return len(stack.recorder.calls), len(granted(roles))


def granted(roles):
    """Each action of each statement, and each kind of key it is fenced by."""
    for_all = set()
    for name, own in roles.items():
        for one in own:
            if one["Effect"] == "Allow":
                for_all.update((name, one["Sid"], action, "") for action in listed(one["Action"]))
                for_all.update((name, one["Sid"], "", fence) for fence in leading(one))
    return for_all


def statements(stack, name):
    """The statements of a function's own policies, which have names; what SAM adds for logs, streams, queues and failures is AWS's."""
    role = stack.resources[f"{name}Role"]
    iam, found = stack.client("iam"), []
    for policy in set(iam.list_role_policies(RoleName=role)["PolicyNames"]) - {EMULATOR}:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        found.extend(one for one in document["Statement"] if "Sid" in one)
    return found


def access_key(stack, name):
    """The emulator makes a role's credentials from the ARNs of function and role."""
    function = stack.client("lambda").get_function(FunctionName=stack.resources[name])["Configuration"]
    digest = hashlib.sha256(f"{function['FunctionArn']}:{function['Role']}".encode()).hexdigest()
    return f"ASIA{digest[:16].upper()}"


def listed(value):
    return value if isinstance(value, list) else [value]


def like(text, pattern):
    """As StringLike: `*` and `?`, and nothing else is special."""
    return re.fullmatch(".*".join(re.escape(part).replace(r"\?", ".") for part in pattern.split("*")), text, re.DOTALL) is not None


def leading(statement):
    """Its fences of partition keys."""
    fences = []
    for operator, conditions in statement.get("Condition", {}).items():
        for key, values in conditions.items():
            assert (operator, key) in JUDGED, statement
            fences.extend(listed(values) if key == "dynamodb:LeadingKeys" else [])
    return fences


def covers(statement, call):
    if not any(fnmatch.fnmatchcase(call.action, action) for action in listed(statement["Action"])):
        return False
    # `arn:aws:dynamodb:us-east-1:000000000000:table/NAME` and `arn:aws:s3:::bucket/key`: what follows the fifth colon.
    if not any(like(call.resource.rpartition(":")[2], arn.split(":", 5)[5].rpartition(":")[2]) for arn in listed(statement["Resource"])):
        return False
    for operator, conditions in statement.get("Condition", {}).items():
        quantify = all if operator.startswith("ForAllValues") else any
        fold = str.lower if operator.endswith("IgnoreCase") else str
        for name, fences in conditions.items():
            given = {
                "dynamodb:LeadingKeys": call.leading, "dynamodb:Attributes": call.attributes, "dynamodb:Select": (call.select,),
                "dynamodb:ReturnValues": (call.answers,), "ses:FromAddress": (call.sender,),
            }[name]
            if operator.endswith("IfExists") and given == ("",):
                continue
            if not quantify(any(like(fold(one), fold(fence)) for fence in listed(fences)) for one in given):
                return False
    return True
