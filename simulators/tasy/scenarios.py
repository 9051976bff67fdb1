"""The contract's scenarios by number, as steps that a running installation takes. Tasy contract, section 17.

Those of HL7 v2 (19, 20) need a sender of such messages, which is none of the ERP's interfaces here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_ELIGIBLE, _GUIDES = "/beneficiarios/elegibilidade", "/autorizacoes"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario."""

    title: str
    steps: tuple[tuple[str, Json], ...] = ()
    """Path below `/_simulador`, and what is posted there."""
    hint: str = ""
    """What there is to see, where nothing needs to be started."""


def _set(flow: str, full: bool = True, **more: Any) -> tuple[str, Json]:
    return "conjuntos", {"flow": flow, "full": full, **more}


def _call(name: str, path: str = "", times: int = 1, seconds: float = 30) -> tuple[str, Json]:
    return "", {"name": name, "path": path, "times": times, "seconds": seconds}


SCENARIOS: dict[int, Scenario] = {
    1: Scenario(
        "all eight flows without fault",
        (_set("MEMBROS"), _set("REDE"), _set("PLANOS"), _set("RECONCILIACAO")),
        "the four calls of the REST interface answer as they are asked",
    ),
    2: Scenario("an error in a 200", (_call("error-in-200", _ELIGIBLE),)),
    3: Scenario("silence after commit", (_call("silence-after-commit", _GUIDES, seconds=20),)),
    4: Scenario("a burst", hint="the limit of 1000 calls a minute is always there; send more"),
    5: Scenario("the breaker opens", (_call("maintenance", times=60, seconds=5),)),
    6: Scenario("the token ends in mid-burst", (_call("token-expired"),)),
    7: Scenario("wrong certificate", (_call("wrong-certificate", times=2),), "client-ended.pem has ended as well"),
    8: Scenario("unknown values", (_call("unknown-state", _ELIGIBLE), _call("unknown-item-status", _GUIDES))),
    9: Scenario("header and items differ", (_call("header-says-less", _GUIDES), _call("header-says-more", _GUIDES))),
    10: Scenario("denial without grounds", (_call("denial-without-grounds", _GUIDES),)),
    11: Scenario("card with leading zeros", hint="every card begins with zeros"),
    12: Scenario("use after the end of a contract", hint="one member in sixty has dt_limite_utilizacao"),
    13: Scenario("CNPJ with letters", (_set("REDE"),), "every other organization has one"),
    14: Scenario(
        "names in ISO 8859-1, names decoded twice",
        (
            _call("mojibake", _ELIGIBLE),
            _set("MEMBROS", troubles=["latin-1"]),
            _set("MEMBROS", troubles=["mojibake"]),
        ),
    ),
    15: Scenario(
        "sets that are not whole, not signed, not the ERP's",
        (
            _set("PLANOS", troubles=["truncated"]),
            _set("PLANOS", troubles=["other-signer"]),
            _set("PLANOS", troubles=["unsigned"]),
            _set("PLANOS", troubles=["no-done"]),
            ("sftp", {"name": "other-host-key"}),
        ),
    ),
    16: Scenario(
        "a gap, the last set again, a used number",
        (
            _set("MEMBROS", full=False, troubles=["late"]),
            _set("MEMBROS", full=False),
            ("conjuntos", {"again": True}),
            _set("MEMBROS", full=False, troubles=["used-number"]),
        ),
        'the missing set comes by {"late": true}',
    ),
    17: Scenario("30 % of the members cancelled", (_set("MEMBROS", full=False, troubles=["cancels"]),)),
    18: Scenario("bad line 17 of 312", (_set("MEMBROS", full=False, troubles=["bad-line"]),)),
    21: Scenario(
        "a time that no clock showed",
        (_call("summer-time", _ELIGIBLE), _call("summer-time", _GUIDES)),
    ),
    22: Scenario("reconciliation with differences", (_set("RECONCILIACAO", differences=5),)),
}
