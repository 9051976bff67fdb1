"""Every official example goes in and comes out the same, decimals digit by digit. https://hl7.org/fhir/R4/http.html#update"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.examples import difference, exact, examples, resource
from tests.hub_process import FHIR_JSON, Client

KNOWN_BAD: dict[str, str] = {
    "ImplementationGuide/fhir": "has no name and no status, which every ImplementationGuide must have",
    "Questionnaire/qs1": "items without linkId, which every item must have",
}
"""Examples that break a rule of R4 itself, "Type/id" -> which; refusing one of these is right."""
THREADS = 4


@dataclass
class RoundTrip:
    """Which examples came back the same, and why the others did not."""

    same: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """ "Type/id" -> the server's own words."""
    differs: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def total(self) -> int:
        return len(self.same) + len(self.refused) + len(self.differs)

    @property
    def passed(self) -> bool:
        """All but the known-bad ones."""
        return not self.differs and set(self.refused) <= set(KNOWN_BAD) and len(self.refused) <= 2


def _there_and_back(client: Client, raw: bytes) -> tuple[str, str, str]:
    """Name, which list it belongs to, why."""
    parsed = resource(raw)
    name = f"{parsed['resourceType']}/{parsed['id']}"
    answer = client.request("PUT", name, raw)
    if answer.status not in (200, 201):
        try:
            issues = answer.json()["issue"]
            words = "; ".join(f"{i['diagnostics']} {','.join(i.get('expression', ()))}".strip() for i in issues[:3])
        except (ValueError, KeyError):
            words = answer.body[:200].decode(errors="replace")
        return name, "refused", f"{answer.status} {words}"
    back = client.request("GET", name, headers={"Accept": FHIR_JSON})  # a Binary would come raw
    if back.status != 200:
        return name, "differs", f"GET answers {back.status}"
    where = difference(exact(raw), exact(back.body))
    return (name, "differs", where) if where else (name, "same", "")


def run(client: Client, data: Path) -> RoundTrip:
    """Puts all examples and gets them back."""
    result = RoundTrip()
    with ThreadPoolExecutor(THREADS) as pool:
        rows = pool.map(lambda raw: _there_and_back(client, raw), examples(data))
        for name, list_name, why in rows:
            if list_name == "same":
                result.same.append(name)
            else:
                (result.refused if list_name == "refused" else result.differs)[name] = why
    return result


def report(result: RoundTrip) -> None:
    """Prints what did not come back the same, with the reason."""
    for name, why in sorted(result.refused.items()):
        print(f"  refused {name}: {KNOWN_BAD.get(name, 'not known to be bad')}: {why}")
    for name, why in sorted(result.differs.items()):
        print(f"  differs {name}: {why}")


def by_type(names: list[str]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for name in names:
        found[name.partition("/")[0]].append(name)
    return dict(found)
