"""Whether labels and consents let somebody see a resource, as SQL. https://hl7.org/fhir/R4/consent.html

Without a consent treatment, payment and operations go by legal duty; research and marketing do not go. What is labelled
PSY, ETH, HIV or SDV needs a permit that names the label, a treating relation, or break-glass. Whoever has broken the
glass is not asked for consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.access.policies import PURPOSES
from fhir_server.access.relations import treated
from fhir_server.labels.given import ASKED, UNREVIEWED
from fhir_server.statement import Parameters

_BY_CONSENT_ALONE = frozenset({"HRESCH", "HMARKT"})
_NOW = "(extract(epoch from statement_timestamp()) * 1000000)::bigint"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and what for."""

    subject: str
    user: tuple[str, str] | None
    """Type and id of their own resource."""
    organization: str | None
    purposes: Sequence[str]


def reviewed(rid: str, parameters: Parameters) -> str:
    """Condition that the resource is no result of a model that no professional has made final."""
    l = parameters.alias("label")  # noqa: E741
    return f"not exists (select from label {l} where {l}.rid = {rid} and {l}.labels & {UNREVIEWED} <> 0)"


def glass_broken(found: str, subject: str, parameters: Parameters) -> str:
    """Condition that the person has broken the glass for any of the patients (SQL of their rids)."""
    g, p = parameters.alias("glass"), parameters.alias("whom")
    return (
        f"exists (select from ({found}) {p} join break_glass {g} on {g}.patient_rid = {p}.rid"
        f" where {g}.subject = {parameters.once(subject, 'text')} and {g}.since <= {_NOW} and {g}.until > {_NOW}"
        " offset 0)"
    )


def consented(row: str, found: str, asker: Asker, parameters: Parameters) -> str:
    """Condition that labels and consents of the patients (SQL of their rids) let the asker see the row."""
    rid = f"{row}.rid"
    l = parameters.alias("label")  # noqa: E741
    glass = glass_broken(found, asker.subject, parameters)
    default = "false" if set(asker.purposes) <= _BY_CONSENT_ALONE else "true"
    verdict = _verdict(row, found, asker, "", parameters)
    general = f"(coalesce({verdict}, {default}) or {glass})"
    treating = [treated(found, asker.user, parameters)] if asker.user is not None else []
    one = f"b{l}.bit"
    permitted = _verdict(row, found, asker, one, parameters)
    permits = (
        f"not exists (select from (values (1), (2), (4), (8)) b{l}(bit)"
        f" where {l}.labels & {one} <> 0 and not coalesce({permitted}, false))"
    )
    sensitive = (
        f"not exists (select from label {l} where {l}.rid = {rid} and {l}.labels & {ASKED} <> 0"
        f" and not ({' or '.join([permits, *treating, glass])}))"
    )
    return f"({general} and {sensitive})"


def _verdict(row: str, found: str, asker: Asker, label: str, parameters: Parameters) -> str:
    """What the deepest provision that fits says, as a scalar subquery; null if none does. Contrary ones deny.

    label: SQL of the bit that the provision must name; "": provisions that name none, or one that the resource has.
    """
    e, n, p, x = (parameters.alias(name) for name in ("effect", "newer", "whom", "fits"))
    bits = sum(1 << PURPOSES.index(one) for one in asker.purposes)
    actors = ["/".join(asker.user)] if asker.user else []
    actors += [asker.organization] if asker.organization else []
    named = parameters.once("{" + ",".join(f'"{one}"' for one in actors) + "}", "text[]")
    rid = f"{row}.rid"
    has = f"exists (select from label {x} where {x}.rid = {rid} and {x}.labels & {e}.labels <> 0)"
    tests = [
        f"({e}.purposes = 0 or {e}.purposes & {bits} <> 0)",
        f"{e}.low <= {_NOW} and {e}.high > {_NOW}",
        f"({e}.actors is null or {e}.actors && {named})",
        f"({e}.types is null or {row}.type_id = any({e}.types))",
        f"{e}.labels & {label} <> 0" if label else f"({e}.labels = 0 or {has})",
        f"({e}.codes is null or exists (select from token {x} where {x}.rid = {rid}"
        f" and {x}.code_hash = any({e}.codes)))",
        f"({e}.data is null or {rid} = any({e}.data))",
        f"({e}.data_low is null or exists (select from date {x} where {x}.rid = {rid} and {x}.low < {e}.data_high"
        f" and {x}.high > {e}.data_low))",
        f"not exists (select from consent_effect {n} where {n}.patient_rid = {e}.patient_rid"
        f" and {n}.category = {e}.category and ({n}.made, {n}.consent_rid) > ({e}.made, {e}.consent_rid))",
    ]
    return (
        f"(select {e}.permits from ({found}) {p} join consent_effect {e} on {e}.patient_rid = {p}.rid"
        f" where {' and '.join(tests)} order by {e}.depth desc, {e}.permits limit 1)"
    )
