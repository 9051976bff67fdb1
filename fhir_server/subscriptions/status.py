"""The status of a Subscription as the server sets it: a new version of the resource, like any other change."""

from __future__ import annotations

from fhir_server.commit import ATTEMPTS
from fhir_server.prepare import prepare_update
from fhir_server.store import ResourceStore
from fhir_server.store_errors import VersionConflict
from mappings.r4 import parse
from smart_auth.scopes import UNRESTRICTED


async def set_status(store: ResourceStore, id: str, status: str, error: str | None, *, only: int | None = None) -> None:
    """Writes status and error, unless they say so already, or the Subscription is off or deleted.

    only: the version that was judged; a newer one is left alone, for it will be judged itself.
    """
    for _ in range(ATTEMPTS):
        current = await store.read(UNRESTRICTED, "Subscription", id)
        if current is None or current.body is None or (only is not None and current.version_id != only):
            return
        resource = parse(current.body)
        if resource["status"] == "off" or (resource["status"], resource.get("error")) == (status, error):
            return
        changed = {name: value for name, value in resource.items() if name not in ("error", "_error")}
        changed["status"] = status
        if error is not None:
            changed["error"] = error
        change = prepare_update(changed, "Subscription", id, current)
        assert change is not None
        try:
            await store.write(change)
        except VersionConflict:
            continue
        return
