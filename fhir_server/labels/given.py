"""The labels of a resource that is written: what its codes call for, what the client says, what was there before.

A client may add labels and never take one of the server's away. https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

import re
from typing import Any

from fhir_server.labels.codes import CID_10, LOINC, LOINC_CODES, SECTIONS, SENSITIVE, SUS, label_of
from mappings.r4 import Json, parse

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
OBSERVATION_VALUE = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"

Resource = dict[str, Any]

KEPT = frozenset(
    {(ACT_CODE, label) for label in SENSITIVE}
    | {(CONFIDENTIALITY, "R"), (CONFIDENTIALITY, "V"), (OBSERVATION_VALUE, "AIAST")}
)
"""Labels that stay once they are there: (system, code)."""
_SYSTEMS = CID_10 | SUS | LOINC | SECTIONS


def labels_of(resource: Json) -> frozenset[str]:
    """The labels that the codes anywhere in a resource call for; contained resources count, a Bundle's entries not."""
    found: set[str] = set()
    nodes: list[Any] = [resource]
    for node in nodes:  # which grows meanwhile
        for key, value in node.items():
            kind = value.__class__
            if kind is str:  # as most are
                if key == "code" and node.get("system") in _SYSTEMS:
                    found.update(label_of(node["system"], value))
            elif kind is dict:
                nodes.append(value)
            elif kind is list and key != "entry":
                nodes += [item for item in value if item.__class__ is dict]
    return frozenset(found)


BITS: dict[tuple[str, str], int] = {
    (ACT_CODE, "PSY"): 1, (ACT_CODE, "ETH"): 2, (ACT_CODE, "HIV"): 4, (ACT_CODE, "SDV"): 8, (ACT_CODE, "GDIS"): 16,
    (CONFIDENTIALITY, "R"): 32, (CONFIDENTIALITY, "V"): 64, (OBSERVATION_VALUE, "AIAST"): 128,
}  # fmt: skip
"""Label -> its bit in the table `label`."""
UNREVIEWED = 128
"""The label of a model's result nobody has reviewed."""
_SENSITIVE = re.compile(
    b"|".join([b'"security":', *(re.escape(word.encode()) for word in (*CID_10, *SUS, *SECTIONS, *LOINC_CODES))])
)
"""What a stored resource that has a label, or calls for one, has among its bytes."""
_FINAL = frozenset({"final", "amended", "corrected"})


def bits(resource: Json | None) -> int:
    """The labels that a resource has, as bits."""
    meta = resource.get("meta") if isinstance(resource, dict) else None
    if not isinstance(meta, dict) or "security" not in meta:
        return 0
    assert isinstance(resource, dict)
    return sum(BITS.get(pair, 0) for pair in set(_security(resource)))


def stored_bits(body: bytes) -> int:
    """The labels that a version as it is stored has or calls for, as bits."""
    if not _SENSITIVE.search(body):
        return 0
    resource = parse(body)
    return bits(resource) | sum(BITS[ACT_CODE, label] for label in labels_of(resource))


def labelled(resource: Resource, previous: Resource | None, *, reviewed: bool = False) -> Resource:
    """The resource with the labels it must have; itself where it has them. `previous`: the version it replaces.

    reviewed: a professional writes it, who makes a model's result theirs by making it final.
    """
    needed = [(ACT_CODE, label) for label in sorted(labels_of(resource))]
    if previous is not None:
        needed += [pair for pair in _security(previous) if pair in KEPT]
        if reviewed and resource.get("status") in _FINAL:
            needed = [pair for pair in needed if BITS[pair] != UNREVIEWED]
    if not needed:
        return resource
    given = _security(resource)
    missing = [pair for pair in dict.fromkeys(needed) if pair not in given]
    if not missing:
        return resource
    meta = dict(resource.get("meta") or {})
    meta["security"] = [*meta.get("security", ()), *({"system": system, "code": code} for system, code in missing)]
    return {**resource, "meta": meta}


def _security(resource: Resource) -> list[tuple[str, str]]:
    return [
        (label.get("system", ""), label.get("code", ""))
        for label in (resource.get("meta") or {}).get("security", ())
        if isinstance(label, dict)
    ]
