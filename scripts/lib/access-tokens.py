"""Keys and tokens (JWT, ES256) with Python and openssl alone, where there is no `gatehouse-dev`: scripts/cluster and
scripts/containers.

    access-tokens.py keys DIRECTORY                     token-key.pem and jwks.json; an existing key is kept
    access-tokens.py token KEY SUBJECT SCOPE SECONDS [ISSUER [AUDIENCE]]   prints a token
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, given=b""):
    return subprocess.run(["openssl", *arguments], input=given, stdout=subprocess.PIPE, check=True).stdout


def public_key(pem):
    """The public part of a P-256 key as a JSON Web Key, called by its thumbprint.

    The last 64 bytes of the public key are x and y (RFC 5480 §2.2); the thumbprint is of these members in this order,
    without blanks (RFC 7638 §3).
    """
    public = openssl("pkey", "-pubout", "-outform", "DER", given=pem)
    x, y = encoded(public[-64:-32]), encoded(public[-32:])
    thumbprint = hashlib.sha256(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode()).digest()
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": encoded(thumbprint), "alg": "ES256", "use": "sig"}


def write(path, data, mode):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)


def make_keys(directory):
    key = Path(directory) / "token-key.pem"
    if not key.exists():
        write(key, openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"), 0o600)
    keys = {"keys": [public_key(key.read_bytes())]}
    write(Path(directory) / "jwks.json", json.dumps(keys).encode() + b"\n", 0o644)


def signature(text, key):
    """R and S, 32 bytes each (RFC 7518 §3.4), of what openssl writes as a SEQUENCE of two INTEGERs."""
    der = openssl("dgst", "-sha256", "-sign", key, given=text)
    numbers, at = b"", 2
    for _ in range(2):
        length = der[at + 1]
        numbers += int.from_bytes(der[at + 2 : at + 2 + length], "big").to_bytes(32, "big")
        at += 2 + length
    return numbers


def token(key, subject, scope, seconds, issuer="https://identity.gatehouse.local", audience="gatehouse"):
    now = int(time.time())
    header = {"alg": "ES256", "typ": "JWT", "kid": public_key(Path(key).read_bytes())["kid"]}
    claims = {"iss": issuer, "aud": [audience], "sub": subject, "scope": scope, "iat": now, "exp": now + int(seconds),
              "jti": str(uuid.uuid4())}  # fmt: skip
    text = ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{text}.{encoded(signature(text.encode(), key))}"


def main(command, *arguments):
    if command == "keys":
        make_keys(*arguments)
    else:
        print(token(*arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
