"""now, today, timeOfDay: one moment for a whole evaluation. https://hl7.org/fhirpath/N1/#current-date-and-time-functions"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from fhir_server.fhirpath.code import Code, Frame, from_many
from fhir_server.fhirpath.functions.signature import Compile, Function
from fhir_server.fhirpath.syntax import Tree
from fhir_server.fhirpath.temporal import Temporal


def _now(frame: Frame) -> Temporal:
    now = frame.now()
    offset = now.utcoffset()
    seconds = Decimal(now.second) + Decimal(now.microsecond // 1000).scaleb(-3)
    fields = (now.year, now.month, now.day, now.hour, now.minute, seconds)
    return Temporal("dateTime", fields, None if offset is None else int(offset.total_seconds() // 60))


def _moment(cut: Callable[[Temporal], Temporal]) -> Function:
    def build(source: Code, arguments: Sequence[Tree], compile: Compile) -> Code:
        return from_many(lambda frame, this: [cut(_now(frame))])

    return Function(0, 0, build)


CLOCK: dict[str, Function] = {
    "now": _moment(lambda now: now),
    "today": _moment(lambda now: Temporal("date", now.fields[:3])),
    "timeOfDay": _moment(lambda now: Temporal("time", now.fields[3:])),
}
