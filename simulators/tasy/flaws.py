"""What is wrong with lines of a set, on demand: each flaw by name. Tasy contract, section 17, 14 to 18."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Any

import msgspec

from simulators.tasy.systems import BASE, CPF

Json = dict[str, Any]
Line = tuple[str, Json | bytes]
"""Type and line; bytes are one as it stands."""

BAD_LINE = 17
CANCELLED = 0.3
LOST = 10
"""Every so manieth provider."""
_NETWORK = ("Organization", "Location", "Practitioner", "PractitionerRole", "HealthcareService",
            "OrganizationAffiliation")  # fmt: skip


def _bad_line(lines: Iterable[Line]) -> Iterator[Line]:
    """A CPF with a wrong check digit in line 17 of the Patients."""
    number = 0
    for kind, line in lines:
        number += kind == "Patient"
        if kind == "Patient" and number == BAD_LINE and isinstance(line, dict):
            others = [one for one in line["identifier"] if one["system"] != CPF]
            line = {**line, "identifier": [{"use": "official", "system": CPF, "value": "52998224726"}, *others]}
        yield kind, line


def _cancels(lines: Iterable[Line]) -> Iterator[Line]:
    """30 % of the Coverages end, all in one day."""
    due = 0.0
    for kind, line in lines:
        if kind == "Coverage" and isinstance(line, dict) and line["status"] == "active":
            due += CANCELLED
            if due >= 1:
                due -= 1
                line = {**line, "status": "cancelled", "extension": _moved(line["extension"], "3")}
        yield kind, line


def _moved(extensions: list[Json], movement: str) -> list[Json]:
    url = f"{BASE}/StructureDefinition/movimento"
    return [{"url": url, "valueCode": movement}, *(one for one in extensions if one["url"] != url)]


def _shrinks(lines: Iterable[Line]) -> Iterator[Line]:
    """Every tenth provider is missing, with all that refers to them."""

    def missing(reference: str) -> bool:
        key = reference.rpartition("/")[2].removeprefix("prest-").partition("-")[0]
        return key.isdecimal() and int(key) % LOST == 0

    for kind, line in lines:
        if isinstance(line, dict) and kind in _NETWORK:
            referred = (line.get(name, {}).get("reference", "") for name in ("practitioner", "organization"))
            if missing(line["id"]) or any(map(missing, referred)):
                continue
        yield kind, line


def _past_month(lines: Iterable[Line]) -> Iterator[Line]:
    """Products have another name since the month before."""
    for kind, line in lines:
        if kind == "InsurancePlan" and isinstance(line, dict):
            start = (date.fromisoformat(line["period"]["start"]) - timedelta(days=1)).replace(day=1)
            line = {**line, "name": f"{line['name']} PLUS", "period": {"start": start.isoformat()}}
        yield kind, line


def _damaged(encode: Callable[[str], bytes]) -> Callable[[Iterable[Line]], Iterator[Line]]:
    def damage(lines: Iterable[Line]) -> Iterator[Line]:
        left = 3
        for kind, line in lines:
            if left and kind == "Patient" and isinstance(line, dict):
                text = msgspec.json.encode(line["name"]).decode()
                if not text.isascii():
                    left -= 1
                    source = msgspec.json.encode({**line, "name": None})
                    yield kind, source.replace(b'"name":null', b'"name":' + encode(text), 1)
                    continue
            yield kind, line

    return damage


FLAWS: dict[str, Callable[[Iterable[Line]], Iterator[Line]]] = {
    "bad-line": _bad_line,
    "cancels": _cancels,
    "network-shrinks": _shrinks,
    "past-month": _past_month,
    "latin-1": _damaged(lambda text: text.encode("latin-1", "replace")),
    "mojibake": _damaged(lambda text: text.encode().decode("cp1252", "replace").encode()),
}
"""By name: what the lines of a set become."""
