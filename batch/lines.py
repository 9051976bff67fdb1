"""One line of a file: what it is, and what is wrong with it before anybody is asked. Tasy contract, 10.3, 12. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any, NamedTuple

import orjson

from batch.entities import REMOVED, Entity, entity
from batch.text import utf8
from mappings import check_digits
from mappings.identifiers import CNPJ, CNS, CPF, canonical, code_of
from mappings.tasy.site import Site
from mappings.terminology import table

Json = Any
LONGEST = 1 << 20
"""Bytes of a line without its end."""
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_URL = re.compile(r"([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})")
_CHECKED = {CPF: "cpf", CNS: "cns", CNPJ: "cnpj"}


class Fault(NamedTuple):
    """Why a line is not applied: a code of `faults.CODES` and the element. Never the value."""

    code: str
    element: str


class Target(NamedTuple):
    """A resource that a line writes or ends."""

    type: str | None
    id: str | None
    active: bool | None = None
    facts: Json = None
    fault: Fault | None = None


class Raw(NamedTuple):
    """A line as it stands in its file."""

    number: int
    """From 1."""
    source: bytes
    """Without its end; None of it where it is too long."""
    too_long: bool = False

    @property
    def hash(self) -> bytes:
        """SHA-256 of its bytes: by it an unchanged line is known again."""
        return hashlib.sha256(self.source).digest()


def lines(stream: BufferedIOBase, hashing: Any = None) -> Iterator[Raw]:
    """The lines of a file, one in memory at a time. hashing: is told all bytes, of lines that are too long too.

    Raises what the stream raises: EOFError, OSError, zlib.error.
    """
    number = 0
    while line := stream.readline(LONGEST + 1):
        number += 1
        if hashing is not None:
            hashing.update(line)
        if line.endswith(b"\n"):
            yield Raw(number, line[:-1])
        elif len(line) <= LONGEST:
            yield Raw(number, line)
        else:
            while rest := stream.readline(LONGEST):
                if hashing is not None:
                    hashing.update(rest)
                if rest.endswith(b"\n"):
                    break
            yield Raw(number, b"", True)


def targets(line: Raw, flow: str, resource_type: str, site: Site) -> list[Target]:
    """What a line writes, or ends; with a fault where it is not to be applied. resource_type: of the file."""
    if line.too_long:
        return [Target(None, None, fault=Fault("HUB-B206", "$"))]
    try:
        found = orjson.loads(utf8(line.source))
    except orjson.JSONDecodeError:
        return [Target(None, None, fault=Fault("HUB-B201", "$"))]
    if not isinstance(found, dict):
        return [Target(None, None, fault=Fault("HUB-B201", "$"))]
    if resource_type == REMOVED:
        return _removed(found, flow)
    kind = entity(flow, resource_type)
    id = found.get("id")
    named = id if isinstance(id, str) and _ID.fullmatch(id) else None
    if kind is None or found.get("resourceType") != resource_type:
        return [Target(None, named, fault=Fault("HUB-B202", "resourceType"))]
    try:
        fault = Fault("HUB-B207", "id") if named is None else _fault(found, kind, site)
        if fault is not None:
            return [Target(resource_type, named, fault=fault)]
        return [Target(resource_type, named, kind.active(found), kind.facts(found, site))]
    except (AttributeError, TypeError):  # an element is of another shape than FHIR's: the server would say which
        return [Target(resource_type, named, fault=Fault("HUB-B207", "$"))]


def _removed(bundle: Json, flow: str) -> list[Target]:
    """Of a Bundle with DELETE entries."""
    entries = bundle.get("entry")
    if bundle.get("resourceType") != "Bundle" or not isinstance(entries, list) or not entries:
        return [Target(None, None, fault=Fault("HUB-B202", "resourceType"))]
    found = []
    for number, one in enumerate(entries):
        request = one.get("request") if isinstance(one, dict) else None
        url = _URL.fullmatch(str(request.get("url", ""))) if isinstance(request, dict) else None
        kind = entity(flow, url[1]) if url else None
        if request is None or url is None or request.get("method") != "DELETE" or kind is None or kind.endless:
            return [Target(None, None, fault=Fault("HUB-B207", f"entry[{number}].request"))]
        found.append(Target(url[1], url[2], False))
    return found


def _fault(resource: Json, kind: Entity, site: Site) -> Fault | None:
    for path in kind.required:
        at = resource
        for name in path.split("."):
            at = at.get(name) if isinstance(at, dict) else None
        if not at:
            return Fault("HUB-B207", path)
    for number, one in enumerate(resource.get("identifier", ())):
        checked = _CHECKED.get(canonical(one.get("system", "")))
        if checked and check_digits.wrong(checked, str(one.get("value", ""))):
            return Fault("HUB-B204", f"identifier[{number}].value")
    for element, (system, name) in kind.coded.items():
        code = code_of(resource.get(element), site.systems.codes(system))
        if code is not None and code not in table(name).forward:
            return Fault("HUB-B205", element)
    return None
