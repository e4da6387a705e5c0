#!/usr/bin/env python3
"""A second verifier of the audit archive, by its specifications alone and with nothing but Python's standard library.

    python3 tests/verify_log.py --key VKEY [--since NOTE] FOLDER...

RFC 6962 (tree), RFC 8032 (Ed25519), RFC 8785 (canonical JSON), C2SP signed-note, tlog-checkpoint, tlog-tiles; docs/audit.md (leaves).
It checks files, hashes, signatures, chains, and what a commit says it knew: of people and their managers, of members, of the template that new
requests started with. What a decision should have been only the product's own verifier knows.
Whatever is wrong, all else that can be read is checked too, and each fault is named.
One line of JSON for each folder: {"folder", "ok", "size", "commits", "late", "erased", "fault"?, "at"?: {"file"?, "leaf"?, "of"?, "version"?},
"faults"?: [{"fault", "at"}], "violations"?: [{"leaf", "of", "what"}]}; `fault` and `at` are the first of all. Exit status 1 if one is not ok.
"""
import argparse, base64, hashlib, json, os, re, sys

# Ed25519, verification only. Curve: -x^2 + y^2 = 1 + d x^2 y^2 over p = 2^255 - 19.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def decompress(b):
    n = int.from_bytes(b, "little")
    sign, y = n >> 255, n & (2**255 - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * pow(2, (P - 1) // 4, P) % P
        if v * x * x % P != u:
            return None
    if x == 0 and sign:
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]), (a[1] + a[0]) * (b[1] + b[0])
    g, h = 2 * a[3] * b[3] * D, 2 * a[2] * b[2]
    e, f, g, h = (f - e) % P, (h - g) % P, (h + g) % P, (f + e) % P
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def mul(k, a):
    r = (0, 1, 1, 0)
    while k:
        r, a, k = (add(r, a) if k & 1 else r), add(a, a), k >> 1
    return r


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519(key, message, signature):
    a, r = decompress(key), decompress(signature[:32]) if len(signature) == 64 else None
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or same(mul(8, a), (0, 1, 1, 0)) or same(mul(8, r), (0, 1, 1, 0)):
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return same(mul(s, BASE), add(r, mul(h, a)))


class Fault(Exception):
    def __init__(self, what, at=None):
        super().__init__(what)
        self.at = at or {}


def need(ok, what, **at):
    if not ok:
        raise Fault(what, at)


class place_of:
    """Whatever is wrong within is at this place, unless it says a nearer one."""

    def __init__(self, **at):
        self.at = at

    def __enter__(self):
        pass

    def __exit__(self, kind, wrong, _):
        if isinstance(wrong, Fault):
            wrong.at = {**self.at, **wrong.at}
        elif isinstance(wrong, (ValueError, KeyError, TypeError, IndexError, RecursionError, OverflowError)):
            raise Fault(str(wrong) or type(wrong).__name__, self.at) from wrong


WRONG = (Fault, ValueError, KeyError, TypeError, IndexError, RecursionError, OverflowError)


class naming:
    """Whatever is wrong within is named, and what follows is looked at all the same."""

    def __init__(self, faults, **at):
        self.faults, self.at = faults, at

    def __enter__(self):
        pass

    def __exit__(self, kind, wrong, _):
        if isinstance(wrong, WRONG):
            self.faults.append({"fault": str(wrong) or type(wrong).__name__, "at": {**self.at, **getattr(wrong, "at", {})}})
            return True


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64(text):
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise Fault("not base64") from None
    need(base64.b64encode(raw).decode() == text, "not base64 in its one form")
    return raw


def key_id(name, kind, key):
    return sha(name.encode(), b"\n", bytes([kind]), key)[:4]


def vkey(text):
    name, ident, raw = text.split("+", 2)
    raw = b64(raw)
    need(raw[0] == 1 and len(raw) == 33 and key_id(name, 1, raw[1:]).hex() == ident, "not a verifier key")
    return name, raw[1:]


