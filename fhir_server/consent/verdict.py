"""Whether labels and consents let somebody see a resource, as SQL. https://hl7.org/fhir/R4/consent.html

Without a consent treatment, payment and operations go by legal duty; research and marketing do not go. What is labelled
PSY, ETH, HIV or SDV needs a permit that names the label, a treating relation, or break-glass. Whoever has broken the
glass is not asked for consent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fhir_server.access.policies import PURPOSES
from fhir_server.access.relations import by_person, rid_of
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
    has, e, p = (parameters.alias(name) for name in ("label", "effect", "whom"))
    legal = not set(asker.purposes) <= _BY_CONSENT_ALONE
    bits = sum(1 << PURPOSES.index(one) for one in asker.purposes)
    actors = ["/".join(asker.user)] if asker.user else []
    actors += [asker.organization] if asker.organization else []
    named = parameters.once("{" + ",".join(f'"{one}"' for one in actors) + "}", "text[]")
    treating = rid_of(*asker.user, parameters) if asker.user else "null::bigint"
    asked = (
        f"hub_consented({rid}, {row}.type_id, array({found}), {bits}, {str(legal).lower()}, {named},"
        f" {parameters.once(asker.subject, 'text')}, {treating}, {', '.join(by_person())})"
    )
    if not legal:
        return asked
    # Of most rows there is nothing to ask, and two probes say so.
    return (
        f"((not exists (select from label {has} where {has}.rid = {rid} and {has}.labels & {ASKED} <> 0) and not exists"
        f" (select from ({found}) {p} join consent_effect {e} on {e}.patient_rid = {p}.rid offset 0)) or {asked})"
    )
