"""The one predicate under every statement that yields a resource, a count or a chain step.

It decides in the database, from the search index, before any limit. https://hl7.org/fhir/R4/compartmentdefinition.html
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from fhir_server.access.kept import kept
from fhir_server.access.policies import Policies
from fhir_server.access.relations import cared_for, member_numbers, minor, patients, rid_of, standing_out
from fhir_server.access.wall import Part, Wall, own_patient, user_of, wall_of
from fhir_server.consent.verdict import Asker, consented, glass_broken, reviewed, reviewed_of
from fhir_server.resource_types import TYPE_ID
from fhir_server.statement import Parameters
from smart_auth.scopes import UNRESTRICTED, Access


@dataclass(frozen=True, slots=True)
class _Row:
    """What is asked about."""

    rid: str
    """SQL of its rid."""
    kind: str
    """SQL of its type_id: a column of the row, or a number where only that type comes."""
    patient: str | None = None
    """Id of a patient in whose record it is for certain."""
    live: str = ""
    """Condition that it is not deleted; "": it is not."""

    @classmethod
    def of(cls, alias: str, live: str = "") -> _Row:
        """The row of a table with rid and type_id."""
        return cls(f"{alias}.rid", f"{alias}.type_id", None, live)

    def among(self, types: Collection[str]) -> list[str]:
        """Tests that it is of one of the types."""
        return [] if self.kind[0].isdigit() else [f"{self.kind} = any({_types(frozenset(types))})"]


def visible(access: Access, row: str, parameters: Parameters, *, gone: bool = False) -> str:
    """SQL condition on `row` (alias of a table with rid and type_id, or of `resource`) that `access` may see it.

    Of a previous version it is the resource as it is now that counts: see `version_visible`. gone: of `resource`, and
    some are deleted: whose they were nobody knows any more, so what labels and consents bear upon is closed.
    """
    return sees_row(access, row, None, parameters, gone=gone)


def version_visible(access: Access, version: str, parameters: Parameters) -> str:
    """The same for a version, current or previous: the resource must be visible as it is now, and the version must
    have been no other patient's. What a condition of a scope opens is open in its current version alone; what labels
    and consents bear upon is closed once it is deleted."""
    wall = wall_of(access)
    if wall.everything:
        return "true"
    row = _Row.of(version, _there(f"{version}.rid", parameters))
    found = row.among(wall.open) if wall.open else []
    if inside := _inside(wall.inside, access, row, parameters):
        moved = f"select from moved m where m.rid = {version}.rid and m.version > {version}.version"
        found.append(f"({_any(inside)} and not exists ({moved}))")
    for part in wall.parts:
        test = _part(part, access, row, parameters)
        if part.condition:
            now = f"select c.version from resource c where c.rid = {version}.rid"
            found.append(f"({test} and {version}.version = ({now}))")
        else:
            moved = f"select from moved m where m.rid = {version}.rid and m.version > {version}.version"
            found.append(f"({test} and not exists ({moved}))")
    return _any(found)


def sees(
    access: Access,
    rid: str,
    types: Sequence[str] | None,
    parameters: Parameters,
    patient: str | None = None,
    live: str | None = None,
) -> str:
    """Condition that the access may see the resource of this rid, which is of one of the types (None: of any);
    "" where it may see all of them.

    patient: id of a patient by whose `patient` parameter all that is asked for was found, where there is one: what can
    be decided for the whole record is decided once, and not of each row. live: condition that it is not deleted ("": it
    is not), where that is at hand.
    """
    wall = wall_of(access)
    if wall.everything or (types is not None and wall.open.issuperset(types)):
        return ""
    if types is not None:
        wall = wall.at(types)
        if not wall.parts and wall.inside.issuperset(types):
            return _own(tuple(types), access, _Row(rid, "", patient), parameters)
        if len(types) == 1:
            live = _there(rid, parameters) if live is None else live
            return _any(_tests(wall, access, _Row(rid, f"{TYPE_ID[types[0]]}::smallint", patient, live), parameters))
    alias = parameters.alias("seen")
    row = _Row(f"{alias}.rid", f"{alias}.type_id", patient, "" if live == "" else f"{alias}.body is not null")
    condition = _any(_tests(wall, access, row, parameters))
    return f"exists (select from resource {alias} where {alias}.rid = {rid} and {condition})"


def _there(rid: str, parameters: Parameters) -> str:
    """Condition that the resource of this rid is not deleted."""
    c = parameters.alias("there")
    return f"exists (select from resource {c} where {c}.rid = {rid} and {c}.body is not null offset 0)"


def sees_row(
    access: Access, row: str, types: Sequence[str] | None, parameters: Parameters, *, gone: bool = False
) -> str:
    """As `visible`, of rows of these types (None: of any) alone."""
    wall = wall_of(access)
    if wall.everything:
        return "true"
    wall = wall if types is None else wall.at(types)
    return _any(_tests(wall, access, _Row.of(row, f"{row}.body is not null" if gone else ""), parameters))


@kept
def sight(access: Access, policies: Policies) -> Hashable:
    """What the predicate depends on: accesses of the same sight see the same."""
    wall = wall_of(access)
    if wall.everything:
        return wall
    whose = access.subject if access.roles else ""  # who may have broken the glass
    return wall, own_patient(access), access.organization, user_of(access), whose


def _tests(wall: Wall, access: Access, row: _Row, parameters: Parameters) -> list[str]:
    """Alternatives, any of which makes the row visible."""
    found = [" and ".join(row.among(wall.open)) or "true"] if wall.open else []
    found += _inside(wall.inside, access, row, parameters)
    return found + [_part(part, access, row, parameters) for part in wall.parts]


def _inside(types: frozenset[str], access: Access, row: _Row, parameters: Parameters) -> list[str]:
    if not types:
        return []
    return [f"({' and '.join([*row.among(types), _own(types, access, row, parameters)])})"]


def _own(types: Collection[str], access: Access, row: _Row, parameters: Parameters) -> str:
    """Condition that a resource of one of the types is the patient's, and may be told to them."""
    own = own_patient(access)
    if own is not None and row.patient == own:
        return reviewed_of(own, row.rid, parameters)
    return f"({_any(_members(types, access, row.rid, parameters))} and {reviewed(row.rid, parameters)})"