def checkpoint(note, keys):
    """Origin, size and root of a note that a given key, named like the log, signed. No line may be by another key."""
    note = note.decode("utf-8")
    need(not re.search(r"[\x00-\x09\x0b-\x1f]", note), "control characters in a note")
    text, lines = note[: note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2 :]
    need(lines.endswith("\n"), "no newline at a note's end")
    signed, seen = set(), set()
    for line in lines[:-1].split("\n"):
        match = re.fullmatch(r"— ([^\s+]+) (\S+)", line)
        need(match, "a line that is no signature")
        name, raw = match[1], b64(match[2])
        need((name, raw[:4]) not in seen and len(raw) > 4, "two signatures by one key")
        seen.add((name, raw[:4]))
        of_name = [key for known, key in keys if known == name]
        plain = [key for key in of_name if key_id(name, 1, key) == raw[:4]]
        timed = [key for key in of_name if key_id(name, 4, key) == raw[:4]]
        need(plain or timed, "a signature by a key that was not given")
        if plain:
            need(ed25519(plain[0], text.encode(), raw[4:]), "a wrong signature")
            signed.add(name)
        else:
            at = int.from_bytes(raw[4:12], "big")
            need(ed25519(timed[0], f"cosignature/v1\ntime {at}\n{text}".encode(), raw[12:]), "a wrong signature")
    origin, size, root, *_ = text.split("\n")
    need(origin in signed, "no signature by the log's own key")
    need(str(int(size)) == size, "the size is no number")
    root = b64(root)
    need(len(root) == 32, "the root is no hash")
    return origin, int(size), root


def tree(hashes):
    """Root of a list of hashes (RFC 6962)."""
    if not hashes:
        return sha(b"")
    while len(hashes) > 1:
        pairs = [sha(b"\x01", a, b) for a, b in zip(hashes[::2], hashes[1::2])]
        hashes = pairs + hashes[len(pairs) * 2 :]
    return hashes[0]


def path(level, index, width):
    parts = [f"{index % 1000:03}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03}")
    return f"tile/{level}/{'/'.join(parts)}" + (f".p/{width}" if width < 256 else "")


def number(value):
    """A number as RFC 8785 writes it."""
    if isinstance(value, int):
        return str(value)
    need(value == value and abs(value) != float("inf"), "not a finite number")
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    if "e" not in text and abs(value) < 1e-6:
        text = f"{value:e}"
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    power = int(exponent)
    if -7 < power < 0:
        return f"{value:.{len(mantissa.replace('.', '').lstrip('-')) - power - 1}f}"
    return f"{mantissa.removesuffix('.0')}e{'+' if power > 0 else '-'}{abs(power)}"


def canonical(value):
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return json.dumps(value, ensure_ascii=False)
    return number(value)


def url64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def place(tenant):
    last, out = len(tenant) - 1, ""
    for at, c in enumerate(tenant.encode()):
        plain = chr(c) in "abcdefghijklmnopqrstuvwxyz0123456789_-" or (c == 46 and at not in (0, last))
        out += chr(c) if plain else f"={c:02X}"
    return out


