"""The gateways that are compared: how each is configured and started."""

import base64
import re
import resource
import subprocess
from pathlib import Path

from .machine import Failure, Process, free_port

TEMPLATES = Path(__file__).resolve().parent.parent / "peers"
PEERS = ["nginx", "haproxy", "envoy"]
WITHOUT_H2C = {"nginx"}


def _fill(name, values):
    text = (TEMPLATES / name).read_text()
    return re.sub(r"@([A-Z0-9_]+)@", lambda match: str(values[match.group(1)]), text)


def maximum_connections():
    """What HAProxy can serve with the descriptors it may have: two a connection, and a few of its own."""
    return min(32000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 - 200)


class Gateway:
    """One gateway, started afresh by `start` as often as wanted."""

    def __init__(self, name, material, cores, upstream, programs):
        self.name = name
        self.material = material
        self.cores = cores
        self.upstream = upstream
        self.programs = programs
        self.directory = material.directory
        self.process = None
        self.port = None

    @property
    def has_h2c(self):
        return self.name not in WITHOUT_H2C

    def start(self, workers=1, pinned_to=None):
        self.port = free_port()
        values = {
            "WORKERS": workers, "DIRECTORY": self.directory, "PORT": self.port, "UPSTREAM": self.upstream,
            "UPSTREAM_H2C": self.upstream + 1, "CERTIFICATE": self.material.certificate, "KEY": self.material.key,
            "MAXIMUM_CONNECTIONS": maximum_connections(),
            "BUNDLE": self.material.bundle, "JWKS": self.material.key_set, "TOKEN_FILTER": "", "FILTERS": ""}
        command = getattr(self, f"_{self.name.replace('-', '_')}")(values)
        log = self.directory / f"{self.name}.log"
        self.process = Process(self.name, self.cores.pinned(pinned_to or self.cores.gateway, command), log)
        self.process.wait_for_port(self.port)

    def end(self):
        if self.process:
            self.process.end()
        self.process = None

    def _write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def _nginx(self, values):
        return ["nginx", "-c", self._write("nginx.conf", _fill("nginx.conf.template", values))]

    def _haproxy(self, values):
        return ["haproxy", "-db", "-f", self._write("haproxy.cfg", _fill("haproxy.cfg.template", values))]

    def _envoy(self, values):
        path = self._write(f"{self.name}.yaml", _fill("envoy.yaml.template", values))
        return [self.programs["envoy"], "-c", path, "--concurrency", values["WORKERS"], "--disable-hot-restart",
                "--log-level", "error"]

    def _envoy_jwt(self, values):
        """Envoy with its own token check and its cache of verified tokens."""
        values["TOKEN_FILTER"] = _fill("envoy-token-filter.yaml.template", values)
        return self._envoy(values)

    def _baseline(self, values):
        """Another build of the gateway itself, to compare with."""
        return self._gatehouse(values, "baseline")

    def _bare(self, values):
        """The gateway without a policy and without an access log."""
        return self._gatehouse(values, policies="bare", access_log="off")

    def _policies(self, values):
        """The gateway with every policy on its route, and CORS."""
        values["FILTERS"] = (
            "filters: [{type: CORS, cors: {allowOrigins: [https://bench.local], allowMethods: [GET, POST],"
            " allowHeaders: [authorization], maxAge: 600}}]")
        return self._gatehouse(values, policies="policies")

    def _gatehouse(self, values, program="gatehouse", policies="token", access_log="/dev/null"):
        values["JWKS_TEXT"] = self.material.key_set.read_text()
        values["CERTIFICATE_BASE64"] = base64.b64encode(self.material.certificate.read_bytes()).decode()
        values["KEY_BASE64"] = base64.b64encode(self.material.key.read_bytes()).decode()
        values["POLICIES"] = _fill(f"gatehouse-{policies}.yaml.template", values)
        path = self._write(f"{self.name}.yaml", _fill("gatehouse.yaml.template", values))
        return [
            self.programs[program], "run", "--config", path, "--workers", values["WORKERS"],
            "--listen", f"https=127.0.0.1:{values['PORT']}", "--admin", f"127.0.0.1:{free_port()}",
            "--backend", f"plain=127.0.0.1:{self.upstream}", "--backend", f"multiplexed=127.0.0.1:{self.upstream + 1}",
            "--access-log", access_log, "--log-level", "error"]

    def version(self):
        commands = {
            "nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"],
            **{name: [self.programs[name], "version"] for name in ("gatehouse", "baseline")}}
        commands["bare"] = commands["policies"] = commands["gatehouse"]
        command = commands.get(self.name, [self.programs["envoy"], "--version"])
        result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        found = re.search(r"\d+\.\d+\.\d+", result.stdout + result.stderr)
        if not found:
            raise Failure(f"{self.name} does not tell its version")
        return found.group(0)
