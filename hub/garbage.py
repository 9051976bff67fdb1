"""When Python looks for cycles among what is made and not freed: seldom, for there are hardly any."""

from __future__ import annotations

import gc

COLLECT_AFTER = 100_000
"""Objects made and not freed before it looks among the newest."""


def collect_seldom() -> None:
    """From now on; what is there stays, and is looked at no more.

    Modules are made of objects that stay: looking among them takes a fifth of the time in which a hub starts. Parsed
    JSON has no cycles: reference counts free it, and a full collection in the midst of a large Bundle would only stop
    everybody for as long as it takes to walk it.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 50, 1000)
