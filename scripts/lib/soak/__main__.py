"""Mixed load through a gateway with faults; see scripts/soak."""

import argparse
import asyncio
import base64
import collections
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import clients

HERE = Path(__file__).parent
DOCUMENTS = """
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {{name: gatehouse}}
spec: {{controllerName: gatehouse.dev/gateway}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: soak}}
spec:
  gatewayClassName: gatehouse
  listeners:
    - {{name: https, port: 8443, protocol: HTTPS, tls: {{mode: Terminate, certificateRefs: [{{name: tls}}]}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: tls}}
type: kubernetes.io/tls
data: {{tls.crt: {certificate}, tls.key: {key}}}
---
apiVersion: gatehouse.dev/v1alpha1
kind: AuthenticationPolicy
metadata: {{name: open}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: soak}}]
  anonymous: true
---
# Deadlines that a busy machine does not miss: they are not what is looked at here.
apiVersion: gatehouse.dev/v1alpha1
kind: TrafficPolicy
metadata: {{name: patient}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: soak}}]
  timeouts: {{connect: 30s, responseHead: 2m, streamIdle: 2m}}
  clients: {{handshakeTimeout: 1m, requestHeadTimeout: 1m, requestBodyTimeout: 1m, writeTimeout: 2m}}
"""
SERVICE = """
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{ports: [{{name: main, port: 80, appProtocol: {protocol}}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec:
  parentRefs: [{{name: soak}}]
  rules:
"""
RULE = """    - matches: [{{path: {{type: PathPrefix, value: {path}}}}}]
      backendRefs: [{{name: {name}, port: 80}}]
"""


