"""A week of a company on the deployed stack: what tests in one process cannot show."""

import argparse
import collections
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
import uuid
from email.header import decode_header, make_header

import account
import rights
import runbook
from issuer import Issuer
from pages import effect, pages
from stack import ROOT, Stack

TEMPLATE = {
    "key": "purchase", "title": "Purchase", "steps": [
        {"id": "manager", "approvers": [{"manager_of": "requester"}]},
        {"id": "finance", "approvers": [{"role": "finance"}], "sla": {"hours": 0.0005}, "escalate": [{"after": 1.0, "to": [{"role": "cfo"}]}]},
    ],
}

# Its first timer is earlier than the second: when the first step is approved the index stays early, and the tick puts it right.
EARLY = {
    "key": "early", "title": "Early", "steps": [
        {"id": "manager", "approvers": [{"manager_of": "requester"}], "sla": {"hours": 0.005}, "escalate": [{"after": 1.0, "to": [{"role": "cfo"}]}]},
        {"id": "finance", "approvers": [{"user": "ben"}], "escalate": [{"after": 1.0, "to": [{"role": "cfo"}]}]},
    ],
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--built", metavar="DIR", help="what `sam build` left there already")
    parser.add_argument("--cli", metavar="FILE", help="the command line's binary [default: built]")
    parser.add_argument("--only", nargs="+", metavar="JOURNEY", help="some of the week, and no word about rights")
    parser.add_argument("--keep", action="store_true", help="leave the emulator running")
    parser.add_argument("--stack", metavar="NAME", help="a stack in an account of AWS, by the credentials of the environment: nothing is built or deployed")
    parser.add_argument("--region", default="us-east-1", help="of that stack")
    parser.add_argument("--tokens", metavar="FILE", help="of four people of that stack: see account.py")
    args = parser.parse_args()
    if args.stack:
        if not args.tokens:
            parser.error("--stack needs --tokens")
        return account.check(account.Account(args.stack, args.region, account.tokens(args.tokens)), args.cli or build_cli())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="approvals-deployed-"))
    stack = Stack(folder, Issuer(folder))
    try:
        say("build", lambda: stack.build(args.built))
        say("deploy", lambda: (stack.deploy(), stack.fit(), stack.route()))
        cli = args.cli or say("build the command line", build_cli)
        journeys = [directory, two_steps, by_link, other_commands, refusals, pages, effect, delegation, leaver, escalation, webhook, bus, redeploy]
        for journey in [one for one in journeys if not args.only or one.__name__ in ["directory", *args.only]]:
            say(journey.__name__.replace("_", " "), lambda: journey(stack))
        if not args.only or "reconcile" in args.only:
            say("reconcile", lambda: reconcile(stack, cli))
        say("archive", lambda: archive(stack, cli))
        say("runbook", lambda: print(f"  {runbook.check(stack)} commands run as printed"))
        if args.only and "beside" in args.only:
            say("beside", lambda: beside(stack, cli))
        if args.only:
            return
        say("rights", lambda: print("  {} kinds of calls, {} grants: each call granted, each grant used or explained".format(*rights.check(stack))))
        # Their functions have roles of their own, so this comes after the word about rights.
        say("beside", lambda: beside(stack, cli))
    finally:
        if args.keep:
            print(f"running: {stack.endpoint}, log in {folder}; Ctrl-C ends it")
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
        stack.stop()
        shutil.rmtree(folder)


def say(what, work):
    began = time.time()
    result = work()
    print(f"{what:<28}{time.time() - began:7.1f} s", flush=True)
    return result


def build_cli():
    # Of the whole workspace, as the tests are: with their features, what they were built from is there already.
    subprocess.run(["cargo", "build", "--locked", "--quiet", "--workspace", "--bin", "approvals"], cwd=ROOT, check=True)
    target = json.loads(subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT, check=True, capture_output=True).stdout)
    return pathlib.Path(target["target_directory"]) / "debug" / "approvals"


