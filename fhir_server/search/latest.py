"""The latest observations of each kind: which they are. https://hl7.org/fhir/R4/observation-operation-lastn.html

Observations are of one kind if they share a coding of `code`, also by way of others: one coded in two systems joins
those coded in either. Without a coding the text of the code decides, compared without case and accents.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from fhir_server.access import visible
from fhir_server.resource_types import TYPE_ID
from fhir_server.search.branch import branches, patient_of
from fhir_server.search.condition import Conditions
from fhir_server.search.criteria import Criterion
from fhir_server.search.parameters import shipped
from fhir_server.search.probe import one_of
from fhir_server.statement import Parameters, Statement
from smart_auth.scopes import Access

_OBSERVATION = ("Observation",)


@dataclass(frozen=True, slots=True)
class Seen:
    """An observation that meets the criteria, once for each coding."""

    rid: int
    kind: Hashable
    """Its coding, or its text; None: it has neither."""
    at: int | None
    """Start of its clinical date."""


def patient(criteria: Sequence[Criterion]) -> str | None:
    """The id of the one patient the criteria ask about."""
    found = (patient_of(criterion.nodes["Observation"]) for criterion in criteria)
    return next((id for id in found if id is not None), None)


def candidates(criteria: Sequence[Criterion], access: Access, base: str) -> Statement:
    """The statement of all observations that meet the criteria: rid, code_hash, system_hash, text, date.

    `criteria` must ask about one patient: his observations are read, by their codes and dates, and nobody else's.
    """
    parameters = Parameters()
    to = Conditions(access, parameters, base)
    id = patient(criteria)
    code = shipped("Observation").get("code")
    assert id is not None
    assert code is not None
    sets = []
    for branch in branches(criteria, _OBSERVATION, to):
        a = to.alias()
        sets.append(f"select {branch.rid(a)} as rid {branch.body(a)}")
    person = to.rid_of("Patient", id)
    codes = one_of("param_id", code.param_ids).replace("{t}", "v")
    texts = one_of("param_id", code.ids(":text")).replace("{t}", "s")
    dated = (
        f"select d.rid, max(d.low) as low from patient_date d where d.patient_rid = {person}"
        f" and d.type_id = {to.bound(TYPE_ID['Observation'], 'smallint')} group by d.rid"
    )
    coded = f"select v.rid, v.value_hash, v.system_hash from patient_value v where v.patient_rid = {person} and {codes}"
    text = f"(select min(s.normalised) from string s where s.rid = f.rid and {texts})"
    return parameters.statement(
        f"with found as materialized ({' union '.join(sets)}), coded as materialized ({coded}),"
        f" dated as materialized ({dated})"
        f" select f.rid, c.value_hash, c.system_hash, case when c.rid is null then {text} end, d.low"
        " from found f left join coded c on c.rid = f.rid left join dated d on d.rid = f.rid"
    )


def latest(seen: Iterable[Seen], most: int) -> list[int]:
    """rids of the `most` latest of each kind, and of those of the same instant as the last of them.

    Kinds come by their latest, each from its latest to its oldest; what has no date comes last.
    """
    kinds = _Kinds()
    dates: dict[int, int | None] = {}
    for one in seen:
        kinds.join(one.rid, one.kind)
        dates[one.rid] = one.at
    groups: dict[Hashable, list[int]] = {}
    for rid in sorted(dates, key=lambda rid: (dates[rid] is not None, dates[rid] or 0, rid), reverse=True):
        chosen = groups.setdefault(kinds.of(rid), [])
        tied = bool(chosen) and dates[rid] is not None and dates[chosen[-1]] == dates[rid]
        if len(chosen) < most or tied:
            chosen.append(rid)
    return [rid for chosen in groups.values() for rid in chosen]


class _Kinds:
    """Sets of observations and codings that hang together: a union-find."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def of(self, member: Hashable) -> Hashable:
        """The representative of a member's set."""
        above = self._above
        top = member
        while (higher := above.get(top, top)) != top:
            top = higher
        while (higher := above.get(member, member)) != top:
            above[member], member = top, higher
        return top

    def join(self, rid: int, kind: Hashable) -> None:
        """Puts an observation to its kind; what has none is a kind by itself."""
        self._above.setdefault(rid, rid)
        if kind is not None:
            self._above[self.of(rid)] = self.of(("kind", kind))


def bodies(rids: Sequence[int], access: Access) -> Statement:
    """The statement of these resources, in this order: rid, version, fhir_id, body."""
    parameters = Parameters()
    wanted = parameters.add("{" + ",".join(map(str, rids)) + "}", "bigint[]")
    return parameters.statement(
        f"select r.rid, r.version, r.fhir_id, r.body from unnest({wanted}) with ordinality k(rid, n)"
        " join resource r on r.rid = k.rid"
        f" where r.body is not null and {visible(access, 'r', parameters)} order by k.n",
        generic=True,
    )
