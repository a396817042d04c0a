"""The command behind scripts/bench."""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median

from . import cases
from .gateways import PEERS, Gateway
from .load import Load
from .machine import Cores, Failure, Process, description, free_port, load_average
from .material import Material
from .report import Report


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=",".join(cases.ALL))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--connections", type=int)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--gatehouse", type=Path, required=True)
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--policies", action="store_true")
    parser.add_argument("--upstream", type=Path, required=True)
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (2 if options.quick else 5)
    options.connections = options.connections or (2000 if options.quick else 10000)
    options.handshakes = 300 if options.quick else 1000
    if options.policies:
        options.only, options.peers = ",".join(cases.POLICIES), ""
    options.only = [name for name in options.only.split(",") if name]
    options.peers = [name for name in options.peers.split(",") if name]
    if unknown := set(options.only) - set(cases.ALL):
        parser.error(f"no such case: {', '.join(sorted(unknown))} (there are: {', '.join(cases.ALL)})")
    if unknown := set(options.peers) - {*PEERS, "envoy-jwt"}:
        parser.error(f"no such peer: {', '.join(sorted(unknown))}")
    return options


def progress(text):
    print(f"    {text}", file=sys.stderr, flush=True)


class Benchmark:
    def __init__(self, options):
        self.options = options
        self.cores = Cores(options.realtime)
        self.material = Material(options.output / "run")
        self.load = Load(self.cores, self.material)
        self.upstream_port = free_port(pair=True)
        self.upstream = Process(
            "upstream", self.cores.pinned(self.cores.load, [options.upstream, self.upstream_port]),
            options.output / "run" / "upstream.log")
        self.upstream.wait_for_port(self.upstream_port)
        programs = {"gatehouse": options.gatehouse, "baseline": options.baseline, "envoy": Path(sys.executable).parent / "envoy"}
        self.gateways = [
            Gateway(name, self.material, self.cores, self.upstream_port, programs)
            for name in (["bare", "policies"] if options.policies else
                         ["gatehouse", *(["baseline"] if options.baseline else []), *options.peers])]
        self.report = Report(
            [gateway.name for gateway in self.gateways], description(),
            {gateway.name: gateway.version() for gateway in self.gateways},
            [f"{options.rounds} rounds of {options.seconds:g} s, interleaved; load average at the start "
             f"{load_average():.1f}{', with real-time priority' if options.realtime else ''}."])

    def run(self):
        wanted = [case for case in cases.REQUEST_CASES if case.name in self.options.only]
        handshakes = [name for name in cases.HANDSHAKES if name in self.options.only]
        if wanted or handshakes:
            for gateway in self.gateways:
                gateway.start()
            for case in wanted:
                self.requests(case)
            for mode in handshakes:
                self.handshakes(mode)
            self.end_gateways()
        if self.options.policies:
            self.policies(wanted)
        for mode in cases.MEMORY:
            if mode in self.options.only:
                self.memory(mode)
        if "workers" in self.options.only:
            self.workers()

    def taking_part(self, case):
        return [gateway for gateway in self.gateways if gateway.has_h2c or not case.needs_h2c]

    def requests(self, case):
        progress(case.title)
        gateways = self.taking_part(case)
        rates = {}
        for _ in range(self.options.rounds):
            for gateway in gateways:
                result = self.load.saturate(gateway, case, self.options.seconds)
                self.report.add("cpu", case.name, case.title, gateway.name, result.cpu, case.wanted)
                self.report.add("rate", case.name, case.title, gateway.name, result.rate)
                rates.setdefault(gateway.name, []).append(result.rate)
        if not case.paced:
            return
        rate = int(min(median(values) for values in rates.values()) / 2)
        for _ in range(max(1, self.options.rounds - 1)):
            for gateway in gateways:
                result = self.load.at_rate(gateway, case, self.options.seconds, rate)
                self.report.add("latency", f"{case.name}@", f"{case.title}, {rate:,}/s", gateway.name,
                                (result.p50, result.p99, result.cpu))

    def handshakes(self, mode):
        title, wanted = cases.HANDSHAKES[mode]
        progress(title)
        for _ in range(self.options.rounds):
            for gateway in self.gateways:
                result = self.load.handshakes(gateway, self.options.handshakes, resumed=mode == "resumed")
                self.report.add("cpu", mode, title, gateway.name, result.cpu, wanted)

    def memory(self, mode):
        title, wanted = cases.MEMORY[mode]
        progress(title)
        count = self.options.connections
        for gateway in self.gateways:
            gateway.start()
            with self.load.connections(gateway, 50, mode):
                pass
            before = gateway.process.memory_bytes()
            with self.load.connections(gateway, count, mode):
                time.sleep(1)
                added = gateway.process.memory_bytes() - before
            self.report.add("memory", mode, title, gateway.name, added / count / 1024, wanted)
            gateway.end()

    def policies(self, measured):
        """What all policies cost: the same route with and without them, in the same rounds."""
        for case in measured:
            values = self.report.sections["cpu"][case.name]
            ratio = median(values["policies"]) / median(values["bare"])
            self.report.notes.append(
                f"With JWT, scopes, claims to headers, rate limit, access, CORS, limits and access log: **{ratio:.2f}** × bare"
                f" ({case.title}; wanted ≤ {cases.POLICIES_WANTED:.2f}).")

    def workers(self):
        """How much more two workers do than one: only where each can have a core, and the load as well."""
        two = self.cores.widened(2)
        if two is None:
            self.report.notes.append(
                f"Two workers: not measured, {self.cores.count} cores are too few for two workers and the load.")
            return
        progress("two workers")
        case = cases.REQUEST_CASES[0]
        gateway = self.gateways[0]
        rates = []
        for count, cores in ((1, two[:1]), (2, two)):
            gateway.start(workers=count, pinned_to=cores)
            rates.append(median(
                self.load.saturate(gateway, case, self.options.seconds).rate for _ in range(self.options.rounds)))
            gateway.end()
        self.report.notes.append(
            f"Two workers: {rates[1] / rates[0]:.2f} × one ({case.title}; wanted ≥ 1.8; the load has "
            f"{self.cores.count - 2} cores and may be what limits it).")

    def end_gateways(self):
        for gateway in self.gateways:
            gateway.end()

    def end(self):
        self.end_gateways()
        self.upstream.end()


def main():
    options = arguments()
    options.output.mkdir(parents=True, exist_ok=True)
    try:
        benchmark = Benchmark(options)
        try:
            benchmark.run()
        finally:
            benchmark.end()
    except Failure as failure:
        sys.exit(f"error: {failure}")
    text = benchmark.report.markdown()
    (options.output / "result.md").write_text(text)
    (options.output / "result.json").write_text(json.dumps(benchmark.report.json(), indent=2, ensure_ascii=False) + "\n")
    print(text)


main()