def directory(stack):
    root = "root"
    # SES sends from verified addresses alone.
    for identity in ["approvals@approvals.test", "approvals.test"]:
        stack.client("sesv2").create_email_identity(EmailIdentity=identity)
    for user, manager in [("root", None), ("ann", None), ("ben", None), ("cleo", None), ("rita", "ann")]:
        body = {"name": user.title(), "email": f"{user}@example.com", "active": True}
        stack.done(root, f"PUT /v1/users/{user}", body | ({"manager": manager} if manager else {}))
    # The first administrator ends the bootstrap: from here on the scope alone writes nothing.
    for role, user in [("approval_admin", "root"), ("finance", "ben"), ("cfo", "cleo")]:
        stack.done(root, f"PUT /v1/roles/{role}/members/{user}")
    for template in [TEMPLATE, EARLY]:
        stack.done(root, f"PUT /v1/templates/{template['key']}", template)


def order(entity, **more):
    return {"template": "purchase", "entity": {"type": "order", "id": entity}, "title": f"Order {entity}", "metadata": {}, **more}


def submit(stack, entity, **more):
    return stack.done("rita", "POST /v1/requests", order(entity, **more))


def vote(stack, who, request, step, **more):
    body = {"step": step, "decision": "approve", "payload_hash": request["payload_hash"], **more}
    return stack.done(who, f"POST /v1/requests/{request['id']}/decisions", body)


def mails(stack):
    """What SES was given."""
    with urllib.request.urlopen(f"{stack.endpoint}/_ministack/ses/messages") as answer:
        return [mail for mails in json.loads(answer.read())["messages"].values() for mail in mails]


def subject(message):
    """A mail's subject, as a mail program shows it."""
    return str(make_header(decode_header(message["Subject"])))


def texts(message):
    """A mail's words."""
    return f"{subject(message)} {message['BodyText']} {message['BodyHtml']}"


def task(stack, who, request):
    inbox = stack.done(who, "GET /v1/inbox")["items"]
    return next((one for one in inbox if one["request"]["id"] == request["id"]), None)


def two_steps(stack):
    request = submit(stack, "1")
    stack.eventually(lambda: task(stack, "ann", request))
    vote(stack, "ann", request, "manager")
    stack.eventually(lambda: task(stack, "ben", request))
    assert vote(stack, "ben", request, "finance")["status"] == "approved"
    history = stack.done("rita", f"GET /v1/requests/{request['id']}/history")["items"]
    assert [one["version"] for one in history] == [1, 2, 3], history
    told = lambda what: any(re.search(rf"\bOrder 1 · .*{what}", subject(one)) for one in mails(stack))
    stack.eventually(lambda: told("approved$"), 60)
    assert told("(answer by|was due)"), [subject(one) for one in mails(stack)]


def by_link(stack):
    """The button in the mail: a page that shows, and its form, without any token."""
    request = submit(stack, "link")

    def link():
        text = " ".join(texts(one) for one in mails(stack) if "Order link" in subject(one))
        found = re.search(r"https://approvals\.example\.com(/v1/actions/[\w-]+)", text)
        return found and found.group(1)

    path = stack.eventually(link)
    status, page = stack.call(None, f"GET {path}")
    assert status == 200 and "Your answer is needed" in page, (status, page)
    form = re.search(r'name="form" value="([^"]+)"', page).group(1)
    pressed = urllib.parse.urlencode({"form": form, "decision": "approve"})
    status, page = stack.call(None, f"POST {path}", pressed, **{"content-type": "application/x-www-form-urlencoded"})
    assert status == 200, (status, page)
    (vote_of_ann,) = next(step for step in shown(stack, request)["steps"] if step["id"] == "manager")["votes"]
    assert (vote_of_ann["by"], vote_of_ann["channel"]) == ("ann", "link"), vote_of_ann
    assert vote(stack, "ben", request, "finance")["status"] == "approved"


def shown(stack, request):
    return stack.done("rita", f"GET /v1/requests/{request['id']}")


