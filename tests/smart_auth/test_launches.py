"""What an app may be launched with."""

from __future__ import annotations

import pytest

from smart_auth.launches import UnusableContext, checked

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
