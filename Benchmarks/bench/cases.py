"""What is measured. The figures wanted are ratios of the gateway's CPU a request to that of the best peer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    front: str = "h2"
    path: str = "/h1/1k"
    posts: bool = False
    many_tokens: bool = False
    # Also run at a fixed rate, for latencies.
    paced: bool = False
    wanted: float | None = None

    @property
    def needs_h2c(self):
        return self.path.startswith("/h2c")


REQUEST_CASES = [
    Case("h2-h1", "h2 → HTTP/1.1, 1 KB", wanted=0.70, paced=True),
    Case("h2-h2c", "h2 → h2c, 1 KB", path="/h2c/1k", wanted=0.45, paced=True),
    Case("h1-h1", "HTTP/1.1 → HTTP/1.1, 1 KB", front="h1", wanted=0.80, paced=True),
    Case("h1-h1-tokens", "HTTP/1.1 → HTTP/1.1, 4,000 tokens", front="h1", many_tokens=True, wanted=0.80),
    Case("h2-h1-64k", "h2 → HTTP/1.1, 64 KB response", path="/h1/64k", wanted=0.60),
    Case("h2-h2c-64k", "h2 → h2c, 64 KB response", path="/h2c/64k", wanted=0.60),
    Case("h2-h1-post", "h2 → HTTP/1.1, 16 KB POST", posts=True),
]

# With and without policies: CPU a request may be so much more with all of them.
POLICIES = ["h2-h1", "h2-h2c", "h1-h1"]
POLICIES_WANTED = 1.15

# By name: title, and the ratio or the number of kilobytes that is wanted.
HANDSHAKES = {"full": ("full handshake and one GET", 1.0), "resumed": ("resumed handshake and one GET", None)}
MEMORY = {"idle-h1": ("KB an idle HTTP/1.1 connection", 18), "idle-h2": ("KB an idle h2 connection", 30)}

ALL = [*(case.name for case in REQUEST_CASES), *HANDSHAKES, *MEMORY, "workers"]
