"""When items are equal, equivalent or ordered. https://hl7.org/fhirpath/N1/#equality"""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal, DecimalException
from typing import Any

from fhir_server.fhirpath import temporal
from fhir_server.fhirpath.code import Items
from fhir_server.fhirpath.errors import FhirPathError
from fhir_server.fhirpath.nodes import Node, is_number, system_value
from fhir_server.fhirpath.quantity import Quantity, from_fhir
from fhir_server.fhirpath.temporal import Temporal
from fhir_server.search.units import canonical


def comparable_value(item: Any) -> Any:
    """System value of an item; a FHIR Quantity becomes a System Quantity."""
    value = system_value(item)
    if value.__class__ is Node and "Quantity" in value.type.ancestry:
        return from_fhir(value.value) or value
    return value


def _pair(left: Any, right: Any) -> tuple[Any, Any]:
    """Both values with implicit conversion: a number beside a quantity, text beside a date."""
    a, b = comparable_value(left), comparable_value(right)
    if a.__class__ is b.__class__:
        return a, b
    if a.__class__ is Quantity and is_number(b):
        return a, Quantity(b, "1")
    if b.__class__ is Quantity and is_number(a):
        return Quantity(a, "1"), b
    if a.__class__ is Temporal and b.__class__ is str:
        return a, temporal.parse(a.kind, b) or b
    if b.__class__ is Temporal and a.__class__ is str:
        return temporal.parse(b.kind, a) or a, b
    return a, b


def equal_items(left: Any, right: Any) -> bool | None:
    """Whether two items are equal; None where precision or units leave it open."""
    a, b = _pair(left, right)
    if a.__class__ is Node or b.__class__ is Node:
        return a.__class__ is b.__class__ and equal_json(a.value, b.value)
    if a.__class__ is Temporal and b.__class__ is Temporal:
        if not temporal.comparable(a, b):
            return False
        order = temporal.compare(a, b)
        return None if order is None else order == 0
    if a.__class__ is Quantity and b.__class__ is Quantity:
        amounts = common_unit(a, b)
        return None if amounts is None else amounts[0] == amounts[1]
    if (a.__class__ is bool) is not (b.__class__ is bool):
        return False
    return bool(a == b)


def equal_json(left: Any, right: Any) -> bool:
    """Deep equality of JSON values; 1 is 1.0, but not true."""
    if left.__class__ is dict and right.__class__ is dict:
        return left.keys() == right.keys() and all(equal_json(value, right[key]) for key, value in left.items())
    if left.__class__ is list and right.__class__ is list:
        return len(left) == len(right) and all(map(equal_json, left, right))
    if (left.__class__ is bool) is not (right.__class__ is bool):
        return False
    return bool(left == right)


