"""429 of the token endpoint. https://www.rfc-editor.org/rfc/rfc6585#section-4"""

from __future__ import annotations

from authlib.oauth2.rfc6749 import OAuth2Error


class TooOften(OAuth2Error):
    """429: more than a client may ask for in a minute."""

    error = "temporarily_unavailable"
    description = "too many tokens in this minute; use each until it ends"
    status_code = 429

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self._seconds = seconds

    def get_headers(self) -> list[tuple[str, str]]:
        """With Retry-After."""
        return [*super().get_headers(), ("Retry-After", str(self._seconds))]
