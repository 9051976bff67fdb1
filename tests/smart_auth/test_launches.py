"""What an app may be launched with."""

from __future__ import annotations

import pytest

from smart_auth.launches import Context, UnusableContext, checked

STUDY = {"reference": "ImagingStudy/1"}


@pytest.mark.parametrize(
    ("role", "good"),
    [
        ("launch", True), ("https://example.org/role", True), ("urn:uuid:1", True), ("", False), ("x", False),
        ("/role", False), (5, False), ("https://example.org/a b", False),
    ],
)  # fmt: skip
def test_roles(role: object, good: bool) -> None:
    item = STUDY | {"role": role}
    if good:
        assert checked("1", None, [item], True, None).fhir_context == (item,)
    else:
        with pytest.raises(UnusableContext, match="role"):
            checked("1", None, [item], True, None)
    assert checked("1", None, [STUDY], True, None).fhir_context == (STUDY,)


HOME, WARD = "https://x.example/home", "https://x.example/ward"
CONTEXT = (
    {"reference": "List/1", "role": HOME}, {"reference": "List/2", "role": WARD}, {"reference": "List/3"},
    {"reference": "Encounter/9", "role": WARD}, {"identifier": {"value": "x"}, "type": "Task"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("scopes", "kept"),
    [
        (["launch"], [0, 1, 2, 3, 4]), (["launch/list"], [0, 1, 2, 3, 4]),
        ([f"launch/list?role={HOME}"], [0, 3, 4]),
        ([f"launch/list?role={HOME}", f"launch/list?role={WARD}"], [0, 1, 3, 4]),
        (["launch/list?role=launch"], [2, 3, 4]), (["launch/list?role=https://x.example/other"], [0, 1, 2, 3, 4]),
        ([f"launch/encounter?role={WARD}", f"launch/list?role={WARD}"], [1, 3, 4]),
    ],
)  # fmt: skip
def test_roles_that_are_asked_for(scopes: list[str], kept: list[int]) -> None:
    """What has the role; where nothing has it, whatever there is of the type."""
    context = Context("1", None, CONTEXT)
    assert context.asked(scopes).fhir_context == tuple(CONTEXT[place] for place in kept)
    assert context.kinds() == {"patient", "list", "encounter", "task"}
