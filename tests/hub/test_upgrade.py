"""A record of a release before labels, consents and owners: nobody is served before it is judged."""

from __future__ import annotations

from pathlib import Path

import psycopg

from smart_auth.seal import new_key
from tests.attacks.caller import Caller
from tests.attacks.record import Record
from tests.hub_process import HubProcess

PSY = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32"}]}


def test_nobody_sees_what_is_not_judged_yet(database: str, tmp_path: Path) -> None:
    key = new_key()
    settings = {"database_url": database, "access": "smart", "key": key, "workers": "1"}
    subscription = {
        "resourceType": "Subscription", "status": "off", "reason": "x", "criteria": "Observation?",
        "channel": {"type": "rest-hook", "endpoint": "http://127.0.0.1:1/"},
    }  # fmt: skip
    owners = "select array_to_string(names, ' '), ended from subscription_owner order by ended"
    with HubProcess(tmp_path / "open", {"database_url": database, "access": "open"}) as served:
        answer = served.client.request("PUT", "Subscription/nobody-s", subscription | {"id": "nobody-s"})
        assert answer.status == 201, answer.body
    with HubProcess(tmp_path / "before", settings) as served:
        caller = Caller(served, database, key)
        record = Record(caller, "m")
        path = "Condition/psy"
        record.put({"resourceType": "Condition", "id": "psy", "subject": {"reference": "Patient/a-m"}, "code": PSY})
        owner = caller.token("system/*.cruds", client="teller", subject="teller", id="the-grant")
        assert caller.get("Subscription/owned", owner, "PUT", subscription | {"id": "owned"}).status == 201
        caller.close()
    with psycopg.connect(database, autocommit=True) as connection:
        known = connection.execute(owners).fetchall()
        connection.execute("truncate label, consent_effect, subscription_owner")
        connection.execute("insert into unjudged select 0, max(rid) from resource")
    with HubProcess(tmp_path / "after", settings) as served:
        caller = Caller(served, database, key)
        nurse = caller.token("user/*.rs", roles=("nurse",), subject="nurse", fhir_user="Practitioner/nobody")
        assert caller.get(path, nurse).status == 404
        caller.close()
    with psycopg.connect(database) as connection:
        assert known == [("grant:the-grant client:teller subject:teller", False)]
        assert connection.execute(owners).fetchall() == [*known, ("", True)]
