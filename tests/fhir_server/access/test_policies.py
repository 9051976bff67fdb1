"""Policies: what is read from a document, what is refused, and what roles open."""

from __future__ import annotations

import pytest

from fhir_server.access.hiding import hidden, may_not_change, shown
from fhir_server.access.policies import SHIPPED, UnusablePolicy, document, read, use
from fhir_server.access.wall import wall_of
from hub.authorization import known
from smart_auth.scopes import Access, parse

pytestmark = pytest.mark.usefixtures("shipped_policies")


def access(scope: str, *roles: str, permission: str = "r", **more: str) -> Access:
    scopes = parse(scope, known).resources
    return Access("s", unrestricted=False, client="app", scopes=scopes, roles=roles, **more).using(permission)


def test_what_is_shipped_can_be_read_and_written() -> None:
    again = read(document(SHIPPED), 7)
    assert again.version == 7
    assert again.by_role == SHIPPED.by_role


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{}", "no array"),
        ("[7]", "row 1"),
        ('[{"role": "x"}]', "types"),
        ('[{"role": "x", "types": ["Pation"], "interactions": "r"}]', "types"),
        ('[{"role": "x", "types": ["Patient"], "interactions": "rx"}]', "interactions"),
        ('[{"role": "x", "types": ["Patient"], "interactions": "r", "criteria": "nothing=1"}]', "criteria"),
        ('[{"role": "x", "types": ["Patient"], "interactions": "r", "criteria": "name="}]', "criteria"),
        ('[{"role": "x", "types": ["Patient"], "interactions": "r", "relation": "friend"}]', "relation"),
        ('[{"role": "x", "types": ["Patient"], "interactions": "r", "hidden": ["bithDate"]}]', "hidden"),
        ('[{"role": "x", "types": ["Patient"], "interactions": "r", "hidden": ["id"]}]', "hidden"),
        ('[{"role": "x", "types": ["Patient"], "interactions": "r", "purposes": ["FUN"]}]', "purposes"),
        ('[{"role": "x", "types": ["Patient"], "interactions": "r", "allow": true}]', "members"),
    ],
)
def test_refused(row: str, reason: str) -> None:
    with pytest.raises(UnusablePolicy, match=reason):
        read(row, 1)


@pytest.mark.parametrize(
    ("roles", "permission", "some", "none"),
    [
        ((), "r", set(), {"Patient", "Organization"}),
        (("sales",), "r", set(), {"Patient", "Observation", "Claim", "Organization"}),
        (("underwriting",), "s", set(), {"Patient", "Observation"}),
        (("nurse",), "r", {"Patient", "Observation", "Organization"}, {"Claim", "AuditEvent"}),
        (("nurse",), "c", {"Observation"}, {"MedicationRequest", "Patient", "Organization"}),
        (("physician",), "c", {"MedicationRequest"}, {"Patient", "Claim"}),
        (("service-desk",), "r", {"Task", "Communication"}, {"RiskAssessment", "Flag", "Observation", "Encounter"}),
        (("pharmacist",), "c", {"CommunicationRequest", "Provenance"}, {"RiskAssessment", "Flag", "Task"}),
        (("claims-analyst",), "r", {"Claim", "Patient"}, {"Communication", "QuestionnaireResponse", "Observation"}),
        (("operator",), "r", {"MessageHeader"}, {"Patient", "Observation", "Bundle"}),
        (("security-officer",), "r", {"Organization"}, {"Patient", "AuditEvent", "Consent"}),
        (("provider-staff",), "r", {"Organization"}, {"Patient", "Claim"}),  # of no organization
        (("member",), "r", {"Organization"}, {"Patient"}),  # of no patient
        (("client:app",), "r", set(), {"Patient"}),
    ],
)
def test_what_roles_open(roles: tuple[str, ...], permission: str, some: set[str], none: set[str]) -> None:
    types = set(wall_of(access("user/*.cruds", *roles, permission=permission)).types)
    assert types >= some
    assert not types & none


def test_scope_and_policy_both_bound() -> None:
    assert not wall_of(access("user/Observation.s", "nurse")).types
    assert list(wall_of(access("user/Observation.r user/Claim.r", "nurse")).types) == ["Observation"]
    assert "Observation" not in wall_of(access("patient/*.rs", "claims-analyst", patient="1")).types
    both = access("user/*.rs", "nurse", "claims-analyst")
    assert {"Claim", "Observation"} <= set(wall_of(both).types)


def test_a_client_s_rows_bound_its_scopes() -> None:
    service = access("system/*.rs")
    assert wall_of(service).everything
    use(read('[{"role": "client:app", "types": ["Observation"], "interactions": "rs", "purposes": ["HPAYMT"]}]', 3))
    assert list(wall_of(service).types) == ["Observation"]
    assert not wall_of(service).open


def test_variables_stand_for_whoever_it_is() -> None:
    use(read('[{"role": "x", "types": ["Task"], "interactions": "rs", "criteria": "owner=%user"}]', 4))
    assert not wall_of(access("user/*.rs", "x")).types
    [part] = wall_of(access("user/*.rs", "x", fhir_user="https://a.example/fhir/Practitioner/7")).parts
    assert part.condition == (("owner", "Practitioner/7"),)


def test_hidden_elements_are_those_no_row_shows() -> None:
    rows = (
        '[{"role": "x", "types": ["Patient"], "interactions": "rs", "hidden": ["birthDate", "contact", "deceased"]},'
        '{"role": "y", "types": ["Patient"], "interactions": "ru", "hidden": ["contact"], "read_only": ["name"]}]'
    )
    use(read(rows, 5))
    x, both = access("user/*.rs", "x"), access("user/*.cruds", "x", "y")
    assert hidden(x, "Patient") == {"birthDate", "contact", "deceased"}
    assert hidden(both, "Patient") == {"contact"}
    assert may_not_change(both, "Patient") == {"name"}
    assert may_not_change(x, "Patient") == frozenset()
    body = (
        b'{"resourceType":"Patient","id":"1","birthDate":"2000-01-01","_birthDate":{"id":"b"},"deceasedBoolean":true}'
    )
    assert shown(x, "Patient", body) == b'{"resourceType":"Patient","id":"1"}'
    assert shown(access("user/*.rs", "nurse"), "Patient", body) is body
