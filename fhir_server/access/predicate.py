"""The one predicate under every statement that yields a resource, a count or a chain step.

It decides in the database, from the search index, before any limit. https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from functools import lru_cache

from fhir_server.access.policies import Policies, in_force
from fhir_server.access.relations import array, cared_for, minor, patients, rid_of
from fhir_server.access.wall import NO_WALL, Part, Wall, own_patient, user_of, wall_of
from fhir_server.compartment import member_parameters
from fhir_server.consent.verdict import Asker, consented, glass_broken, reviewed
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Parameters
from smart_auth.scopes import UNRESTRICTED, Access


def visible(access: Access, row: str, parameters: Parameters, *, gone: bool = False) -> str:
    """SQL condition on `row` (alias of a table with rid and type_id, or of `resource`) that `access` may see it.

    Of a previous version it is the resource as it is now that counts: see `version_visible`. gone: of `resource`, and
    some are deleted: whose they were nobody knows any more, so what labels and consents bear upon is closed.
    """
    wall = wall_of(access)
    live = f"{row}.body is not null" if gone else ""
    return "true" if wall.everything else _any(_tests(wall, access, row, parameters, live))


def version_visible(access: Access, version: str, parameters: Parameters) -> str:
    """The same for a version, current or previous: the resource must be visible as it is now, and the version must
    have been no other patient's. What a condition of a scope opens is open in its current version alone; what labels
    and consents bear upon is closed once it is deleted."""
    wall = wall_of(access)
    if wall.everything:
        return "true"
    found = [f"{version}.type_id = any({_types(wall.open)})"] if wall.open else []
    if inside := _inside(wall.inside, access, version, parameters):
        moved = f"select from moved m where m.rid = {version}.rid and m.version > {version}.version"
        found.append(f"({_any(inside)} and not exists ({moved}))")
    for part in wall.parts:
        there = f"select from resource c where c.rid = {version}.rid and c.body is not null"
        test = _part(part, access, version, parameters, f"exists ({there})")
        if part.condition:
            now = f"select c.version from resource c where c.rid = {version}.rid"
            found.append(f"({test} and {version}.version = ({now}))")
        else:
            moved = f"select from moved m where m.rid = {version}.rid and m.version > {version}.version"
            found.append(f"({test} and not exists ({moved}))")
    return _any(found)


def sees(access: Access, rid: str, types: Sequence[str] | None, parameters: Parameters) -> str:
    """Condition that the access may see the resource of this rid, which is of one of the types (None: of any);
    "" where it may see all of them."""
    wall = wall_of(access)
    if wall.everything or (types is not None and wall.open.issuperset(types)):
        return ""
    if types is not None:
        wall = wall.at(types)
        if not wall.parts and wall.inside.issuperset(types):
            return _own(tuple(types), access, rid, parameters)
    alias = parameters.alias("seen")
    condition = _any(_tests(wall, access, alias, parameters, f"{alias}.body is not null"))
    return f"exists (select from resource {alias} where {alias}.rid = {rid} and {condition})"


def sight(access: Access) -> Hashable:
    """What the predicate depends on: accesses of the same sight see the same."""
    return NO_WALL if access.unrestricted else _sight(access, in_force())


@lru_cache(maxsize=4096)
def _sight(access: Access, policies: Policies) -> Hashable:
    wall = wall_of(access)
    if wall.everything:
        return wall
    whose = access.subject if access.roles else ""  # who may have broken the glass
    return wall, own_patient(access), access.organization, user_of(access), whose


def _tests(wall: Wall, access: Access, row: str, parameters: Parameters, live: str) -> list[str]:
    """Alternatives, any of which makes the row visible. live: condition that it is not deleted; "": none is."""
    found = [f"{row}.type_id = any({_types(wall.open)})"] if wall.open else []
    found += _inside(wall.inside, access, row, parameters)
    return found + [_part(part, access, row, parameters, live) for part in wall.parts]


def _inside(types: frozenset[str], access: Access, row: str, parameters: Parameters) -> list[str]:
    if not types:
        return []
    return [f"({row}.type_id = any({_types(types)}) and {_own(types, access, f'{row}.rid', parameters)})"]


def _own(types: Collection[str], access: Access, rid: str, parameters: Parameters) -> str:
    """Condition that a resource of one of the types is the patient's, and may be told to them."""
    return f"({_any(_members(types, access, rid, parameters))} and {reviewed(rid, parameters)})"


