"""Judges the findings of testssl.sh: `check-testssl.py FINDINGS.json [EXCUSED-ID…]`; status 1 for what is above LOW."""

import collections
import json
import sys
from pathlib import Path

# Everything else is above LOW. WARN says that a single check could not be made, mostly for want of something in the
# tester's own OpenSSL; FATAL that none could.
FINE = ["DEBUG", "OK", "INFO", "LOW", "WARN"]
# What a whole run tells in any case: without them it ended early, or the essential was not tested.
EXPECTED = ["TLS1_3", "TLS1_2", "ALPN", "cert_keySize", "heartbleed", "BREACH", "LUCKY13"]


def main():
    findings = json.loads(Path(sys.argv[1]).read_text())
    excused = sys.argv[2:]
    counts = collections.Counter(finding["severity"] for finding in findings)
    print(f"{len(findings)} findings:", ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
    problems = []
    for finding in findings:
        name, severity = finding["id"].split(" ")[0], finding["severity"]
        if severity in ("DEBUG", "OK", "INFO"):
            continue
        text = f"{severity:8} {finding['id']}: {finding['finding']}"
        if severity in FINE:
            print(f"  {text}")
        elif name in excused:
            print(f"  excused: {text}")
        else:
            problems.append(text)
    known = {finding["id"].split(" ")[0] for finding in findings}
    problems += [f"not tested: {name}" for name in EXPECTED if name not in known]
    for problem in problems:
        print(f"  {problem}", file=sys.stderr)
    return 1 if problems else 0


sys.exit(main())
