"""What a partner's silence or refusal is to the rest of the hub. Neither text has anything of what was asked."""

from __future__ import annotations


class PartnerUnavailable(Exception):
    """The partner does not answer now: try later."""

    def __init__(self, reason: str, retry_after: float = 0) -> None:
        """retry_after: seconds until it is worth trying, 0 where nobody knows."""
        super().__init__(reason)
        self.reason, self.retry_after = reason, retry_after


class PartnerRefused(Exception):
    """The partner says no: the same request will be refused again."""

    def __init__(self, code: str, issue: str, reasons: tuple[str, ...] = (), key: int | None = None) -> None:
        """code: the partner's; issue: OperationOutcome.issue.code; reasons: TISS codes; key: of what is there."""
        super().__init__(f"refused with {code or 'no code'}")
        self.code, self.issue, self.reasons, self.key = code, issue, reasons, key
