"""Names of files of a set: `999997_MEMBROS_20260310_0001_Coverage.ndjson.gz.pgp`. Tasy contract, section 10.1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from batch.faults import SetRefused

FLOWS = ("MEMBROS", "REDE", "PLANOS", "RECONCILIACAO")
_SET = re.compile(rf"([0-9]{{6}})_({'|'.join(FLOWS)})_([0-9]{{8}})_([0-9]{{4}})")
_RESOURCE = re.compile(r"_([A-Za-z]+|_Deleted)\.ndjson\.gz\.pgp")


@dataclass(frozen=True, slots=True, order=True)
class SetName:
    """What the files of a set have in common."""

    registration: str
    """Of the plan, with ANS."""
    flow: str
    day: date
    number: int
    """Of the day, from 1."""

    def __str__(self) -> str:
        return f"{self.registration}_{self.flow}_{self.day:%Y%m%d}_{self.number:04d}"

    @property
    def manifest(self) -> str:
        """Name of the manifest; of its signature with `.asc` behind it."""
        return f"{self}_manifest.json"

    @property
    def done(self) -> str:
        """Name of the empty file that says that the set is whole."""
        return f"{self}.done"

    def file(self, resource: str) -> str:
        """Name of the file of a resource type, or of `_Deleted`."""
        return f"{self}_{resource}.ndjson.gz.pgp"

    def resource_of(self, name: str) -> str:
        """The resource type of a file of this set, or `_Deleted`. Raises SetRefused."""
        found = _RESOURCE.fullmatch(name.removeprefix(str(self))) if name.startswith(str(self)) else None
        if found is None:
            raise SetRefused("HUB-B102", "a file that is not of this set")
        return found[1]


def set_name(text: str) -> SetName | None:
    """The set a name begins with; None: it is of none.

    >>> set_name("999997_MEMBROS_20260310_0001.done").number
    1
    """
    found = _SET.match(text)
    if found is None:
        return None
    try:
        day = date(int(found[3][:4]), int(found[3][4:6]), int(found[3][6:]))
    except ValueError:
        return None
    return SetName(found[1], found[2], day, int(found[4]))
