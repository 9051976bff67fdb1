"""What Meta tells of account, numbers and templates."""

from __future__ import annotations

from typing import Any

import pytest

from mappings.whatsapp.notice import Alarm, Change, NumberChange, TemplateChange, changes


def template(event: str, **more: Any) -> dict[str, Any]:
    return {"event": event, "message_template_name": "austa_check_in_v1", **more}


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        (
            "account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE"}},
            [NumberChange(None, False, "DISABLE")],
        ),
        (
            "account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "REINSTATE"}},
            [NumberChange(None, True, "REINSTATE")],
        ),
        (
            "account_update", {"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "SCHEDULE_FOR_DISABLE"}},
            [Alarm("DISABLED_UPDATE: SCHEDULE_FOR_DISABLE")],
        ),
        (
            "account_update",
            {
                "event": "ACCOUNT_RESTRICTION",
                "restriction_info": [{"restriction_type": "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"}],
            },
            [
                Alarm("ACCOUNT_RESTRICTION: RESTRICTED_CUSTOMER_INITIATED_MESSAGING"),
                NumberChange(None, False, "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"),
            ],
        ),
        (
            "account_update",
            {
                "event": "ACCOUNT_RESTRICTION",
                "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}],
            },
            [Alarm("ACCOUNT_RESTRICTION: RESTRICTED_BIZ_INITIATED_MESSAGING")],
        ),
        ("account_update", {"event": "ACCOUNT_VIOLATION"}, [Alarm("ACCOUNT_VIOLATION")]),
        ("phone_number_quality_update", {"event": "FLAGGED"}, [Alarm("quality of a number: FLAGGED")]),
        ("phone_number_quality_update", {"event": "UPGRADE"}, []),
        ("message_template_status_update", template("APPROVED"), [TemplateChange("austa_check_in_v1", "APPROVED")]),
        ("message_template_status_update", template("REINSTATED"), [TemplateChange("austa_check_in_v1", "APPROVED")]),
        (
            "message_template_status_update", template("PAUSED", reason="low quality"),
            [
                TemplateChange("austa_check_in_v1", "PAUSED", "low quality"),
                Alarm("template austa_check_in_v1: PAUSED"),
            ],
        ),
        (
            "template_category_update", {"message_template_name": "a", "new_category": "MARKETING"},
            [Alarm("template a is of category MARKETING now")],
        ),
        ("message_template_quality_update", {}, []),
        ("something_new", {}, None),
    ],
)  # fmt: skip
def test_each(field: str, value: dict[str, Any], found: list[Change] | None) -> None:
    assert changes({"field": field, "value": value}) == found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account_update", {}),
        ("account_update", {"event": "DISABLED_UPDATE"}),
        ("message_template_status_update", None),
    ],
)
def test_what_has_another_shape_is_not_guessed(field: str, value: Any) -> None:
    with pytest.raises((KeyError, TypeError, AttributeError)):
        changes({"field": field, "value": value})
