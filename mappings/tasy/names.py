"""Names of fields where an installation has others than the contract: raw JSON <-> raw JSON, the same otherwise. Pure.

Mappings and records keep the contract's names; so do drift and faults. What came is stored as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

import msgspec

from mappings.errors import MappingError
from mappings.tasy.records import (
    AuthorizationReply,
    AuthorizationRequest,
    EligibilityReply,
    EligibilityRequest,
    ProductWaitingPeriods,
    Protocol,
    Provider,
    Refusal,
)

Json = Any


def _names(hint: Any) -> Iterator[str]:
    """Fields of a record and of all records in it."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        for name, inner in get_type_hints(hint).items():
            yield name
            yield from _names(inner)
    for inner in get_args(hint):
        yield from _names(inner)


_RECORDS: Mapping[str, type[msgspec.Struct]] = {
    "eligibility-request": EligibilityRequest, "eligibility-reply": EligibilityReply,
    "authorization-request": AuthorizationRequest, "authorization-reply": AuthorizationReply,
    "provider": Provider, "claim-status": Protocol, "carencia": ProductWaitingPeriods, "refusal": Refusal,
}  # fmt: skip
_LITERAL: Mapping[str, tuple[str, ...]] = {
    "refusal": ("erro",),
    "cancellation": ("cd_motivo", "ds_motivo"),
    "review": ("ds_justificativa",),
    "attachment": ("cd_tipo_documento", "ds_sha256", "arquivo"),
    "page": ("itens", "cursor_proximo", "dt_referencia"),
    "query": ("cd_guia_prestador", "nr_seq_prestador", "dt_atualizacao_de", "limite", "cursor"),
}
_ENTITY = {record: entity for entity, record in _RECORDS.items()}


def known() -> Mapping[str, frozenset[str]]:
    """The contract's names of fields, by entity: what a site's file may rename."""
    return {
        entity: frozenset(_LITERAL.get(entity, ())).union(_names(_RECORDS[entity]) if entity in _RECORDS else ())
        for entity in (*_RECORDS, *(one for one in _LITERAL if one not in _RECORDS))
    }


class NamesUnusable(ValueError):
    """Fields cannot be renamed so; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class Names:
    """Of one installation; without anything the contract's."""

    sent: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Entity -> contract's name -> the installation's."""
    told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The same the other way."""
    meant: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The installation's names -> the contract's that they stand for in any entity: masks go by those."""

    def there(self, entity: str, source: Json) -> Json:
        """What the contract says, as the installation says it."""
        names = self.sent.get(entity)
        return _renamed(source, names, "") if names else source

    def here(self, entity: str, source: Json) -> Json:
        """What the installation says, as the contract says it. Raises MappingError: a field is there by both names."""
        names = self.told.get(entity)
        return _renamed(source, names, "") if names else source

    def here_of(self, kind: type[msgspec.Struct], source: Json) -> Json:
        """`here` of the entity that a record is of; others are the contract's."""
        return self.here(_ENTITY.get(kind, ""), source)

    def body(self, entity: str, body: bytes) -> bytes:
        """`there` of an encoded request."""
        if not self.sent.get(entity):
            return body
        return msgspec.json.encode(self.there(entity, msgspec.json.decode(body)))

    def page(self, body: bytes) -> bytes:
        """`here` of the list around records, which stay as they came. Raises MappingError, msgspec.MsgspecError."""
        names = self.told.get("page")
        if not names:
            return body
        return msgspec.json.encode(_outer(msgspec.json.decode(body, type=dict[str, msgspec.Raw]), names, ""))


CONTRACT = Names()


def _renamed(source: Json, names: Mapping[str, str], path: str) -> Json:
    if isinstance(source, list):
        return [_renamed(one, names, f"{path}[{number}]") for number, one in enumerate(source)]
    if not isinstance(source, dict):
        return source
    return {
        name: _renamed(value, names, f"{path}.{name}" if path else name)
        for name, value in _outer(source, names, path).items()
    }


def _outer(source: Mapping[str, Json], names: Mapping[str, str], path: str) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, value in source.items():
        wanted = names.get(name, name)
        if wanted in found:
            raise MappingError(f"{path}.{wanted}" if path else wanted, "is there by both of its names")
        found[wanted] = value
    return found


_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.\-]{0,63}")


def names_of(fields: Mapping[str, Any]) -> Names:
    """Those of a site's table: contract's name -> the installation's, for all entities, or in a table for one.

    Raises NamesUnusable: a name or entity that is in no contract, or two fields that would have the same name.
    """
    if not fields:
        return CONTRACT
    entities = known()
    everywhere = {name: value for name, value in fields.items() if not isinstance(value, dict)}
    for name, value in everywhere.items():
        if not any(name in one for one in entities.values()):
            raise NamesUnusable(f"fields.{name}: is no field of the contract")
        _checked(f"fields.{name}", value)
    own = {name: value for name, value in fields.items() if isinstance(value, dict)}
    for entity, table in own.items():
        if entity not in entities:
            raise NamesUnusable(f"fields.{entity}: is no entity; those are {', '.join(entities)}")
        for name, value in table.items():
            if name not in entities[entity]:
                raise NamesUnusable(f"fields.{entity}.{name}: is no field of that entity")
            _checked(f"fields.{entity}.{name}", value)
    sent: dict[str, dict[str, str]] = {}
    for entity, contract in entities.items():
        table = {name: value for name, value in everywhere.items() if name in contract} | own.get(entity, {})
        taken: dict[str, str] = {}
        for name in sorted(contract, key=lambda one: one in table):  # first those that keep their names
            other = taken.setdefault(table.get(name, name), name)
            if other != name:
                where = f"fields.{entity}.{name}" if name in own.get(entity, {}) else f"fields.{name}"
                raise NamesUnusable(f"{where}: has the name that {other} has too, in {entity}")
        table = {name: value for name, value in table.items() if name != value}
        if table:
            sent[entity] = table
    told = {entity: {there: here for here, there in table.items()} for entity, table in sent.items()}
    meant: dict[str, frozenset[str]] = {}
    for table in told.values():
        for there, here in table.items():
            meant[there] = meant.get(there, frozenset()) | {here}
    return Names(sent, told, meant)


def _checked(where: str, value: Any) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise NamesUnusable(f"{where}: is no name of a field: letters, digits and _ $ . - are")
