"""The house rules that neither the compiler nor swift-format checks. Prints FILE:LINE: finding; status 1 for any.

Rules, by the name that excuses a line (`// lint: allow(NAME): reason`, on the line or in the comment above it):

  layer      a room imports only what the arrows of the design allow (see ROOMS)
  unsafe     Unsafe…Pointer and friends only in the gateway's Wire and Reactor, and in Postgres (libpq)
  unchecked  `@unchecked Sendable` and `nonisolated(unsafe)` carry a comment that proves them
  try        no `try!`
  fatal      no `fatalError(` in Sources
  sleep      no sleeping in Tests: wait for the event
  sql        a service's SQL is in its Store and its Migrations
  todo       no TODO, FIXME or XXX: an issue, or done

A file of more than 400 lines is a warning.
"""

import re
import sys
from pathlib import Path

STANDARD = {"Synchronization"}

# Which modules a room may import besides the standard library. A room that is not listed is an error, so that a new one
# gets its arrows written down.
DATA_PLANE = {
    "Gateway/Routing": set(),
    "Gateway/Policy": set(),
    "Gateway/Wire": {"Glibc"},
    "Gateway/Reactor": {"CLinux", "COpenSSL", "Glibc"},
    "Gateway/Proxy": {"Policy", "Reactor", "Routing", "Wire"},
}
# Outside the data plane only arrows between our own rooms are fixed; packages are what Package.swift grants.
OWN_ROOMS_ONLY = {
    "Gateway/Control": {"Policy", "Proxy", "Reactor", "Routing"},
    "Platform/Postgres": {"CLinux", "CPostgres"},
    "Platform/Telemetry": set(),
    "Platform/ServiceKit": {"Postgres", "Telemetry"},
    "Services/Warehouse": {"Postgres", "ServiceKit", "Telemetry"},
    "Services/Accounting": {"Postgres", "ServiceKit", "Telemetry"},
    "Services/Sales": {"Postgres", "ServiceKit", "Telemetry"},
    "Services/Identity": {"CArgon2", "Postgres", "ServiceKit", "Telemetry"},
    "Executables/gatehouse": {"Control", "Routing", "Telemetry"},
    "Executables/gatehouse-dev": set(),
    "Executables/route-bench": {"Routing"},
    "Executables/warehouse-service": {"ServiceKit", "Warehouse"},
    "Executables/accounting-service": {"Accounting", "ServiceKit"},
    "Executables/sales-service": {"Sales", "ServiceKit"},
    "Executables/identity-service": {"Identity", "ServiceKit"},
}
OWN_MODULES = {
    *(room.split("/")[1] for room in (*DATA_PLANE, *OWN_ROOMS_ONLY)),
    *("CArgon2", "CLinux", "CNghttp2", "COpenSSL", "CPostgres", "TestSupport", "ServiceTestSupport"),
}
UNSAFE_ROOMS = {"Gateway/Wire", "Gateway/Reactor", "Platform/Postgres"}

IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias|actor)\s+)?(\w+)"
)
ALLOWED = re.compile(r"//.*lint: allow\((\w+)\): \S")
COMMENT = re.compile(r"^\s*//")
MAXIMUM_LINES = 400

PATTERNS = {
    "try": re.compile(r"\btry!"),
    "todo": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
    "fatal": re.compile(r"\bfatalError\("),
    "sleep": re.compile(r"\bu?sleep\("),
    "unsafe": re.compile(r"\bUnsafe(?:Mutable)?(?:Raw)?(?:Buffer)?Pointer\b|\bwithUnsafe\w*\(|\bunsafeBitCast\b"),
    "unchecked": re.compile(r"@unchecked\s+Sendable|nonisolated\(unsafe\)"),
    "sql": re.compile(r'"[^"]*\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\s+\w|^\s*(?:SELECT|INSERT INTO|DELETE FROM)\s'),
}
MESSAGES = {
    "try": "try! is not used here",
    "todo": "an open end belongs into an issue",
    "fatal": "fatalError in shipped code",
    "sleep": "a test waits for an event, not for time",
    "unsafe": "unsafe pointers stay inside Wire, Reactor and Postgres",
    "unchecked": "needs a one-line proof in a comment",
    "sql": "SQL belongs into Store or Migrations",
}


def room_of(path):
    """Sources/Gateway/Wire/HTTP1/Parser.swift → Gateway/Wire; C targets and tests have no room."""
    parts = path.parts
    return "/".join(parts[1:3]) if parts[0] == "Sources" and parts[1] != "C" and len(parts) > 3 else None


def rules_for(path, room):
    rules = {"try", "todo", "unchecked"}
    if path.parts[0] == "Tests":
        return rules | {"sleep"}
    rules.add("fatal")
    if room and room.startswith("Gateway/") and room not in UNSAFE_ROOMS:
        rules.add("unsafe")
    if room and room.startswith(("Services/", "Executables/")):
        rules.add("unsafe")
    if room and room.startswith("Services/") and not path.name.startswith("Store") and "Migrations" not in path.parts:
        rules.add("sql")
    return rules


def forbidden_import(room, module):
    if room in DATA_PLANE:
        if module in DATA_PLANE[room] | STANDARD:
            return None
        return f"{room} may import only {', '.join(sorted(DATA_PLANE[room] | STANDARD))}"
    if room in OWN_ROOMS_ONLY:
        if module not in OWN_MODULES or module in OWN_ROOMS_ONLY[room]:
            return None
        return f"{room} stands on {', '.join(sorted(OWN_ROOMS_ONLY[room])) or 'no other room'} only"
    return f"the room {room} has no arrows in scripts/lib/check-sources.py"


def comments_above(lines, index):
    """The comment lines directly above a line, and the comment on it."""
    text = [lines[index].split("//", 1)[1]] if "//" in lines[index] else []
    while index > 0 and COMMENT.match(lines[index - 1]):
        index -= 1
        text.append(lines[index])
    return text


def findings(path):
    room = room_of(path)
    rules = rules_for(path, room)
    lines = path.read_text(encoding="utf-8").splitlines()
    for index, line in enumerate(lines):
        above = comments_above(lines, index)
        allowed = {match.group(1) for text in (line, *above) if (match := ALLOWED.search("//" + text))}
        if room and (match := IMPORT.match(line)) and "layer" not in allowed:
            if reason := forbidden_import(room, match.group(1)):
                yield index + 1, f"layer: import {match.group(1)}: {reason}"
        for rule in sorted(rules - allowed):
            if rule != "todo" and COMMENT.match(line):
                continue
            if not PATTERNS[rule].search(line):
                continue
            if rule == "unchecked" and above:
                continue
            yield index + 1, f"{rule}: {MESSAGES[rule]}"


def main():
    failures = 0
    files = sorted([*Path("Sources").rglob("*.swift"), *Path("Tests").rglob("*.swift")])
    for path in files:
        for line, text in findings(path):
            failures += 1
            print(f"{path}:{line}: {text}")
        length = sum(1 for _ in path.open(encoding="utf-8"))
        if length > MAXIMUM_LINES:
            print(f"{path}: warning: {length} lines; around 300 read better")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
