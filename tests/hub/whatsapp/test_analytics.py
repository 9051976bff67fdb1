"""The table of how messages fared: every count in it once, in its column."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.whatsapp.analytics import STATES, table

WORD = st.text("abc123_", min_size=1, max_size=12)


def test_a_line_for_each_template_number_and_code() -> None:
    counts = {
        ("100", "austa_reminder_v1", "accepted", ""): 1200,
        ("100", "austa_reminder_v1", "sent", ""): 1190,
        ("100", "austa_reminder_v1", "failed", "131026"): 10,
        ("100", "", "accepted", ""): 3,
        ("100", "", "read", ""): 2,
    }
    assert table(counts) == [
        "template           number  code    accepted  sent  delivered  read  failed",
        "(no template)      100                    3     0          0     2       0",
        "austa_reminder_v1  100                 1200  1190          0     0       0",
        "austa_reminder_v1  100     131026         0     0          0     0      10",
    ]


def test_where_nothing_was_sent_there_is_the_head_alone() -> None:
    assert len(table({})) == 1


@given(st.dictionaries(st.tuples(WORD, WORD, st.sampled_from(STATES), st.just("")), st.integers(0, 10**9)))
def test_nothing_is_lost(counts: dict[tuple[str, str, str, str], int]) -> None:
    rows = [line.split() for line in table(counts)[1:]]
    assert sum(int(number) for row in rows for number in row[2:]) == sum(counts.values())
    assert len({len(line) for line in table(counts)}) == 1
