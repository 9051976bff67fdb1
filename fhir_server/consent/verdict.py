"""Whether labels and consents let somebody see a resource, as SQL. https://hl7.org/fhir/R4/consent.html

Without a consent treatment, payment and operations go by legal duty; research and marketing do not go. What is labelled
PSY, ETH, HIV or SDV needs a permit that names the label, a treating relation, or break-glass. Whoever has broken the
glass is not asked for consent.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fhir_server.access.policies import PURPOSES
from fhir_server.access.relations import by_person, member_numbers, standing_out
from fhir_server.labels.given import UNREVIEWED
from fhir_server.resource_types import TYPE_ID
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
    # With an offset it is probed; made a join, all labels would be gone through.
    return f"not exists (select from label {l} where {l}.rid = {rid} and {l}.labels & {UNREVIEWED} <> 0 offset 0)"


def reviewed_of(patient: str, rid: str, parameters: Parameters) -> str:
    """The same of what is in the record of the patient of this id: those results are looked up once."""
    return f"{rid} <> all({standing_out(patient, parameters, f'{{l}}.labels & {UNREVIEWED} <> 0')})"


def glass_broken(found: str, subject: str, parameters: Parameters) -> str:
    """Condition that the person has broken the glass for any of the patients (SQL of their rids)."""
    g, p = parameters.alias("glass"), parameters.alias("whom")
    return (
        f"exists (select from ({found}) {p} join break_glass {g} on {g}.patient_rid = {p}.rid"
        f" where {g}.subject = {parameters.once(subject, 'text')} and {g}.since <= {_NOW} and {g}.until > {_NOW}"
        " offset 0)"
    )


def consented(
    rid: str, kind: str, types: Collection[str], asker: Asker, parameters: Parameters, patient: str | None = None
) -> str:
    """Condition that labels and consents let the asker see a resource of one of the types (SQL of its rid and type_id).

    patient: id of a patient in whose record it is for certain.
    """
    legal = not set(asker.purposes) <= _BY_CONSENT_ALONE
    bits = sum(1 << PURPOSES.index(one) for one in asker.purposes)
    actors = ["/".join(asker.user)] if asker.user else []
    actors += [asker.organization] if asker.organization else []
    named = parameters.once("{" + ",".join(f'"{one}"' for one in actors) + "}", "text[]")
    itself = f"{kind} = {TYPE_ID['Patient']}" if "Patient" in types else "false"
    person = f"{TYPE_ID[asker.user[0]]}::smallint, {parameters.once(asker.user[1], 'text')}" if asker.user else _NOBODY
    asked = (
        f"hub_consented({rid}, {kind}, {itself}, {member_numbers(types) or _NONE}, {bits}, {str(legal).lower()},"
        f" {named}, {parameters.once(asker.subject, 'text')}, {person}, {', '.join(by_person())})"
    )
    if not legal:
        return asked
    # Of most rows there is nothing to ask, and it costs little to know that.
    denials = _Denials(bits, named, kind)
    plain = _nothing_of(patient, rid, denials, parameters) if patient else _nothing(rid, types, denials, parameters)
    return f"({plain} or {asked})"


_NOBODY, _NONE = "null::smallint, null::text", "'{}'::integer[]"


@dataclass(frozen=True, slots=True)
class _Denials:
    """What may deny what has no labels: where nothing does, it goes by law."""

    purposes: int
    actors: str
    """SQL of who asks."""
    kind: str
    """SQL of the type_id of what is asked for."""

    def where(self, effect: str, patient: str, *, once: bool = False) -> str:
        """Condition on `consent_effect`. once: it may not depend on the row. Whether a newer consent takes the place of
        this one, and what it says of codes and data, is left to the verdict."""
        kind = "" if once and not self.kind[0].isdigit() else f" or {self.kind} = any({effect}.types)"
        return (
            f"{effect}.patient_rid = {patient} and not {effect}.permits and {effect}.labels = 0"
            f" and ({effect}.purposes = 0 or {effect}.purposes & {self.purposes} <> 0)"
            f" and {effect}.low <= {_NOW} and {effect}.high > {_NOW}"
            f" and ({effect}.actors is null or {effect}.actors && {self.actors})"
            + (f" and ({effect}.types is null{kind})" if kind else "")
        )


def _nothing(rid: str, types: Collection[str], denials: _Denials, parameters: Parameters) -> str:
    """Condition that the resource has no labels, and nothing its patients say denies it: probed one by one."""
    has, e, of = (parameters.alias(name) for name in ("label", "effect", "of"))
    tests = [f"not exists (select from label {has} where {has}.rid = {rid} and {has}.labels <> 0 offset 0)"]
    if numbers := member_numbers(types):
        effects = f"exists (select from consent_effect {e} where {denials.where(e, f'{of}.target_rid')} offset 0)"
        tests.append(
            f"not exists (select from reference {of} where {of}.rid = {rid} and ({of}.param_id + 0) = any({numbers})"
            f" and {effects} offset 0)"
        )
    if "Patient" in types:
        i = parameters.alias("effect")
        tests.append(f"not exists (select from consent_effect {i} where {denials.where(i, rid)} offset 0)")
    return f"({' and '.join(tests)})"


def _nothing_of(patient: str, rid: str, denials: _Denials, parameters: Parameters) -> str:
    """The same of what is in the record of the patient of this id: looked up once for all that is asked for.

    Not of what other patients' records hold as well, which `patient_label` says. With a null among them, which stands
    for a denial, no rid is known to be none of the list.
    """
    e = parameters.alias("effect")
    denied = f" union all select null::bigint from consent_effect {e} where {denials.where(e, '{n}.rid', once=True)}"
    return f"({rid} <> all({standing_out(patient, parameters, more=denied)})) is true"