class Chains:
    """Versions of each thing: contiguous, linked, one commit each. Leaves may come late and twice."""

    def __init__(self, origin):
        self.origin, self.things, self.parts = origin, {}, {}
        self.objects, self.decided, self.violations = {}, {}, []
        self.late = 0

    def leaf(self, leaf, index):
        need(b"\n" in leaf, "a leaf without a header")
        head, body = leaf.split(b"\n", 1)
        words = head.decode("ascii", "replace").split(" ")
        kind = words[0]
        if words[-1] == "late" and len(words) > 2 and kind != "approvals/violation/1":
            # A reconciliation brought it: nobody saw when it was written.
            self.late += 1
            words.pop()
        if kind == "approvals/violation/1":
            need(len(words) == 2 and url64(sha(kind.encode(), body)) == words[1], "a violation without the hash in its header")
            seen = json.loads(body.decode("utf-8"))
            self.violations.append({"leaf": index, "of": seen["of"], "what": seen["what"]})
            return
        if kind == "approvals/template/1":
            need(len(words) == 3 and re.fullmatch(r"[1-9]\d*/[1-9]\d*", words[2]), "a template's part without its number")
            part, parts = map(int, words[2].split("/"))
            known = self.parts.setdefault(words[1], {})
            need(known.setdefault(part, (parts, body)) == (parts, body), "two parts of one number")
            return
        need(len(words) == 2 and kind in ("approvals/commit/1", "approvals/directory/1"), f"a leaf of the kind `{kind}`")
        value = json.loads(body.decode("utf-8"))
        need(canonical(value).encode() == body, "a commit not in canonical form")
        prev = base64.urlsafe_b64decode(value["p"] + "=")
        need(url64(sha(kind.encode(), prev, body)) == words[1], "a commit without the hash in its header")
        need(self.origin.endswith("/" + place(value["t"])), "a commit of another tenant")
        name = value["r"] if kind == "approvals/commit/1" else value["o"]
        need(value["v"] >= 1, "versions begin at 1")
        if kind == "approvals/commit/1":
            self.decided.setdefault((name, value["v"]), (index, value))
        else:
            self.objects.setdefault(name, {})[value["v"]] = (value["at"], value["e"])
        known = self.things.setdefault((kind, name), {})
        need(known.setdefault(value["v"], (words[1], value["p"])) == (words[1], value["p"]), f"two commits of version {value['v']} of {name}")

    def settle(self, faults):
        for (_, name), versions in self.things.items():
            before, last = url64(bytes(32)), 0
            with naming(faults, of=name):
                for version in sorted(versions):
                    need(version == last + 1, f"version {last + 1} of {name} is missing", version=last + 1)
                    need(versions[version][1] == before, f"version {version} of {name} does not follow the one before", version=version)
                    before, last = versions[version][0], version
        for name, parts in self.parts.items():
            with naming(faults, of=name):
                whole = b"".join(parts[part][1] for part in sorted(parts))
                count = {of for of, _ in parts.values()}
                need(len(count) == 1 and sorted(parts) == list(range(1, count.pop() + 1)), f"parts of the template {name} are missing")
                need(url64(sha(whole)) == name, f"the template {name} has another content")


LAG = 30 * 60 * 1000  # Clocks ten minutes apart either way, and reads a moment old.


class Known:
    """What commits say they knew, beside what the directory's commits said at that time."""

    def __init__(self, chains, faults):
        self.objects, self.contents = chains.objects, {}
        for name, parts in chains.parts.items():
            try:
                self.contents[name] = json.loads(b"".join(parts[part][1] for part in sorted(parts)))
            except ValueError:
                pass
        self.requester, self.next, self.opened, self.template, self.erased = {}, {}, {}, {}, set()
        broken = set()
        for (name, version), (leaf, commit) in sorted(chains.decided.items()):
            # Of a request only the first fault is told, as what follows rests on it.
            before = len(faults)
            if name not in broken:
                with naming(faults, leaf=leaf, of=name, version=version):
                    self.commit(name, version, commit)
            if len(faults) > before:
                broken.add(name)

    def held(self, thing, version, at):
        versions = self.objects.get(thing, {})
        need(version in versions, f"version {version} of {thing} is not in the log")
        since, event = versions[version]
        until = versions.get(version + 1, (at, None))[0]
        need(since <= at + LAG and until >= at - LAG, f"version {version} of {thing} did not hold then")
        return event

    def commit(self, name, version, commit):
        at, facts, events = commit["at"], commit.get("f", {}), commit["e"]
        people = facts.get("p", {})
        for who, said in people.items():
            if said is None:
                first = self.objects.get(f"user/{who}", {}).get(1)
                need(first is None or first[0] > at - LAG, f"{who} was in the directory")
                continue
            event = self.held(f"user/{who}", said["v"], at)
            need((event["a"], event.get("n", 0)) == (said.get("a", True), said.get("n", 0)), f"the directory says otherwise of user/{who}")
            # `null` is nobody; left out is not asked.
            need("m" not in said or event.get("m") == said["m"], f"the directory names another manager of user/{who}")
        for role, said in facts.get("r", {}).items():
            for who, held in said["m"].items():
                if held:
                    need(self.held(f"member/{role}/{who}", held, at)["m"], f"{who} was no member of {role}")
        for event in events:
            kind = event["k"]
            if kind == "submitted":
                need(version == 1, "a submission that is not the first commit")
                self.requester[name] = event.get("q", commit["a"].get("u"))
                self.template[name] = self.current(event["t"]["k"], event["t"]["v"], at)
            if kind == "transferred":
                self.next[name] = event["o"]
            if kind == "resubmitted":
                self.requester[name] = self.next.pop(name, self.requester[name])
            if kind in ("submitted", "resubmitted"):
                self.opened[name] = set()
            if kind == "erased":
                self.erased.add(name)
            if kind in ("opened", "blocked") and event["s"] not in self.opened[name]:
                self.opened[name].add(event["s"])
                step, asks = within(self.template[name], lambda found: found.get("id") == event["s"]), self.requester[name]
                if within((step or {}).get("approvers"), lambda found: found.get("manager_of") == "requester"):
                    need(asks in people, f"a step of the manager of {asks} opened, and nobody asked for them")
                    need(people[asks] is None or "m" in people[asks], f"a step of the manager of {asks} opened, and nobody asked who that is")

    def current(self, key, number, at):
        versions = self.objects.get(f"template/{key}", {})
        pointed = [(since, event.get("n")) for _, (since, event) in sorted(versions.items()) if event["k"] == "template_current"]
        until = [since for since, _ in pointed[1:]] + [at]
        then = [n for (since, n), end in zip(pointed, until) if since <= at + LAG and end >= at - LAG]
        need(number in then, f"version {number} of template {key} is not what new requests started with")
        content = [event["h"] for _, event in versions.values() if event["k"] == "template" and event["n"] == number]
        need(content and content[0] in self.contents, f"the content of version {number} of template {key} is not in the log")
        return self.contents[content[0]]


