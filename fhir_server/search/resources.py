"""Resources in a statement: those that are named, that are there, that the access sees; and the values it binds.

https://hl7.org/fhir/R4/search.html What the criteria of a search ask is `condition.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fhir_server.access import sees
from fhir_server.resource_types import RESOURCE_TYPES, TYPE_ID
from fhir_server.search.by_reference import PRESENT
from fhir_server.search.contained import container_sql, is_contained
from fhir_server.search.parameters import current
from fhir_server.search.probe import one_of
from fhir_server.search.rows import hash32
from fhir_server.statement import Parameters
from smart_auth.scopes import Access


@dataclass(frozen=True, slots=True)
class Source:
    """The set `select {t}.{column} from {table} t where {where}`."""

    table: str
    where: str
    column: str = "rid"
    each: str = ""
    """A table, whose every row tells of a part of the set: the parts are in page order, the whole is not."""


@dataclass(slots=True)
class Resources:
    """What one statement says of resources beside its criteria."""

    access: Access
    parameters: Parameters
    base: str
    """Own FHIR base URL: absolute references to it are local."""
    probing: bool = False
    """A condition is probed for each rid, whatever the planner thinks: it may not be turned around."""
    records: Mapping[str, str] = field(default_factory=dict)
    """Searched type -> id of the patient in whose record all is that meets the criteria: see `access/searching.py`."""
    before: str = ""
    """Placeholder of the rid that the page begins below, where it is in the order of rids."""
    _numbers: dict[tuple[str, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = current()
        if table.written or table.hidden:
            self.parameters.generation = table.generation

    @property
    def start(self) -> list[str]:
        """The condition on "{rid}" that the page begins where the last one ended, if it is not the first."""
        return [f"{{rid}} < {self.before}"] if self.before else []

    def alias(self) -> str:
        """A table alias not used in the statement yet."""
        return self.parameters.alias("t")

    def bound(self, value: str | int, sql_type: str) -> str:
        """Placeholder of a value; one value is sent once."""
        key = (str(value), sql_type)
        if key not in self._numbers:
            self._numbers[key] = self.parameters.add(value, sql_type)
        return self._numbers[key]

    def array(self, values: Sequence[int], sql_type: str) -> str:
        """Placeholder of an array of integers."""
        return self.bound("{" + ",".join(map(str, values)) + "}", f"{sql_type}[]")

    def rid_of(self, resource_type: str, id: str) -> str:
        """The rid of a resource that is named, as a scalar subquery; null if there is none."""
        return (
            f"(select n.rid from resource n where n.type_id = {self.bound(TYPE_ID[resource_type], 'smallint')}"
            f" and n.fhir_id = {self.bound(id, 'text')})"
        )

    def seen(self, rid: str, types: Sequence[str] | None = None, *, contained: bool = False) -> str:
        """Condition that the access may see the resource, which is of one of the types (`contained`: or what contains
        it, of whatever type); "" where it may see all."""
        if contained:
            return sees(self.access, container_sql(rid), None, self.parameters)
        return sees(self.access, rid, types, self.parameters)

    def found(self, rid: str, types: Sequence[str]) -> str:
        """The same of what meets all criteria of the search, which nothing does that is deleted."""
        of = {self.records.get(one) for one in types}
        patient = of.pop() if len(of) == 1 else None
        return sees(self.access, rid, types, self.parameters, patient, live="")

    def of_types(self, types: Sequence[str], alias: str) -> str:
        """Condition on `resource` that the row is a live one of the types."""
        live = f"{alias}.body is not null"
        if len(types) == 1:
            return f"{alias}.type_id = {self.bound(TYPE_ID[types[0]], 'smallint')} and {live}"
        if len(types) == len(RESOURCE_TYPES):
            return live
        return f"{alias}.type_id = any({self.array([TYPE_ID[one] for one in types], 'smallint')}) and {live}"

    def live(self, types: Sequence[str], rid: str) -> str:
        """Condition that the resource with this rid is there and of one of the types."""
        source, a = self.every(types), self.alias()
        where = source.where.replace("{t}", a)
        return f"exists (select from {source.table} {a} where {a}.rid = {rid} and {where}{self.fixed})"

    def every(self, types: Sequence[str]) -> Source:
        """All resources of the types."""
        if is_contained(types):
            return Source("token", f"{one_of('param_id', list(map(hash32, types)))} and {{t}}.code_hash = {PRESENT}")
        return Source("resource", self.of_types(types, "{t}"))

    @property
    def fixed(self) -> str:
        """Ends a subquery that may not be turned around."""
        # What has an offset is not made a join.
        return " offset 0" if self.probing else ""
