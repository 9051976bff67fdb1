"""Random resources and queries for the property tests, from small pools, so that they meet."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.fhir_server.search.reference_evaluator import BASE, Tree
from tests.fhir_server.search.reference_ranges import UCUM, UNITS, span

Json = dict[str, Any]
Query = tuple[str, str, str | None, str]
"""Resource type, parameter, modifier, value."""
PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

prefixes = st.sampled_from(PREFIXES)


def some(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """An object with any of the members."""
    return st.fixed_dictionaries({}, optional=members)


def query(
    resource_type: str, code: str, modifiers: tuple[str | None, ...], values: st.SearchStrategy[str]
) -> st.SearchStrategy[Query]:
    """Queries of one parameter."""
    return st.tuples(st.just(resource_type), st.just(code), st.sampled_from(modifiers), values)


# --- date ---------------------------------------------------------------------------------------------------

_years = st.sampled_from(["1969", "1970", "2019", "2020", "2024"])
_months = st.sampled_from(["01", "02", "06", "12"])
_days = st.sampled_from(["01", "02", "27", "28"])
_clock = st.builds(
    lambda hour, minute, second, fraction: f"{hour}:{minute}{second}{fraction if second else ''}",
    st.sampled_from(["00", "01", "12", "23"]),
    st.sampled_from(["00", "30", "59"]),
    st.sampled_from([":00", ":01", ":59"]),
    st.sampled_from(["", "", ".0", ".5", ".123", ".123456", ".999999"]),
)
_zones = st.sampled_from(["Z", "+00:00", "-03:00", "+05:30", "-12:00", "+14:00"])
_day = st.builds("{}-{}-{}".format, _years, _months, _days)
instants = st.builds("{}T{}{}".format, _day, _clock, _zones)
_near_dates = st.sampled_from(["2020", "2020-02", "2020-03", "2020-02-29", "2020-03-01", "2021", "2020-12-31"])
_AT_MARCH = ["2020-02-29T23:59:59Z", "2020-02-29T23:59:59.999Z", "2020-03-01T00:00:00Z", "2020-03-01T00:00:01Z"]
_AT_ZONES = ["2020-03-01T00:00:00.000Z", "2020-02-29T21:00:00-03:00", "2020-12-31T23:59:59Z", "2021-01-01T00:00:00Z"]
_near_instants = st.sampled_from(_AT_MARCH + _AT_ZONES)
"""Around a few edges, so that ranges touch; the others are spread."""
dates = st.one_of(_near_dates, _near_dates, _years, st.builds("{}-{}".format, _years, _months), _day)
date_times = st.one_of(dates, _near_instants, _near_instants, instants)
_short_clock = st.sampled_from(["00:00", "12:30", "23:59"])
searched_dates = st.one_of(
    _near_dates,
    _near_instants,
    date_times,
    st.builds("{}T{}".format, _day, _clock),
    st.builds("{}T{}{}".format, _day, _short_clock, _zones),
    st.sampled_from(["2020-02-29T23:59Z", "2020-03-01T00:00"]),
)


def _ordered(one: str, other: str) -> Json:
    start, end = sorted((one, other), key=lambda text: span(text)[0])
    return {"start": start, "end": end}


periods = st.one_of(
    st.builds(_ordered, date_times, date_times), some(start=date_times), some(end=date_times), st.just({})
)
timings = some(event=st.lists(date_times, min_size=1, max_size=3), repeat=some(boundsPeriod=periods))

dated = st.one_of(
    st.builds(
        lambda key, value: {"resourceType": "Observation", "effective" + key: value}, st.just("DateTime"), date_times
    ),
    st.builds(lambda value: {"resourceType": "Observation", "effectiveInstant": value}, instants),
    st.builds(lambda value: {"resourceType": "Observation", "effectivePeriod": value}, periods),
    st.builds(lambda value: {"resourceType": "Observation", "effectiveTiming": value}, timings),
    some(birthDate=dates).map(lambda members: {"resourceType": "Patient", **members}),
)
date_queries = st.one_of(
    query("Observation", "date", (None,), st.builds("{}{}".format, prefixes, searched_dates)),
    query("Patient", "birthdate", (None,), st.builds("{}{}".format, prefixes, searched_dates)),
)

# --- number and quantity ------------------------------------------------------------------------------------

_EDGES = ["99.5", "100", "100.5", "100.4", "99.95", "100.05", "95", "105", "110", "90", "5.35", "5.45", "5.4", "5.399"]
_MORE_EDGES = ["5", "4.5", "5.5", "0", "0.5", "-0.5", "-5", "37", "98.6", "310.15", "0.0054", "54"]
_stored = st.sampled_from(_EDGES + _MORE_EDGES)
_searched = st.sampled_from(
    ["100", "100.0", "100.00", "1e2", "1.0e2", "5.4", "5.40", "5", "0", "-5", "37", "98.6", "54"]
)
"""Values on the edges of the bands of others, so that bands touch; the rest are spread."""
decimals = st.one_of(_stored.map(Decimal), _stored.map(Decimal), st.decimals(-200, 200, places=2))
searched_numbers = st.one_of(_searched, _searched, _stored, st.decimals(-200, 200, places=1).map(str))


def _between(kind: Any) -> st.SearchStrategy[Json]:
    def sorted_range(one: Json, other: Json) -> Json:
        low, high = sorted((one["value"], other["value"]))
        return {"low": one | {"value": low}, "high": one | {"value": high}}

    return st.one_of(st.builds(sorted_range, kind, kind), some(low=kind), some(high=kind))


_plain_quantity = st.builds(lambda value: {"value": value}, decimals)
numbered = st.one_of(
    st.builds(
        lambda predictions: {"resourceType": "RiskAssessment", "prediction": predictions},
        st.lists(
            st.one_of(
                st.builds(lambda value: {"probabilityDecimal": value}, decimals),
                st.builds(lambda value: {"probabilityRange": value}, _between(_plain_quantity)),
            ),
            max_size=2,
        ),
    ),
    st.builds(
        lambda value: {"resourceType": "MolecularSequence", "referenceSeq": {"windowStart": value}},
        st.sampled_from([0, 1, 5, 54, 99, 100, 101, 1000]),
    ),
)
number_queries = st.one_of(
    query("RiskAssessment", "probability", (None,), st.builds("{}{}".format, prefixes, searched_numbers)),
    query("MolecularSequence", "window-start", (None,), st.builds("{}{}".format, prefixes, searched_numbers)),
)

OTHER = "http://units.example.org"
_codes = st.one_of(st.sampled_from(["g", "mg", "Cel", "[degF]", "tablet"]), st.sampled_from([*UNITS, "puff"]))
_unit = st.one_of(
    st.builds(lambda code, text: {"system": UCUM, "code": code, "unit": text}, _codes, _codes),
    st.builds(lambda code: {"system": UCUM, "code": code}, _codes),
    st.builds(lambda code: {"system": OTHER, "code": code}, _codes),
    st.builds(lambda text: {"unit": text}, _codes),
    st.just({}),
)
_quantity = st.builds(lambda value, unit: {"value": value, **unit}, decimals, _unit)
_compared = st.builds(
    lambda quantity, comparator: quantity | {"comparator": comparator},
    _quantity,
    st.sampled_from(["<", "<=", ">=", ">"]),
)
measured = st.one_of(
    st.builds(lambda value: {"resourceType": "Observation", "valueQuantity": value}, st.one_of(_quantity, _compared)),
    st.just({"resourceType": "Observation", "valueQuantity": {"unit": "mg", "system": UCUM, "code": "mg"}}),
)
quantity_queries = query(
    "Observation",
    "value-quantity",
    (None,),
    st.one_of(
        st.builds("{}{}".format, prefixes, searched_numbers),
        st.builds("{}{}|{}|{}".format, prefixes, searched_numbers, st.sampled_from([UCUM, OTHER, ""]), _codes),
    ),
)

# --- token --------------------------------------------------------------------------------------------------

_systems = st.sampled_from(["http://a.example.org", "http://b.example.org"])
_values = st.sampled_from(["abc", "ABC", "aBc", "x-1", "x.1", "1", "ß", "SS", "İ"])
_words = st.sampled_from(["Heart rate", "heart  RATE", "Fréquence", "rate", "Blood-pressure"])
_coding = some(system=_systems, code=_values, display=_words)
_concept = some(coding=st.lists(_coding, min_size=1, max_size=3), text=_words)
_identifier = some(system=_systems, value=_values, type=_concept)
identifiers = _identifier

_statuses = st.sampled_from(["final", "amended"])
coded = st.one_of(
    st.builds(
        lambda code, status: {"resourceType": "Observation", "code": code, "status": status}, _concept, _statuses
    ),
    some(
        identifier=st.lists(_identifier, max_size=2),
        telecom=st.lists(some(value=_values, system=st.sampled_from(["phone", "fax"])), max_size=2),
        active=st.booleans(),
    ).map(lambda members: {"resourceType": "Patient", **members}),
)
tokens = st.one_of(
    _values,
    st.builds("{}|{}".format, _systems, _values),
    st.builds("|{}".format, _values),
    st.builds("{}|".format, _systems),
)
_status_tokens = st.builds(
    "{}{}".format,
    st.sampled_from(["", "http://hl7.org/fhir/observation-status|", "http://a.example.org|", "|"]),
    st.sampled_from(["final", "amended", "unknown"]),
)
token_queries = st.one_of(
    query("Observation", "code", (None, "not"), tokens),
    query(
        "Observation",
        "code",
        ("text",),
        st.sampled_from(["heart", "Heart rate", "HEART", "rate", "frequence", "blood"]),
    ),
    query("Observation", "status", (None, "not"), _status_tokens),
    query("Patient", "identifier", (None, "not"), tokens),
    query("Patient", "identifier", ("text",), st.sampled_from(["heart", "rate"])),
    query("Patient", "identifier", ("of-type",), st.builds("{}|{}|{}".format, _systems, _values, _values)),
    query("Patient", "telecom", (None, "not"), _values),
    query("Patient", "active", (None, "not"), st.sampled_from(["true", "false"])),
)

_A, _B = "http://a.example.org", "http://b.example.org"
_OTHERS = [f"other-{number}" for number in range(20)]
_STATUS = "http://hl7.org/fhir/observation-status"
VALUE_SETS: dict[str, dict[str, tuple[bool, frozenset[str]]]] = {
    "few": {_A: (False, frozenset(("abc", "1"))), _B: (False, frozenset(("x-1",)))},
    "many": {_A: (False, frozenset(("ABC", "ß", "x.1", *_OTHERS))), _B: (False, frozenset(_OTHERS))},
    "whole": {_A: (True, frozenset())},
    "all-but": {_A: (True, frozenset(("abc", "x-1"))), _B: (False, frozenset(("abc",)))},
    "statuses": {_STATUS: (False, frozenset(("final", "unknown"))), _A: (False, frozenset(("amended",)))},
    "not-final": {_STATUS: (True, frozenset(("final",)))},
    "empty": {},
}
"""Name -> system -> whether all others instead, and codes."""
token_queries = st.one_of(
    token_queries,
    query("Observation", "code", ("in", "not-in"), st.sampled_from(sorted(VALUE_SETS))),
    query("Observation", "status", ("in", "not-in"), st.sampled_from(sorted(VALUE_SETS))),
)

# --- string -------------------------------------------------------------------------------------------------

_letters = st.text("aAbBéÉñçßİıΣσς'-. ,/", min_size=1, max_size=8)
texts = st.one_of(
    _letters,
    st.sampled_from(
        [
            "Eve",
            "eve",
            "Evelyn",
            "Severine",
            "Carreno Quinones",
            "Carreño-Quiñones",
            "O'Brien",
            "OBrien",
            "Smith  Jones",
        ]
    ),
)
_names = st.lists(texts, min_size=1, max_size=2)
named = some(
    name=st.lists(some(family=texts, given=_names, text=texts, prefix=_names, suffix=_names), max_size=2),
    address=st.lists(some(city=texts), max_size=2),
).map(lambda members: {"resourceType": "Patient", **members})


def _askable(text: str) -> bool:
    return any(character.isalnum() for character in text)


_searched_texts = st.one_of(
    texts, texts.map(lambda text: text[:3]), st.sampled_from(["quinones", "CARREÑO Q", "b", "jones"])
)
string_queries = st.one_of(
    *(
        query("Patient", code, (None, "exact", "contains"), _searched_texts.filter(_askable))
        for code in ("name", "family", "address-city")
    )
)

# --- reference ----------------------------------------------------------------------------------------------

IDS = ("1", "2", "a-b.C")
TYPES = ("Patient", "Group", "Device")
ELSEWHERE = "http://elsewhere.example.org/fhir"
_relative = st.builds("{}/{}".format, st.sampled_from(TYPES), st.sampled_from(IDS))
_versions = st.sampled_from(["", "", "", "/_history/1", "/_history/2"])
_servers = st.sampled_from(["", "", BASE + "/", ELSEWHERE + "/"])
_SAME = ["Patient/1", "Patient/1/_history/1", "Group/1", "Patient/2"]
_near = st.builds("{}{}".format, st.sampled_from(["", BASE + "/", ELSEWHERE + "/"]), st.sampled_from(_SAME))
literals = st.one_of(
    _near,
    _near,
    st.builds("{}{}{}".format, _servers, _relative, _versions),
    st.sampled_from(["#inside", "urn:uuid:0f2d7f06-3d5a-4b69-8f1a-3f4b9b7c5a10", "urn:oid:1.2.3"]),
)
_canonicals = st.sampled_from(
    ["http://q.example.org/Q", "http://q.example.org/Q|1.0", "http://q.example.org/Q|2.0", "http://q.example.org/R"]
)
_literal = st.builds(lambda literal: {"reference": literal}, literals)
_references = st.one_of(
    _literal,
    _literal,
    some(reference=literals, type=st.sampled_from(TYPES), identifier=some(system=_systems, value=_values)),
)
referring = st.one_of(
    st.builds(lambda subject: {"resourceType": "Observation", "subject": subject}, _references),
    some(subject=_references).map(lambda members: {"resourceType": "Observation", **members}),
    some(questionnaire=_canonicals).map(lambda members: {"resourceType": "QuestionnaireResponse", **members}),
)
_asked_literals = literals.filter(lambda literal: literal[0] != "#")
_asked = st.one_of(st.sampled_from(IDS), _asked_literals, _asked_literals)
reference_queries = st.one_of(
    query("Observation", "subject", (None,), _asked),
    query("Observation", "patient", (None,), _asked),
    query("Observation", "subject", TYPES, st.sampled_from(IDS)),
    query("Observation", "patient", ("Patient",), st.sampled_from(IDS)),
    query("Observation", "subject", ("identifier",), tokens),
    query("Observation", "patient", ("identifier",), tokens),
    query("QuestionnaireResponse", "questionnaire", (None,), _canonicals),
)

# --- _filter ------------------------------------------------------------------------------------------------

_OBSERVED = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def _operated(code: str, operators: tuple[str, ...], values: st.SearchStrategy[str]) -> st.SearchStrategy[Tree]:
    return st.tuples(st.just("test"), st.tuples(st.just(code), st.sampled_from(operators), values))


def _present(*codes: str) -> st.SearchStrategy[Tree]:
    return st.tuples(
        st.just("test"), st.tuples(st.sampled_from(codes), st.just("pr"), st.sampled_from(["true", "false"]))
    )


def _joined(tests: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    def larger(smaller: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        several = st.lists(smaller, min_size=2, max_size=3)
        return st.tuples(st.sampled_from(["and", "or"]), several) | st.tuples(st.just("not"), smaller)

    return st.recursive(tests, larger, max_leaves=6)


_filter_dates = searched_dates.filter(lambda text: " " not in text)
filters: st.SearchStrategy[tuple[str, Tree]] = st.one_of(
    st.tuples(
        st.just("Observation"),
        _joined(
            st.one_of(
                _operated("date", (*_OBSERVED, "po", "co"), _filter_dates),
                _operated("value-quantity", _OBSERVED, searched_numbers),
                _operated("code", ("eq", "ne"), tokens),
                _operated("status", ("eq", "ne"), _status_tokens),
                _present("date", "code", "status"),
            )
        ),
    ),
    st.tuples(
        st.just("Patient"),
        _joined(
            st.one_of(
                _operated("birthdate", (*_OBSERVED, "po", "co"), _filter_dates),
                _operated(
                    "family", ("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le"), _searched_texts.filter(_askable)
                ),
                _operated(
                    "name", ("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le"), _searched_texts.filter(_askable)
                ),
                _operated("identifier", ("eq", "ne"), tokens),
                _operated("telecom", ("eq", "ne"), _values),
                _present("birthdate", "family", "name"),
            )
        ),
    ),
)
filterable = st.one_of(
    some(
        effectiveDateTime=date_times, effectivePeriod=periods, valueQuantity=st.one_of(_quantity, _compared),
        code=_concept, status=_statuses,
    ).map(lambda members: {"resourceType": "Observation", "code": {}, "status": "final"} | members),
    some(
        birthDate=dates, name=st.lists(some(family=texts, given=_names, text=texts), max_size=2),
        identifier=st.lists(_identifier, max_size=2), telecom=st.lists(some(value=_values), max_size=2),
    ).map(lambda members: {"resourceType": "Patient", **members}),
)  # fmt: skip

# --- near ---------------------------------------------------------------------------------------------------

_latitudes = st.one_of(st.sampled_from(["0", "-23.55", "89.99", "-90", "90"]), st.decimals(-90, 90, places=3).map(str))
_longitudes = st.one_of(
    st.sampled_from(["0", "-46.63", "179.999", "-180", "180"]), st.decimals(-180, 180, places=3).map(str)
)
placed = some(
    position=st.builds(lambda lat, lon: {"latitude": Decimal(lat), "longitude": Decimal(lon)}, _latitudes, _longitudes)
).map(lambda members: {"resourceType": "Location", **members})
near_queries = query(
    "Location",
    "near",
    (None,),
    st.builds(
        "{}|{}|{}|km".format, _latitudes, _longitudes, st.sampled_from(["0.1", "17", "500", "3333", "9999", "19000"])
    ),
)