def equal(left: Items, right: Items) -> bool | None:
    """The operator `=`."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    answer: bool | None = True
    for a, b in zip(left, right, strict=True):
        same = equal_items(a, b)
        if same is False:
            return False
        if same is None:
            answer = None
    return answer


def common_unit(left: Quantity, right: Quantity) -> tuple[Decimal | int, Decimal | int] | None:
    """Both amounts in one unit; None when the units cannot be compared."""
    if (left.unit, left.calendar, left.other) == (right.unit, right.calendar, right.other):
        return left.value, right.value
    if left.calendar and right.calendar and {left.unit, right.unit} == {"year", "month"}:
        return _in_months(left), _in_months(right)
    a, b = left.ucum, right.ucum
    if a is None or b is None:
        return None
    if a == b:
        return left.value, right.value
    first, second = canonical(a), canonical(b)
    if first is None or second is None or first.unit != second.unit:
        return None
    return first.convert(Decimal(left.value)), second.convert(Decimal(right.value))


def _in_months(quantity: Quantity) -> Decimal | int:
    return quantity.value * 12 if quantity.unit == "year" else quantity.value


def _places(value: Decimal | int) -> int:
    if value.__class__ is int:
        return 0
    exponent = Decimal(value).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _alike_numbers(a: Decimal | int, b: Decimal | int) -> bool:
    """Equal after rounding to the digits of the less precise one."""
    if a == b:
        return True
    unit = Decimal(1).scaleb(-min(_places(a), _places(b)))
    try:
        return Decimal(a).quantize(unit) == Decimal(b).quantize(unit)
    except DecimalException:
        return False  # More digits than are compared; and they are not equal.


def _alike_text(text: str) -> str:
    return " ".join(text.split()).casefold()


def equivalent_items(left: Any, right: Any) -> bool:
    """Whether two items are equivalent: case, white space, precision and order do not matter."""
    a, b = _pair(left, right)
    if a.__class__ is Node or b.__class__ is Node:
        return a.__class__ is b.__class__ and _equivalent_json(a.value, b.value)
    if a.__class__ is str and b.__class__ is str:
        return _alike_text(a) == _alike_text(b)
    if is_number(a) and is_number(b):
        return _alike_numbers(a, b)
    if a.__class__ is Quantity and b.__class__ is Quantity:
        return _equivalent_quantities(a, b)
    return bool(equal_items(a, b))


def _equivalent_quantities(a: Quantity, b: Quantity) -> bool:
    amounts = common_unit(_as_fixed(a), _as_fixed(b))
    if amounts is None:
        return False
    if a.unit == b.unit:
        return _alike_numbers(*amounts)
    # Compare in the coarser of the two given units: 4 'g' is about 4040 'mg'.
    first, second = sorted((a, b), key=_magnitude)
    one = common_unit(_as_fixed(Quantity(1, first.unit, calendar=first.calendar)), _as_fixed(second))
    return one is not None and one[0] != 0 and _alike_numbers(first.value, _rounded(Decimal(one[1]) / Decimal(one[0])))


def _magnitude(quantity: Quantity) -> Decimal:
    return abs(Decimal(quantity.value))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("1e-10")) if abs(value) < 10**15 else value


def _as_fixed(quantity: Quantity) -> Quantity:
    """For equivalence a year is 'a' and a month 'mo'."""
    fixed = {"year": "a", "month": "mo"}.get(quantity.unit or "") if quantity.calendar else None
    return Quantity(quantity.value, fixed) if fixed else quantity


def _equivalent_json(left: Any, right: Any) -> bool:
    if left.__class__ is dict and right.__class__ is dict:
        return left.keys() == right.keys() and all(_equivalent_json(value, right[key]) for key, value in left.items())
    if left.__class__ is list and right.__class__ is list:
        return _matched(left, right, _equivalent_json)
    return equivalent_items(left, right) if left.__class__ is right.__class__ else bool(left == right)


def _matched(left: list[Any], right: list[Any], same: Any) -> bool:
    rest = list(right)
    for item in left:
        at = next((index for index, other in enumerate(rest) if same(item, other)), None)
        if at is None:
            return False
        del rest[at]
    return not rest


def equivalent(left: Items, right: Items) -> bool:
    """The operator `~`."""
    return len(left) == len(right) and _matched(left, right, equivalent_items)


def order(left: Any, right: Any) -> int | None:
    """-1, 0, 1 or None where it is open. Raises FhirPathError for items that have no order."""
    a, b = _pair(left, right)
    if (is_number(a) and is_number(b)) or (a.__class__ is str and b.__class__ is str):
        return int(a > b) - int(a < b)
    if a.__class__ is Temporal and b.__class__ is Temporal and temporal.comparable(a, b):
        return temporal.compare(a, b)
    if a.__class__ is Quantity and b.__class__ is Quantity:
        amounts = common_unit(a, b)
        return None if amounts is None else (amounts[0] > amounts[1]) - (amounts[0] < amounts[1])
    if a is None or b is None:
        return None
    raise FhirPathError("these two cannot be ordered: they are of different or unordered types")


def _key(item: Any) -> tuple[bool | str, Hashable]:
    """Hash key such that equal items have equal keys. Where it starts with a bool, equal keys mean equal items."""
    value = comparable_value(item)
    kind = value.__class__
    if kind is str or kind is bool or kind is int or kind is Decimal:
        return (kind is bool, value)
    size = len(value.value) if kind is Node and value.value.__class__ is dict else 0
    return (kind.__name__, size)


class Seen:
    """A set of items under `=`."""

    def __init__(self, items: Items | None = None) -> None:
        self._buckets: dict[Hashable, list[Any]] = {}
        for item in items or ():
            self.add(item)

    def __contains__(self, item: Any) -> bool:
        bucket = _key(item)
        known = self._buckets.get(bucket)
        if known is None:
            return False
        return bucket[0].__class__ is bool or any(equal_items(item, other) for other in known)

    def add(self, item: Any) -> bool:
        """Adds the item; False when an equal one is there already."""
        if item in self:
            return False
        self._buckets.setdefault(_key(item), []).append(item)
        return True