def other_commands(stack):
    """Whatever else the functions do, once: each with the rights of its own role."""
    request = submit(stack, "other")
    at = f"/v1/requests/{request['id']}"
    stack.done("rita", "POST /v1/requests/preview", order("preview"))
    stack.done("ann", f"POST {at}/decisions", {"step": "manager", "decision": "return", "comment": "Which colour?"})
    request = stack.done("rita", f"POST {at}/resubmit", {"metadata": {"colour": "red", "why": "x" * 600}})
    stack.done("ann", f"POST {at}/reassign", {"step": "manager", "to": "cleo", "reason": "She knows"})
    # Long enough to lie in an item of its own, which every later answer reads.
    ballot = {"request": request["id"], "step": "manager", "decision": "approve", "payload_hash": request["payload_hash"], "comment": "Fine. " * 500}
    (item,) = stack.done("cleo", "POST /v1/decisions", {"items": [ballot]})["items"]
    assert item["status"] == 200, item
    stack.done("rita", f"POST {at}/comments", {"comment": "Thank you."})
    stack.done("ben", f"GET {at}/explain?user=ben")
    stack.done("rita", f"POST {at}/cancel", {"reason": "Not needed"})
    assert shown(stack, request)["status"] == "cancelled"
    # More than a page, so that a cursor is signed.
    for who, query in [("rita", "limit=1"), ("root", "template=purchase&limit=1"), ("root", "blocked=true"), ("rita", "template=purchase&entity_type=order&entity_id=other")]:
        page = stack.done(who, f"GET /v1/requests?{query}")
        if cursor := page.get("next_cursor"):
            stack.done(who, f"GET /v1/requests?{query}&cursor={urllib.parse.quote(cursor)}")
    week = {"time_zone": "Europe/Berlin", "weekly": {"mon": [{"from": "09:00", "to": "17:00"}]}, "holidays": []}
    stack.done("root", "PUT /v1/calendars/office", week)
    stack.done("root", "GET /v1/calendars/office/history")
    stack.done("root", "GET /v1/settings")
    page = stack.done("root", "GET /v1/templates?limit=1")
    stack.done("root", f"GET /v1/templates?limit=1&cursor={urllib.parse.quote(page['next_cursor'])}")
    stack.done("root", "PUT /v1/endpoints/other", {"url": "https://hooks.example.com/approvals", "events": ["approvals.request.approved.v1"], "active": False})
    stack.done("ann", "PUT /v1/users/ann/preferences", {"channels": {"mail": True}})
    stack.done("ann", "GET /v1/users/ann/preferences")


def refusals(stack):
    """The gateway's own: no token, a wrong one, a scope that is missing."""
    issuer = stack.issuer
    assert stack.call(None, "GET /v1/inbox")[0] == 401
    for claims in [{"aud": "other"}, {"iss": "https://other.example"}, {"exp": int(time.time()) - 10}]:
        assert stack.call(None, "GET /v1/inbox", token=issuer.token("ann", **claims))[0] == 401, claims
    assert stack.call(None, "PUT /v1/users/eve", {}, token=issuer.token("eve", "read"))[0] == 403
    request = submit(stack, "2")
    status, problem = stack.call("rita", f"POST /v1/requests/{request['id']}/decisions", {"step": "manager", "decision": "reject"})
    assert (status, problem["code"]) == (403, "not_eligible"), problem


def delegation(stack):
    now = time.time()
    stamp = lambda at: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    stack.done("ann", "POST /v1/delegations", {"to": "cleo", "starts_at": stamp(now - 60), "ends_at": stamp(now + 3600), "reason": "Away"})
    request = submit(stack, "3")
    found = stack.eventually(lambda: task(stack, "cleo", request))
    assert found["on_behalf_of"] == "ann", found
    vote(stack, "cleo", request, "manager", on_behalf_of="ann")
    # One that looks along the next, and holds everybody on the way where they are.
    for giver, to in [("ben", "root"), ("cleo", "ben")]:
        body = {"to": to, "starts_at": stamp(now - 60), "ends_at": stamp(now + 3600), "templates": ["early"], "reason": "Away"}
        stack.done(giver, "POST /v1/delegations", body)


def escalation(stack):
    """By the schedule, each minute."""
    request = submit(stack, "4")
    vote(stack, "ann", request, "manager")
    early = stack.done("rita", "POST /v1/requests", order("early", template="early"))
    vote(stack, "ann", early, "manager")
    level = lambda: next(step for step in stack.done("rita", f"GET /v1/requests/{request['id']}")["steps"] if step["id"] == "finance")["level"]
    stack.eventually(lambda: level() == 1, 150)
    assert vote(stack, "cleo", request, "finance")["status"] == "approved"


