"""Dead letters, operators' tokens, and what a refusal says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from messages import store
from messages.bodies import Sealing
from messages.states import State
from messages.store import Fault, Incoming, Rows
from tests.attacks.caller import Caller
from tests.hub_process import Answer

Call = Callable[..., Answer]
CPF, OTHER = "52998224725", "11144477735"
SET = "999997_MEMBROS_20260310_0001"


def person(caller: Caller, *roles: str, scope: str = "user/Operations.rus") -> str:
    return caller.token(scope, client="console", subject=f"p-{'-'.join(roles)}", roles=roles)


def patient(mark: str, cpf: str = CPF) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": mark, "birthDate": "1980-05-15", "gender": "female",
        "identifier": [{"system": "https://saude.gov.br/fhir/sid/cpf", "value": cpf}],
        "name": [{"family": "EXEMPLO", "given": ["MARIA"]}],
    }  # fmt: skip


def letter(rows: Rows, sealing: Sealing, mark: str, line: int = 17, **more: Any) -> int:
    """A dead letter: a line of a set."""
    body = json.dumps(patient(mark)).encode()
    given = {
        "order_key": mark, "then": (State.MORTA,), "fault": Fault("HUB-B204", "check digit", "identifier[0].value"),
    } | more  # fmt: skip
    incoming = Incoming("B-1", f"{SET}_Patient.ndjson.gz.pgp:{line}{mark}", body, **given)
    return store.receive(rows, sealing, incoming, "batch", datetime.now(UTC)).id


def outcome(answer: Answer) -> tuple[int, str, list[str]]:
    [issue] = answer.json()["issue"]
    return answer.status, issue["code"], issue.get("expression", [])
