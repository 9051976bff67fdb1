"""What may become of a message: the states and the steps between them. Tasy contract, section 16. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum


class State(StrEnum):
    """Where a message is."""

    RECEBIDA = "RECEBIDA"
    """Bytes are here; gone if the process ends."""
    ARMAZENADA = "ARMAZENADA"
    """It is stored: its sender may forget it."""
    VALIDADA = "VALIDADA"
    MAPEADA = "MAPEADA"
    APLICADA = "APLICADA"
    """What it says is in the record, or at the partner."""
    ENTREGUE = "ENTREGUE"
    """Whoever waits for its outcome has been told."""
    ESTACIONADA = "ESTACIONADA"
    """It waits for a predecessor or for something it refers to."""
    QUARENTENA = "QUARENTENA"
    """Security, or a guard: a person decides."""
    MORTA = "MORTA"
    """A dead letter: it cannot go on by itself."""
    DUPLICADA = "DUPLICADA"
    """It says nothing that another has not said."""
    DESCARTADA = "DESCARTADA"
    """A person gave it up, with a reason."""


_S = State
_ASIDE = frozenset({_S.ESTACIONADA, _S.QUARENTENA, _S.MORTA, _S.DUPLICADA})
ALLOWED: Mapping[State | None, frozenset[State]] = {
    None: frozenset({_S.RECEBIDA, _S.DUPLICADA}),
    _S.RECEBIDA: frozenset({_S.ARMAZENADA}),
    _S.ARMAZENADA: frozenset({_S.VALIDADA, *_ASIDE}),
    _S.VALIDADA: frozenset({_S.MAPEADA, *_ASIDE}),
    _S.MAPEADA: frozenset({_S.APLICADA, *_ASIDE}),
    _S.APLICADA: frozenset({_S.ENTREGUE, _S.MORTA}),
    # Whatever was set aside begins anew, by the body that is in force then.
    _S.ESTACIONADA: frozenset({_S.ARMAZENADA, _S.QUARENTENA, _S.MORTA, _S.DUPLICADA, _S.DESCARTADA}),
    _S.QUARENTENA: frozenset({_S.ARMAZENADA, _S.MORTA, _S.DESCARTADA}),
    _S.MORTA: frozenset({_S.ARMAZENADA, _S.DESCARTADA}),
    _S.ENTREGUE: frozenset(),
    _S.DUPLICADA: frozenset(),
    _S.DESCARTADA: frozenset(),
}
"""From each state those that may follow it; None: it arrives."""
LINE = (_S.RECEBIDA, _S.ARMAZENADA, _S.VALIDADA, _S.MAPEADA, _S.APLICADA, _S.ENTREGUE)
"""The way of a message with which all is well."""
AT_REST = frozenset({_S.ENTREGUE, _S.QUARENTENA, _S.MORTA, _S.DUPLICADA, _S.DESCARTADA})
"""In these a message is in no queue."""
WITH_PEOPLE = frozenset({_S.ESTACIONADA, _S.QUARENTENA, _S.MORTA})
"""What a person may correct, send again or give up."""


class NotAllowed(Exception):
    """The message is in a state from which that does not follow."""

    def __init__(self, present: State | None, wanted: State) -> None:
        super().__init__(f"{wanted} does not follow {present or 'nothing'}")
        self.present, self.wanted = present, wanted


def check(path: Sequence[State], before: State | None = None, *, known: bool = True) -> None:
    """Raises NotAllowed where a step of the path is none; known: whether `before` is where it begins."""
    for wanted in path:
        if known and wanted not in ALLOWED[before]:
            raise NotAllowed(before, wanted)
        before, known = wanted, True


def before(state: State) -> frozenset[State]:
    """The states it may follow."""
    return frozenset(one for one, following in ALLOWED.items() if one is not None and state in following)


def way(present: State, wanted: State) -> tuple[State, ...]:
    """The steps along the line, empty where it is there already. Raises NotAllowed: it does not lead there.

    >>> [str(one) for one in way(State.ARMAZENADA, State.MAPEADA)]
    ['VALIDADA', 'MAPEADA']
    """
    if present not in LINE or wanted not in LINE or LINE.index(present) > LINE.index(wanted):
        raise NotAllowed(present, wanted)
    return LINE[LINE.index(present) + 1 : LINE.index(wanted) + 1]
