"""Times refused sign-ins of a known and of unknown accounts: PORT EMAIL ROUNDS. Status 1 when they can be told apart.

One connection, random order, so that whatever else the machine does meets both alike. The slowest tenth is cropped: it is
the scheduler's. Welch's t-test with dudect's threshold of 4.5 (Reparaz, Balasch, Verbauwhede 2017).
"""

import http.client
import json
import random
import secrets
import statistics
import sys
import time

THRESHOLD = 4.5
WARM_UP = 20
CROPPED = 0.1


class SignIns:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        # An address of its own: what is counted here must not lock anybody out.
        self.address = f"198.18.{secrets.randbelow(256)}.{secrets.randbelow(256)}"

    def seconds(self, email):
        body = json.dumps({"email": email, "password": secrets.token_hex(12)})
        headers = {"Content-Type": "application/json", "X-Forwarded-For": self.address}
        start = time.perf_counter_ns()
        self.connection.request("POST", "/identity/sign-in", body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        elapsed = time.perf_counter_ns() - start
        if answer.status != 401:
            sys.exit(f"error: expected 401, got {answer.status}: {text[:300]!r}")
        return elapsed / 1e9


def cropped(times):
    return sorted(times)[: int(len(times) * (1 - CROPPED))]


def welch(one, other):
    error = statistics.variance(one) / len(one) + statistics.variance(other) / len(other)
    return (statistics.mean(one) - statistics.mean(other)) / error**0.5


def main():
    port, known, rounds = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    sign_ins = SignIns(port)
    times = {"known": [], "unknown": []}
    for number in range(rounds + WARM_UP):
        for kind in random.sample(["known", "unknown"], 2):
            # As long as the known one.
            email = known if kind == "known" else f"timing-{secrets.token_hex(8)}@gatehouse.example"
            elapsed = sign_ins.seconds(email)
            if number >= WARM_UP:
                times[kind].append(elapsed)
    for kind, values in times.items():
        quantiles = statistics.quantiles(values, n=20)
        print(
            f"{kind:8} median {statistics.median(values) * 1e3:8.3f} ms   mean (cropped) "
            f"{statistics.mean(cropped(values)) * 1e3:8.3f} ms   p5 {quantiles[0] * 1e3:8.3f}   p95 {quantiles[-1] * 1e3:8.3f}"
        )
    t = welch(cropped(times["known"]), cropped(times["unknown"]))
    verdict = "cannot be told apart" if abs(t) <= THRESHOLD else "CAN BE TOLD APART"
    print(f"t = {t:+.2f} after {rounds} pairs: {verdict} (threshold {THRESHOLD})")
    return 0 if abs(t) <= THRESHOLD else 1


if __name__ == "__main__":
    sys.exit(main())
