"""Which resources an export holds, as SQL. https://hl7.org/fhir/uv/bulkdata/export.html#endpoint---all-patients"""

from __future__ import annotations

from collections.abc import Sequence

from fhir_server.access import visible
from fhir_server.bulk.order import SYSTEM, ExportOrder, filter_query
from fhir_server.compartment import member_parameters, member_types
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.parameters import shipped
from fhir_server.search.select import all_rids
from fhir_server.statement import Parameters, Statement
from smart_auth.scopes import Access


def counts(order: ExportOrder, access: Access) -> Statement:
    """Live resources by type, before filters: what progress is measured by."""
    parameters = Parameters()
    tests = ["r.body is not null", visible(access, "r", parameters), *_changed(order, parameters)]
    return parameters.statement(f"select r.type_id, count(*) from resource r where {' and '.join(tests)} group by 1")


def selection(
    order: ExportOrder, resource_type: str, patients: Sequence[int] | None, access: Access, base: str
) -> Statement:
    """fhir_id and body of the resources of one type.

    patients: rids of those whose resources are exported; None: all patients (does not matter to a system export).
    """
    parameters = Parameters()
    tests = [
        f"r.type_id = {parameters.add(TYPE_ID[resource_type], 'smallint')}",
        "r.body is not null",
        visible(access, "r", parameters),
        *_changed(order, parameters),
    ]
    if order.level != SYSTEM:
        tests.append(
            f"r.rid in ({_of_patients(resource_type, _patient_rids(patients, access, parameters), parameters)})"
        )
    queries = [filter_query(name, query) for name, query in order.filters if name == resource_type]
    if queries:
        sets = " union ".join(f"({all_rids(query, access, base, parameters)})" for query in queries)
        tests.append(f"r.rid in ({sets})")
    return parameters.statement(f"select r.fhir_id, r.body from resource r where {' and '.join(tests)}")


def deletions(order: ExportOrder, access: Access) -> Statement:
    """Type and id of what was deleted since."""
    parameters = Parameters()
    tests = ["r.body is null", "r.version > 0", visible(access, "r", parameters), *_changed(order, parameters)]
    if order.types:
        ids = ",".join(str(TYPE_ID[name]) for name in order.types)
        tests.append(f"r.type_id = any({parameters.add('{' + ids + '}', 'smallint[]')})")
    return parameters.statement(
        f"select r.type_id, r.fhir_id from resource r where {' and '.join(tests)} order by r.type_id, r.rid"
    )


def patient_rids(ids: Sequence[str], access: Access) -> Statement:
    """id and rid of the patients that are there."""
    parameters = Parameters()
    wanted = parameters.add("{" + ",".join(f'"{id}"' for id in ids) + "}", "text[]")
    return parameters.statement(
        f"select r.fhir_id, r.rid from resource r where r.type_id = {TYPE_ID['Patient']} and r.fhir_id = any({wanted})"
        f" and r.body is not null and {visible(access, 'r', parameters)}"
    )


def _changed(order: ExportOrder, parameters: Parameters) -> list[str]:
    tests = []
    if order.since is not None:
        tests.append(f"r.last_updated > {parameters.add(order.since, 'bigint')}")
    if order.until is not None:
        tests.append(f"r.last_updated <= {parameters.add(order.until, 'bigint')}")
    return tests


def _patient_rids(patients: Sequence[int] | None, access: Access, parameters: Parameters) -> str:
    """SQL of a set of rids."""
    if patients is not None:
        return f"select unnest({parameters.add('{' + ','.join(map(str, patients)) + '}', 'bigint[]')})"
    return (
        f"select p.rid from resource p where p.type_id = {TYPE_ID['Patient']} and p.body is not null"
        f" and {visible(access, 'p', parameters)}"
    )


def _of_patients(resource_type: str, patients: str, parameters: Parameters) -> str:
    """SQL of the rids of one type that belong to the patients."""
    if resource_type == "Patient":
        return patients
    if resource_type == "Provenance":
        # All that is known about where the exported resources come from, not only about the patients themselves.
        every = [number for name in member_types("Patient") for number in _parameters(name)]
        members = f"{_referring(every, patients, parameters)} union all {patients}"
        return _referring(_parameters("Provenance", "target"), members, parameters)
    return _referring(_parameters(resource_type), patients, parameters)


def _parameters(resource_type: str, *codes: str) -> list[int]:
    """param_id of the reference parameters that make a resource one of a patient."""
    if not codes and resource_type in member_types("Patient"):
        return list(member_parameters("Patient", resource_type))
    found = (shipped(resource_type).get(code) for code in codes or ("patient",))
    return [number for parameter in found if parameter is not None for number in parameter.param_ids]


def _referring(param_ids: Sequence[int], targets: str, parameters: Parameters) -> str:
    numbers = parameters.add("{" + ",".join(map(str, param_ids)) + "}", "integer[]")
    return f"select f.rid from reference f where f.param_id = any({numbers}) and f.target_rid in ({targets})"
