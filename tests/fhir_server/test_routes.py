"""The table of routes: which interaction a method and path mean, and what is refused how."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.outcome import FhirError, Invalid, NotFound
from fhir_server.routes import ROUTES, WrongMethod, allowed, resolve


def split(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")) if path else ()


@pytest.mark.parametrize(
    ("method", "path", "interaction", "resource_type"),
    [
        ("GET", "", "search-system", None),
        ("POST", "", "transaction", None),
        ("GET", "metadata", "capabilities", None),
        ("HEAD", "metadata", "capabilities", None),
        ("POST", "_search", "search-system", None),
        ("GET", "_history", "history-system", None),
        ("GET", "Patient", "search-type", "Patient"),
        ("POST", "Patient", "create", "Patient"),
        ("PUT", "Patient", "conditional-update", "Patient"),
        ("PATCH", "Patient", "conditional-patch", "Patient"),
        ("DELETE", "Patient", "conditional-delete", "Patient"),
        ("POST", "Patient/_search", "search-type", "Patient"),
        ("GET", "_search", "search-system", None),
        ("GET", "Patient/_search", "search-type", "Patient"),
        ("GET", "Patient/_history", "history-type", "Patient"),
        ("GET", "Patient/1", "read", "Patient"),
        ("HEAD", "Patient/1", "read", "Patient"),
        ("GET", "Patient/metadata", "read", "Patient"),
        ("GET", "Patient/Patient", "read", "Patient"),
        ("PUT", "Patient/1", "update", "Patient"),
        ("PATCH", "Patient/1", "patch", "Patient"),
        ("DELETE", "Patient/1", "delete", "Patient"),
        ("GET", "Patient/1/_history", "history-instance", "Patient"),
        ("GET", "Patient/1/_history/2", "vread", "Patient"),
        ("GET", "Patient/1/*", "search-compartment", "Patient"),
        ("GET", "Patient/1/Observation", "search-compartment", "Patient"),
        ("POST", "Patient/1/_search", "search-compartment", "Patient"),
        ("POST", "Patient/1/Observation/_search", "search-compartment", "Patient"),
        ("GET", "Patient/1/_search", "search-compartment", "Patient"),
        ("GET", "Patient/1/Observation/_search", "search-compartment", "Patient"),
        ("POST", "Patient/$validate", "$validate", "Patient"),
        ("GET", "Patient/1/$validate", "$validate", "Patient"),
        ("GET", "$versions", "$versions", None),
        ("POST", "$versions", "$versions", None),
        ("GET", "$export", "$export", None),
        ("POST", "Patient/$export", "$export", "Patient"),
        ("GET", "Group/1/$export", "$export", "Group"),
        ("GET", "_jobs/1", "job-status", None),
        ("DELETE", "_jobs/1", "job-cancel", None),
        ("GET", "_jobs/1/Patient.1.ndjson", "job-file", None),
    ],
)
def test_routes(method: str, path: str, interaction: str, resource_type: str | None) -> None:
    routed = resolve(method, split(path))
    assert (routed.interaction, routed.resource_type) == (interaction, resource_type)


@pytest.mark.parametrize(
    ("method", "path", "error"),
    [
        ("GET", "Nonsense", NotFound),
        ("GET", "patient", NotFound),
        ("GET", "DomainResource", NotFound),
        ("GET", "Nonsense/1", NotFound),
        ("GET", "$nonsense", NotFound),
        ("GET", "Patient/$versions", NotFound),
        ("GET", "$validate", NotFound),
        ("GET", "Patient/1/2/$validate", NotFound),
        ("GET", "Nonsense/$validate", NotFound),
        ("GET", "Patient/1/Nonsense", NotFound),
        ("GET", "Observation/$export", NotFound),
        ("GET", "Patient/1/$export", NotFound),
        ("GET", "_jobs", NotFound),
        ("GET", "_jobs/1/2/3", NotFound),
        ("PUT", "_jobs/1", WrongMethod),
        ("GET", "Patient/1/_history/2/3", NotFound),
        ("GET", "Patient/1/Observation/2", NotFound),
        ("GET", "Patient/", Invalid),
        ("GET", "Patient/a_b", Invalid),
        ("GET", "Patient/" + "a" * 65, Invalid),
        ("GET", "*", NotFound),
        ("GET", "metadata/1", NotFound),
        ("POST", "metadata", WrongMethod),
        ("DELETE", "", WrongMethod),
        ("POST", "Patient/1", WrongMethod),
        ("PUT", "Patient/1/_history/2", WrongMethod),
        ("PUT", "Patient/_search", WrongMethod),
        ("DELETE", "$versions", WrongMethod),
        ("TRACE", "Patient", WrongMethod),
    ],
)
def test_refusals(method: str, path: str, error: type[FhirError]) -> None:
    with pytest.raises(error):
        resolve(method, split(path))


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("Patient/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        ("Patient/_search", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("$versions", {"GET", "HEAD", "POST", "OPTIONS"}),
    ],
)
def test_allowed(path: str, methods: set[str]) -> None:
    assert set(allowed(split(path))) == methods
    with pytest.raises(WrongMethod) as caught:
        resolve("TRACE", split(path))
    assert set(caught.value.headers["Allow"].split(", ")) == methods


@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "X"]),
    st.lists(st.sampled_from(["Patient", "1", "_history", "_search", "*", "$validate", "", "é", "metadata"])),
)
def test_any_path_is_routed_or_refused(method: str, path: list[str]) -> None:
    with contextlib.suppress(FhirError):
        resolve(method, tuple(path))


def test_no_line_stands_twice() -> None:
    assert len({(route.method, route.shape) for route in ROUTES}) == len(ROUTES)
