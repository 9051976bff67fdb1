"""The way into the FHIR API: the bearer token of a request, as the Access that the API holds it to.

https://www.rfc-editor.org/rfc/rfc6750
"""

from __future__ import annotations

from fhir_server.exchange import FhirRequest
from fhir_server.outcome import Invalid, Unauthorized, Unavailable
from hub.rates import Rates
from smart_auth.bearer import Bearer, TokenRefused
from smart_auth.feed import FeedLost
from smart_auth.scopes import Access


def token_of(header: str) -> str:
    """The token of a header Authorization. Raises Unauthorized, Invalid."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("a bearer token is needed")
    if "," in token:
        raise Invalid("the header Authorization holds more than one token")
    return token.strip()


class Gate:
    """request -> its Access, which it then carries, as its answer will carry what is left of the minute's requests."""

    def __init__(self, bearer: Bearer, rates: Rates) -> None:
        self._bearer, self._rates = bearer, rates

    def at_once(self, request: FhirRequest) -> Access | None:
        """Of a token that was verified before; None: it has to be asked for. Raises TooManyRequests."""
        if request.query:  # there may be a token in it
            return None
        found = self._bearer.seen(request.headers.get("authorization", ""))
        return found and self._counted(request, found)

    async def __call__(self, request: FhirRequest) -> Access:
        """Of any token. Raises Unauthorized, Invalid (it is elsewhere than in one header), Unavailable,
        TooManyRequests.
        """
        if request.query and any(name == "access_token" for name, _ in request.query):
            raise Invalid("a token belongs into the header Authorization, never into the URL")
        header = request.headers.get("authorization", "")
        try:
            found = self._bearer.seen(header) or await self._bearer.access(token_of(header))
        except TokenRefused as error:
            raise Unauthorized(str(error), token=True) from None
        except FeedLost:
            raise Unavailable("whether the token still holds cannot be found out just now") from None
        return self._counted(request, found)

    def _counted(self, request: FhirRequest, access: Access) -> Access:
        request.access = access
        if self._rates.limited:
            request.told = self._rates.count(access)
        return access