def _members(types: Collection[str], access: Access, rid: str, parameters: Parameters) -> list[str]:
    """Alternatives by which a resource of one of the types is in the patient's compartment."""
    patient = rid_of("Patient", own_patient(access) or "", parameters)
    found = []
    if "Patient" in types:
        # Links to other Patients open nothing.
        found.append(f"{rid} = {patient}")
    if numbers := member_numbers(types):
        row = parameters.alias("member")
        # With an offset it is probed for each row; made a join, it would be begun with all that is the patient's.
        found.append(
            f"exists (select from reference {row} where {row}.rid = {rid} and ({row}.target_rid + 0) = {patient}"
            f" and ({row}.param_id + 0) = any({numbers}) offset 0)"
        )
    return found


def _part(part: Part, access: Access, row: _Row, parameters: Parameters) -> str:
    """Condition that the row is in the part."""
    tests = row.among(part.types)
    if part.inside:
        tests.append(_own(part.types, access, row, parameters))
    if part.relation == "ward":
        tests.append(minor(own_patient(access) or "", parameters))
    if part.relation == "care":
        tests.append(_cared(part, access, row, parameters))
    if part.condition:
        tests.append(_any(_conditions(part, row, parameters)))
    if part.personal:
        tests += [row.live] if row.live else []
        asker = Asker(access.subject, user_of(access), access.organization, part.purposes)
        tests.append(consented(row.rid, row.kind, part.types, asker, parameters, row.patient))
    return f"({' and '.join(tests) or 'true'})"


def _cared(part: Part, access: Access, row: _Row, parameters: Parameters) -> str:
    """Condition that a patient of the row is in the care of the person's organization, or the glass is broken."""
    organization = (access.organization or "").partition("/")[2]

    def asked(whose: str) -> str:
        return f"{cared_for(whose, organization, parameters)} or {glass_broken(whose, access.subject, parameters)}"

    each = asked(patients(row.rid, part.types, parameters))
    if row.patient is None:
        return f"({each})"
    # Of a known patient it is found out once; where that one does not do, of what is other patients' as well.
    known = asked(f"select {rid_of('Patient', row.patient, parameters)} as rid")
    return f"({known} or ({row.rid} = any({standing_out(row.patient, parameters)}) and ({each})))"


def _conditions(part: Part, row: _Row, parameters: Parameters) -> list[str]:
    """Alternatives by which the row meets the condition of a scope and of a policy."""
    # The search is built upon this predicate; here it is asked for what they say, under no predicate of its own.
    from fhir_server.search.condition import Conditions
    from fhir_server.search.criteria import criterion
    from fhir_server.search.values import split_values

    conditions = Conditions(UNRESTRICTED, parameters, "")
    found = []
    for one in part.types:
        tests = [f"{row.kind} = {TYPE_ID[one]}::smallint"]
        for name, value in part.condition:
            node = criterion((one,), name, tuple(split_values(value))).nodes[one]
            tests.append(conditions.condition(node, row.rid, (one,)))
        found.append(f"({' and '.join(tests)})")
    return found


def _any(tests: Sequence[str]) -> str:
    """Any of the alternatives; of none, nothing."""
    if not tests:
        return "false"
    return tests[0] if len(tests) == 1 else f"({' or '.join(tests)})"


@lru_cache(maxsize=1024)
def _types(types: frozenset[str]) -> str:
    return f"'{{{','.join(str(number) for number in sorted(TYPE_ID[one] for one in types))}}}'::smallint[]"
