"""The checks of documents can fail; the generated tables are those of the schema; each error code has its cure."""

import importlib.machinery
import importlib.util
import json
import pathlib
import re
import socket
import stat
import sys
import tempfile
import textwrap
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def script(name):
    loader = importlib.machinery.SourceFileLoader(f"{name}_script", str(ROOT / "scripts/checks" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


links, readme, reference = script("links"), script("readme"), script("reference")


def read(name):
    return (ROOT / name).read_text()


class Links(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        self.write("docs/other.md", "# Other\n\n## A `b` & C\n\n## Twice\n\n## Twice\n\n```\n# No heading\n```\n")
        self.write("picture.png", "")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def faults(self, text):
        self.write("README.md", text)
        return list(links.faults(self.root))

    def test_what_is_there_is_fine(self):
        for text in [
            "[a](docs/other.md) [b](docs) ![c](picture.png) <img src=\"picture.png\">",
            "[a](docs/other.md#a-b--c) [b](docs/other.md#twice) [c](docs/other.md#twice-1)",
            "# Here\n\n[a](#here) [b][1]\n\n[1]: docs/other.md#other",
            "[a](https://example.com/nowhere) [b](mailto:a@example.com)",
            "`[a](nowhere)`\n\n```\n[b](nowhere)\n```\n\n~~~\n[c](nowhere)\n~~~",
        ]:
            self.assertEqual(self.faults(text), [], text)

    def test_what_leads_nowhere_is_named_with_its_line(self):
        for text, said in [
            ("\n\n[a](nowhere.md)", "README.md:3: nowhere.md: is not there"),
            ("[a](docs/other.md#no-heading)", "README.md:1: docs/other.md#no-heading: no such heading"),
            ("[a](docs/other.md#twice-2)", "README.md:1: docs/other.md#twice-2: no such heading"),
            ("[a](#here)", "README.md:1: #here: no such heading"),
            ("![a](pictures/none.png)", "README.md:1: pictures/none.png: is not there"),
            ("[a][1]\n\n[1]: nowhere", "README.md:3: nowhere: is not there"),
            ("<a href=\"nowhere\">a</a>", "README.md:1: nowhere: is not there"),
            ("[a](../etc)", "README.md:1: ../etc: leads out of the repository"),
            ("[a](picture.png#x)", "README.md:1: picture.png#x: an anchor of a file that has none"),
            ("```\n[a](b)\n```\n[c](nowhere)", "README.md:4: nowhere: is not there"),
        ]:
            self.assertEqual(self.faults(text), [said], text)

    def test_llms_txt_is_a_document(self):
        self.write("llms.txt", "- [a](nowhere.md): words\n")
        self.assertEqual(list(links.faults(self.root)), ["llms.txt:1: nowhere.md: is not there"])


# Stands in for the service: `dev` answers each call with its own arguments, `template lint` refuses what says `wrong`.
PROGRAM = """\
#!{python}
import http.server, os, pathlib, sys
if sys.argv[1] == "dev":
    port = int(sys.argv[sys.argv.index("--port") + 1])
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(" ".join(sys.argv).encode())
        def log_message(self, *_):
            pass
    http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
elif sys.argv[1:3] == ["template", "lint"]:
    sys.exit("wrong" in pathlib.Path(sys.argv[3]).read_text())
else:
    print(os.environ["APPROVALS_URL"])
    sys.exit(int(sys.argv[1]))
"""


class Readme(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program = pathlib.Path(folder.name) / "approvals"
        self.program.write_text(PROGRAM.format(python=sys.executable))
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def run_document(self, text):
        return readme.run(self.program, "a.md", textwrap.dedent(text))

    def test_blocks_run_in_order_in_one_shell_and_cargo_dev_starts_the_service(self):
        self.assertIsNone(self.run_document("""\
            ```sh
            cargo dev
            ```
            ```
            false
            ```
            ```sh
            given=$(curl -s http://127.0.0.1:8080/)
            words=7
            ```
            ```sh
            test $words = 7
            [[ $given == *"dev --demo --port "* ]]
            test "$(approvals 0)" = "http://127.0.0.1:$PORT"
            test -f examples/purchase_order.yaml
            test "$(readlink target/debug/approvals)" = "$(readlink "$(command -v approvals)")"
            cargo test
            ```
            """))

    def test_the_service_ends_with_its_document(self):
        fault = self.run_document("```sh\ncargo dev\necho port $PORT\nfalse\n```\n")
        port = int(re.search(r"^port (\d+)$", fault, re.MULTILINE)[1])
        with self.assertRaises(ConnectionRefusedError):
            for _ in range(100):
                socket.create_connection(("127.0.0.1", port)).close()
                time.sleep(0.1)

    def test_a_block_that_fails_is_named_with_its_line(self):
        for text, said in [
            ("# A\n\n```sh\ntrue\n```\n\n```sh\napprovals 3\n```\n", "a.md:8: exit status 3: approvals 3"),
            ("```sh\nfalse | true\n```\n", "a.md:2: exit status 1: "),
            ("```sh\necho $nothing\n```\n", "nothing: unbound variable"),
            ("```sh\ncargo build\n```\n", "a document may say `cargo dev` and `cargo test`"),
            ("```yaml\nkey: a\ntitle: wrong\n```\n", "a.md:2: the template has errors"),
        ]:
            self.assertIn(said, self.run_document(text) or "", text)

    def test_what_is_no_template_is_not_linted(self):
        self.assertIsNone(self.run_document("```yaml\neffect: wrong\n```\n```yaml\nkey: a\n```\n"))

    def test_a_block_that_hangs_is_ended(self):
        before, readme.SECONDS = readme.SECONDS, 1
        self.addCleanup(setattr, readme, "SECONDS", before)
        self.assertIn("not done in 1 s", self.run_document("```sh\nsleep 60\n```\n"))

    def test_every_document_that_is_run_has_something_to_run(self):
        for name in readme.DOCUMENTS:
            text = read(name)
            found = readme.blocks(text, "sh") + [block for block in readme.blocks(text, "yaml") if "key: " in block[1]]
            self.assertTrue(found, name)

    def test_examples_in_python_are_python(self):
        found = [block for name in readme.DOCUMENTS for _, block in readme.blocks(read(name), "python")]
        self.assertTrue(found)
        for block in found:
            compile(block, "a block", "exec")


class Webhooks(unittest.TestCase):
    def test_the_guide_s_receiver_takes_a_true_signature_and_no_other(self):
        """The vector is one of Standard Webhooks' own; only its time is long past."""
        ((_, block),) = readme.blocks(read("docs/api.md"), "python")
        room = {}
        exec(block, room)
        room["time"] = type("Then", (), {"time": staticmethod(lambda: 1614265330)})
        secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
        signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330", "webhook-signature": signature}
        self.assertTrue(room["verified"](secret, headers, body))
        self.assertTrue(room["verified"](secret, {**headers, "webhook-signature": f"v1,AAAA {signature}"}, body))
        self.assertFalse(room["verified"](secret, headers, body + b" "))
        self.assertFalse(room["verified"](secret, {**headers, "webhook-id": "msg_other"}, body))
        room["time"] = type("Later", (), {"time": staticmethod(lambda: 1614265330 + 301)})
        self.assertFalse(room["verified"](secret, headers, body))


class Reference(unittest.TestCase):
    schema = json.loads(read("shared/template.schema.json"))

    def test_the_tables_are_those_of_the_schema(self):
        document = read(reference.DOCUMENT)
        self.assertEqual(reference.written(document, self.schema), document, "UPDATE=1 scripts/checks/reference writes it")

    def test_every_key_of_the_schema_is_in_a_table(self):
        tables = reference.tables(self.schema)

        def keys(of):
            if isinstance(of, dict):
                yield from of.get("properties", {})
                for inner in of.values():
                    yield from keys(inner)
            elif isinstance(of, list):
                for inner in of:
                    yield from keys(inner)

        for key in set(keys(self.schema)):
            self.assertIn(f"\n| `{key}` |", tables)

    def test_a_key_that_is_new_in_the_schema_changes_the_document(self):
        schema = json.loads(json.dumps(self.schema))
        schema["$defs"]["step"]["properties"]["new"] = {"description": "New.", "type": "boolean", "default": False}
        self.assertIn("| `new` | `true`, `false` | `false` | New. |", reference.tables(schema))

    def test_every_function_and_variable_of_expressions_is_explained(self):
        compiler = read("shared/src/expression/compile.rs")
        functions = re.findall(r"(\w+)\(\)", re.search(r'const FUNCTIONS: &str = "(.*?)"', compiler)[1])
        self.assertGreaterEqual(len(functions), 5)
        document = read(reference.DOCUMENT)
        for function in functions:
            self.assertRegex(document, rf"\n\| `[^|]*{function}\(", function)
        for variable in ["metadata.FIELD", "entity.type", "entity.id", "requester.id", "requester.manager", "requester.roles", "requester.attributes.NAME"]:
            self.assertIn(f"`{variable}`", document)


class Troubleshooting(unittest.TestCase):
    cures = re.findall(r"^\| `(\w+)` \| (\d{3}) \| (.+?) \| (.+?) \|$", read("docs/troubleshooting.md"), re.MULTILINE)

    def test_every_refusal_has_a_cure_with_its_status(self):
        refusals = set(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", read("docs/refusals.md"), re.MULTILINE))
        self.assertGreater(len(refusals), 30)
        self.assertEqual(refusals - {(code, status) for code, status, *_ in self.cures}, set())

    def test_every_code_in_the_source_has_a_cure(self):
        """Codes stand where a problem is made, or in the list of an error's codes."""
        found = set()
        for path in [*(ROOT / "shared/src").rglob("*.rs"), *(ROOT / "functions").rglob("*.rs"), *(ROOT / "cli/src").rglob("*.rs")]:
            if "tests" in path.parts:
                continue
            text = path.read_text().split("#[cfg(test)]")[0]
            found |= {(code, status) for status, code in re.findall(r'Problem::new\(\s*(\d{3}),\s*"(\w+)"', text)}
        self.assertGreater(len(found), 15)
        self.assertEqual(found - {(code, status) for code, status, *_ in self.cures}, set())
        named = {code for name in ["shared/src/app/error.rs", "shared/src/wire/fault.rs"] for code in re.findall(r'=> "(\w+)"', read(name))}
        self.assertGreater(len(named), 10)
        self.assertEqual(named - {code for code, *_ in self.cures}, set())

    def test_no_code_stands_there_that_no_source_has(self):
        source = "".join(path.read_text() for folder in ["shared", "functions", "cli"] for path in (ROOT / folder).rglob("*.rs"))
        for code, *_ in self.cures:
            self.assertIn(f'"{code}"', source)


if __name__ == "__main__":
    unittest.main()
