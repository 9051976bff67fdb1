"""Tokens by codes looked up: `:in`, `:not-in`, `:above`, `:below`, `:code-text` as conditions on `token`. https://hl7.org/fhir/R4/search.html#token

The codes come with the leaf (`terms.py`): no statement asks more than the search tables.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from fhir_server.definitions import value_set
from fhir_server.outcome import Invalid
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.probe import NOTHING, Probe, one_of
from fhir_server.search.rows import hash32, hash64
from fhir_server.statement import Parameters
from fhir_server.terminology.members import Members, SystemCodes

FEW = 16
"""Codes up to this number are probes of their own, each of which yields resources in page order."""
CODED = frozenset(("Coding", "CodeableConcept", "code"))
"""FHIR types whose codes are of a system."""


def condition(parameter: SearchParameter, sets: Sequence[Members], parameters: Parameters) -> list[Probe]:
    """Probes of the codes that are in one of the sets. Raises Invalid for a parameter that has no codes."""
    if not parameter.data_types & CODED:
        raise Invalid(f"search parameter '{parameter.code}' has no codes of a code system", code="not-supported")
    wanted = [each for members in sets for each in _asked(parameter, members)]
    if not wanted:
        return [Probe("token", NOTHING, patient_value=NOTHING)]
    ids = one_of("param_id", parameter.param_ids)
    probes: list[Probe] = []
    separate = sum(len(each.hashes) for each in wanted) <= FEW
    for each in wanted:
        system = None if each.system is None else parameters.add(hash32(each.system), "integer")
        if each.others:
            # The sum enters the index of systems: see `by_token`.
            listed = (
                f" and {{t}}.code_hash <> all((select {_array(each, parameters)})::bigint[])" if each.hashes else ""
            )
            tests = [f"({{t}}.system_hash + 0) = {system}{listed}"]
        else:
            of_system = "" if system is None else f" and {{t}}.system_hash = {system}"
            wanted_codes = (
                [f"= {parameters.add(hashed, 'bigint')}" for hashed in each.hashes]
                if separate
                # The planner does not look into what a subquery brings.
                else [f"= any((select {_array(each, parameters)})::bigint[])"]
            )
            tests = [f"{{t}}.code_hash {one}{of_system}" for one in wanted_codes]
        for test in tests:
            by_patient = test.replace("{t}.code_hash", "{t}.value_hash")
            probes.append(Probe("token", f"{ids} and {test}", patient_value=f"{ids} and {by_patient}"))
    return probes


def _array(each: SystemCodes, parameters: Parameters) -> str:
    return parameters.add(b"{%s}" % ",".join(map(str, each.hashes)).encode(), "bigint[]")


def _asked(parameter: SearchParameter, members: Members) -> Iterator[SystemCodes]:
    """The members as the rows have them: an element of type code has no system, its value set says which it means."""
    if parameter.data_types - {"code"} or any(each.system is None for each in members):
        yield from (each for each in members if each.others or each.hashes)
    bound = {leaf.value_set for leaf in parameter.leaves if leaf.data_type == "code"}
    for url in sorted(bound, key=str):
        systems = value_set(url) if url else None
        for each in members:
            if each.system is None:
                continue
            possible = systems.get(each.system, frozenset()) if systems is not None else None
            if possible is None:
                yield SystemCodes("", each.hashes, each.others)
                continue
            hashes = {hash64(code.casefold()) for code in possible}
            fitting = hashes.difference(each.hashes) if each.others else hashes.intersection(each.hashes)
            if fitting:
                yield SystemCodes("", array("q", sorted(fitting)), others=False)
