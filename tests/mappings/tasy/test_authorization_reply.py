"""Decisions of Tasy: no reading makes an answer better than it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.errors import MappingError
from mappings.tasy.authorization_reply import to_claim_response
from mappings.tasy.records import AuthorizationReply, ItemDecided, Reason
from mappings.tasy.site import Site

NOW = datetime(2026, 3, 10, 14, 25)
GROUNDS = Reason(cd_motivo_tiss="1438", ds_motivo="NAO ATENDE DUT", ds_fundamento="RN 465/2021, Anexo II")


def claim(items: int) -> dict[str, Any]:
    return {
        "resourceType": "Claim",
        "type": {"text": "SADT"},
        "patient": {"reference": "Patient/1"},
        "item": [{"sequence": number} for number in range(1, items + 1)],
    }


def reply(header: str, *states: tuple[str, int, int], auditor: str | None = "AUDITORA EXEMPLO") -> AuthorizationReply:
    return AuthorizationReply(
        nr_seq_guia=1,
        nr_protocolo="P1",
        cd_status=header,
        cd_senha="A7K29Q",
        ie_analise_humana="S" if auditor else "N",
        nm_auditor=auditor,
        itens=[
            ItemDecided(
                nr_item=n,
                ie_status=state,
                qt_solicitada=asked,
                qt_autorizada=granted,
                motivos=[GROUNDS] if state in "NMD" else [],
            )
            for n, (state, asked, granted) in enumerate(states, 1)
        ],
    )


def shown(answer: AuthorizationReply, items: int | None = None) -> tuple[str, list[tuple[str, int]], set[str]]:
    """Outcome, (decision, quantity) of each item, codes of faults."""
    resource, faults = to_claim_response(answer, claim(items or len(answer.itens)), "Claim/1/_history/1", Site(), NOW)
    items_shown = [
        (item["adjudication"][0]["category"]["coding"][0]["code"], item["adjudication"][0]["value"])
        for item in resource["item"]
    ]
    assert ("preAuthRef" in resource) == any(code == "approved" for code, _ in items_shown)
    return resource["outcome"], items_shown, {fault.code for fault in faults}


@pytest.mark.parametrize(
    ("answer", "outcome", "items", "faults"),
    [
        (reply("1", ("S", 1, 1)), "complete", [("approved", 1)], set()),
        (reply("1", ("L", 1, 1), ("S", 2, 2)), "complete", [("approved", 1), ("approved", 2)], set()),
        (reply("7", ("P", 2, 1)), "partial", [("approved", 1)], set()),
        (reply("7", ("S", 1, 1), ("N", 1, 0)), "partial", [("approved", 1), ("denied", 0)], set()),
        (reply("3", ("N", 1, 0)), "complete", [("denied", 0)], set()),
        (reply("2", ("A", 1, 0)), "queued", [("in-analysis", 0)], set()),
        (reply("5", ("U", 1, 0)), "queued", [("in-analysis", 0)], set()),
        (reply("2", ("S", 1, 1), ("A", 1, 0)), "queued", [("approved", 1), ("in-analysis", 0)], set()),
        (reply("6", ("C", 1, 0)), "complete", [("cancelled", 0)], set()),
        # the header says more than the items
        (reply("1", ("S", 1, 1), ("N", 1, 0)), "partial", [("approved", 1), ("denied", 0)], {"mismatch"}),
        (reply("1", ("A", 1, 0)), "queued", [("in-analysis", 0)], {"mismatch"}),
        # the header says less than the items
        (reply("2", ("S", 1, 1)), "queued", [("in-analysis", 0)], {"mismatch"}),
        (reply("7", ("S", 1, 1)), "queued", [("in-analysis", 0)], {"mismatch"}),
        # what is unknown
        (reply("9", ("S", 1, 1)), "queued", [("in-analysis", 0)], {"unknown-code", "mismatch"}),
        (reply("1", ("Z", 1, 1)), "queued", [("in-analysis", 0)], {"unknown-code", "mismatch"}),
        # states and quantities that do not go together
        (reply("1", ("S", 1, 0)), "queued", [("in-analysis", 0)], {"mismatch"}),
        (reply("1", ("S", 1, 5)), "queued", [("in-analysis", 0)], {"mismatch"}),
        (reply("3", ("N", 1, 1)), "complete", [("denied", 0)], {"mismatch"}),
    ],
)
def test_decisions(answer: AuthorizationReply, outcome: str, items: list[tuple[str, int]], faults: set[str]) -> None:
    assert shown(answer) == (outcome, items, faults)


def test_an_item_that_is_not_answered_is_in_analysis() -> None:
    assert shown(reply("1", ("S", 1, 1)), 2) == ("queued", [("approved", 1), ("in-analysis", 0)], {"mismatch"})


def test_an_item_that_was_not_asked_for() -> None:
    with pytest.raises(MappingError, match=r"^itens\[1\]\.nr_item: "):
        shown(reply("1", ("S", 1, 1), ("S", 1, 1)), 1)


@pytest.mark.parametrize(
    ("grounds", "auditor"),
    [
        (GROUNDS, None),
        (Reason(ds_motivo="x", ds_fundamento="y"), "A"),
        (Reason(cd_motivo_tiss="1438", ds_fundamento="y"), "A"),
        (Reason(cd_motivo_tiss="1438", ds_motivo="x"), "A"),
        (Reason(cd_motivo_tiss="9999", ds_motivo="x", ds_fundamento="y"), "A"),
        (None, "A"),
    ],
)
def test_a_denial_without_its_grounds_is_not_published(grounds: Reason | None, auditor: str | None) -> None:
    item = ItemDecided(1, "N", 1, 0, [grounds] if grounds else [])
    answer = AuthorizationReply(1, "P1", "3", [item], ie_analise_humana="S" if auditor else "N", nm_auditor=auditor)
    with pytest.raises(MappingError):
        shown(answer)


def test_a_header_alone_denies_nothing() -> None:
    with pytest.raises(MappingError, match="cd_status"):
        shown(reply("3", ("S", 1, 1)))


@given(
    st.sampled_from("123456789X"),
    st.lists(st.tuples(st.sampled_from("SLPNMDAUCXZ"), st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=4),
)
def test_never_better_than_it_is(header: str, states: list[tuple[str, int, int]]) -> None:
    try:
        outcome, items, _ = shown(reply(header, *states))
    except MappingError:
        assert header == "3"  # all grounds are there: only a header that denies what no item denies is refused
        return
    for (state, asked, granted), (decision, value) in zip(states, items, strict=True):
        if decision == "approved":
            assert state in "SLP"
            assert 0 < value == granted <= asked
            assert header in "127456"
        else:
            assert value == 0
        assert decision != "denied" or state in "NMD"
    assert header in "36" or (outcome == "queued") == any(decision == "in-analysis" for decision, _ in items)
