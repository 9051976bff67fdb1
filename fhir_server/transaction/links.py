"""Links inside a resource that a transaction rewrites. https://hl7.org/fhir/R4/http.html#trules

Rewritten are Reference.reference, elements of type uri and url that point somewhere, and href and src of the narrative.
Left alone, as R4 says, are canonical elements; those of type oid and uuid, which "Patient/1" could not be; and uris
that name rather than point (systems, a definition's own url, Extension.url). A Bundle stored as a resource is a world
of its own: links inside its entries are resolved within it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mappings.r4 import Json

Node = dict[str, Any] | list[Any]


class Kind(Enum):
    """What a link is, and so how it is rewritten."""

    FULL_URL = "fullUrl"
    """Its target is the fullUrl of an entry."""
    CRITERIA = "criteria"
    """A conditional reference: target is its text, `Practitioner?identifier=s|v`."""
    NARRATIVE = "narrative"
    """XHTML with at least one link to a fullUrl."""
    UNKNOWN = "unknown"
    """A urn: reference that no entry of the Bundle bears."""


@dataclass(slots=True)
class Link:
    """Where a link stands (`holder[key]`), what stood there at first, and what it points to."""

    kind: Kind
    holder: Any
    key: Any
    original: str
    target: str
    suffix: str = ""
    """`#part` or `/_history/1` behind the fullUrl."""


POINTERS = frozenset(
    {"url", "valueUri", "valueUrl", "address", "endpoint", "detail", "instantiatesUri", "instantiates", "link",
     "definitionUri", "derivedFromUri", "moduleUri", "protocol", "policy", "authorizationUrl", "onlineInformation",
     "nameUrl", "rendering", "source", "sourceUri", "targetUri", "authority", "uri"}
)  # fmt: skip
"""Names of the R4 elements of type uri and url that point to something, rather than name a system or a definition."""

_NARRATIVE_LINK = re.compile(r"""(\b(?:href|src)\s*=\s*)(["'])(.*?)\2""", re.DOTALL)
_URN = ("urn:uuid:", "urn:oid:")


def links_of(resource: Json, full_urls: Collection[str], root: str) -> list[Link]:
    """All links of a resource, in one walk.

    `full_urls`: those of the Bundle's entries that write. `root`: FHIR base of this entry's own fullUrl with a trailing
    slash, or empty: relative references are resolved against it (https://hl7.org/fhir/R4/bundle.html#references).
    """
    found: list[Link] = []
    stack: list[Any] = [resource]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            if node.get("resourceType") == "Bundle":
                continue
            for key, value in node.items():
                kind = type(value)
                if kind is str:
                    if key == "reference":
                        if value[:1] != "#":
                            link = _reference(node, value, full_urls, root)
                            if link is not None:
                                found.append(link)
                    elif key == "div":
                        if "href" in value or "src" in value:
                            found += _narrative(node, value, full_urls)
                    elif value in full_urls and _points(node, key):
                        found.append(Link(Kind.FULL_URL, node, key, value, value))
                elif kind is dict:
                    stack.append(value)
                elif kind is list:
                    for position, item in enumerate(value):
                        if type(item) is str:
                            if item in full_urls and key in POINTERS:
                                found.append(Link(Kind.FULL_URL, value, position, item, item))
                        else:
                            stack.append(item)
        elif type(node) is list:
            stack += node
    return found


def _reference(holder: dict[str, Any], text: str, full_urls: Collection[str], root: str) -> Link | None:
    if text in full_urls:
        return Link(Kind.FULL_URL, holder, "reference", text, text)
    if "resourceType" in holder:  # DetectedIssue.reference is a uri
        return None
    plain, mark, part = text.partition("#")
    suffix = mark + part
    if "/_history/" in plain:
        plain, _, version = plain.partition("/_history/")
        suffix = f"/_history/{version}{suffix}"
    for target in (plain, root + plain) if root else (plain,):
        if target in full_urls:
            return Link(Kind.FULL_URL, holder, "reference", text, target, suffix)
    if "?" in text:
        return Link(Kind.CRITERIA, holder, "reference", text, text)
    if text.startswith(_URN):
        return Link(Kind.UNKNOWN, holder, "reference", text, text)
    return None


def _points(holder: dict[str, Any], key: str) -> bool:
    """Whether this element is a pointer of type uri or url, or what a JSON Patch puts into a Reference."""
    if key not in POINTERS:
        return key == "value" and "op" in holder and str(holder.get("path")).endswith("/reference")
    if key == "url":
        # A definition's own url and Extension.url name; Attachment.url and RelatedArtifact.url point.
        return "resourceType" not in holder and not any(name.startswith(("value", "extension")) for name in holder)
    return True


def _narrative(holder: dict[str, Any], text: str, full_urls: Collection[str]) -> Iterator[Link]:
    if any(match[3] in full_urls for match in _NARRATIVE_LINK.finditer(text)):
        yield Link(Kind.NARRATIVE, holder, "div", text, "")


def rewritten_narrative(text: str, address: Callable[[str], str | None]) -> str:
    """XHTML whose href and src are replaced where `address` knows better."""

    def replaced(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}{address(match[3]) or match[3]}{match[2]}"

    return _NARRATIVE_LINK.sub(replaced, text)


def root_of(full_url: str | None) -> str:
    """FHIR base (with slash) of a RESTful fullUrl `http://server/fhir/Patient/1`; empty if it is none."""
    if full_url is None or not full_url.startswith("http"):
        return ""
    return full_url.rsplit("/", 2)[0] + "/" if full_url.count("/") >= 4 else ""


def path_of(resource: Json, holder: Node, key: str | int) -> str:
    """FHIRPath below the resource of `holder[key]`: `.subject` for its Reference.reference (told by the Reference)."""
    for path, node in _walk(resource, ""):
        if node is holder:
            if key == "reference":
                return path
            return f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}"
    return ""


def _walk(node: Json, path: str) -> Iterator[tuple[str, Json]]:
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            if isinstance(value, (dict, list)):
                yield from _walk(value, f"{path}.{key}")
    elif isinstance(node, list):
        yield path, node
        for position, value in enumerate(node):
            if isinstance(value, (dict, list)):
                yield from _walk(value, f"{path}[{position}]")
