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
local paths, n, i = {}, 0, 0
function init(args)
  local headers = {}
  for k, v in pairs(wrk.headers) do headers[k] = v end
  if args[2] ~= "" then headers["Authorization"] = "Bearer " .. args[2] end
  for line in io.lines(args[1]) do n = n + 1; paths[n] = wrk.format("GET", line, headers) end
end
function request() i = i % n + 1; return paths[i] end
function done(summary, latency)
  io.write(string.format('@@{"requests": %d, "errors": %d, "p50": %f, "p99": %f, "bytes": %d, "seconds": %f}\\n',
    summary.requests, summary.errors.status + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.bytes, summary.duration / 1e6))
end
"""


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
    base: str, paths: Sequence[str], clients: int, seconds: int, groups: Mapping[str, int], token: str = ""
) -> Replay:
    """Asks for the paths (below `base`, or whole URLs) in turn, with a bearer token if one is given.

    groups: name -> process id. Raises RuntimeError.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder, "paths"), Path(folder, "replay.lua")
        whole = (path if path.startswith("http") else f"{base}/{path}" for path in paths)
        listed.write_text("".join(f"{url[url.index('/', len('https://')) :]}\n" for url in whole))
        script.write_text(_LUA)
        before = {name: cpu(process) for name, process in groups.items()}
        done = subprocess.run(
            ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script), base, "--",
             str(listed), token], capture_output=True, text=True, check=False,
        )  # fmt: skip
        after = {name: cpu(process) for name, process in groups.items()}
    line = next((line for line in done.stdout.splitlines() if line.startswith("@@")), None)
    if line is None:
        raise RuntimeError(f"wrk failed: {done.stderr[-500:]}{done.stdout[-500:]}")
    told = json.loads(line[2:])
    count = max(told["requests"], 1)
    used = {name: round((after[name] - before[name]) / count * 1e6) for name in groups}
    return Replay(told["requests"], told["errors"], told["p50"], told["p99"], told["bytes"] // count, used)