def leaver(stack):
    """Who approves leaves: the fact makes a job, the tick takes it, and the administrators are asked in their place."""
    stack.done("root", "PUT /v1/users/dora", {"name": "Dora", "email": "dora@example.com", "active": True})
    stack.done("root", "PUT /v1/users/otto", {"name": "Otto", "email": "otto@example.com", "active": True, "manager": "dora"})
    request = stack.done("otto", "POST /v1/requests", order("leaver"))
    stack.eventually(lambda: task(stack, "dora", request))
    stack.done("root", "PUT /v1/users/dora", {"name": "Dora", "email": "dora@example.com", "active": False})
    stack.done("root", "PUT /v1/roles/cfo/members/otto")
    stack.done("root", "DELETE /v1/roles/cfo/members/otto")
    stack.eventually(lambda: task(stack, "root", request), 150)


def webhook(stack):
    """The delivery log: no name is resolved here, and a receiver on this machine would be refused by design, so what is shown is that."""
    endpoint = {"url": "https://hooks.example.com/approvals", "events": ["approvals.request.approved.v1"], "active": True}
    stack.done("root", "PUT /v1/endpoints/erp", endpoint)
    for address in ["https://localhost/hook", "https://127.0.0.1/hook", "http://hooks.example.com/"]:
        assert stack.call("root", "PUT /v1/endpoints/erp", {**endpoint, "url": address})[0] == 400, address
    request = submit(stack, "hook")
    vote(stack, "ann", request, "manager")
    vote(stack, "ben", request, "finance")

    def failed():
        for one in stack.done("root", "GET /v1/endpoints/erp/deliveries")["items"]:
            if one["request"] == request["id"] and one["state"] == "failed":
                return one

    one = stack.eventually(failed)
    assert (one["type"], one["outcome"]) == ("approvals.request.approved.v1", "unresolved"), one
    stack.done("root", "POST /v1/endpoints/erp/rotate")
    stack.done("root", "POST /v1/endpoints/erp/replay", {"from": one["at"], "to": "2100-01-01T00:00:00Z"})
    # The tick takes it up, and leaves alone what is on its way: one entry, and the same event.
    time.sleep(60)
    assert failed()["event"] == one["event"], failed()
    stack.done("root", "DELETE /v1/endpoints/erp")


def bus(stack):
    """How a request ends stands on the account's bus: a rule that wants it gets it."""
    sqs, events = stack.client("sqs"), stack.client("events")
    url = sqs.create_queue(QueueName="ends")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="ends", EventPattern=json.dumps({"source": ["approvals"]}), State="ENABLED")
    events.put_targets(Rule="ends", Targets=[{"Id": "ends", "Arn": arn}])
    request = submit(stack, "bus")
    vote(stack, "ann", request, "manager")
    stack.done("rita", f"POST /v1/requests/{request['id']}/cancel", {"reason": "Not needed"})

    def told():
        bodies = [json.loads(one["Body"]) for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]
        return [one for one in bodies if one["detail"]["subject"] == request["id"]]

    (event,) = stack.eventually(told)
    assert event["detail-type"] == "approvals.request.cancelled.v1" and event["detail"]["data"]["request"]["status"] == "cancelled", event


