"""A week of a company on the deployed stack: what tests in one process cannot show."""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from issuer import Issuer
from stack import ROOT, Stack

TEMPLATE = {
    "key": "purchase", "title": "Purchase", "steps": [
        {"id": "manager", "approvers": [{"manager_of": "requester"}]},
        {"id": "finance", "approvers": [{"role": "finance"}], "sla": {"hours": 0.0005}, "escalate": [{"after": 1.0, "to": [{"role": "cfo"}]}]},
    ],
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--built", metavar="DIR", help="binaries that are there already")
    parser.add_argument("--cli", metavar="FILE", help="the command line's binary [default: built]")
    parser.add_argument("--keep", action="store_true", help="leave the emulator running")
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="approvals-deployed-"))
    stack = Stack(folder, Issuer(folder))
    try:
        say("build", lambda: stack.build(args.built))
        say("deploy", lambda: (stack.deploy(), stack.route()))
        cli = args.cli or say("build the command line", build_cli)
        for journey in [directory, two_steps, refusals, delegation, escalation, redeploy]:
            say(journey.__name__.replace("_", " "), lambda: journey(stack))
        say("archive", lambda: archive(stack, cli))
    finally:
        if args.keep:
            print(f"left running: {stack.endpoint}, log in {folder}")
        else:
            stack.stop()
            shutil.rmtree(folder)


def say(what, work):
    began = time.time()
    result = work()
    print(f"{what:<28}{time.time() - began:7.1f} s", flush=True)
    return result


def build_cli():
    subprocess.run(["cargo", "build", "--locked", "--quiet", "-p", "cli"], cwd=ROOT, check=True)
    target = json.loads(subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT, check=True, capture_output=True).stdout)
    return pathlib.Path(target["target_directory"]) / "debug" / "approvals"


def directory(stack):
    root = "root"
    # SES sends from verified addresses alone.
    for identity in ["approvals@example.com", "example.com"]:
        stack.client("sesv2").create_email_identity(EmailIdentity=identity)
    for user, manager in [("root", None), ("ann", None), ("ben", None), ("cleo", None), ("rita", "ann")]:
        body = {"name": user.title(), "email": f"{user}@example.com", "active": True}
        stack.done(root, f"PUT /v1/users/{user}", body | ({"manager": manager} if manager else {}))
    for role, user in [("finance", "ben"), ("cfo", "cleo"), ("approval_admin", "root")]:
        stack.done(root, f"PUT /v1/roles/{role}/members/{user}")
    stack.done(root, "PUT /v1/templates/purchase", TEMPLATE)


def submit(stack, entity):
    body = {"template": "purchase", "entity": {"type": "order", "id": entity}, "title": f"Order {entity}", "metadata": {}}
    return stack.done("rita", "POST /v1/requests", body)


def vote(stack, who, request, step, **more):
    body = {"step": step, "decision": "approve", "payload_hash": request["payload_hash"], **more}
    return stack.done(who, f"POST /v1/requests/{request['id']}/decisions", body)


def mails(stack):
    """What SES was given."""
    with urllib.request.urlopen(f"{stack.endpoint}/_ministack/ses/messages") as answer:
        return json.loads(answer.read())["messages"]


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
    stack.eventually(lambda: "Approved: Order 1" in json.dumps(mails(stack)), 60)
    assert "Your approval is needed: Order 1" in json.dumps(mails(stack))


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


def escalation(stack):
    """By the schedule, each minute."""
    request = submit(stack, "4")
    vote(stack, "ann", request, "manager")
    level = lambda: next(step for step in stack.done("rita", f"GET /v1/requests/{request['id']}")["steps"] if step["id"] == "finance")["level"]
    stack.eventually(lambda: level() == 1, 150)
    assert vote(stack, "cleo", request, "finance")["status"] == "approved"


def redeploy(stack):
    """A changed version, with requests in flight."""
    request = submit(stack, "5")
    stack.deploy(LogLevel="debug")
    vote(stack, "ann", request, "manager")
    assert vote(stack, "ben", request, "finance")["status"] == "approved"


def archive(stack, cli):
    """What the bucket holds is verified by the command line, with the public key that the function gives out."""
    keys = stack.invoke("Audit", {"verifiers": "default"})["verifiers"]
    versions = sum(one["version"] for who in ["rita"] for one in stack.done(who, "GET /v1/requests?limit=100")["items"])

    def verified():
        command = [cli, "audit", "verify", f"s3://{stack.resources['Archive']}", "--json", *[part for key in keys for part in ["--key", key]]]
        done = subprocess.run(command, env=stack.environment, capture_output=True, text=True)
        report = json.loads(done.stdout) if done.stdout else {}
        assert done.returncode == 0 and report["commits"] == versions, (done.stderr, report, versions)
        return report

    report = stack.eventually(verified, 90)
    assert stack.invoke("Audit", {"refresh": True}) == {"refreshed": True}
    print(f"  {report['commits']} commits of {report['requests']} requests, {report['directory']} of the directory: sound")


if __name__ == "__main__":
    sys.exit(main())