def settled(rid: str, parameters: Parameters) -> str:
    """What is left to ask of a row that is known to be the patient's own."""
    return reviewed(rid, parameters)


def _members(types: Collection[str], access: Access, rid: str, parameters: Parameters) -> list[str]:
    """Alternatives by which a resource of one of the types is in the patient's compartment."""
    patient = rid_of("Patient", own_patient(access) or "", parameters)
    found = []
    if "Patient" in types:
        # Links to other Patients open nothing.
        found.append(f"{rid} = {patient}")
    if numbers := _numbers(types if isinstance(types, frozenset) else tuple(types)):
        row = parameters.alias("member")
        # With an offset it is probed for each row; made a join, it would be begun with all that is the patient's.
        found.append(
            f"exists (select from reference {row} where {row}.rid = {rid} and {row}.target_rid = {patient}"
            f" and {row}.param_id = any({numbers}) offset 0)"
        )
    return found


def _part(part: Part, access: Access, row: str, parameters: Parameters, live: str) -> str:
    """Condition that the row is in the part."""
    rid = f"{row}.rid"
    tests = [f"{row}.type_id = any({_types(part.types)})"]
    if part.inside:
        tests.append(_own(part.types, access, rid, parameters))
    if part.relation == "ward":
        tests.append(minor(own_patient(access) or "", parameters))
    if part.relation == "care":
        organization = (access.organization or "").partition("/")[2]
        whose = patients(rid, part.types, parameters)
        glass = glass_broken(whose, access.subject, parameters)
        tests.append(f"({cared_for(whose, organization, parameters)} or {glass})")
    if part.condition:
        tests.append(_any(_conditions(part, row, parameters)))
    if part.personal:
        tests += [live] if live else []
        asker = Asker(access.subject, user_of(access), access.organization, part.purposes)
        tests.append(consented(row, patients(rid, part.types, parameters), asker, parameters))
    return f"({' and '.join(tests)})"


def _conditions(part: Part, row: str, parameters: Parameters) -> list[str]:
    """Alternatives by which the row meets the condition of a scope and of a policy."""
    # The search is built upon this predicate; here it is asked for what they say, under no predicate of its own.
    from fhir_server.search.condition import Conditions
    from fhir_server.search.criteria import criterion
    from fhir_server.search.values import split_values

    conditions = Conditions(UNRESTRICTED, parameters, "")
    found = []
    for one in part.types:
        tests = [f"{row}.type_id = {TYPE_ID[one]}::smallint"]
        for name, value in part.condition:
            node = criterion((one,), name, tuple(split_values(value))).nodes[one]
            tests.append(conditions.condition(node, f"{row}.rid", (one,)))
        found.append(f"({' and '.join(tests)})")
    return found


def _any(tests: Sequence[str]) -> str:
    """Any of the alternatives; of none, nothing."""
    if not tests:
        return "false"
    return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"


@lru_cache(maxsize=1024)
def _types(types: Hashable) -> str:
    assert isinstance(types, Iterable)
    return f"'{{{','.join(str(number) for number in sorted(TYPE_ID[one] for one in types))}}}'::smallint[]"


@lru_cache(maxsize=1024)
def _numbers(types: Hashable) -> str:
    """The reference parameters that make resources of the types members, as an array; "" if there are none."""
    assert isinstance(types, Iterable)
    return array({number for one in types if one != "Patient" for number in member_parameters("Patient", one)})