def reconcile(stack, cli):
    """What the stream lost is made good: by hand, by an alarm's word and the tick, and in the archive."""
    table, key = stack.client("dynamodb"), lambda pk, sk: {"PK": {"S": pk}, "SK": {"S": sk}}
    name = stack.resources["Table"]
    alarm = {"source": "aws.cloudwatch", "time": "2026-01-05T09:00:00.000+0000", "alarmData": {"alarmName": "x", "state": {"value": "ALARM"}}}

    steps = [{"id": "manager", "approvers": [{"manager_of": "requester"}], "remind": [0.5]}]
    stack.done("root", "PUT /v1/templates/lost", {"key": "lost", "title": "Lost", "steps": steps})

    def lose(request):
        """Its hint. Its place among what is due is tagged: whoever takes that away makes it `damaged`, and nothing makes it good."""
        stack.eventually(lambda: task(stack, "ann", request))
        for hint in table.query(TableName=name, KeyConditionExpression="PK = :p", ExpressionAttributeValues={":p": {"S": "INB#default#U#ann"}})["Items"]:
            if request["id"] in hint["SK"]["S"]:
                table.delete_item(TableName=name, Key=key(hint["PK"]["S"], hint["SK"]["S"]))
        assert not task(stack, "ann", request)

    for by_hand in [True, False]:
        request = stack.done("rita", "POST /v1/requests", order("lost-by-hand" if by_hand else "lost-by-alarm", template="lost"))
        lose(request)
        if by_hand:
            asked = [cli, "admin", "reconcile", "--function", stack.resources["Relay"], "--json"]
            done = subprocess.run(asked, env=stack.environment, capture_output=True, text=True)
            assert done.returncode == 0, done
        else:
            assert stack.invoke("Relay", alarm)["filed"]
        stack.eventually(lambda: task(stack, "ann", request), 5 if by_hand else 150)
    done = subprocess.run(
        [cli, "admin", "reconcile", "--function", stack.resources["Audit"], "--json"], env=stack.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done
    assert stack.invoke("Audit", alarm)["reconciled"]["violations"] == 0


class Traffic:
    """People who submit and vote all along, and try again as clients do: the same key, and a moment later."""

    MAY_PASS = {429, 500, 502, 503, 504}

    def __init__(self, stack):
        self.stack, self.running, self.done, self.retried, self.fault = stack, True, [], collections.Counter(), None
        self.threads = [threading.Thread(target=self.run, args=(name,)) for name in ["a", "b"]]
        for thread in self.threads:
            thread.start()

    def run(self, name):
        try:
            number = 0
            while self.running:
                number += 1
                entity = f"flight-{name}{number}"
                request = self.insist("rita", "POST /v1/requests", order(entity))
                for who, step in [("ann", "manager"), ("ben", "finance")]:
                    ballot = {"step": step, "decision": "approve", "payload_hash": request["payload_hash"]}
                    self.insist(who, f"POST /v1/requests/{request['id']}/decisions", ballot)
                self.done.append(request["id"])
                time.sleep(0.2)
        except BaseException as error:  # Told where the thread is joined.
            self.fault = error

    def insist(self, who, what, body):
        key = str(uuid.uuid4())
        for _ in range(60):
            try:
                status, answer = self.stack.call(who, what, body, **{"idempotency-key": key})
            except OSError as error:
                status, answer = 0, error
            if status in (200, 201):
                return answer
            assert status == 0 or status in self.MAY_PASS, (what, status, answer)
            self.retried[status] += 1
            time.sleep(0.5)
        raise AssertionError(f"{what}: never answered")

    def stop(self):
        self.running = False
        for thread in self.threads:
            thread.join()
        if self.fault:
            raise SystemExit(f"while it was deployed: {self.fault!r}\n{self.stack.last_logs()}")


def redeploy(stack):
    """A changed version of every function while requests are in flight: each ends, and each command counts once."""
    older = submit(stack, "5")
    traffic = Traffic(stack)
    try:
        stack.eventually(lambda: len(traffic.done) >= 2)
        before = len(traffic.done)
        versions = stack.versions()
        stack.change()
        stack.deploy(LogLevel="debug")
        during = len(traffic.done) - before
        assert all(new != old for new, old in zip(stack.versions(), versions)), "the code of a function is as it was"
        stack.eventually(lambda: len(traffic.done) >= before + during + 2)
    finally:
        traffic.stop()
    assert during > 2, f"{during} requests ended while it was deployed"
    for request in traffic.done:
        history = stack.done("rita", f"GET /v1/requests/{request}/history")["items"]
        assert [one["version"] for one in history] == [1, 2, 3], history
        assert stack.done("rita", f"GET /v1/requests/{request}")["status"] == "approved"
    entities = [one["entity"]["id"] for one in every(stack, "rita") if one["entity"]["id"].startswith("flight-")]
    assert sorted(entities) == sorted(set(entities)) and len(entities) == len(traffic.done), "a submission is twice, or lost"
    print(f"  {len(traffic.done)} requests, {during} of them ended during the deployment; tried again: {dict(traffic.retried) or 'nothing'}")
    vote(stack, "ann", older, "manager")
    assert vote(stack, "ben", older, "finance")["status"] == "approved"


def beside(stack, cli):
    """A first try that fails, the next one under the same name, and then two stacks that know nothing of each other."""
    other = stack.beside("approvals-beside")
    template = stack.folder / "build" / "template.yaml"
    before, there = template.read_text(), kept(stack)
    # The emulator refuses this kind; it is tried once everything that is kept for ever is there.
    stack.change_template(lambda resources: resources.update(Refused={
        "Type": "AWS::Logs::QueryDefinition", "DependsOn": ["Table", "Locks", "Archive", "SigningSecret", "ApiLog"], "Properties": {"Name": "refused", "QueryString": "fields"},
    }))
    try:
        other.deploy()
    except SystemExit:
        pass
    else:
        raise SystemExit("a stack with a resource that is refused was deployed")
    assert kept(stack) == there, f"a first try that failed left {kept(stack) - there}"
    other.client("cloudformation").delete_stack(StackName=other.name)
    template.write_text(before)
    # Its archive is signed by a key in KMS.
    said = other.deploy(Deletion="allowed", SigningKey="kms")
    assert "approvals role add approval_admin root" in said and "sesv2" in said, said
    other.fit()
    other.route()
    shared = {stack.resources[name] for name in stack.resources} & {other.resources[name] for name in other.resources} - {"$default"}
    assert not shared, f"both stacks have {shared}"
    # As somebody would try a stack in an account of AWS, and nothing of it is to be seen in the first.
    scopes = {"admin": "admin decide read", "requester": "submit read", "manager": "decide read", "finance": "decide read"}
    tokens = {role: stack.issuer.token("root" if role == "admin" else f"other-{role}", of) for role, of in scopes.items()}
    host = {"host": f"{other.resources['Api']}.execute-api.localhost:{other.port}"}
    before = len(every(stack, "rita"))
    assert other.resources["SigningKmsKey"] and "SigningKmsKey" not in stack.resources
    account.check(account.Account(other.name, "us-east-1", tokens, other.endpoint, host, other.endpoint), cli)
    assert len(every(stack, "rita")) == before and stack.call("root", "GET /v1/users/other-finance")[0] == 404
    groups = {name: {one["Target"]["Arn"] for one in schedules(stack, name)} for name in [stack.resources["Schedules"], other.resources["Schedules"]]}
    assert [len(arns) for arns in groups.values()] == [2, 2] and len(set.union(*groups.values())) == 4, groups


def kept(stack):
    """What a stack keeps for ever, of all stacks."""
    secrets = [one["Name"] for one in stack.client("secretsmanager").list_secrets()["SecretList"]]
    buckets = [one["Name"] for one in stack.client("s3").list_buckets()["Buckets"]]
    return {*stack.client("dynamodb").list_tables()["TableNames"], *secrets, *buckets}


def schedules(stack, group):
    return stack.client("scheduler").list_schedules(GroupName=group)["Schedules"]


def every(stack, who):
    """All requests of somebody."""
    items, more = [], ""
    while True:
        page = stack.done(who, f"GET /v1/requests?limit=100{more}")
        items += page["items"]
        if not page.get("next_cursor"):
            return items
        more = f"&cursor={urllib.parse.quote(page['next_cursor'])}"


def archive(stack, cli):
    """What the bucket holds is verified by the command line, with the public key that the function gives out."""
    keys = stack.invoke("Audit", {"verifiers": "default"})["verifiers"]
    versions = sum(one["version"] for who in ["rita", "otto"] for one in every(stack, who))

    def verified():
        command = [cli, "audit", "verify", f"s3://{stack.resources['Archive']}", "--json", *[part for key in keys for part in ["--key", key]]]
        done = subprocess.run(command, env=stack.environment, capture_output=True, text=True)
        report = json.loads(done.stdout) if done.stdout else {}
        assert done.returncode == 0 and report["commits"] == versions, (done.stderr, report, versions)
        return report

    report = stack.eventually(verified, 90)
    assert stack.invoke("Audit", {"refresh": True})["refreshed"]
    print(f"  {report['commits']} commits of {report['requests']} requests, {report['directory']} of the directory: sound")


if __name__ == "__main__":
    sys.exit(main())
