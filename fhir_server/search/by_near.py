"""Location.near: places within a distance of a point. https://hl7.org/fhir/R4/location.html#positional

A position is a row of `composite`: the longitude's tenth of a degree in `first_hash`, latitude in `low`, longitude in
`low2`. The box around the circle is a range of latitudes in some such bands; the great-circle distance decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import asin, cos, degrees, floor, radians, sin
from typing import Any

from fhir_server.outcome import Invalid
from fhir_server.search.parameters import SearchParameter
from fhir_server.search.probe import Probe, one_of
from fhir_server.search.sink import Emit, Sink
from fhir_server.search.units import canonical
from fhir_server.search.values import split_parts
from fhir_server.statement import Parameters

RADIUS = 6_371_008.8
"""Metres; the mean of the earth's three. Distances on the ellipsoid differ by up to half a percent."""
DEFAULT_DISTANCE = 50_000.0
"""Metres, where a search says none."""
BANDS = 3600
_SLACK = 1e-7
"""Degrees by which the box is wider than need be, a centimetre, since sines are rounded."""


def band(longitude: float) -> int:
    """The tenth of a degree a longitude is in, from 0 at 180 degrees west."""
    return floor((longitude + 180) * 10) % BANDS


def emitter(data_type: str, ids: Sequence[int]) -> Emit | None:
    """Writes the row of a Location.position; None for other elements."""
    if data_type != "Location.position":
        return None

    def emit(value: dict[str, Any], sink: Sink) -> None:
        latitude, longitude = value.get("latitude"), value.get("longitude")
        if latitude is None or longitude is None or not (abs(latitude) <= 90 and abs(longitude) <= 180):
            return
        for param_id in ids:
            row = (param_id, band(float(longitude)), 0, 0, 0, str(latitude), None, str(longitude), None)
            sink.composite.append(row)

    return emit


def asked(value: str) -> tuple[float, float, float]:
    """Latitude, longitude and metres of `[latitude]|[longitude]|[distance]|[units]`. Raises Invalid."""
    parts = split_parts(value)
    if not 2 <= len(parts) <= 4:
        raise _invalid("is written [latitude]|[longitude]|[distance]|[units]")
    latitude, longitude = _number(parts[0], "latitude", 90), _number(parts[1], "longitude", 180)
    unit = canonical(parts[3] if len(parts) == 4 and parts[3] else "km")
    if unit is None or unit.unit != "m":
        raise _invalid("wants a UCUM unit of length, such as km, m or [mi_us]")
    if len(parts) < 3 or not parts[2]:
        return latitude, longitude, DEFAULT_DISTANCE
    distance = _number(parts[2], "distance", None)
    if distance < 0:
        raise _invalid("wants a distance that is not negative")
    return latitude, longitude, float(distance * float(unit.factor))


def _number(text: str, name: str, limit: int | None) -> float:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _invalid(f"the {name} is no decimal number") from None
    if not number.is_finite() or (limit is not None and abs(number) > limit) or abs(number) > Decimal("1e12"):
        raise _invalid(f"the {name} is out of range")
    return float(number)


def _invalid(reason: str) -> Invalid:
    return Invalid(f"search parameter 'near': {reason}", code="value")


def condition(parameter: SearchParameter, value: str, modifier: str | None, parameters: Parameters) -> Probe:
    """Probe of the places within a distance. Raises Invalid."""
    if modifier is not None:
        raise Invalid(f"search parameter '{parameter.code}' has no ':{modifier}', only :missing", code="not-supported")
    latitude, longitude, distance = asked(value)
    angle = degrees(distance / RADIUS)
    south, north = latitude - angle - _SLACK, latitude + angle + _SLACK
    tests = [one_of("param_id", parameter.param_ids)]
    bands = None if south <= -90 or north >= 90 else _bands(latitude, longitude, distance)
    if bands is not None:
        array = parameters.add("{" + ",".join(map(str, bands)) + "}", "bigint[]")
        tests.append(f"{{t}}.first_hash = any({array})")
    tests.append("{t}.second_hash = 0")
    tests.append(f"{{t}}.low >= {parameters.add(f'{south:.9f}', 'numeric')}")
    tests.append(f"{{t}}.low <= {parameters.add(f'{north:.9f}', 'numeric')}")
    here, there = parameters.add(str(latitude), "float8"), parameters.add(str(longitude), "float8")
    square = (
        f"sin(radians({{t}}.low::float8 - {here}) / 2) ^ 2 + cos(radians({here})) * cos(radians({{t}}.low::float8))"
        f" * sin(radians({{t}}.low2::float8 - {there}) / 2) ^ 2"
    )
    bound = parameters.add(str(distance), "float8")
    tests.append(f"{2 * RADIUS}::float8 * asin(least(1, sqrt({square}))) <= {bound}")
    return Probe("composite", " and ".join(tests))


def _bands(latitude: float, longitude: float, distance: float) -> list[int] | None:
    """The bands a circle that holds no pole touches; None: all."""
    reach = sin(distance / RADIUS) / cos(radians(latitude))
    if not -1 < reach < 1:
        return None
    width = degrees(asin(reach)) + _SLACK
    first, last = floor((longitude - width + 180) * 10), floor((longitude + width + 180) * 10)
    return None if last - first >= BANDS - 1 else sorted({number % BANDS for number in range(first, last + 1)})
