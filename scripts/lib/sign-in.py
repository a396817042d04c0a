"""Signs in through the gateway and prints the access token: BASE_URL --email E --password-file F [--ca FILE] [--scope S].

The password is the first line of the file; - is standard input. Nothing secret is in an argument, and none is printed but
the token. Status 1 with the problem's words when the answer is not a token.
"""

import argparse
import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 30


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base_url")
    parser.add_argument("--ca", help="the certificate authority to trust; the system's without it")
    parser.add_argument("--email", required=True)
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--minimum-seconds", type=int, default=0, help="fail when the token is good for less")
    parser.add_argument("--scope", help="less than everything that the account may do: scopes separated by spaces")
    return parser.parse_args()


def password(path):
    text = sys.stdin.readline() if path == "-" else Path(path).read_text(encoding="utf-8")
    return text.splitlines()[0] if text else ""


def sign_in(options):
    body = {"email": options.email, "password": password(options.password_file)}
    if options.scope is not None:
        body["scope"] = options.scope
    request = urllib.request.Request(
        options.base_url.rstrip("/") + "/identity/sign-in",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    # No proxy: this goes to a gateway on this machine or in a cluster of one's own.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=options.ca)),
    )
    with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
        found = json.load(answer)
    if found["expires_in"] < options.minimum_seconds:
        sys.exit(f"error: a token is good for {found['expires_in']} s, and {options.minimum_seconds} s are needed")
    return found["access_token"]


def main():
    options = arguments()
    try:
        print(sign_in(options))
    except urllib.error.HTTPError as error:
        try:
            detail = json.load(error).get("detail", "")
        except ValueError:
            detail = ""
        sys.exit(f"error: signing in as {options.email} was answered {error.code}: {detail}")
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"error: signing in as {options.email} failed: {error}")


if __name__ == "__main__":
    main()