class Report:
    def __init__(self):
        self.begin = time.monotonic()
        self.done = collections.Counter()
        self.excused = collections.Counter()
        self.failures = []
        self.faults = []  # (from, to, names); to is infinite while it lasts

    def succeeded(self, name):
        self.done[name] += 1

    def failed(self, name, began, text, excusable):
        now = asyncio.get_running_loop().time()
        if excusable and any(began <= to and now >= start and name in names for start, to, names in self.faults):
            self.excused[name] += 1
        else:
            self.failures.append(f"{now - self.begin:.1f} s, {name}: {text}")
            print(f"    {self.failures[-1]}", file=sys.stderr, flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Endpoint:
    """A process that can be killed and started again at the same port."""

    def __init__(self, kind):
        self.kind, self.port, self.process = kind, free_port(), None

    async def start(self):
        self.process = subprocess.Popen([sys.executable, HERE / "endpoint.py", self.kind, str(self.port)])
        await until(lambda: can_connect(self.port), "an endpoint did not start")

    def kill(self):
        self.process.kill()
        self.process.wait()


def can_connect(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def until(condition, complaint, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"error: {complaint}")
        await asyncio.sleep(0.05)


class Gateway:
    def __init__(self, program, state, endpoints):
        self.state, self.endpoints, self.routes = state, endpoints, 0
        self.port, self.admin = free_port(), free_port()
        self.write()
        backends = [
            part for name, endpoint in endpoints.items()
            for part in ("--backend", f"{name}=127.0.0.1:{endpoint.port}")
        ]
        self.log = open(state / "gateway.log", "wb")
        self.process = subprocess.Popen(
            [program, "run", "--config", state / "gateway.yaml", *backends, "--listen", f"https=127.0.0.1:{self.port}",
             "--admin", f"127.0.0.1:{self.admin}", "--access-log", state / "access.log"],
            stdout=self.log, stderr=subprocess.STDOUT)

    def write(self):
        """New certificate, one route more."""
        pair = [self.state / "key.pem", self.state / "certificate.pem"]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", pair[0], "-out", pair[1]],
            check=True, stderr=subprocess.DEVNULL)
        key, certificate = (base64.b64encode(path.read_bytes()).decode() for path in pair)
        self.certificate = ssl.PEM_cert_to_DER_cert(pair[1].read_text())
        text = DOCUMENTS.format(certificate=certificate, key=key)
        for name, endpoint in self.endpoints.items():
            protocol = "kubernetes.io/h2c" if endpoint.kind == "h2c" else "http"
            text += SERVICE.format(name=name, protocol=protocol) + RULE.format(name=name, path=f"/{name}")
            if name == "plain":
                text += "".join(RULE.format(name=name, path=f"/more{number}") for number in range(self.routes))
        new = self.state / "gateway.yaml.new"
        new.write_text(text)
        new.rename(self.state / "gateway.yaml")

    async def reload(self):
        self.routes += 1
        self.write()
        self.process.send_signal(signal.SIGHUP)
        await until(lambda: self.served_certificate() == self.certificate, "a reload did not bring the new certificate")

    def served_certificate(self):
        try:
            return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", self.port), timeout=5))
        except OSError:
            return None

    @property
    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def memory(self):
        """Resident, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


# What a round may end with besides an answer, when its endpoint is away or its client leaves.
EXPECTED_OUTCOMES = {
    "forwarded", "clientClosed", "connectFailed", "connectTimeout", "upstreamClosed", "responseTruncated"}
PLAN = ["plain", "reload", "grpc", "plain", "reload", "grpc", "plain", "reload", "grpc", "plain"]


async def faults(gateway, endpoints, seconds, report, target):
    """Restarts of the endpoints and three reloads, evenly over the time."""
    loop = asyncio.get_running_loop()
    for what in PLAN:
        await asyncio.sleep(seconds / (len(PLAN) + 1))
        if what == "reload":
            await gateway.reload()
            target.paths.append(f"/more{gateway.routes - 1}")
        else:
            plain = ["HTTP/1.1", "HTTP/2", "WebSocket", "WebSocket over HTTP/2", "vanishing"]
            names = ["gRPC"] if what == "grpc" else plain
            began = loop.time()
            report.faults.append((began, float("inf"), names))
            endpoints[what].kill()
            await asyncio.sleep(min(2, seconds / 30))
            await endpoints[what].start()
            # What the gateway learned of the endpoint (a pause before a retry) is the fault's too.
            report.faults[-1] = (began, loop.time() + 3, names)
        print(f"    {loop.time() - report.begin:.0f} s: {what}, {gateway.memory:.0f} MB, {gateway.descriptors} descriptors,"
              f" {sum(report.done.values())} rounds", file=sys.stderr, flush=True)


async def bulk(gateway, seconds):
    """h2load against an endpoint that has no faults: what fails is nobody's but the gateway's."""
    if not shutil.which("h2load"):
        print("    h2load is missing (nghttp2-client): no bulk load", file=sys.stderr)
        return []
    process = await asyncio.create_subprocess_exec(
        "h2load", "-D", str(seconds), "-c", "4", "-m", "4", "--rps", "25", f"https://127.0.0.1:{gateway.port}/bulk/7/2000",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = (await process.communicate())[0].decode()
    (gateway.state / "h2load.log").write_text(text)
    counts = re.search(r"requests: (\d+) total.* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    if not counts or int(counts[2]) == 0:
        return [f"h2load says nothing that is understood, see {gateway.state}/h2load.log"]
    print(f"    h2load: {counts[0]}", file=sys.stderr)
    return [] if counts.group(3, 4, 5) == ("0", "0", "0") else [f"h2load: {counts[0]}"]


async def watch(gateway, samples):
    while True:
        samples.append(gateway.memory)
        await asyncio.sleep(1)


async def settled(gateway):
    """Its descriptors once all of it has started: when their number has not changed for three seconds."""
    last, unchanged = 0, 0
    while unchanged < 6:
        await asyncio.sleep(0.5)
        now = gateway.descriptors
        unchanged = unchanged + 1 if now == last else 0
        last = now
    return last


def mean(values):
    return sum(values) / max(1, len(values))


async def soak(program, minutes, state):
    endpoints = {"plain": Endpoint("http1"), "grpc": Endpoint("h2c"), "bulk": Endpoint("http1")}
    for endpoint in endpoints.values():
        await endpoint.start()
    gateway = Gateway(program, state, endpoints)
    problems = []
    try:
        await until(lambda: gateway.served_certificate() is not None, f"the gateway did not start, see {state}/gateway.log")
        baseline = await settled(gateway)
        seconds = int(minutes * 60)
        report, stop, samples = Report(), asyncio.Event(), []
        kinds = [("HTTP/1.1", clients.HTTP1, 6), ("HTTP/2", clients.HTTP2, 3), ("WebSocket", clients.WebSocket, 3),
                 ("WebSocket over HTTP/2", clients.WebSocketOverHTTP2, 1), ("gRPC", clients.GRPC, 2),
                 ("vanishing", clients.Vanishing, 1)]
        target = clients.Target(gateway.port)
        tasks = [
            asyncio.create_task(clients.run(made(target), name, f"{name}{number}", stop, report))
            for name, made, count in kinds for number in range(count)
        ]
        watcher = asyncio.create_task(watch(gateway, samples))
        bulk_task = asyncio.create_task(bulk(gateway, seconds))
        report.begin = asyncio.get_running_loop().time()
        await faults(gateway, endpoints, seconds, report, target)
        await asyncio.sleep(seconds / 11)
        stop.set()
        await asyncio.gather(*tasks)
        problems += await bulk_task
        watcher.cancel()
        problems += report.failures
        problems += [f"{name}: not one round succeeded" for name, _, _ in kinds if not report.done[name]]
        if not target.resets:
            problems.append("no stream was reset")
        problems += [f"{path}: never asked" for path in target.paths if not target.asked[path]]
        early, late = mean(samples[len(samples) // 4 : len(samples) // 2]), mean(samples[-len(samples) // 4 :])
        if late > early * 1.1 + 8:
            problems.append(f"memory grew from {early:.0f} MB (second quarter) to {late:.0f} MB (last quarter)")
        deadline = time.monotonic() + 90  # idle connections to endpoints are kept for a while
        while gateway.descriptors > baseline and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
        if gateway.descriptors > baseline:
            problems.append(f"{gateway.descriptors} descriptors are open; there were {baseline} at the start")
        if gateway.process.poll() is not None:
            problems.append("the gateway ended")
        gateway.process.terminate()
        if gateway.process.wait(40) != 0:
            problems.append(f"the gateway ended with status {gateway.process.returncode}")
        outcomes = collections.Counter(
            json.loads(line)["outcome"] for line in (state / "access.log").open() if line.startswith("{"))
        problems += [
            f"{count} times {outcome} in the access log"
            for outcome, count in outcomes.items() if outcome not in EXPECTED_OUTCOMES]
        print(json.dumps({
            "minutes": minutes, "rounds": dict(report.done), "excused": dict(report.excused), "outcomes": dict(outcomes),
            "resets": target.resets, "reloads": gateway.routes, "restarts": len(report.faults), "paths": target.asked,
            "memoryMB": [round(early), round(late)], "descriptors": baseline, "problems": problems[:50],
        }, indent=2))
    finally:
        for process in [gateway.process, *(endpoint.process for endpoint in endpoints.values())]:
            if process.poll() is None:
                process.kill()
    return problems


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak")
    parser.add_argument("--program", required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--state", type=Path, required=True)
    options = parser.parse_args()
    options.state.mkdir(parents=True, exist_ok=True)
    (options.state / "access.log").unlink(missing_ok=True)
    sys.exit(1 if asyncio.run(soak(options.program, options.minutes, options.state)) else 0)


main()
