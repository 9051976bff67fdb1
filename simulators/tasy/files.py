"""The ERP's side of the sets of files: it makes them, numbers them, has them lie in `saida`. Tasy contract, section 10.

saida/    to the hub      retorno/  receipts of the hub
entrada/  from the hub    arquivo/  processed
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from simulators.tasy import care, catalogue, changes, families, ndjson, network, roster
from simulators.tasy.differences import Difference, Seeded
from simulators.tasy.flaws import BAD_LINE, FLAWS, Line
from simulators.tasy.guides import OPEN, Refused
from simulators.tasy.installation import Tasy
from simulators.tasy.openpgp import Keyring
from simulators.tasy.sets import DELETED, Announced, Sealing, pack, seal, whole

Json = dict[str, Any]

FOLDERS = ("saida", "entrada", "retorno", "arquivo")
FLOWS: dict[str, tuple[str, ...]] = {
    "MEMBROS": (*ndjson.B1, DELETED),
    "REDE": ndjson.B2,
    "PLANOS": ndjson.B3,
    "RECONCILIACAO": (*(one for one in ndjson.TYPES if one not in ndjson.CARE), "ClaimResponse"),
}
"""Types of each flow, in the order of its lines."""
BAD_SET = 312
"""Members of the set with the bad line."""

TROUBLES: dict[str, str] = {
    "no-done": "the empty file that says that the set is whole does not come",
    "truncated": "the first file is shorter than its manifest says",
    "unsigned": "files are encrypted and not signed",
    "other-signer": "files are signed by a key that nobody knows",
    "late": "the set is made and comes only when it is asked for: the next one comes first, so that there is a gap",
    "used-number": "the number of the last set again, with another content",
    "orphans": "a family's Coverages, whose Patients come with the next set",
    "bad-line": f"line {BAD_LINE} of {BAD_SET} Patients has a CPF that is none",
    "cancels": "30 % of the members are cancelled at once",
    "network-shrinks": "every tenth provider is missing in the network",
    "past-month": "products changed since the month before, which is closed",
    "latin-1": "three names in the bytes of ISO 8859-1",
    "mojibake": "three names that were decoded twice",
}
"""What can be wrong with a set that is published."""


class Files:
    """Sets of one installation. Calls block: they are for threads; one at a time."""

    def __init__(self, tasy: Tasy, folder: Path, keys: Keyring, recipient: str, seed: int, today: date) -> None:
        """folder: gets `sftp/` with the four folders, and what is remembered; recipient: the hub's fingerprint.

        today: what the plan was made for. Days that passed since (`publish` of a delta is one) are made up for.
        """
        self.root = folder / "sftp"
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self._work, self._kept = folder / "work", folder / "kept"
        for path in (self._work, self._kept):
            path.mkdir(exist_ok=True, mode=0o700)
        self._tasy, self._keys, self._recipient, self._seed, self._first = tasy, keys, recipient, seed, today
        self._stranger: Keyring | None = None
        self._memory = folder / "files.json"
        self._state: Json = {"days": 0, "sequences": {}, "numbers": {}, "late": []}
        if self._memory.exists():
            self._state = msgspec.json.decode(self._memory.read_bytes())
        self._held: list[Line] = []
        self._turn = threading.Lock()
        self.differences: list[Difference] = []
        """Those of the last reconciliation."""
        for number in range(self._state["days"]):
            passed = changes.day(tasy.plan.members, seed, today + timedelta(days=number + 1))
            tasy.renew([one.member for one in passed if one.movement != changes.REMOVED])

    @property
    def today(self) -> date:
        """The day the plan has come to."""
        return self._first + timedelta(days=int(self._state["days"]))

    def publish(self, flow: str, *, full: bool = True, troubles: Collection[str] = (), differences: int = 0) -> str:
        """Makes the next set of a flow and has it lie in `saida`; its name.

        full: of all there is; else of what happens on the next day, which only members have. differences: of each kind,
        in a reconciliation. Raises ValueError: there is no such flow or trouble, or no such mode of it; OSError.
        """
        if flow not in FLOWS or (flow != "MEMBROS" and not full):
            raise ValueError(f"flow is one of {', '.join(FLOWS)}; all but MEMBROS are full")
        if unknown := set(troubles) - set(TROUBLES):
            raise ValueError(f"no such trouble: {', '.join(sorted(unknown))}; there are {', '.join(TROUBLES)}")
        with self._turn:
            totals: dict[str, int] = {}
            if "bad-line" in troubles:
                lines: Iterable[Line] = self._again(BAD_SET)
            elif full:
                lines = self._all(flow, differences)
            else:
                lines = list(self._day(totals, troubles))
            lines = self._completed(lines, flow, troubles)
            for name in FLAWS:
                if name in troubles:
                    lines = FLAWS[name](lines)
            totals["qt_ativos_apos"] = sum(one["segurado"]["ie_situacao"] != "I" for one in self._tasy.plan.members)
            return self._sealed(self._announced(flow, full, totals, "used-number" in troubles), lines, troubles)

    def late(self) -> list[str]:
        """Sets that were kept back come; their names."""
        with self._turn:
            names: list[str] = list(self._state["late"])
            for name in names:
                self._move(name, self._kept / name)
                shutil.rmtree(self._kept / name)
            self._remember(late=[])
            return names

    def again(self) -> str:
        """The set that came last comes once more, as it was; its name. Raises ValueError: none has come."""
        with self._turn:
            name = self._state.get("last")
            if name is None:
                raise ValueError("no set has come yet")
            self._move(name, self._kept / "last")
            return str(name)

    def receipts(self) -> list[Json]:
        """What the hub has answered so far, each with its file's name and whether a good signature is with it."""
        found = []
        for path in sorted((self.root / "retorno").glob("*.json")):
            signature = path.with_name(f"{path.name}.asc")
            good = signature.exists() and self._keys.signer(path, signature) == self._recipient
            found.append({"nm_arquivo": path.name, "assinado": good, **msgspec.json.decode(path.read_bytes())})
        return found

    def close(self) -> None:
        """Ends what GnuPG began."""
        for one in (self._keys, self._stranger):
            if one is not None:
                one.close()

    def _all(self, flow: str, differences: int) -> Iterable[Line]:
        if flow == "PLANOS":
            return (("InsurancePlan", one) for one in catalogue.lines(self.today))
        if flow == "REDE":
            return self._network()
        if flow == "MEMBROS":
            return (line for one in ndjson.with_holders(self._tasy.plan.members) for line in _member(*one))
        lines = chain(self._network(), self._all("PLANOS", 0), self._all("MEMBROS", 0), self._open_guides())
        if not differences:
            self.differences = []
            return lines
        seeded = Seeded(self._tasy.plan.members, differences, self._seed, self.today)
        self.differences = seeded.told
        return seeded.lines(lines)

    def _network(self) -> Iterator[Line]:
        for provider in self._tasy.plan.providers:
            yield from ((one["resourceType"], one) for one in network.lines(provider))

    def _open_guides(self) -> Iterator[Line]:
        """Those in analysis, of members who are there still."""
        guides = self._tasy.guides
        for guide in list(guides.by_key.values()):
            if guide["cd_status"] in OPEN:
                with suppress(Refused):
                    yield "ClaimResponse", care.open_guide(guide, self._tasy.member(guides.asked[guide["nr_seq_guia"]]))

    def _day(self, totals: dict[str, int], troubles: Collection[str]) -> Iterator[Line]:
        """What happens on the next day, to the plan too."""
        names = {changes.INCLUDED: "qt_inclusao", changes.CHANGED: "qt_alteracao", changes.EXCLUDED: "qt_exclusao",
                 changes.REACTIVATED: "qt_reativacao", changes.REMOVED: "qt_exclusao"}  # fmt: skip
        totals.update(dict.fromkeys(names.values(), 0))
        self._state["days"] += 1
        members, holder_moved = [], False
        for moved in changes.day(self._tasy.plan.members, self._seed, self.today):
            if moved.member["segurado"]["nr_seq_titular"] is None:
                holder_moved = bool(moved.movement)
            if moved.movement:
                totals[names[moved.movement]] += 1
            if moved.movement == changes.REMOVED:
                yield DELETED, roster.removal(moved.member)
                continue
            members.append(moved.member)
            if moved.movement or "cancels" in troubles:
                yield from _member(moved.member, moved.holder)
            elif holder_moved and (related := roster.related_person(moved.member, moved.holder)):
                yield "RelatedPerson", related
        self._tasy.renew(members)

    def _again(self, count: int) -> list[Line]:
        """So many members as they are."""
        chosen = list(ndjson.with_holders(self._tasy.plan.members))[:count]
        return [line for one in chosen for line in _member(*one)]

    def _completed(self, lines: Iterable[Line], flow: str, troubles: Collection[str]) -> Iterable[Line]:
        """Lines, and those that the last set of members lacked; with a family without its Patients, on demand."""
        if flow != "MEMBROS":
            return lines
        held, self._held = self._held, []
        found: list[Line] = []
        if "orphans" in troubles:
            family = families.family(self._seed, 4_000_000 + sum(self._state["sequences"].values()), self.today)
            for member in family:
                for kind, line in _member(member, family[0]):
                    (self._held if kind == "Patient" else found).append((kind, line))
            self._tasy.renew([*self._tasy.plan.members, *family])
        return chain(held, lines, found)

    def _announced(self, flow: str, full: bool, totals: dict[str, int], used: bool) -> Announced:
        sequences, numbers = self._state["sequences"], self._state["numbers"]
        last = sequences.get(flow, 0)
        sequence = last if used and last else last + 1
        day = f"{flow}_{self.today:%Y%m%d}"
        sequences[flow], numbers[day] = sequence, numbers.get(day, 0) + 1
        return Announced(
            flow, "FULL" if full else "DELTA", sequence, sequence - 1, self.today, numbers[day], totals
        )  # fmt: skip

    def _sealed(self, announced: Announced, lines: Iterable[Line], troubles: Collection[str]) -> str:
        name, keys = announced.name, self._keys
        if "other-signer" in troubles:
            self._stranger = self._stranger or Keyring(self._keys.home.with_name("stranger"), "Stranger")
            self._stranger.add(self._keys.exported(self._recipient))
            keys = self._stranger
        place = self._kept / (name if "late" in troubles else "last")
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        packing = pack(self._work, name, FLOWS[announced.flow], lines)
        manifest = seal(
            packing, announced, place, Sealing(keys, self._recipient, "unsigned" not in troubles), datetime.now()
        )
        if keys is not self._keys:  # the manifest is Tasy's own, whoever signed the files
            whole(manifest.with_name(f"{manifest.name}.asc"), self._keys.sign(manifest))
        if "truncated" in troubles:
            first = sorted(place.glob("*.pgp"))[0]
            first.write_bytes(first.read_bytes()[:-100])
        if "late" in troubles:
            self._remember(late=[*self._state["late"], name])
        else:
            self._move(name, place, done="no-done" not in troubles)
            self._remember(last=name)
        return name

    def _move(self, name: str, place: Path, *, done: bool = True) -> None:
        """Copies a set into `saida`: files, then the manifest, then `.done`."""
        there = self.root / "saida"
        files = sorted(place.iterdir(), key=lambda path: ("_manifest" in path.name, path.name))
        for path in files:
            part = there / f"{path.name}.tmp"
            shutil.copyfile(path, part)
            part.rename(there / path.name)
        if done:
            (there / f"{name}.done").touch()

    def _remember(self, **more: Any) -> None:
        self._state.update(more)
        whole(self._memory, msgspec.json.encode(self._state))


def _member(member: Json, holder: Json) -> Iterator[Line]:
    yield "Patient", roster.patient(member)
    if related := roster.related_person(member, holder):
        yield "RelatedPerson", related
    yield "Coverage", roster.coverage(member, holder)
