"""The load: h2load and wrk for requests, `client.py` for connections; one round each."""

import json
import re
import subprocess
import sys
from pathlib import Path

from .machine import Failure

CLIENTS = 16
STREAMS = 16
CIPHER = "TLS_AES_128_GCM_SHA256"
WARM_UP_SECONDS = 0.5


class Round:
    """What one round found: CPU of the gateway a request, requests a second, and latencies where they were asked for."""

    def __init__(self, requests, seconds, cpu_nanoseconds):
        self.requests = requests
        self.cpu = cpu_nanoseconds / 1000 / requests
        self.rate = requests / seconds
        self.p50 = self.p99 = None

    def __repr__(self):
        return f"{self.cpu:.2f} µs, {self.rate:.0f}/s"


class Load:
    def __init__(self, cores, material):
        self.cores = cores
        self.material = material

    def _run(self, command):
        result = subprocess.run(self.cores.pinned(self.cores.load, command), capture_output=True, text=True)
        if result.returncode != 0:
            raise Failure(f"{command[0]} failed: {(result.stderr or result.stdout)[-1000:]}")
        return result.stdout

    def _h2load(self, gateway, case, seconds, *more):
        command = [
            "h2load", "--threads", 1, "--clients", CLIENTS, "--duration", f"{int(seconds * 1000)}ms", "--tls13-ciphers", CIPHER,
            "--header", f"authorization: Bearer {self.material.token}", *more]
        command += ["--h1"] if case.front == "h1" else ["--max-concurrent-streams", STREAMS]
        if case.posts:
            command += ["--data", self.material.body]
        output = self._run([*command, f"https://127.0.0.1:{gateway.port}{case.path}"])
        counted = re.search(r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output, re.MULTILINE)
        good, *bad = map(int, counted.groups()) if counted else (0, 0)
        if good == 0 or any(bad):
            raise Failure(f"{gateway.name}, {case.name}: not every answer was 200\n{output[-1500:]}")
        if f"Cipher: {CIPHER}" not in output:
            raise Failure(f"{gateway.name} does not use {CIPHER}\n{output[:800]}")
        return good

    def _wrk(self, gateway, case, seconds):
        script = Path(__file__).resolve().parent / "tokens.lua"
        output = self._run([
            "wrk", "--threads", 1, "--connections", CLIENTS, "--duration", f"{max(1, int(seconds))}s",
            "--script", script, f"https://127.0.0.1:{gateway.port}{case.path}", "--", self.material.tokens_file])
        counted = re.search(r"(\d+) requests in", output)
        if not counted or "Non-2xx" in output or "Socket errors" in output:
            raise Failure(f"{gateway.name}, {case.name}: not every answer was 200\n{output[-1500:]}")
        return int(counted.group(1))

    def saturate(self, gateway, case, seconds):
        """One round as fast as it goes, after a short one that is not counted."""
        send = self._wrk if case.many_tokens else self._h2load
        send(gateway, case, WARM_UP_SECONDS)
        before = gateway.process.cpu_nanoseconds()
        requests = send(gateway, case, seconds)
        return Round(requests, seconds, gateway.process.cpu_nanoseconds() - before)

    def at_rate(self, gateway, case, seconds, rate):
        """One round at `rate` requests a second in all, with latencies."""
        log = self.material.directory / "latencies"
        log.unlink(missing_ok=True)
        self._h2load(gateway, case, WARM_UP_SECONDS)
        before = gateway.process.cpu_nanoseconds()
        requests = self._h2load(
            gateway, case, seconds, "--rps", max(1, rate // CLIENTS), "--log-file", log)
        result = Round(requests, seconds, gateway.process.cpu_nanoseconds() - before)
        times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
        result.p50 = times[len(times) // 2]
        result.p99 = times[len(times) * 99 // 100]
        return result

    def connections(self, gateway, count, *mode):
        """Runs client.py; it prints JSON when it is ready, and ends when its input does."""
        command = [sys.executable, Path(__file__).resolve().parent / "client.py", gateway.port, count,
                   self.material.token, *mode]
        return Connections(self.cores.pinned(self.cores.load, command))

    def handshakes(self, gateway, count, resumed):
        with self.connections(gateway, max(20, count // 10), "resumed" if resumed else "full"):
            pass
        before = gateway.process.cpu_nanoseconds()
        with self.connections(gateway, count, "resumed" if resumed else "full") as client:
            if resumed and client.answer["resumed"] < count - 1:
                raise Failure(f"{gateway.name} resumed {client.answer['resumed']} of {count} sessions")
            return Round(count, client.answer["seconds"], gateway.process.cpu_nanoseconds() - before)


class Connections:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise Failure("client.py failed; see above")
        self.answer = json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
