"""Which set of a flow comes next: numbered without end, they are applied in order. Tasy contract, 10.2, 10.3. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from batch.manifest import Manifest


class Turn(Enum):
    """What is to be done with a set."""

    APPLY = "apply"
    WAIT = "wait"
    """One before it is missing: a gap, which alarms."""
    DUPLICATE = "duplicate"
    """It was applied: its first receipt is sent again."""
    REFUSE = "refuse"
    """Its number was used for another content (HUB-B105)."""
    OUTDATED = "outdated"
    """Late: a full set has told everything since, so it is not applied."""


def turn(manifest: Manifest, manifest_hash: str, answered: Mapping[int, str]) -> Turn:
    """What is to be done with a set.

    answered: hash of the manifest by number of each set of this flow that got a receipt. The first set of all may have
    any number; a full set may follow a gap, for it tells everything again.
    """
    number = manifest.nr_sequencia_fluxo
    if number in answered:
        return Turn.DUPLICATE if answered[number] == manifest_hash else Turn.REFUSE
    if not answered:
        return Turn.APPLY
    last = max(answered)
    if number < last:
        return Turn.OUTDATED
    expected = manifest.nr_sequencia_anterior if manifest.nr_sequencia_anterior is not None else number - 1
    return Turn.APPLY if expected == last or manifest.modo == "FULL" else Turn.WAIT
