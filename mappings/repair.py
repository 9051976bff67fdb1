"""The Task of whoever repairs text where it comes from: damaged, or in another charset than agreed. Contract, 13. Pure.

https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

from typing import Any

from mappings.tasy.site import Site

Json = Any
CODE = "reparo-de-texto"


def repair(about: str, reason: str, site: Site) -> Json:
    """The Task. about: reference to whose text it is; reason: what is wrong, never the text itself."""
    task: Json = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "priority": "routine",
        "code": {"coding": [{"system": site.systems.codes("tarefa"), "code": CODE}]},
        "description": reason,
        "focus": {"reference": about},
    }
    return task | {"for": {"reference": about}} if about.startswith("Patient/") else task


def still_open(about: str, site: Site) -> dict[str, str]:
    """Criteria by which the Task is there once as long as nobody has done it."""
    return {"focus": about, "code": f"{site.systems.codes('tarefa')}|{CODE}", "status": "requested"}
