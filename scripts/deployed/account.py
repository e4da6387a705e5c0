"""A stack in an account of AWS, tried over HTTP: whoever has one needs its name, credentials, and a token of each of four people.

    scripts/deployed-test --stack approvals-dev --region eu-west-1 --tokens tokens.json

`tokens.json` is `{"admin": JWT, "requester": JWT, "manager": JWT, "finance": JWT}`, four people of the identity provider; the first is the stack's `FirstAdmin` or
a member of `approval_admin`, and has the scopes `admin`, `decide` and `read`, the second `submit` and `read`, the others `decide` and `read`. It writes these people, a role, a template and a few requests.
"""

import base64
import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request
import uuid

import boto3

import runbook

ROLES = ["admin", "requester", "manager", "finance"]


def emulated(endpoint):
    """What the command line needs where there is no account."""
    return {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class Account:
    """A stack by its name, with the credentials of the environment."""

    def __init__(self, name, region, tokens, url=None, headers=None, endpoint=None):
        self.name, self.tokens, self.headers, self.endpoint = name, tokens, headers or {}, endpoint
        self.environment = {**os.environ, "AWS_REGION": region, "AWS_DEFAULT_REGION": region, **(emulated(endpoint) if endpoint else {})}
        self.region = region
        (stack,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        self.url = url or self.outputs["Url"]
        claim = next((one["ParameterValue"] for one in stack["Parameters"] if one["ParameterKey"] == "SubjectClaim"), "sub")
        self.people = {role: claims(tokens[role])[claim] for role in ROLES}
        if len(set(self.people.values())) < len(ROLES):
            raise SystemExit(f"four tokens, and not of four people: {self.people}")

    def client(self, service):
        given = {"aws_access_key_id": "test", "aws_secret_access_key": "test"} if self.endpoint else {}
        return boto3.client(service, region_name=self.region, endpoint_url=self.endpoint, **given)

    def call(self, role, what, body=None):
        method, path = what.split(" ", 1)
        sent = {**self.headers, "content-type": "application/json"}
        if role:
            sent["authorization"] = f"Bearer {self.tokens[role]}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as answer:
            text = answer.read().decode()
            return answer.code, json.loads(text) if text.startswith("{") else text

    def done(self, role, what, body=None):
        status, answer = self.call(role, what, body)
        if status >= 300:
            raise SystemExit(f"{what} as {role}: {status} {answer}")
        return answer

    def eventually(self, words, look, seconds):
        end = time.time() + seconds
        while time.time() < end:
            if found := look():
                return found
            time.sleep(2)
        raise SystemExit(f"{seconds} seconds, and not: {words}")


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def check(account, cli, say=print):
    """From refusals at the door to the verified archive. Nothing is left under way."""
    key = f"trial_{uuid.uuid4().hex[:8]}"
    refusals(account)
    say("  the door: no token, and a scope that is missing, are refused")
    directory(account, key)
    for number in range(2):
        approved(account, key, number)
    say("  two requests were approved, each by two people, by way of their inboxes")
    escalated(account, key)
    say("  a timer fired by the schedule")
    report = archived(account, cli)
    say(f"  the archive has {report['commits']} commits, and they verify")
    say(f"  {runbook.check(account)} commands of the runbook run as printed")


def refusals(account):
    for role, what, wanted in [(None, "GET /v1/inbox", 401), ("requester", "GET /v1/inbox", 403), ("manager", "PUT /v1/users/nobody", 403)]:
        status, _ = account.call(role, what, {} if "PUT" in what else None)
        assert status == wanted, f"{what} as {role}: {status}, and not {wanted}"


def directory(account, key):
    people = account.people
    # The first is the stack's `FirstAdmin`, or administers already.
    for role, manager in [("admin", None), ("manager", None), ("finance", None), ("requester", "manager")]:
        body = {"name": role.title(), "email": f"{role}@mycompany.com", "active": True} | ({"manager": people[manager]} if manager else {})
        account.done("admin", f"PUT /v1/users/{people[role]}", body)
    account.done("admin", f"PUT /v1/roles/approval_admin/members/{people['admin']}")
    account.done("admin", f"PUT /v1/roles/{key}/members/{people['finance']}")
    steps = [
        {"id": "manager", "approvers": [{"manager_of": "requester"}]},
        {"id": "finance", "approvers": [{"role": key}], "sla": {"hours": 0.0005}, "escalate": [{"after": 1.0, "to": [{"user": people["admin"]}]}]},
    ]
    account.done("admin", f"PUT /v1/templates/{key}", {"key": key, "title": "Trial", "steps": steps})


def submit(account, key, entity):
    body = {"template": key, "entity": {"type": "trial", "id": f"{key}-{entity}"}, "title": f"Trial {entity}", "metadata": {}}
    return account.done("requester", "POST /v1/requests", body)


def vote(account, role, request, step):
    waits = lambda: [one for one in account.done(role, "GET /v1/inbox?limit=100")["items"] if one["request"]["id"] == request["id"]]
    account.eventually(f"{request['id']} waits for {role}", waits, 60)
    body = {"step": step, "decision": "approve", "payload_hash": request["payload_hash"]}
    return account.done(role, f"POST /v1/requests/{request['id']}/decisions", body)


def approved(account, key, number):
    request = submit(account, key, number)
    vote(account, "manager", request, "manager")
    assert vote(account, "finance", request, "finance")["status"] == "approved"
    items = account.done("requester", f"GET /v1/requests/{request['id']}/history")["items"]
    assert len(items) >= 3, items


def escalated(account, key):
    request = submit(account, key, "late")
    vote(account, "manager", request, "manager")
    level = lambda: [one for one in account.done("requester", f"GET /v1/requests/{request['id']}")["steps"] if one["id"] == "finance" and one["level"] == 1]
    account.eventually("the level is raised", level, 180)
    assert vote(account, "admin", request, "finance")["status"] == "approved"


def archived(account, cli):
    payload = json.dumps({"verifiers": "default"})
    answer = account.client("lambda").invoke(FunctionName=account.outputs["AuditFunction"], Payload=payload)
    keys = json.loads(answer["Payload"].read())["verifiers"]
    command = [cli, "audit", "verify", f"s3://{account.outputs['ArchiveBucket']}", "--json", *[word for key in keys for word in ["--key", key]]]

    def verified():
        done = subprocess.run(command, env=account.environment, capture_output=True, text=True)
        report = json.loads(done.stdout) if done.stdout else {}
        if done.returncode == 0 and report.get("commits"):
            return report
        said.append(done.stderr.strip() or done.stdout)
        return None

    said = []
    try:
        return account.eventually("the archive verifies", verified, 120)
    except SystemExit as late:
        raise SystemExit(f"{late}\n{said[-1]}") from None


def tokens(file):
    found = json.loads(pathlib.Path(file).read_text())
    if missing := [role for role in ROLES if role not in found]:
        raise SystemExit(f"{file} has no token of {', '.join(missing)}")
    return found
