"""Processes: pinned to a core, their CPU time and memory read from /proc, ended by their own ids."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

STARTING_SECONDS = 30
ENDING_SECONDS = 10


class Failure(Exception):
    """What the user has to be told; ends the run."""


class Cores:
    """Which core the measured gateway has to itself, and which cores everything else shares."""

    def __init__(self, realtime=False):
        """`realtime`: before all other work of the machine (SCHED_RR), for a machine that is not left alone."""
        self.prefix = ["chrt", "--rr", "1"] if realtime else []
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:
            raise Failure("two cores are needed: one for the gateway, one for the load and the endpoint")
        self.count = len(usable)
        self.gateway = [usable[0]]
        self.load = usable[1:]

    def pinned(self, cores, command):
        return [*self.prefix, "taskset", "--cpu-list", ",".join(map(str, cores)), *map(str, command)]

    def widened(self, workers):
        """A core for each worker, when one is left for the load; otherwise None."""
        usable = [*self.gateway, *self.load]
        return usable[:workers] if len(usable) > workers else None


class Process:
    """A server with its children."""

    def __init__(self, name, command, log, environment=None):
        self.name = name
        self.log = Path(log)
        with self.log.open("wb") as output:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})}, start_new_session=True)

    def wait_for_port(self, port):
        deadline = time.monotonic() + STARTING_SECONDS
        while time.monotonic() < deadline:
            if self.popen.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        last = self.log.read_text(errors="replace")[-2000:]
        self.end()
        raise Failure(f"{self.name} does not listen on port {port}:\n{last}")

    def pids(self):
        found = [self.popen.pid]
        for pid in found:
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    children = Path(f"/proc/{pid}/task/{task}/children").read_text().split()
                    found.extend(int(child) for child in children)
            except FileNotFoundError:
                continue
        return found

    def cpu_nanoseconds(self):
        """Time on a core of all threads that are alive, in nanoseconds (proc(5), schedstat)."""
        total = 0
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                total += int(task.read_text().split()[0])
        return total

    def memory_bytes(self):
        """Proportional set size: pages that are shared count once."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total

    def end(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(ENDING_SECONDS)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


def free_port(pair=False):
    """A port nobody listens on; with `pair`, the next one is free as well."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            if not pair:
                return port
            try:
                second.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


def description():
    """The machine, for the report."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{len(os.sched_getaffinity(0))} × {model}, Linux {os.uname().release}"


def load_average():
    return os.getloadavg()[0]
