"""The way into the FHIR API: the bearer token of a request, as the Access that the API holds it to.

https://www.rfc-editor.org/rfc/rfc6750
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

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


def gate(bearer: Bearer, rates: Rates) -> Callable[[FhirRequest], Awaitable[Access]]:
    """request -> its Access, which it then carries, as its answer will carry what is left of the minute's requests.

    Raises Unauthorized, Invalid (a token elsewhere than in one header), Unavailable, TooManyRequests.
    """

    async def access(request: FhirRequest) -> Access:
        if request.query and any(name == "access_token" for name, _ in request.query):
            raise Invalid("a token belongs into the header Authorization, never into the URL")
        header = request.headers.get("authorization", "")
        try:
            request.access = found = bearer.seen(header) or await bearer.access(token_of(header))
        except TokenRefused as error:
            raise Unauthorized(str(error), token=True) from None
        except FeedLost:
            raise Unavailable("whether the token still holds cannot be found out just now") from None
        if rates.limited:
            request.told = rates.count(found)
        return found

    return access
