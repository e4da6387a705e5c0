"""An OpenID Connect issuer on this machine: the gateway's authorizer reads its keys, and tests get tokens from it."""

import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import secrets
import ssl
import threading
import time
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

AUDIENCE = "approvals-test"
# The pages, as a client by which people log in.
CLIENT = "approvals-pages"
ALL = "submit submit_for decide read admin"


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Serves its public key over HTTPS, by an authority of its own, and logs people in."""

    def __init__(self, folder):
        self.codes = {}
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = folder / "issuer.pem"
        self._write_certificate(folder)
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.say(200, issuer.answer(self.path))

            def do_POST(self):
                form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                answer = issuer.exchange(form) if self.path == "/token" else None
                self.say(200 if answer else 400, answer or {"error": "invalid_grant"})

            def say(self, status, answer):
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "issuer.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.url = f"https://localhost:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def _write_certificate(self, folder):
        """An authority, which others are told to trust, and a certificate by it: whoever is strict takes no authority for a server."""
        now = datetime.datetime.now(datetime.timezone.utc)

        def certificate(name, key, by, extensions):
            subject, issuer = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in (name, "authority"))
            builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
            builder = builder.not_valid_after(now + datetime.timedelta(days=1))
            for extension, critical in extensions:
                builder = builder.add_extension(extension, critical)
            return builder.sign(by, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

        authority, key = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        self.certificate.write_bytes(certificate("authority", authority, authority, [(x509.BasicConstraints(ca=True, path_length=None), True)]))
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        server = [(x509.SubjectAlternativeName(names), False), (x509.BasicConstraints(ca=False, path_length=None), True)]
        (folder / "server.pem").write_bytes(certificate("localhost", key, authority, server))
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "issuer.key").write_bytes(pem)

    def answer(self, path):
        if path.endswith("/openid-configuration"):
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "end_session_endpoint": "end", "jwks_uri": "keys"}
            return {"issuer": self.url, **{name: f"{self.url}/{path}" for name, path in ends.items()}}
        numbers = self.key.public_key().public_numbers()
        number = lambda n: text(n.to_bytes((n.bit_length() + 7) // 8, "big"))
        return {"keys": [{"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": number(numbers.n), "e": number(numbers.e)}]}

    def logged_in(self, address, user):
        """What a browser is sent back to, once somebody whom it sent here has logged in."""
        place, query = address.split("?", 1)
        asked = dict(urllib.parse.parse_qsl(query))
        assert place == f"{self.url}/authorize" and asked["client_id"] == CLIENT and asked["response_type"] == "code", address
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split(), address
        code = secrets.token_urlsafe()
        self.codes[code] = (user, asked)
        return f"{asked['redirect_uri']}?{urllib.parse.urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, form):
        """The tokens for a code, once, for whoever knows the verifier."""
        user, asked = self.codes.pop(form.get("code"), (None, None))
        proof = text(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if user is None or proof != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        claims = {"aud": CLIENT, "nonce": asked["nonce"], "auth_time": int(time.time()) - 5, "name": user.title(), "email": f"{user}@example.com"}
        return {"token_type": "Bearer", "access_token": "none", "id_token": self.token(user, **claims)}

    def token(self, user, scopes=ALL, **claims):
        now = int(time.time())
        scope = " ".join(f"approvals:{scope}" for scope in scopes.split())
        body = {"iss": self.url, "aud": AUDIENCE, "sub": user, "scope": scope, "iat": now - 5, "exp": now + 3600, **claims}
        head = text(json.dumps({"alg": "RS256", "kid": "1", "typ": "JWT"}).encode())
        signed = f"{head}.{text(json.dumps(body).encode())}"
        return f"{signed}.{text(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
