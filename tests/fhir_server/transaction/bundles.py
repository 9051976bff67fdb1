"""Bundles for the tests: few words in, whole Bundles out."""

from __future__ import annotations

from typing import Any

from httpx2 import AsyncClient

Json = dict[str, Any]


def entry(method: str, url: str, resource: Json | None = None, full_url: str | None = None, **request: str) -> Json:
    """One entry."""
    made: Json = {} if full_url is None else {"fullUrl": full_url}
    if resource is not None:
        made["resource"] = resource
    return {**made, "request": {"method": method, "url": url, **request}}


def bundle(*entries: Json, type: str = "transaction") -> Json:
    """A Bundle of entries."""
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def patient(family: str = "Silva", **more: Any) -> Json:
    """A Patient."""
    return {"resourceType": "Patient", "name": [{"family": family}], **more}


def identified(value: str, resource_type: str = "Patient", **more: Any) -> Json:
    """A resource with an identifier."""
    return {"resourceType": resource_type, "identifier": [{"system": "http://ids", "value": value}], **more}


def observation(subject: str, **more: Any) -> Json:
    """A minimal Observation about a patient."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "pulse"},
        "subject": {"reference": subject},
        **more,
    }


async def post(client: AsyncClient, json: Json, status: int = 200, **headers: str) -> Json:
    """The answer to a Bundle, which must have this status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = await client.post("", json=json, headers={"content-type": "application/fhir+json", **named})
    assert response.status_code == status, response.text
    answer: Json = response.json()
    return answer


def statuses(answer: Json) -> list[str]:
    """Status codes of the entries."""
    return [entry["response"]["status"][:3] for entry in answer["entry"]]


def location(answer: Json, index: int) -> str:
    """`Patient/1` of an entry."""
    found: str = answer["entry"][index]["response"]["location"]
    return found.split("/_history/")[0]


def expressions(outcome: Json) -> list[str]:
    """All expressions of an OperationOutcome."""
    return [path for issue in outcome["issue"] for path in issue.get("expression", [])]


async def count(client: AsyncClient, query: str) -> int:
    """How many resources a search finds."""
    response = await client.get(query + ("&" if "?" in query else "?") + "_summary=count")
    assert response.status_code == 200, response.text
    total: int = response.json()["total"]
    return total
