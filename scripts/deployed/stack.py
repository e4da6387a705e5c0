"""The emulator, the stack on it, and its HTTP API."""

import copy
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import boto3
from samtranslator.yaml_helper import yaml_parse

import rights
from issuer import CLIENT
from recorder import Recorder

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "approvals-test"
PUBLIC_URL = "https://approvals.example.com"
SENDER = "Approvals <approvals@approvals.test>"
FUNCTIONS = sorted(path.name for path in (ROOT / "functions").iterdir())


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def with_numbers(resources):
    """Says how many readers each queue has, in place of the parameter that says so."""
    for one in resources.values():
        for event in one.get("Properties", {}).get("Events", {}).values():
            scaling = event["Properties"].get("ScalingConfig")
            if scaling:
                scaling["MaximumConcurrency"] = 5


def with_any_algorithm(resources):
    """The emulator judges a key's policy, and does not know by which algorithm a call signs."""
    for one in resources["SigningKmsKey"]["Properties"]["KeyPolicy"]["Statement"]:
        one.pop("Condition", None)


class Stack:
    """An emulator on a free port, and what is deployed to it."""

    def __init__(self, folder, issuer):
        self.name = NAME
        self.folder, self.issuer, self.port = folder, issuer, free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "GATEWAY_PORT": str(self.port),
            "SSL_CERT_FILE": str(issuer.certificate),
            "SAM_CLI_TELEMETRY": "0",
            "SAM_CLI_BETA_FEATURES": "1",
        }
        self.recorder = Recorder(self.port)
        # Functions call back by way of the recorder, each with the credentials of its role; what a role may not do is refused.
        environment = {**self.environment, "AWS_ENDPOINT_URL": self.recorder.endpoint, "AUTH": "true"}
        self.log = open(folder / "emulator.log", "w")
        self.emulator = subprocess.Popen(["ministack"], env=environment, stdout=self.log, stderr=self.log)
        self._wait_until(lambda: urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=1), 60, "the emulator answers")

    def stop(self):
        self.emulator.terminate()
        self.emulator.wait(20)

    def client(self, service):
        return boto3.client(service, endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")

    def run(self, *command, **more):
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, **more)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def build(self, built=None):
        """`sam build`; or a copy of what it left elsewhere."""
        build = self.folder / "build"
        if built is None:
            self.run("sam", "build", "--build-dir", build, "--parameter-overrides", "Architecture=x86_64")
        else:
            shutil.copytree(built, build)
        self.change_template(lambda resources: [resources.pop(name) for name in list(resources) if is_unknown(resources[name])])
        # The issuer here has an authority of its own.
        pages = lambda resources: resources["Pages"]["Properties"]["Environment"]["Variables"]
        self.change_template(lambda resources: pages(resources).update(SSL_CERT_FILE=str(self.issuer.certificate)))
        # A parameter's number arrives as a text at the emulator's poller, which then reads no queue.
        self.change_template(with_numbers)
        self.change_template(with_any_algorithm)

    def change_template(self, change):
        """Has a function change the resources of what is deployed."""
        file = self.folder / "build" / "template.yaml"
        template = yaml_parse(file.read_text())
        change(template["Resources"])
        file.write_text(json.dumps(template))

    def given(self):
        """The parameters of every stack here."""
        return {
            "Issuer": self.issuer.url, "Audience": "approvals-test", "Architecture": "x86_64", "Deletion": "allowed", "LogLevel": "info",
            "PublicUrl": PUBLIC_URL, "OidcClientId": CLIENT, "Tracing": "PassThrough", "EventBus": "default", "MailFrom": SENDER, "FirstAdmin": "root",
            # What this week shows must not hang on how fast a machine sends.
            "CommandsPerMinute": "0",
        }

    def deploy(self, **parameters):
        """`scripts/deploy` with these parameters; gives what it says."""
        params = self.folder / f"{self.name}.params"
        lines = {"STACK": self.name, "REGION": "us-east-1", **self.given(), **parameters}
        params.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        said = self.run("scripts/deploy", params, "--built", self.folder / "build")
        self.resources = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for page in self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=self.name)
            for one in page["StackResourceSummaries"]
        }
        return said

    def beside(self, name):
        """Another stack on the same emulator."""
        other = copy.copy(self)
        other.name, other.resources = name, {}
        return other

    def fit(self):
        """Where the emulator judges otherwise than AWS, it is given what it asks for; rights.py does not look at it.

        - `SendMessageBatch` is an action of its own here, and `SendMessage` on AWS;
        - SES's `SendEmail` names no identity here;
        - a call's attributes and what it selects are not known here;
        - there is no TLS here, and both buckets refuse whatever comes without;
        - a role's session is named as such here, and by its role on AWS.
        """
        for name in self.functions():
            more = []
            for one in rights.statements(self, name):
                if "sqs:SendMessage" in rights.listed(one["Action"]):
                    more.append({"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": one["Resource"]})
                if one["Effect"] == "Allow" and "dynamodb:Attributes" in json.dumps(one):
                    more.append({"Effect": "Allow", "Action": one["Action"], "Resource": one["Resource"]})
                if "ses:SendRawEmail" in rights.listed(one["Action"]):
                    more.append({"Effect": "Allow", "Action": "ses:SendEmail", "Resource": "*"})
            if more:
                document = json.dumps({"Version": "2012-10-17", "Statement": more})
                role = self.resources[f"{name}Role"]
                self.client("iam").put_role_policy(RoleName=role, PolicyName=rights.EMULATOR, PolicyDocument=document)
        s3 = self.client("s3")
        for bucket in ["Archive", "Staging"]:
            name = self.resources[bucket]
            policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
            kept = [one for one in policy["Statement"] if one["Sid"] != "OnlyEncryptedOnTheWay"]
            assert len(kept) == len(policy["Statement"]) - 1, policy
            for one in kept:
                if one["Sid"] == "WrittenByAuditAlone":
                    session = f"arn:aws:sts::000000000000:assumed-role/{self.resources['AuditRole']}/*"
                    one["Condition"] = {"ArnNotLike": {"aws:PrincipalArn": session}}
            if kept:
                s3.put_bucket_policy(Bucket=name, Policy=json.dumps({**policy, "Statement": kept}))
            else:
                s3.delete_bucket_policy(Bucket=name)

    def change(self):
        """Another version of every function: the same program in other bytes, since what follows an executable's end is not loaded."""
        for function in FUNCTIONS:
            with open(self.folder / "build" / function.title() / "bootstrap", "ab") as program:
                program.write(b"\0")

    def functions(self):
        """Logical ids."""
        return [name.title() for name in FUNCTIONS]

    def versions(self):
        """What code each function runs."""
        get = self.client("lambda").get_function
        return [get(FunctionName=self.resources[name])["Configuration"]["CodeSha256"] for name in self.functions()]

    def has_route(self, method, path):
        return (method, path) in self.routes

    def route(self):
        """Routes come from the API's OpenAPI body, which the emulator does not read: the same body, by the API of the gateway."""
        gateway = self.client("apigatewayv2")
        processed = self.client("cloudformation").get_template(StackName=self.name, TemplateStage="Processed")["TemplateBody"]
        body = (json.loads(processed) if isinstance(processed, str) else processed)["Resources"]["Api"]["Properties"]["Body"]
        api = self.resources["Api"]
        jwt = {"Issuer": self.issuer.url, "Audience": ["approvals-test"]}
        authorizer = gateway.create_authorizer(
            ApiId=api, Name="Tokens", AuthorizerType="JWT", IdentitySource=["$request.header.Authorization"], JwtConfiguration=jwt
        )["AuthorizerId"]
        integrations, self.routes = {}, set()
        for path, operations in body["paths"].items():
            for method, operation in operations.items():
                function = function_of(operation)
                if function not in integrations:
                    arn = self.client("lambda").get_function(FunctionName=self.resources[function])["Configuration"]["FunctionArn"]
                    integrations[function] = gateway.create_integration(
                        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
                    )["IntegrationId"]
                route = {"ApiId": api, "RouteKey": f"{method.upper()} {path}", "Target": f"integrations/{integrations[function]}"}
                # Without a token comes in who needs none: SAM writes `NONE` there.
                for scopes in [one["Tokens"] for one in operation.get("security", []) if "Tokens" in one]:
                    route |= {"AuthorizationType": "JWT", "AuthorizerId": authorizer} | ({"AuthorizationScopes": scopes} if scopes else {})
                gateway.create_route(**route)
                self.routes.add((method.upper(), path))
        if not gateway.get_stages(ApiId=api)["Items"]:
            gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)

    def call(self, user, what, body=None, token=None, **headers):
        """One call as a person; gives status and answer."""
        method, path = what.split(" ", 1)
        token = token or (self.issuer.token(user) if user else None)
        sent = {"host": f"{self.resources['Api']}.execute-api.localhost:{self.port}", **headers}
        if token:
            sent["authorization"] = f"Bearer {token}"
        data = None
        if body is not None:
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        request = urllib.request.Request(f"{self.endpoint}{path}", data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, read(answer)
        except urllib.error.HTTPError as answer:
            return answer.code, read(answer)

    def done(self, user, what, body=None, **headers):
        status, answer = self.call(user, what, body, **headers)
        if status >= 300:
            raise SystemExit(f"{what} as {user}: {status} {answer}\n{self.last_logs()}")
        return answer

    def invoke(self, function, payload):
        answer = self.client("lambda").invoke(FunctionName=self.resources[function], Payload=json.dumps(payload))
        body = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            raise SystemExit(f"{function}: {body}\n{self.last_logs()}")
        return body

    def last_logs(self):
        self.log.flush()
        return (self.folder / "emulator.log").read_text()[-3000:]

    def eventually(self, what, seconds=60):
        """Looks until something is there."""
        return self._wait_until(what, seconds, "it happens")

    def _wait_until(self, what, seconds, words):
        end, last = time.time() + seconds, None
        while time.time() < end:
            try:
                if found := what():
                    return found
            except (OSError, AssertionError) as error:
                last = error
            time.sleep(0.3)
        raise SystemExit(f"{seconds} seconds, and not: {words} ({last})\n{self.last_logs()}")


def is_unknown(resource):
    """What the emulator refuses to make: saved queries, policies of secrets, and alarms over more than one metric."""
    types = ["AWS::Logs::QueryDefinition", "AWS::SecretsManager::ResourcePolicy"]
    return resource["Type"] in types or "Metrics" in resource.get("Properties", {})


def read(answer):
    data = answer.read()
    return json.loads(data) if "json" in (answer.headers.get("content-type") or "") and data else data.decode()


def function_of(operation):
    """The logical id in an integration's address, which is a `Fn::Sub`."""
    uri = operation["x-amazon-apigateway-integration"]["uri"]
    words = uri["Fn::Sub"] if isinstance(uri, dict) else uri
    return words.split("functions/${", 1)[1].split(".Arn", 1)[0]
