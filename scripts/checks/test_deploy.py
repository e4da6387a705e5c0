"""scripts/deploy stops before anything is created, and scripts/package makes what it deploys."""

import hashlib
import http.server
import importlib.machinery
import importlib.util
import json
import pathlib
import tempfile
import threading
import unittest
import zipfile

from transformed import ROOT


def script(name):
    loader = importlib.machinery.SourceFileLoader(f"{name}_script", str(ROOT / "scripts" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


deploy, package = script("deploy"), script("package")


class Issuer:
    """Says of itself whatever it is given."""

    def __init__(self, document):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps(document(self.server)).encode()
                self.send_response(200 if self.path == "/.well-known/openid-configuration" else 404)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Deploy(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.known = deploy.parameters(ROOT / "template.yaml")
        self.issuer = Issuer(lambda server: {"issuer": f"http://127.0.0.1:{server.server_port}", "id_token_signing_alg_values_supported": ["RS256"]})

    def look(self, **given):
        return deploy.look({}, {"Issuer": self.issuer.url, "Audience": "a", "Deletion": "allowed", **given}, self.known)

    def stops(self, words, call):
        with self.assertRaisesRegex(SystemExit, words):
            call()

    def test_the_parameters_are_the_template_s(self):
        self.assertEqual([name for name, default in self.known.items() if default is None], ["Issuer", "Audience"])
        self.assertEqual((self.known["Architecture"], self.known["TickConcurrency"], self.known["MailFrom"]), ("arm64", "0", ""))

    def test_both_environments_can_be_read_and_say_what_they_lack(self):
        for environment in ["dev", "prod"]:
            ours, given = deploy.read(environment)
            self.assertEqual(set(given) - set(self.known), set())
            self.assertTrue(ours["STACK"].startswith("approvals") and ours["REGION"])
            self.stops("Audience, Issuer: needed", lambda: deploy.look(ours, given, self.known))

    def test_a_line_that_is_none_is_named(self):
        file = self.folder / "x.params"
        file.write_text("STACK=a\nREGION=b\nIssuer = https://x\n")
        self.stops("line 3", lambda: deploy.read(str(file)))

    def test_what_cannot_work_is_not_deployed(self):
        self.stops("no parameters Isuer", lambda: self.look(Isuer="x"))
        self.stops("needs CertificateArn", lambda: self.look(DomainName="approvals.mycompany.com"))
        self.stops("Installation", lambda: self.look(Deletion="protected"))
        self.stops("COMPLIANCE", lambda: self.look(ArchiveRetention="COMPLIANCE"))
        self.stops("does not answer", lambda: self.look(Issuer="http://127.0.0.1:9"))
        other = Issuer(lambda server: {"issuer": f"http://127.0.0.1:{server.server_port}/"})
        self.stops("calls itself", lambda: self.look(Issuer=other.url))
        curves = Issuer(lambda server: {"issuer": f"http://127.0.0.1:{server.server_port}", "id_token_signing_alg_values_supported": ["ES256"]})
        self.stops("RSA alone", lambda: self.look(Issuer=curves.url))

    def test_what_surprises_is_said(self):
        self.assertEqual(len(self.look()), 4)
        self.assertEqual(self.look(FirstAdmin="a", MailFrom="a@b.de", OidcClientId="c", AlarmTopic="arn:d"), [])

    def test_programs_of_another_architecture_are_not_deployed(self):
        program = self.folder / "Submission" / "bootstrap"
        program.parent.mkdir()
        for machine, architecture in [(183, "arm64"), (62, "x86_64")]:
            program.write_bytes(b"\x7fELF" + bytes(14) + machine.to_bytes(2, "little"))
            deploy.check_programs(self.folder, architecture)
            self.stops(f"Submission is {architecture}", lambda: deploy.check_programs(self.folder, {"arm64": "x86_64", "x86_64": "arm64"}[architecture]))
        program.write_bytes(b"#!/bin/sh")
        self.stops("no program at all", lambda: deploy.check_programs(self.folder, "arm64"))
        self.stops("holds no programs", lambda: deploy.check_programs(self.folder / "none", "arm64"))


class Package(unittest.TestCase):
    def test_a_zip_is_the_same_whenever_the_program_is(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        (folder / "program").write_bytes(b"\x7fELF" + bytes(14) + b"\xb7\x00" + b"x" * 1000)
        sums = []
        for name in ["one.zip", "two.zip"]:
            package.put_into(folder / name, folder / "program")
            sums.append(hashlib.sha256((folder / name).read_bytes()).hexdigest())
        self.assertEqual(*sums)
        (entry,) = zipfile.ZipFile(folder / "one.zip").infolist()
        self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))
        (folder / "functions").mkdir()
        (folder / "one.zip").rename(folder / "functions" / "one.zip")
        deploy.check_programs(folder, "arm64")

    def test_its_template_names_every_zip_and_builds_nothing(self):
        text = package.template("x86_64")
        self.assertEqual(text.count("CodeUri: "), len(package.FUNCTIONS))
        for name in package.FUNCTIONS:
            self.assertIn(f"CodeUri: functions/{name}.zip\n", text)
        self.assertIn("\n  Architecture:\n    Type: String\n    Default: x86_64\n", text)


if __name__ == "__main__":
    unittest.main()
