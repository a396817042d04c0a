"""Results as JSON, and as Markdown tables."""

from statistics import median


class Report:
    def __init__(self, names, machine, versions, notes):
        self.names = names
        self.machine = machine
        self.versions = versions
        self.notes = notes
        # By section, by case, by gateway: a list of rounds' values.
        self.sections = {"cpu": {}, "rate": {}, "latency": {}, "memory": {}}
        self.titles = {}
        self.wanted = {}

    def add(self, section, case, title, name, value, wanted=None):
        self.titles[case] = title
        self.wanted[(section, case)] = wanted
        self.sections[section].setdefault(case, {}).setdefault(name, []).append(value)

    def ratio(self, case, section="cpu"):
        """Ours to the best peer's, medians; None when one of them is missing."""
        values = self.sections[section].get(case, {})
        peers = [median(rounds) for name, rounds in values.items() if name in ("nginx", "haproxy", "envoy")]
        if "gatehouse" not in values or not peers:
            return None
        return median(values["gatehouse"]) / min(peers)

    def json(self):
        return {
            "machine": self.machine, "versions": self.versions, "notes": self.notes, "sections": self.sections,
            "ratios": {case: self.ratio(case) for case in self.sections["cpu"]}}

    def markdown(self):
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        parts = [f"{self.machine}; {versions}.", *self.notes]
        if self.sections["cpu"]:
            parts.append("CPU of the gateway a request in µs: median of the rounds (least).")
            parts.append(self._table("cpu", _cpu, self._ratios))
        if self.sections["rate"]:
            parts.append(
                "Requests a second in the same rounds. Load and endpoint share the other core and are often what limits"
                " them: compare CPU.")
            parts.append(self._table("rate", lambda values: f"{median(values):,.0f}"))
        if self.sections["latency"]:
            parts.append("Latency at a fixed rate, half of what the slowest can do, in µs: p50 / p99, then CPU a request.")
            parts.append(self._table("latency", _latency))
        if self.sections["memory"]:
            parts.append("Memory: what one connection adds after one request, in KB (proportional set size).")
            parts.append(self._table("memory", lambda values: f"{median(values):.1f}", self._limits))
        return "\n\n".join(parts) + "\n"

    def _table(self, section, text, extra=None):
        columns = ["", *self.names, *(["ratio to the best", "wanted"] if extra else [])]
        rows = [columns, ["---"] + ["---:"] * (len(columns) - 1)]
        for case, values in self.sections[section].items():
            cells = [text(values[name]) if name in values else "–" for name in self.names]
            rows.append([self.titles[case], *cells, *(extra(section, case) if extra else [])])
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def _ratios(self, section, case):
        ratio, wanted = self.ratio(case), self.wanted[(section, case)]
        return [f"**{ratio:.2f}**" if ratio else "–", f"≤ {wanted:.2f}" if wanted else "–"]

    def _limits(self, section, case):
        ratio = self.ratio(case, section)
        return [f"{ratio:.2f}" if ratio else "–", f"≤ {self.wanted[(section, case)]} KB"]


def _cpu(values):
    return f"{median(values):.2f} ({min(values):.2f})"


def _latency(values):
    p50, p99, cpu = (median(column) for column in zip(*values))
    return f"{p50:.0f} / {p99:.0f}, {cpu:.1f}"
