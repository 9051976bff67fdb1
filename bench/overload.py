"""Mixed load beyond what the machine can do: what is refused, how long the admitted wait, memory, recovery.

    python -m bench.overload --base http://127.0.0.1:8080/fhir --pid PID [--seconds 600] [--connections 600]

wrk asks without pause on many connections for reads, searches, creates and updates; a slow probe beside it measures the
latency of what is admitted. Afterwards the load stops and the time until ten requests in a row are quick is taken.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

QUICK = 0.05
"""Seconds within which a request is answered when nothing is wrong."""

_LUA = """
local requests, n, i = {}, 0, 0
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args)
  statuses = ""
  counts = {}
  for line in io.lines(args[1]) do
    local m, p, b = line:match("^([^\\t]*)\\t([^\\t]*)\\t(.*)$")
    n = n + 1
    local headers = b ~= "" and { ["Content-Type"] = "application/fhir+json" } or nil
    requests[n] = wrk.format(m, p, headers, b ~= "" and b or nil)
  end
end
function request() i = i % n + 1 return requests[i] end
function response(status)
  counts[status] = (counts[status] or 0) + 1
  statuses = ""
  for code, count in pairs(counts) do statuses = statuses .. code .. "=" .. count .. " " end
end
function done(summary)
  for _, thread in ipairs(threads) do io.stderr:write("@@" .. thread:get("statuses") .. "\\n") end
end
"""


def requests(client: httpx2.Client, path: str) -> list[str]:
    """A shuffled mix, one request a line: method, path, body."""
    entries = client.get("Patient?_count=200&_elements=id").json()["entry"]
    ids = [entry["resource"]["id"] for entry in entries]
    lines = []
    for number, id in enumerate(ids):
        body = {
            "resourceType": "Observation", "status": "final", "subject": {"reference": f"Patient/{id}"},
            "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
            "effectiveDateTime": f"2026-01-{number % 28 + 1:02d}T10:00:00Z",
        }  # fmt: skip
        update = json.dumps(body | {"id": f"overload-{number}", "valueInteger": random.randrange(10**9)})
        lines += [f"GET\t{path}/Patient/{id}\t"] * 4
        lines += [f"GET\t{path}/Observation?patient={id}&category=vital-signs&_count=20\t"] * 3
        lines += [f"GET\t{path}/Encounter?patient={id}&_include=Encounter:practitioner\t"]
        lines += [
            f"POST\t{path}/Observation\t{json.dumps(body)}",
            f"PUT\t{path}/Observation/overload-{number}\t{update}",
        ]
    random.shuffle(lines)
    return lines


def resident(pid: int) -> int:
    """Resident memory of a process and its children, MB."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    total = 0
    for one in [str(pid), *children]:
        status = Path(f"/proc/{one}/status")
        text = status.read_text() if status.exists() else ""
        if "postgres" not in text.partition("\n")[0]:
            total += sum(int(found) for found in re.findall(r"VmRSS:\s+(\d+)", text))
    return total // 1024


def main() -> int:
    """Prints the figures; exit code 1 for any 5xx but 503."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--base", required=True)
    parser.add_argument("--pid", type=int, required=True, help="process id of the hub")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--connections", type=int, default=600)
    chosen = parser.parse_args()
    client = httpx2.Client(base_url=chosen.base + "/", timeout=30)
    path = urlsplit(chosen.base).path
    with tempfile.TemporaryDirectory() as folder:
        listed, script = Path(folder, "requests"), Path(folder, "mix.lua")
        listed.write_text("\n".join(requests(client, path)) + "\n")
        script.write_text(_LUA)
        load = subprocess.Popen(
            ["wrk", "-t2", f"-c{chosen.connections}", f"-d{chosen.seconds}s", "--timeout", "30s", "-s", str(script),
             chosen.base, "--", str(listed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        admitted, probed, memory = [], Counter[int](), []
        while load.poll() is None:
            begun = time.perf_counter()
            status = client.get("Observation?code=8867-4&_count=5").status_code
            probed[status] += 1
            if status == 200:
                admitted.append(time.perf_counter() - begun)
            memory.append(resident(chosen.pid))
            print(f"\r{len(memory)} probes, {memory[-1]} MB", end="", file=sys.stderr, flush=True)
            time.sleep(0.2)
        output, errors = load.communicate()
    ended, quick = time.perf_counter(), 0
    while quick < 10:
        begun = time.perf_counter()
        answered = client.get("Observation?code=8867-4&_count=5").status_code == 200
        quick = quick + 1 if answered and time.perf_counter() - begun < QUICK else 0
    recovery = time.perf_counter() - ended
    statuses = Counter[str]()
    for code, count in re.findall(r"(\d+)=(\d+)", " ".join(re.findall(r"^@@(.*)$", errors, re.M))):
        statuses[code] += int(count)
    quarter = len(memory) // 4
    print("\n" + "\n".join(line for line in output.splitlines() if "requests in" in line or "Requests/sec" in line))
    print("answers", dict(sorted(statuses.items())), "probe", dict(probed))
    if len(admitted) > 10:
        cut = statistics.quantiles(admitted, n=100)
        print(
            f"admitted probe: p50 {cut[49] * 1e3:.0f} ms, p99 {cut[98] * 1e3:.0f} ms, max {max(admitted) * 1e3:.0f} ms"
        )
    print(f"memory: first quarter {max(memory[:quarter] or [0])} MB, last quarter {max(memory[-quarter:] or [0])} MB")
    print(f"quick again after {recovery:.1f} s")
    return int(any(code.startswith("5") and code != "503" for code in [*statuses, *map(str, probed)]))


if __name__ == "__main__":
    sys.exit(main())
