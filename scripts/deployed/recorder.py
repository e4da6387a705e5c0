"""Stands between the functions and the emulator, and writes down which role called what, on which resource, with which partition keys.

The emulator gives each role credentials of its own (AUTH=true) and judges every call by the role's policies, as AWS does; but it does not
know `dynamodb:LeadingKeys`. So what crosses here is judged once more, in rights.py.
"""

import http.client
import http.server
import json
import re
import threading
import urllib.parse
from dataclasses import dataclass

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")
# A transaction is no action of its own: each of its items is judged as what it does.
ONE_BY_ONE = {"Put": "PutItem", "Delete": "DeleteItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem", "Get": "GetItem"}
OF_OBJECTS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass(frozen=True)
class Call:
    """One thing that IAM judges."""

    access_key: str
    action: str
    # Without partition, region and account: `table/NAME`, `bucket/key`, a queue's name.
    resource: str
    # Partition keys; none where the service has no such thing.
    leading: tuple = ()
    # Of a put, an update and a scan: the names of attributes in it.
    attributes: tuple = ()
    # Of a scan: what it asks to be shown.
    select: str = ""
    # Of an update: what it asks to be answered.
    answers: str = ""
    # Of a mail: whom it is from.
    sender: str = ""


class Recorder:
    """Listens on a free port and passes everything on, byte for byte."""

    def __init__(self, port):
        self.calls, self.unknown, recorder = set(), [], self
        mine = threading.local()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self._body()
                recorder._note(self.command, self.path, self.headers, body)
                # One connection a thread: a thread serves one caller's connection, one call after the other.
                if not hasattr(mine, "to"):
                    mine.to = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                headers["content-length"] = str(len(body))
                try:
                    mine.to.request(self.command, self.path, body, headers)
                    answer = mine.to.getresponse()
                    data = answer.read()
                except (OSError, http.client.HTTPException):
                    del mine.to
                    self.close_connection = True
                    self.send_error(502)
                    return
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP | {"content-length"}:
                        self.send_header(name, value)
                if self.command != "HEAD" or "content-length" not in answer.headers:
                    self.send_header("content-length", str(len(data)))
                else:
                    self.send_header("content-length", answer.headers["content-length"])
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = handle_any

            def _body(self):
                if self.headers.get("transfer-encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length") or 0))
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline() not in (b"\r\n", b"\n", b""):
                    pass
                return b"".join(parts)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                """Functions that were ended leave their connections as they are."""

        server = Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _note(self, method, path, headers, body):
        signed = CREDENTIAL.search(headers.get("authorization", ""))
        if not signed:
            self.unknown.append(f"{method} {path}: not signed")
            return
        access_key, service = signed.groups()
        try:
            found = list(calls(service, method, path, headers, body))
        except (KeyError, ValueError, TypeError) as error:
            self.unknown.append(f"{service} {method} {path} {headers.get('x-amz-target')}: {error!r}")
            return
        self.calls.update(Call(access_key, *one) for one in found)


def calls(service, method, path, headers, body):
    """What IAM judges in a call: action, resource, partition keys, and of some calls attributes."""
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    if service == "dynamodb":
        yield from of_table(target, json.loads(body))
    elif service == "sqs":
        name = json.loads(body)["QueueUrl"].rpartition("/")[2]
        # Batches have no action of their own.
        yield f"sqs:{target.removesuffix('Batch')}", name, ()
    elif service == "secretsmanager":
        yield f"secretsmanager:{target}", json.loads(body)["SecretId"], ()
    elif service == "s3":
        of, _, query = path.partition("?")
        bucket, _, key = urllib.parse.unquote(of).lstrip("/").partition("/")
        if key:
            yield OF_OBJECTS[method], f"{bucket}/{key}", ()
        elif method == "GET" and "list-type" in query:
            yield "s3:ListBucket", bucket, ()
        else:
            raise ValueError("an unknown call of S3")
    elif service == "ses" and (method, path) == ("POST", "/v2/email/outbound-emails"):
        asked = json.loads(body)
        # The right is the one of the call of old, for a mail that is given in its final form.
        action = "ses:SendRawEmail" if "Raw" in asked["Content"] else "ses:SendEmail"
        sender = asked["FromEmailAddress"].rpartition("<")[2].rstrip(">")
        yield action, f"identity/{sender}", (), (), "", "", sender
    elif service == "events" and target == "PutEvents":
        for entry in json.loads(body)["Entries"]:
            yield "events:PutEvents", "event-bus/" + entry.get("EventBusName", "default").rpartition("event-bus/")[2], ()
    elif service == "states":
        yield f"states:{target}", "", ()
    else:
        raise ValueError("an unknown service")


def of_table(target, asked):
    """A call of DynamoDB. Partition keys are those of table or index, as `dynamodb:LeadingKeys` has them."""
    key = lambda item: item["PK"]["S"]
    if target in ("BatchGetItem", "BatchWriteItem"):
        for table, entries in asked["RequestItems"].items():
            if target == "BatchGetItem":
                keys = [key(one) for one in entries["Keys"]]
            else:
                keys = [key(one["PutRequest"]["Item"] if "PutRequest" in one else one["DeleteRequest"]["Key"]) for one in entries]
            yield f"dynamodb:{target}", f"table/{table}", tuple(sorted(set(keys)))
    elif target in ("TransactWriteItems", "TransactGetItems"):
        for one in asked["TransactItems"]:
            for what, detail in one.items():
                item = detail["Item"] if what == "Put" else detail["Key"]
                names = tuple(sorted(item)) if what == "Put" else ()
                yield f"dynamodb:{ONE_BY_ONE[what]}", f"table/{detail['TableName']}", (key(item),), names
    elif target == "Query":
        index = f"/index/{asked['IndexName']}" if asked.get("IndexName") else ""
        # The store names the partition `:p` in every query.
        yield "dynamodb:Query", f"table/{asked['TableName']}{index}", (asked["ExpressionAttributeValues"][":p"]["S"],)
    elif target == "UpdateItem":
        names = {*asked["Key"], *asked.get("ExpressionAttributeNames", {}).values()}
        yield "dynamodb:UpdateItem", f"table/{asked['TableName']}", (key(asked["Key"]),), tuple(sorted(names)), "", asked.get("ReturnValues", "")
    elif target == "Scan":
        # The store names every attribute by a placeholder.
        names = tuple(sorted(set(asked["ExpressionAttributeNames"].values())))
        yield "dynamodb:Scan", f"table/{asked['TableName']}", (), names, asked.get("Select", "")
    elif target in ("GetItem", "DeleteItem"):
        yield f"dynamodb:{target}", f"table/{asked['TableName']}", (key(asked["Key"]),)
    elif target == "PutItem":
        yield "dynamodb:PutItem", f"table/{asked['TableName']}", (key(asked["Item"]),), tuple(sorted(asked["Item"]))
    else:
        raise ValueError("an unknown call of DynamoDB")
