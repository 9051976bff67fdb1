"""What an access comes to under the policies in force: asked several times by each request, so it is kept with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from fhir_server.access import policies
from fhir_server.access.policies import Policies
from smart_auth.scopes import Access

Found = TypeVar("Found")


def kept(find: Callable[[Access, Policies], Found]) -> Callable[[Access], Found]:
    """access -> what `find` finds under the policies in force: once, as long as they are."""

    @wraps(find)
    def found(access: Access) -> Found:
        entry = access.kept.get(find)
        now = policies.now
        if entry is not None and entry[0] is now:
            value: Found = entry[1]
            return value
        value = find(access, now)
        access.kept[find] = now, value
        return value

    return found
