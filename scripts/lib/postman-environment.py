"""Writes a Postman environment with the base URLs and tokens of this run: SOURCE TARGET.

The values come from the environment, because arguments are public.
"""

import json
import os
import sys
from pathlib import Path

VARIABLES = {
    "base_url": "BASE_URL",
    "http_base_url": "HTTP_BASE_URL",
    "token": "TOKEN",
    "narrow_token": "NARROW_TOKEN",
    "expired_token": "EXPIRED_TOKEN",
    "email": "EMAIL",
    "password": "PASSWORD",
    "messages_url": "MESSAGES_URL",
}


def main(source, target):
    environment = json.loads(Path(source).read_text(encoding="utf-8"))
    values = {entry["key"]: entry for entry in environment["values"]}
    for key, variable in VARIABLES.items():
        entry = values.get(key)
        if entry is None:
            entry = {"key": key, "enabled": True}
            environment["values"].append(entry)
        entry["value"] = os.environ[variable]
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(environment, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
