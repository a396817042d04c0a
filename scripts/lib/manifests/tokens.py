"""The key pair that the chart makes by itself: whether the public part belongs to the private one."""

import base64
import json
from importlib import util

from render import REPOSITORY, name


def public_key(pem):
    """By OpenSSL, as the scripts have it."""
    found = util.spec_from_file_location("access_tokens", REPOSITORY / "scripts/lib/access-tokens.py")
    module = util.module_from_spec(found)
    found.loader.exec_module(module)
    return module.public_key(pem)


def problems(documents):
    found = {name(document): document for document in documents}
    key_set, secret = found.get("ConfigMap gatehouse-token-keys"), found.get("Secret gatehouse-token-signing-key")
    if key_set and secret:
        pem = base64.b64decode(secret["data"]["token-key.pem"])
        if json.loads(key_set["data"]["jwks.json"]) != {"keys": [public_key(pem)]}:
            yield "the chart's key set does not belong to its key"
