"""The rows of consents in the database, written with the version of the Consent they come from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from fhir_server.arrays import int8_array
from fhir_server.consent.effects import category, effects, made
from fhir_server.statement import Parameters, Statement

Local = Callable[[str], tuple[str, str] | None]
"""A reference as it is written -> type and id of what it refers to here."""


def removed(rids: list[int]) -> Statement:
    """What the consents of these rids say no longer counts."""
    return Statement(
        "delete from consent_effect where consent_rid = any($1::bigint[])", (int8_array(rids),), binary=True
    )


def added(
    rid: int, consent: Mapping[str, Any] | None, written: int, local: Local, rids: Mapping[tuple[str, str], int]
) -> Statement | None:
    """What a consent says counts from now on; None: nothing. written: when, for those that do not say when given."""
    rows = effects(consent)

    def resolve(reference: str) -> int | None:
        found = local(reference)
        return None if found is None else rids.get(found)

    def named(reference: str) -> str:
        found = local(reference)
        return reference if found is None else "/".join(found)

    patient = resolve(consent["patient"]["reference"]) if rows and consent is not None else None
    if patient is None or consent is None:
        return None
    parameters, values = Parameters(), []
    since = made(consent)
    for row in rows:
        actors = None if row.actors is None else {named(one) for one in row.actors}
        data = None if row.data is None else [found for one in row.data if (found := resolve(one)) is not None]
        values.append(
            ", ".join([
                parameters.add(patient, "bigint"), parameters.add(rid, "bigint"),
                parameters.add(category(consent), "bigint"),
                parameters.add(written if since is None else since, "bigint"), f"{row.depth}::smallint",
                f"{row.permits}::boolean", f"{row.purposes}::smallint", f"{row.labels}::smallint",
                parameters.add(row.low, "bigint"), parameters.add(row.high, "bigint"),
                parameters.add(_texts(actors), "text[]"), parameters.add(_numbers(row.types), "smallint[]"),
                parameters.add(_numbers(row.codes), "bigint[]"), parameters.add(_numbers(data), "bigint[]"),
                _number(parameters, row.data_low), _number(parameters, row.data_high),
            ])
        )  # fmt: skip
    return parameters.statement(
        "insert into consent_effect (patient_rid, consent_rid, category, made, depth, permits, purposes, labels, low,"
        f" high, actors, types, codes, data, data_low, data_high) values ({'), ('.join(values)})"
    )


def _numbers(found: Any) -> str | None:
    return None if found is None else "{" + ",".join(map(str, sorted(found))) + "}"


def _texts(found: Collection[str] | None) -> str | None:
    if found is None:
        return None
    escaped = (one.replace("\\", "\\\\").replace('"', '\\"') for one in sorted(found))
    return "{" + ",".join(f'"{one}"' for one in escaped) + "}"


def _number(parameters: Parameters, value: int | None) -> str:
    return parameters.add(value, "bigint") if value is not None else "null::bigint"
