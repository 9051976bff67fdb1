"""The whole record of a patient or an encounter as SQL. https://hl7.org/fhir/R4/patient-operation-everything.html

Three parts, in this order: the resource itself, its compartment, and what these refer to that belongs to nobody
(practitioners, places, medications), each once. A page is one statement; the later part is not run while the earlier
one fills the page. docs/decisions/everything.md
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from fhir_server.access import visible
from fhir_server.compartment import member_parameters, member_types
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.condition import Conditions
from fhir_server.search.parameters import shipped
from fhir_server.search.probe import one_of
from fhir_server.search.timeline import TIMELINE
from fhir_server.statement import Parameters, Statement
from fhir_server.write import UNINDEXED
from smart_auth.scopes import Access

SHARED: tuple[str, ...] = (
    "Device", "DeviceDefinition", "Endpoint", "HealthcareService", "Location", "Medication", "Organization",
    "OrganizationAffiliation", "Practitioner", "PractitionerRole", "Substance",
)  # fmt: skip
"""Types that are in no patient's compartment and come along where they are referred to."""

ITSELF, MEMBER, REFERRED = 0, 1, 2
"""The first column: which part a row is of."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for."""

    compartment: str
    """Patient or Encounter."""
    id: str | None
    """None: of all patients."""
    count: int
    types: tuple[str, ...] | None = None
    since: int | None = None
    care: tuple[int, int] | None = None
    """Only resources whose clinical date overlaps, and those that have none."""
    after: tuple[int, int] | None = None
    """Part and rid of the last resource shown."""


def page(asked: Asked, access: Access, base: str) -> Statement:
    """The statement of a page: part, rid, type_id, fhir_id, version, body of up to count + 1 resources."""
    parameters = Parameters()
    writing = _Writing(asked, Conditions(access, parameters, base), *(asked.after or (None, None)))
    # One plan serves the record of any patient; that of all patients is a walk, which the planner should look at.
    return parameters.statement(writing.text(), generic=asked.id is not None)


_COLUMNS = "r.rid, r.type_id, r.fhir_id, r.version, r.body"


