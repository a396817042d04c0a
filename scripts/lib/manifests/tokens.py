"""The key pair that the chart makes by itself: whether the public part belongs to the private one."""

import base64
import hashlib
import json
import subprocess

from render import name


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def expected(pem):
    """The key set of a P-256 key, by OpenSSL: the last 64 bytes of its public part are x and y (RFC 5480 §2.2)."""
    public = subprocess.run(
        ["openssl", "pkey", "-pubout", "-outform", "DER"], input=pem, capture_output=True, check=True
    ).stdout
    x, y = encoded(public[-64:-32]), encoded(public[-32:])
    # RFC 7638 §3: the thumbprint is of these members, in this order, without blanks.
    thumbprint = hashlib.sha256(f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode()).digest()
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": encoded(thumbprint), "alg": "ES256", "use": "sig"}


def problems(documents):
    found = {name(document): document for document in documents}
    key_set, secret = found.get("ConfigMap gatehouse-token-keys"), found.get("Secret gatehouse-token-signing-key")
    if key_set and secret:
        pem = base64.b64decode(secret["data"]["token-key.pem"])
        if json.loads(key_set["data"]["jwks.json"]) != {"keys": [expected(pem)]}:
            yield "the chart's key set does not belong to its key"
