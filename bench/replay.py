"""wrk replays a list of GET requests and tells latencies; the CPU time of process groups meanwhile. https://github.com/wg/wrk"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import cpu

_LUA = """
local asked, n, i = {}, 0, 0
function init(args)
  local headers = {}
  for k, v in pairs(wrk.headers) do headers[k] = v end
  for line in io.lines(args[1]) do
    local path, token = line:match("^(%S+) ?(.*)$")
    if token ~= "" then headers["Authorization"] = "Bearer " .. token end
    n = n + 1; asked[n] = wrk.format("GET", path, headers)
  end
end
function request() i = i % n + 1; return asked[i] end
function done(summary, latency)
  io.write(string.format('@@{"requests": %d, "errors": %d, "p50": %f, "p99": %f, "bytes": %d, "seconds": %f}\\n',
    summary.requests, summary.errors.status + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.bytes, summary.duration / 1e6))
end
"""


_MOST = 5000
"""Requests that are told apart."""


@dataclass(frozen=True)
class Replay:
    """What came of a run."""

    requests: int
    errors: int
    p50: float
    """Milliseconds."""
    p99: float
    bytes: int
    """Per answer."""
    cpu: dict[str, int]
    """Process group -> CPU-µs per request."""


def replay(
    base: str,
    paths: Sequence[str],
    clients: int,
    seconds: int,
    groups: Mapping[str, int],
    tokens: Sequence[str] = (),
) -> Replay:
    """Asks for the paths (below `base`, or whole URLs) in turn, with the bearer tokens in turn, if any are given.

    groups: name -> process id. Raises RuntimeError.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder, "paths"), Path(folder, "replay.lua")
        whole = (path if path.startswith("http") else f"{base}/{path}" for path in paths)
        listed.write_text("\n".join(_lines([url[url.index("/", len("https://")) :] for url in whole], tokens)))
        script.write_text(_LUA)
        before = {name: cpu(process) for name, process in groups.items()}
        done = subprocess.run(
            ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script), base, "--",
             str(listed)], capture_output=True, text=True, check=False,
        )  # fmt: skip
        after = {name: cpu(process) for name, process in groups.items()}
    line = next((line for line in done.stdout.splitlines() if line.startswith("@@")), None)
    if line is None:
        raise RuntimeError(f"wrk failed: {done.stderr[-500:]}{done.stdout[-500:]}")
    told = json.loads(line[2:])
    count = max(told["requests"], 1)
    used = {name: round((after[name] - before[name]) / count * 1e6) for name in groups}
    return Replay(told["requests"], told["errors"], told["p50"], told["p99"], told["bytes"] // count, used)


def _lines(paths: Sequence[str], tokens: Sequence[str]) -> Sequence[str]:
    """Path and token of each request; with few of either, each path comes with each token."""
    if not tokens:
        return paths
    count, pairs = len(paths), len(paths) * len(tokens)
    every = range(pairs if pairs <= _MOST else max(count, len(tokens)))
    return [f"{paths[place % count]} {tokens[(place + place // count) % len(tokens)]}" for place in every]