@dataclass(slots=True)
class _Writing:
    asked: Asked
    conditions: Conditions
    part: int | None
    rid: int | None

    def text(self) -> str:
        """The statement; a part that is not on the page is not in it, for each parameter must be used."""
        one = self.asked.id is not None
        tables = self._record() if one else []
        names = "part, rid, type_id, fhir_id, version, body"
        referred, before = (self._referred_by_one, self._of_one) if one else (self._referred_by_all, self._of_all)
        if self.part == REFERRED:
            below = self._below(REFERRED, "r.rid")
            last = f"{referred()}{below} order by r.rid desc limit {self._limit()}"
            return f"{'with ' if tables else ''}{', '.join(tables)} select {names} from ({last}) s"
        tables.append(f"own as materialized ({before()})")
        head = f"with {', '.join(tables)} select {names} from own"
        if not self._shown(shared=True):
            return head
        # With a limit of 0 PostgreSQL does not run it.
        left = f"greatest(0, {self._limit()} - (select count(*) from own))"
        return f"{head} union all (select {names} from ({referred()} order by r.rid desc limit {left}) s)"

    def _record(self) -> list[str]:
        """The tables `root(rid)` and `member(rid, itself)`."""
        asked, to = self.asked, self.conditions
        root = (
            f"select n.rid from resource n where n.type_id = {to.bound(TYPE_ID[asked.compartment], 'smallint')} and"
            f" n.fhir_id = {to.bound(str(asked.id), 'text')} and n.body is not null and {self._visible('n')}"
        )
        seen = to.seen("x.rid")
        tests = [one_of("param_id", _memberships(asked.compartment)).replace("{t}", "x"), "x.target_rid = n.rid"]
        tests += ["x.rid <> n.rid", *([seen] if seen else []), *self._care("x.rid")]
        members = (
            "select n.rid, true as itself from root n union"
            f" select x.rid, false from root n, reference x where {' and '.join(tests)}"
        )
        return [f"root as materialized ({root})", f"member as materialized ({members})"]

    def _of_one(self) -> str:
        return (
            f"select (case when m.itself then {ITSELF} else {MEMBER} end)::smallint as part, {_COLUMNS}"
            f" from member m join resource r on r.rid = m.rid where {self._wanted()}"
            f"{' and not m.itself' if self.part is not None else ''}{self._below(MEMBER, 'm.rid')}"
            f" order by m.itself desc, m.rid desc limit {self._limit()}"
        )

    def _referred_by_one(self) -> str:
        news = "true" if self.asked.since is None else f"bool_or(s.last_updated >= {self._since()})"
        source = "" if self.asked.since is None else " join resource s on s.rid = m.rid"
        referred = (
            f"select x.target_rid as rid, {news} as news from member m{source} join reference x on x.rid = m.rid"
            " group by x.target_rid"
        )
        return (
            f"select {REFERRED}::smallint as part, {_COLUMNS} from ({referred}) t join resource r on r.rid = t.rid"
            f" where {self._wanted(shared=True)}{self._fresh('t.news')}"
        )

    def _of_all(self) -> str:
        return (
            f"select {MEMBER}::smallint as part, {_COLUMNS} from resource r where {self._wanted()}"
            f"{self._below(MEMBER, 'r.rid')} and {self._belongs('r')} order by r.rid desc limit {self._limit()}"
        )

    def _referred_by_all(self) -> str:
        inbound = one_of("param_id", _inbound(self.asked.compartment)).replace("{t}", "x")
        by_news = self._fresh("m.last_updated >= {since}")
        referring = (
            f"select from reference x join resource m on m.rid = x.rid where {inbound} and x.target_rid = r.rid"
            f" and m.body is not null and {self._visible('m')} and {self._belongs('m')}{by_news}"
        )
        return (
            f"select {REFERRED}::smallint as part, {_COLUMNS} from resource r"
            f" where {self._wanted(shared=True)} and exists ({referring})"
        )

    def _belongs(self, row: str) -> str:
        """Condition that the row is a patient, or of one the access sees; and on its dates."""
        patient = self.conditions.bound(TYPE_ID[self.asked.compartment], "smallint")
        y, p = self.conditions.alias(), self.conditions.alias()
        referring = (
            f"exists (select from reference {y} join resource {p} on {p}.rid = {y}.target_rid where {y}.rid = {row}.rid"
            f" and {one_of('param_id', _memberships(self.asked.compartment)).replace('{t}', y)}"
            f" and {p}.type_id = {patient} and {p}.body is not null and {self._visible(p)})"
        )
        member = " and ".join([referring, *self._care(f"{row}.rid")])
        return f"({row}.type_id = {patient} or {member})"

    def _shown(self, *, shared: bool = False) -> tuple[str, ...]:
        """Types of a part that are asked for."""
        compartment, wanted = self.asked.compartment, self.asked.types
        possible = _shared(compartment) if shared else member_types(compartment)
        return possible if wanted is None else tuple(one for one in possible if one in wanted)

    def _wanted(self, *, shared: bool = False) -> str:
        """Conditions on `resource r` as a row of the answer."""
        tests = ["r.body is not null", self._visible("r")]
        if shared or self.asked.types is not None or self.asked.id is None:
            numbers = [TYPE_ID[one] for one in self._shown(shared=shared)]
            tests.append(f"r.type_id = any({self.conditions.array(numbers, 'smallint')})")
        if self.asked.since is not None and not shared:
            tests.append(f"r.last_updated >= {self._since()}")
        return " and ".join(tests)

    def _fresh(self, referring: str) -> str:
        """What is referred to is news if it changed, or what refers to it did."""
        if self.asked.since is None:
            return ""
        return f" and (r.last_updated >= {self._since()} or {referring.replace('{since}', self._since())})"

    def _care(self, rid: str) -> list[str]:
        if self.asked.care is None:
            return []
        low, high = (self.conditions.bound(one, "bigint") for one in self.asked.care)
        d = self.conditions.alias()
        dates = one_of("param_id", _clinical_dates(self.asked.compartment)).replace("{t}", d)
        overlap = f"bool_or({d}.low < {high} and {d}.high > {low})"
        return [f"coalesce((select {overlap} from date {d} where {d}.rid = {rid} and {dates}), true)"]

    def _below(self, part: int, rid: str) -> str:
        return f" and {rid} < {self.conditions.bound(self.rid or 0, 'bigint')}" if self.part == part else ""

    def _visible(self, row: str) -> str:
        return visible(self.conditions.access, row, self.conditions.parameters)

    def _limit(self) -> str:
        return self.conditions.bound(self.asked.count + 1, "bigint")

    def _since(self) -> str:
        return self.conditions.bound(self.asked.since or 0, "bigint")


def _shared(compartment: str) -> tuple[str, ...]:
    return SHARED if compartment == "Patient" else ("Patient", *SHARED)


@cache
def _memberships(compartment: str) -> tuple[int, ...]:
    """param_id of each parameter that puts anything into the compartment."""
    return tuple(number for name in member_types(compartment) for number in member_parameters(compartment, name))


@cache
def _clinical_dates(compartment: str) -> tuple[int, ...]:
    """param_id of the date that places a resource in time, of each type that has one."""
    dates = (shipped(name).get(TIMELINE[name]) for name in member_types(compartment) if name in TIMELINE)
    return tuple(number for parameter in dates if parameter is not None for number in parameter.param_ids)


@cache
def _inbound(compartment: str) -> tuple[int, ...]:
    """param_id of each reference from a member to what is shared."""
    shared = frozenset(_shared(compartment))
    return (
        UNINDEXED,
        *(
            number
            for name in member_types(compartment)
            for parameter in shipped(name).values()
            if parameter.type == "reference" and (named := shared.intersection(parameter.types_of_target))
            for number in parameter.ids_to(named)
        ),
    )
