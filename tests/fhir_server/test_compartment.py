from __future__ import annotations

import pytest

from fhir_server.compartment import member_parameters, member_types
from fhir_server.outcome import NotFound
from fhir_server.search.criteria import Member
from fhir_server.search.membership import membership
from fhir_server.search.rows import hash32


def test_observations_are_a_patients_by_subject_and_performer() -> None:
    assert set(member_parameters("Patient", "Observation")) == {
        hash32("Observation.patient"),  # where the references of subject to Patients stand
        hash32("Observation.performer"),
    }
    assert "Observation" in member_types("Patient")
    assert "Organization" not in member_types("Patient")


def test_a_patient_is_in_its_own_compartment() -> None:
    criterion = membership("Patient", "1", ["Patient", "Observation"])
    node = criterion.nodes["Observation"]
    assert isinstance(node, Member)
    assert node.itself
    assert criterion.nodes["Patient"] == node


@pytest.mark.parametrize(("compartment", "types"), [("Observation", ["Patient"]), ("Patient", ["Organization"])])
def test_what_has_no_compartment_is_not_found(compartment: str, types: list[str]) -> None:
    with pytest.raises(NotFound):
        membership(compartment, "1", types)
