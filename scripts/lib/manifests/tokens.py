"""Tokens: whether gateway and services ask for the same ones, and whether the key that seals identity's keys is one."""

import base64
import binascii

from drift import documents_of
from render import name


def problems(documents):
    found = {name(document): document for document in documents}
    secret = found.get("Secret identity-seal-key")
    if secret:
        yield from seal_key_problems(secret)
    yield from difference_problems(found)


def seal_key_problems(secret):
    """The Secret holds text (itself in base64, as everything in a Secret): 32 bytes in base64."""
    try:
        key = base64.b64decode(base64.b64decode(secret["data"]["seal-key"]), validate=True)
    except binascii.Error as error:
        yield f"{name(secret)} does not hold base64: {error}"
        return
    if len(key) != 32:
        yield f"{name(secret)} holds {len(key)} bytes, not 32"


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
            # Identity has its own keys; everybody else fetches them where the gateway does.
            differences = (
                ("TOKEN_ISSUER", [jwt["issuer"]]),
                ("TOKEN_AUDIENCE", jwt["audiences"]),
                ("TOKEN_KEY_SET_URI", [jwt["keySet"].get("uri")]),
            )
            for variable, wanted in differences:
                if variable in variables and variables[variable] not in wanted:
                    yield f"{name(document)} has {variable} {variables[variable]}, the gateway {wanted}"
