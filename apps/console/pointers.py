"""Where a fault is, as a JSON pointer: `identifier[0].value` -> `/identifier/0/value`. RFC 6901. Pure."""

from __future__ import annotations

import re

_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]+)\]")


def pointer(element: str | None) -> str:
    """The pointer of an element's path, as faults name it; empty where it is no such path.

    >>> pointer("Patient.identifier[0].value")
    '/identifier/0/value'
    """
    path = element or ""
    steps, at = [], 0
    while at < len(path):
        if path[at] == "." and at:
            at += 1
        found = _STEP.match(path, at)
        if found is None:
            return ""
        steps.append(found[1] or found[2])
        at = found.end()
    if steps and steps[0][:1].isupper():
        steps = steps[1:]  # the type of the resource
    return "".join(f"/{one}" for one in steps)
