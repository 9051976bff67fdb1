"""Searches made ready: one of another patient is as it would be if it were the first of its kind."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.access import policies
from fhir_server.outcome import FhirError, Forbidden, Invalid
from fhir_server.search import remembered as module
from fhir_server.search.prepared import Asked, Prepared, prepared
from fhir_server.search.remembered import remembered
from hub.authorization import known
from smart_auth.scopes import UNRESTRICTED, Access, parse

pytestmark = pytest.mark.usefixtures("shipped_policies")
BASE = "http://127.0.0.1:8080/fhir"
OWN = str(uuid4())
ACCESSES = {
    "open": UNRESTRICTED,
    "service": Access("s", unrestricted=False, scopes=parse("system/*.cruds", known).resources),
    "patient": Access(
        "p", unrestricted=False, scopes=parse("patient/*.rs", known).resources, patient=OWN, fhir_user=f"Patient/{OWN}"
    ),
    "nurse": Access(
        "n", unrestricted=False, scopes=parse("user/*.rs", known).resources, fhir_user=f"Practitioner/{OWN}",
        roles=("nurse",), organization="Organization/1",
    ),
    "staff": Access(
        "w", unrestricted=False, scopes=parse("user/*.rs", known).resources, roles=("provider-staff",),
        organization=f"Organization/{OWN}",
    ),
    "laboratory alone": Access(
        "l", unrestricted=False, patient=OWN,
        scopes=parse("patient/Observation.rs?category=laboratory", known).resources,
    ),
}  # fmt: skip
ID = "<id>"
ALIKE = [
    ("Observation", f"patient={ID}"),
    ("Observation", f"patient={ID}&category=vital-signs&_count=20"),
    ("Observation", f"patient=Patient/{ID}&code=http://loinc.org|8867-4&_sort=-date"),
    ("Observation", f"subject=Patient/{ID}&_include=Observation:encounter&_total=none"),
    ("Observation", f"patient={ID}&encounter={ID}&_elements=code"),
    ("Condition", f"patient:Patient={ID}&recorded-date=ge2020"),
    ("Observation", f"encounter={ID}&status=final"),
    ("Observation", f"patient={ID}&_total=estimate"),
    ("Observation", f"encounter={ID}&patient:missing=true"),
    ("Patient", f"_id={ID}"),
]
OTHERS = [
    ("Observation", f"patient={ID}&_total=accurate"),
    ("Observation", "code=8867-4&_count=3"),
    ("Patient", f"identifier=http://example.org/sid|{ID}"),
    ("Patient", f"identifier={ID}"),
    ("Observation", f"encounter={ID}&subject:identifier={ID}"),
    ("Observation", f"patient={ID},{ID}"),
    ("Condition", f"patient=Patient/{ID}/_history/1"),
]


def asked(resource_type: str, query: str, access: Access, *ids: str) -> Asked:
    """The search with the ids in their places; the last again where there are more places."""
    for place in range(query.count(ID)):
        query = query.replace(ID, ids[min(place, len(ids) - 1)], 1)
    pairs = tuple((name, value) for name, _, value in (part.partition("=") for part in query.split("&")))
    return Asked(resource_type, pairs, False, 20, 1000, None, access.using("s"), BASE, False)


def told(make: Callable[[Asked], Prepared], one: Asked) -> object:
    """All of it but the criteria, which the statement says; or why it is refused."""
    try:
        found = make(one)
    except FhirError as error:
        return type(error), str(error)
    return found._replace(query=replace(found.query, criteria=()))


@pytest.mark.parametrize("who", ACCESSES)
@pytest.mark.parametrize(("resource_type", "query"), [*ALIKE, *OTHERS])
def test_another_patient_s_search_is_as_if_it_were_the_first(who: str, resource_type: str, query: str) -> None:
    for _ in range(4):
        one = asked(resource_type, query, ACCESSES[who], str(uuid4()), str(uuid4()))
        assert told(remembered, one) == told(prepared, one)


@pytest.mark.parametrize("who", ACCESSES)
@pytest.mark.parametrize(("resource_type", "query"), ALIKE)
def test_one_s_own_search_is_no_other_s(who: str, resource_type: str, query: str) -> None:
    for id in (str(uuid4()), str(uuid4()), OWN, str(uuid4()), OWN):
        one = asked(resource_type, query, ACCESSES[who], id)
        assert told(remembered, one) == told(prepared, one)


def member(*roles: str, user: bool) -> Access:
    """The access of somebody to their own record."""
    own = str(uuid4())
    return Access(
        str(uuid4()), unrestricted=False, client="app", grant=str(uuid4()), patient=own, roles=roles,
        scopes=parse("patient/*.rs", known).resources, fhir_user=f"{BASE}/Patient/{own}" if user else None,
    )  # fmt: skip


MEMBERS = pytest.mark.parametrize(
    ("roles", "user"), [((), False), ((), True), (("member",), True), (("guardian", "member"), True)]
)


@MEMBERS
@pytest.mark.parametrize(
    ("resource_type", "query"), [*ALIKE, *OTHERS, ("Condition", "_count=5"), ("Coverage", "_sort=_id")]
)
def test_each_member_s_search_is_their_own(roles: tuple[str, ...], user: bool, resource_type: str, query: str) -> None:
    for number in range(6):
        access = member(*roles, user=user)
        own = access.patient or ""
        for id in (own, str(uuid4())) if number % 2 else (str(uuid4()), own):
            one = asked(resource_type, query, access, id)
            assert told(remembered, one) == told(prepared, one)


@MEMBERS
def test_what_members_ask_of_themselves_has_one_text(
    roles: tuple[str, ...], user: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counted(monkeypatch)
    client = str(uuid4())
    for _ in range(6):
        access = replace(member(*roles, user=user), client=client)
        remembered(asked("Observation", f"patient={ID}&category=laboratory", access, access.patient or ""))
    assert len(made) == 3, "the first, and two of which what they have in common is taken"


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """The searches that are made ready from now on."""
    made: list[Asked] = []

    def count(one: Asked) -> Prepared:
        made.append(one)
        return prepared(one)

    monkeypatch.setattr(module, "prepared", count)
    return made


@pytest.mark.parametrize(("resource_type", "query"), ALIKE)
def test_what_differs_in_ids_alone_has_one_text(
    resource_type: str, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = replace(UNRESTRICTED, client=str(uuid4()))
    made = counted(monkeypatch)
    texts = [remembered(asked(resource_type, query, access, str(uuid4()))).statement for _ in range(5)]
    assert len(made) == 3, "the first, and two of which what they have in common is taken"
    assert len({id(one.text) for one in texts[1:] if one is not None}) == 1


@pytest.mark.parametrize(("resource_type", "query"), OTHERS)
def test_what_differs_in_more_has_a_statement_of_its_own(
    resource_type: str, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = replace(UNRESTRICTED, client=str(uuid4()))
    told(remembered, asked(resource_type, query, access, str(uuid4())))
    monkeypatch.setattr(module._Alike, "of", None)
    for _ in range(3):
        told(remembered, asked(resource_type, query, access, str(uuid4())))


def test_what_is_wrong_is_refused_each_time() -> None:
    for _ in range(3):
        with pytest.raises(Invalid, match="_count"):
            remembered(asked("Observation", f"patient={ID}&_count=many", UNRESTRICTED, str(uuid4())))


def test_what_comes_into_force_meanwhile_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    nurse = ACCESSES["nurse"]
    for _ in range(3):
        remembered(asked("Condition", f"patient={ID}", nurse, str(uuid4())))
    monkeypatch.setattr(policies, "now", policies.NONE)
    with pytest.raises(Forbidden):
        remembered(asked("Condition", f"patient={ID}", nurse, str(uuid4())))


PART = st.sampled_from(
    [f"patient={ID}", f"subject=Patient/{ID}", f"encounter={ID}", f"_id={ID}", "category=laboratory", "status=final",
     "_count=5", "_sort=-date", "_sort=_id", "_include=Observation:patient", "_revinclude=Provenance:target",
     f"based-on=ServiceRequest/{ID}", f"performer:Organization={ID}", "date=lt2024-05-06",
     f"_has:Provenance:target:agent={ID}", "_summary=true", "_total=estimate", "code:in=http://example.org/set"]
)  # fmt: skip
EXAMPLES = st.sampled_from([one for some in module._EXAMPLES for one in some])
"""As if somebody knew them."""
IDS = st.uuids().map(str) | EXAMPLES | st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True)


@given(st.sampled_from(sorted(ACCESSES)), st.lists(PART, min_size=1, max_size=4, unique=True), st.data())
def test_whatever_is_asked_of_others_before(who: str, parts: list[str], data: st.DataObject) -> None:
    query = "&".join(parts)
    if sum(part.startswith("_sort") for part in parts) > 1:
        return
    for ids in data.draw(st.lists(st.lists(IDS, min_size=4, max_size=4, unique=True), min_size=3, max_size=4)):
        one = asked("Observation", query, ACCESSES[who], *ids)
        assert told(remembered, one) == told(prepared, one)
