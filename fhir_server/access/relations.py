"""Whether somebody has to do with the patient of a row: by the search index, as SQL.

A care relation is an Encounter, Claim, ServiceRequest or Appointment at the person's organization (or at one of its
places) from 24 months back; a treating relation one that names the person themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache, lru_cache

from fhir_server.compartment import member_parameters
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.parameters import shipped
from fhir_server.statement import Parameters

_DATES = (("Encounter", "date"), ("Claim", "created"), ("ServiceRequest", "authored"), ("Appointment", "date"),
          ("CareTeam", "date"))  # fmt: skip
_AT = (
    ("Encounter", "service-provider"), ("Encounter", "location"), ("Claim", "provider"), ("Claim", "facility"),
    ("ServiceRequest", "performer"), ("ServiceRequest", "requester"), ("Appointment", "actor"),
)  # fmt: skip
_BY = (
    ("Encounter", "participant"), ("ServiceRequest", "requester"), ("ServiceRequest", "performer"),
    ("Appointment", "actor"), ("CareTeam", "participant"),
)  # fmt: skip
_PLACES = (("Location", "organization"), ("HealthcareService", "organization"))
_SINCE = "(extract(epoch from statement_timestamp() - interval '24 months') * 1000000)::bigint"
_ADULT = "(extract(epoch from statement_timestamp() - interval '18 years') * 1000000)::bigint"


def patients(rid: str, types: Collection[str], parameters: Parameters) -> str:
    """SQL of the rids of the patients in whose compartment the resource of this rid is; its types are among these."""
    found = []
    if "Patient" in types:
        found.append(f"select {rid} as rid")
    if numbers := member_numbers(types):
        # A sum, so that its own few rows are read, and no index gone through parameter by parameter.
        row = parameters.alias("of")
        found.append(f"select {row}.target_rid as rid from reference {row}"
                     f" where {row}.rid = {rid} and ({row}.param_id + 0) = any({numbers})")  # fmt: skip
    return " union all ".join(found) or "select null::bigint as rid"


def member_numbers(types: Collection[str]) -> str:
    """The reference parameters that make resources of the types a patient's, as an array; "" if there are none."""
    return _member_numbers(frozenset(types))


@lru_cache(maxsize=1024)
def _member_numbers(types: frozenset[str]) -> str:
    return array({number for one in types if one != "Patient" for number in member_parameters("Patient", one)})


def cared_for(found: str, organization: str, parameters: Parameters) -> str:
    """Condition that any of the patients (SQL of their rids) has a care relation to the organization, by its id."""
    own = rid_of("Organization", organization, parameters)
    places = (
        f"array(select {own} union all select q.rid from reference q"
        f" where q.target_rid = {own} and q.param_id = any({_numbers(_PLACES)}))"
    )
    return _related(found, _numbers(_AT), places, parameters)


def by_person() -> tuple[str, str, str]:
    """The parameters that make a treating relation, as arrays: by whom, of whom, when."""
    return _numbers(_BY), _subjects(), _numbers(_DATES)


def minor(patient: str, parameters: Parameters) -> str:
    """Condition that the patient of this id is under 18; of whom the date of birth is not known, nobody is sure."""
    d = parameters.alias("born")
    return (
        f"exists (select from date {d} where {d}.rid = {rid_of('Patient', patient, parameters)}"
        f" and {d}.param_id = any({_numbers((('Patient', 'birthdate'),))}) and {d}.low > {_ADULT})"
    )


def rid_of(resource_type: str, id: str, parameters: Parameters) -> str:
    """The rid of a resource that is named, as a scalar subquery."""
    return (
        f"(select w.rid from resource w where w.type_id = {TYPE_ID[resource_type]}::smallint"
        f" and w.fhir_id = {parameters.once(id, 'text')})"
    )


def standing_out(patient: str, parameters: Parameters, which: str = "true", more: str = "") -> str:
    """SQL of the array of the rids in the record of the patient of this id that have labels or are other patients' too.

    which: condition on `patient_label {l}`; more: further rows of a rid, for the patient {n}. Read once.
    """
    n, l, f = (parameters.alias(name) for name in ("record", "label", "out"))  # noqa: E741
    rows = f"select {l}.rid from patient_label {l} where {l}.patient_rid = {n}.rid and {which.replace('{l}', l)}"
    # With an offset it is entered by the patient, whatever the planner thinks.
    return (
        f"array(select {f}.rid from (select r.rid from resource r where r.type_id = {TYPE_ID['Patient']}::smallint"
        f" and r.fhir_id = {parameters.once(patient, 'text')}) {n}"
        f" cross join lateral ({rows}{more.replace('{n}', n)} offset 0) {f})"
    )


def _related(found: str, by: str, targets: str, parameters: Parameters) -> str:
    p, s, o, d = (parameters.alias(name) for name in ("whom", "subject", "other", "day"))
    # Probed for each row, whatever the planner thinks.
    return (
        f"exists (select from ({found}) {p} join reference {s} on {s}.target_rid = {p}.rid"
        f" and {s}.param_id = any({_subjects()})"
        f" join reference {o} on {o}.rid = {s}.rid and ({o}.param_id + 0) = any({by})"
        f" and {o}.target_rid = any({targets})"
        f" where exists (select from date {d} where {d}.rid = {s}.rid and {d}.param_id = any({_numbers(_DATES)})"
        f" and {d}.high >= {_SINCE}) offset 0)"
    )


@cache
def _subjects() -> str:
    return _numbers(tuple((kind, "patient") for kind, _ in _DATES))


@cache
def _numbers(parameters: tuple[tuple[str, str], ...]) -> str:
    return array({number for kind, code in parameters for number in shipped(kind)[code].param_ids})


def array(numbers: Iterable[int]) -> str:
    """The numbers as an array of integers; "" if there are none."""
    listed = ",".join(map(str, sorted(numbers)))
    return f"'{{{listed}}}'::integer[]" if listed else ""
