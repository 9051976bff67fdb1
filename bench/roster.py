"""A roster of members from its files, signed and encrypted, to the record: resources a second, memory, what is written.

    python -m bench.roster [members: 50000]

`hub sync run B-1` and a served hub share the machine. A full set; then another with the same lines, which writes
nothing; then one in which a hundredth has changed.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gnupg
import orjson
import psutil

from batch.pgp import Keyring
from bench import figures
from bench.processes import cpu
from simulators.tasy import ndjson
from tests.batch.sets import DAY, make
from tests.hub_process import ROOT, HubProcess

TARGET, MEMORY = 1500, 400
"""Resources a second; MB resident, of the process that applies."""
_COMMAND = "import sys; from hub.cli import main; sys.exit(main())"


def key(folder: Path, name: str) -> tuple[str, bytes, bytes]:
    """A new OpenPGP key: fingerprint, public and secret part."""
    gpg = gnupg.GPG(gnupghome=str(_private(folder / f"made-{name}")))
    made = gpg.gen_key(
        gpg.gen_key_input(
            key_type="eddsa", key_curve="ed25519", subkey_type="ecdh", subkey_curve="cv25519", name_real=name,
            name_email=f"{name}@example.org", no_protection=True, expire_date="0",
        )
    )  # fmt: skip
    public, secret = gpg.export_keys(made.fingerprint), gpg.export_keys(made.fingerprint, secret=True, passphrase="")
    return made.fingerprint, public.encode(), secret.encode()


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    return folder


class Ends:
    """The ERP's end and the hub's."""

    def __init__(self, folder: Path, hub: HubProcess) -> None:
        self.folder, self.hub, self.number = folder, hub, 0
        tasy, own = key(folder, "tasy"), key(folder, "hub")
        self.tasy, ours = Keyring(folder / "tasy", [own[0]]), Keyring(folder / "ours", [tasy[0]])
        self.tasy.add(tasy[2])
        self.tasy.add(own[1])
        ours.add(own[2])
        ours.add(tasy[1])
        self.keys = tasy[0], own[0]
        hub.settings |= {"pgp_home": str(folder / "ours"), "pgp_key": own[0], "pgp_partners": tasy[0]}

    def applied(self, files: Mapping[str, bytes], active: int, flow: str = "MEMBROS") -> dict[str, Any]:
        """What applying a set takes."""
        self.number += 1
        saida = self.folder / f"saida-{self.number}"
        name = make(
            saida, self.tasy, self.keys[0], self.keys[1], files, flow=flow, number=self.number, sequence=self.number,
            mode="FULL", totals={"qt_ativos_apos": active},
        )  # fmt: skip
        assert self.hub.process is not None
        served = cpu(self.hub.process.pid)
        began = time.monotonic()
        code = {"MEMBROS": "B-1", "RECONCILIACAO": "B-4"}[flow]
        running = psutil.Popen(
            [sys.executable, "-c", _COMMAND, "sync", "run", code, "--file", str(saida)], cwd=ROOT,
            env=self.hub._environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        memory, spent = [], 0.0
        while running.poll() is None:
            try:
                memory.append(running.memory_info().rss >> 20)
                times = running.cpu_times()
                spent = times.user + times.system
            except psutil.Error:
                break
            time.sleep(0.1)
        seconds = time.monotonic() - began
        said = running.communicate()[0].decode().strip()
        assert running.returncode == 0, said
        lines = sum(one.count(b"\n") for one in files.values())
        receipt = orjson.loads((saida / "retorno" / f"{name}_recibo.json").read_bytes())
        assert receipt["qt_recebidos"] == lines == receipt["qt_aceitos"], receipt["cd_resultado"]
        return {
            "said": said.splitlines()[-1], "lines": lines, "seconds": round(seconds, 1), "rate": round(lines / seconds),
            "memory": max(memory), "half": max(memory[: len(memory) // 2], default=0),
            "cpu": round(1e6 * spent / lines), "served": round(1e6 * (cpu(self.hub.process.pid) - served) / lines),
            "folder": str(saida), "name": str(name),
        }  # fmt: skip


@contextmanager
def ends() -> Iterator[Ends]:
    """A hub with an empty record, and the ERP."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-", ignore_cleanup_errors=True) as text:
        folder = Path(text)
        folder.chmod(0o755)
        with HubProcess(folder / "hub", {"log_level": "warning"}) as hub:
            try:
                yield Ends(folder, hub)
            finally:
                for one in ("made-tasy", "made-hub", "tasy", "ours"):
                    subprocess.run(["gpgconf", "--homedir", str(folder / one), "--kill", "all"], check=False)


def roster(members: int) -> tuple[dict[str, bytes], int]:
    """The lines of each file, and how many members are active."""
    with tempfile.TemporaryDirectory() as text:
        ndjson.written(ndjson.resources(members, 1, DAY, ndjson.B1), Path(text), ndjson.B1)
        files = {kind: (Path(text) / f"{kind}.ndjson").read_bytes() for kind in ndjson.B1}
    return files, files["Coverage"].count(b'"status":"active"')


def changed(files: Mapping[str, bytes], every: int) -> dict[str, bytes]:
    """The same with one in so many lines changed."""
    found = {}
    for kind, content in files.items():
        lines = content.splitlines(keepends=True)
        for number in range(0, len(lines), every):
            resource = orjson.loads(lines[number])
            resource["language"] = "pt-BR"
            lines[number] = orjson.dumps(resource) + b"\n"
        found[kind] = b"".join(lines)
    return found


def main(members: int = 50_000) -> None:
    """Measures and keeps the figures."""
    facts = figures.facts(f"python -m bench.roster {members}")
    files, active = roster(members)
    cases = {}
    with ends() as found:
        for name, lines in (("first", files), ("again", files), ("a hundredth changed", changed(files, 100))):
            cases[name] = found.applied(lines, active)
            print(name, cases[name], flush=True)
        total = sum(found.hub.client.get(f"{kind}?_summary=count")["total"] for kind in files)
        assert total == cases["first"]["lines"], total
    packed = sum(len(gzip.compress(one, 1)) for one in files.values())
    figures.write(
        "roster", {"facts": facts, "members": members, "bytes": sum(map(len, files.values())), "packed": packed,
                   "cases": cases}
    )  # fmt: skip


def paragraphs(found: Mapping[str, Any]) -> Iterable[str]:
    """The section of RESULTS.md."""
    rows = "\n".join(
        f"| {name} | {one['lines']} | {one['seconds']} | {one['rate']} | {one['cpu']} + {one['served']} |"
        f" {one['memory']} ({one['half']}) | {one['said'].partition(': ')[2]} |"
        for name, one in found["cases"].items()
    )
    first = found["cases"]["first"]
    met = "met" if first["rate"] >= TARGET and first["memory"] <= MEMORY else "**missed**"
    yield f"""\
## Roster

{figures.bullets(found)}

{found["members"]} members in files signed and encrypted by GnuPG ({found["bytes"] / 1e6:.0f} MB of lines), from
`hub sync run B-1` to its receipt, start of the command included. Target: {TARGET} resources/s, {MEMORY} MB: {met}.
CPU µs per line: the command + hub with database. Memory: MB resident of the command at most (in the first half of
its time).

| set | lines | seconds | lines/s | CPU µs | memory | said |
|---|---|---|---|---|---|---|
{rows}"""


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
