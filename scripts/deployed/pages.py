"""What people do on the pages, and what happens between an approval and its effect, on the deployed stack."""

import base64
import datetime
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from browser import Browser

# Approved by Rita's manager, and then nothing happens until somebody starts it.
PAYMENT = {
    "key": "payment", "title": "Payment", "steps": [{"id": "manager", "approvers": [{"manager_of": "requester"}], "assurance": "login"}],
    "effect": {"confirm": True, "within": "30d"},
}


def submitted(browser, entity, **fields):
    """A request, by the form of its template; gives its path."""
    browser.open("/new/payment")
    place = browser.fill("/new/payment", title=f"Pay {entity}", entity_type="invoice", entity_id=entity, metadata="{}", go="submit", **fields)
    assert place.startswith("/requests/"), place
    return place


def decided(stack, browser, path, decision):
    """An answer on the page of a request, once it is shown there."""
    stack.eventually(lambda: path in browser.open("/"))
    browser.open(path)
    return browser.fill(f"{path}/decide", decision=decision)


def pages(stack):
    """Two people log in at the issuer; one asks, the other is shown it and approves, and both find it again. Then they put their house in order."""
    stack.done("root", "PUT /v1/templates/payment", PAYMENT)
    rita, ann = Browser(stack), Browser(stack)
    for browser, user in [(rita, "rita"), (ann, "ann")]:
        assert user.title() in browser.log_in(user), browser.page
    path = submitted(rita, "page-1")
    assert "Pay page-1" in rita.open("/mine")
    decided(stack, ann, path, "approve")
    stack.eventually(lambda: "Pay page-1" in ann.open("/decided"))
    stack.eventually(lambda: "pproved" in rita.open("/mine"))
    (vote,) = shown(stack, path)["steps"][0]["votes"]
    assert (vote["by"], vote["channel"], vote["auth"]["method"]) == ("ann", "page", "session"), vote
    # The other forms, each once.
    rita.open(path)
    rita.fill(f"{path}/comments", comment="Thank you – danke schön")
    assert "danke schön" in rita.open(path)
    rita.fill(f"{path}/cancel", reason="Not needed")
    path = submitted(rita, "page-2")
    decided(stack, ann, path, "return")
    stack.eventually(lambda: f"{path}/edit" in rita.open(path))
    rita.open(f"{path}/edit")
    rita.fill(f"{path}/edit", title="Pay page-2, with its reason", go="submit")
    ann.open(path)
    ann.fill(f"{path}/reassign", to="cleo", reason="She knows")
    stack.eventually(lambda: path in rita.open("/find?q=page-2"))
    today, next_week = (str(datetime.date.today() + datetime.timedelta(days=days)) for days in (0, 7))
    ann.open("/delegations")
    ann.fill("/delegations", to="cleo", starts=today, ends=next_week, templates="payment", reason="Away")
    ends = [form for form in ann.open("/delegations").split('action="') if form.startswith("/delegations/") and "/end" in form]
    ann.fill(ends[0].split('"', 1)[0])
    ann.open("/preferences")
    ann.fill("/preferences", theme="dark", time_zone="Europe/Berlin")
    # A second browser is logged out from the first, and the first by itself.
    other = Browser(stack)
    other.log_in("ann")
    revoke = [form for form in ann.open("/preferences").split('action="') if form.startswith("/preferences/sessions/")]
    ann.fill(revoke[0].split('"', 1)[0])
    assert other.send("GET", "/")[0] == 303, other.page
    rita.open("/")
    session = dict(rita.cookies)
    assert rita.fill("/logout") == "/login"
    rita.cookies = session
    assert rita.send("GET", "/mine")[0] == 303, "the cookie of a session that has ended"
    status, _ = ann.send("POST", f"{path}/comments", {"comment": "no csrf"})
    assert status == 403, ann.page


def shown(stack, path):
    return stack.done("root", f"GET /v1{path}")


def effect(stack):
    """Approved twice: recalled and approved anew, then started once, with a receipt that anybody can check, and finished."""
    stack.done("root", "PUT /v1/templates/payment", {**PAYMENT, "steps": [{"id": "manager", "approvers": [{"manager_of": "requester"}, {"user": "cleo"}], "required": 2}]})
    body = {"template": "payment", "entity": {"type": "invoice", "id": "effect"}, "title": "Pay it", "metadata": {}}
    request = stack.done("rita", "POST /v1/requests", body)
    at = f"/v1/requests/{request['id']}"
    ballot = lambda request: {"step": "manager", "decision": "approve", "payload_hash": request["payload_hash"]}
    stack.done("ann", f"POST {at}/decisions", ballot(request))
    stack.done("ann", f"POST {at}/withdraw-vote", {"step": "manager"})
    status, problem = stack.call("ann", f"POST {at}/decisions", ballot(request))
    assert (status, problem["code"]) == (422, "round_required"), problem
    for who, more in [("ann", {"round": 2}), ("cleo", {})]:
        request = stack.done(who, f"POST {at}/decisions", ballot(request) | more)
    assert (request["status"], request["effect"]["state"]) == ("approved", "pending"), request
    request = stack.done("cleo", f"POST {at}/recall", {"reason": "Too dear"})
    assert request["status"] == "returned", request
    request = stack.done("rita", f"POST {at}/resubmit", {"metadata": {"discount": True}})
    for who in ["ann", "cleo"]:
        request = stack.done(who, f"POST {at}/decisions", ballot(request))
    start = {"payload_hash": request["payload_hash"]}
    assert stack.call("ben", f"POST {at}/effect/start", start)[0] in (403, 404)
    started = stack.done("rita", f"POST {at}/effect/start", start, **{"idempotency-key": "start"})
    assert stack.done("rita", f"POST {at}/effect/start", start, **{"idempotency-key": "start"})["receipt"] == started["receipt"]
    status, problem = stack.call("rita", f"POST {at}/effect/start", start)
    assert (status, problem["code"]) == (409, "effect_started"), problem
    status, keys = stack.call(None, "GET /.well-known/jwks.json")
    assert status == 200, keys
    claims = checked(started["receipt"], keys["keys"])
    assert (claims["jti"], claims["payload_hash"]) == (f"{request['id']}#1", request["payload_hash"]), claims
    assert sorted(one["by"] for one in claims["approvers"]) == ["ann", "cleo"], claims
    status, problem = stack.call("rita", f"POST {at}/cancel", {})
    assert (status, problem["code"]) == (409, "effect_started"), problem
    done = stack.done("rita", f"POST {at}/effect/finish", {"outcome": "done", "reference": "PAY-1"})
    assert (done["effect"]["state"], done["effect"]["reference"]) == ("done", "PAY-1"), done


def checked(receipt, keys):
    """What a receipt claims, once its signature holds."""
    data = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    head, claims, signature = receipt.split(".")
    (key,) = [one for one in keys if one["kid"] == json.loads(data(head))["kid"]]
    Ed25519PublicKey.from_public_bytes(data(key["x"])).verify(data(signature), f"{head}.{claims}".encode())
    return json.loads(data(claims))
