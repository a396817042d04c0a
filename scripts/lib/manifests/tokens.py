"""Tokens: whether the key set that the chart makes belongs to its key, and whether gateway and services ask for the same."""

import base64
import json
from importlib import util

from drift import documents_of
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
    yield from difference_problems(found)


def difference_problems(found):
    """A token that the gateway takes and a service refuses, or the other way round."""
    policies = documents_of(found["ConfigMap gatehouse-documents"]).values()
    asked = [policy["spec"]["jwt"] for policy in policies if "jwt" in policy.get("spec", {})]
    if not asked:
        yield "no policy of the gateway asks for tokens"
    for document in found.values():
        if document["kind"] != "Deployment" or document["metadata"]["name"] == "gatehouse":
            continue
        variables = {
            entry["name"]: entry.get("value")
            for entry in document["spec"]["template"]["spec"]["containers"][0]["env"]
        }
        for jwt in asked:
            if variables["TOKEN_ISSUER"] != jwt["issuer"]:
                yield f"{name(document)} asks for the issuer {variables['TOKEN_ISSUER']}, the gateway for {jwt['issuer']}"
            if variables["TOKEN_AUDIENCE"] not in jwt["audiences"]:
                yield f"{name(document)} asks for the audience {variables['TOKEN_AUDIENCE']}, the gateway for {jwt['audiences']}"
