"""Tokens that a foreign library signs, against an edge that takes them; no NATS is needed for that.

Prints one line of JSON per check: {"name": ..., "problem": null or why it failed}.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://id.example/", "https://mesh.example/mcp"
RSA, P256 = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
LIST = b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}'


class Keys(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        made = [(RSAAlgorithm, RSA, "rsa"), (ECAlgorithm, P256, "ec")]
        keys = [{**json.loads(kind.to_jwk(key.public_key())), "kid": kid} for kind, key, kid in made]
        body = json.dumps({"keys": keys}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def claims(**other):
    said = {"iss": ISSUER, "aud": [AUDIENCE, "other"], "exp": time.time() + 60, "sub": "somebody", "scope": "mcp.read", **other}
    return {name: value for name, value in said.items() if value is not None}


def signed(algorithm="RS256", key=RSA, kid="rsa", **other):
    return jwt.encode(claims(**other), key, algorithm=algorithm, headers={"kid": kid})


def signed_with_the_public_key():
    """What HS256 would take if the header chose the check."""
    secret = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    part = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")  # noqa: E731
    message = part(b'{"alg":"HS256","kid":"rsa"}') + b"." + part(json.dumps(claims()).encode())
    return (message + b"." + part(hmac.new(secret, message, hashlib.sha256).digest())).decode()


def status(url, token):
    request = urllib.request.Request(url, data=LIST, headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


failed = []


def told(name, got, wanted):
    if got != wanted:
        failed.append(name)
    print(json.dumps({"name": f"pyjwt: {name}", "problem": None if got == wanted else f"HTTP {got}, not {wanted}"}), flush=True)


def main(binary):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = {
        "EDGE_JWKS_URL": f"http://127.0.0.1:{server.server_port}/keys",
        "EDGE_JWT_ISSUER": ISSUER,
        "EDGE_JWT_AUDIENCE": AUDIENCE,
        "EDGE_BIND": "127.0.0.1:0",
        "NATS_URL": "nats://127.0.0.1:1",
    }
    process = subprocess.Popen([binary, "edge"], env={"PATH": os.environ["PATH"], **settings}, stdout=subprocess.PIPE)
    edge = "http://" + json.loads(process.stdout.readline())["addresses"]["http"]
    checks = [
        ("RS256", signed(), 200),
        ("ES256", signed("ES256", P256, "ec"), 200),
        ("RS512", signed("RS512"), 401),
        ("PS256", signed("PS256"), 401),
        ("none", signed("none", None), 401),
        ("HS256 with the public key", signed_with_the_public_key(), 401),
        ("a key of the other kind", signed(kid="ec"), 401),
        ("expired", signed(exp=time.time() - 100), 401),
        ("without an end", signed(exp=None), 401),
        ("not yet good", signed(nbf=time.time() + 1000), 401),
        ("for another service", signed(aud="other"), 401),
        ("of another issuer", signed(iss="https://other.example/"), 401),
    ]
    try:
        for name, token, wanted in checks:
            told(name, status(f"{edge}/mcp", token), wanted)
        told("a scope that is missing", status(f"{edge}/gateway/logout", signed()), 403)
    finally:
        process.terminate()
        process.wait(30)


main(sys.argv[1])
sys.exit(1 if failed else 0)