def within(value, like):
    """The first object in a JSON value that is like it."""
    if isinstance(value, dict) and like(value):
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return next((found for found in (within(one, like) for one in inner) if found), None)


def unsigned(note):
    """What a note says that nobody believed: how long the log is said to be."""
    origin, size, root, *_ = note.decode("utf-8").split("\n")
    return origin, int(size), b64(root)


def verify(folder, keys, since, line, faults):
    files = {}
    for base, folders, names in os.walk(folder):
        for name in folders + names:
            full = os.path.join(base, name)
            if os.path.islink(full) or name in names:
                with naming(faults, file=os.path.relpath(full, folder)):
                    need(os.path.isfile(full) and not os.path.islink(full), f"{full} is no plain file")
                    files[os.path.relpath(full, folder)] = full
    read = lambda name: open(files.pop(name), "rb").read() if name in files else need(False, f"{name} is not there", file=name)
    signed = None
    with naming(faults, file="checkpoint"):
        note = read("checkpoint")
        signed = unsigned(note)
        signed = checkpoint(note, keys)
    if signed is None:
        return
    origin, size, root = signed
    old = None
    if since:
        with naming(faults, leaf=size):
            old_origin, old_size, old_root = checkpoint(since, keys)
            need(old_origin == origin and old_size <= size, "the earlier checkpoint is of another log, or of a longer one")
            old = (old_size, old_root)

    def narrower(level, index, width, beginning):
        prefix = path(level, index, 256) + ".p/"
        for name in [name for name in files if name.startswith(prefix)]:
            narrow = name[len(prefix) :]
            if re.fullmatch(r"[1-9]\d*", narrow) and int(narrow) < width:
                with naming(faults, file=name):
                    need(read(name) == beginning(int(narrow)), f"{name} is not the beginning of its tile")

    # A hash is None where neither the entry nor its tile can be read.
    level, hashes, chains, index, last, whole = 0, [], Chains(origin), 0, -(-size // 256), True
    numbers = (re.fullmatch(r"tile/(?:entries|0)/((?:x\d{3}/)*\d{3})(?:\.p/\d+)?", name) for name in files)
    present = sorted({int(re.sub(r"[x/]", "", found[1])) for found in numbers if found})
    while index < last:
        width = min(256, size - index * 256)
        entries_file, tile_file = path("entries", index, width), path(0, index, width)
        following = min((there for there in present if there >= index), default=last)
        if following > index + 1:
            # A signed size may be anything: what is not there is told once, however much it is.
            with naming(faults, file=entries_file):
                need(False, f"{entries_file} is not there, nor is any of the {following - index} from there on")
            whole, index = False, following
            continue
        bundle = tile = None
        with naming(faults, file=entries_file):
            bundle = read(entries_file)
        with naming(faults, file=tile_file):
            tile = read(tile_file)
            need(len(tile) == 32 * width, "not of its width")
        at, starts = 0, [0]
        for n in range(width):
            leaf, said, entry = index * 256 + n, tile[32 * n : 32 * n + 32] if tile else None, None
            with naming(faults, file=entries_file):
                if bundle is not None:
                    length = int.from_bytes(bundle[at : at + 2], "big")
                    entry = bundle[at + 2 : at + 2 + length]
                    if len(bundle) < at + 2 or len(entry) < length:
                        entry = bundle = None
                        raise Fault(f"a bundle that ends within entry {leaf}")
            if entry is not None:
                at += 2 + length
                starts.append(at)
                with naming(faults, leaf=leaf, file=entries_file):
                    need(said is None or sha(b"\x00", entry) == said, f"entry {leaf} does not have its tile's hash")
                with naming(faults, leaf=leaf):
                    chains.leaf(entry, leaf)
            hashes.append(sha(b"\x00", entry) if entry is not None else said or None)
        with naming(faults, file=entries_file):
            need(bundle is None or at == len(bundle), "a file that goes on after its last entry")
        if bundle is not None:
            narrower("entries", index, width, lambda narrow: bundle[: starts[narrow]])
        if tile is not None:
            narrower(0, index, width, lambda narrow: tile[: 32 * narrow])
        index += 1
    # Upper hashes are of leaves below: where these are not all known, nothing can be said of them.
    whole = whole and all(hashes)
    if whole:
        with naming(faults, file="checkpoint"):
            need(tree(hashes) == root, "the entries do not have the signed root")
        if old is not None:
            with naming(faults, leaf=old[0]):
                need(tree(hashes[: old[0]]) == old[1], "the past is not what was signed before")
        while len(hashes) >= 256:
            hashes = [tree(hashes[at : at + 256]) for at in range(0, len(hashes) - 255, 256)]
            level += 1
            for index in range(-(-len(hashes) // 256)):
                part = b"".join(hashes[index * 256 : index * 256 + 256])
                name = path(level, index, len(part) // 32)
                with naming(faults, file=name):
                    need(read(name) == part, f"tile/{level}/{index} is not of the tiles below")
                narrower(level, index, len(part) // 32, lambda narrow: part[: 32 * narrow])
    for name in sorted(files):
        if whole or not name.startswith("tile/"):
            with naming(faults, file=name):
                need(False, f"{name} belongs to no log of this size")
    line["late"] = chains.late
    if chains.violations:
        line["violations"] = chains.violations
    chains.settle(faults)
    for seen in chains.violations:
        code = "time" if seen["what"].startswith("time: ") else "violation"
        with naming(faults, leaf=seen["leaf"], of=seen["of"]):
            need(False, f"{code}: the archiver saw of {seen['of']}: {seen['what']}")
    line["erased"] = len(Known(chains, faults).erased)
    line["size"] = size
    line["commits"] = sum(len(versions) for (kind, _), versions in chains.things.items() if kind == "approvals/commit/1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--key", action="append", required=True)
    parser.add_argument("--since")
    parser.add_argument("folder", nargs="+")
    args = parser.parse_args()
    keys = [vkey(key) for key in args.key]
    since = open(args.since, "rb").read() if args.since else None
    all_ok = True
    for folder in args.folder:
        line, faults = {"folder": folder, "ok": True}, []
        with naming(faults):
            verify(folder, keys, since, line, faults)
        if faults:
            line.update(ok=False, **faults[0], faults=faults)
        all_ok &= line["ok"]
        print(json.dumps(line, ensure_ascii=False))
    sys.exit(0 if all_ok else 1)


if __name__ == "__main__":
    main()
