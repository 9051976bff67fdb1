"""A table of paths with names in them -> the route of a request, for APIs of the hub's own beside FHIR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from fhir_server.outcome import MethodNotAllowed, NotFound


class Route(Protocol):
    """One row: GET, `messages/{id}/forms`."""

    @property
    def method(self) -> str:
        """As HTTP has it; HEAD counts as GET."""

    @property
    def path(self) -> str:
        """Below the base, without slashes around it."""


R = TypeVar("R", bound=Route)


def resolved(routes: Iterable[R], method: str, path: str, whose: str) -> tuple[R, Mapping[str, str]]:
    """The route of a request, and the values in its path. whose: such as "the API has".

    Raises NotFound, MethodNotAllowed.
    """
    parts, allowed = path.split("/"), []
    for route in routes:
        wanted = route.path.split("/")
        if len(wanted) == len(parts) and all(
            part if name[0] == "{" else name == part for name, part in zip(wanted, parts, strict=True)
        ):
            if route.method == ("GET" if method == "HEAD" else method):
                return route, {
                    name[1:-1]: part for name, part in zip(wanted, parts, strict=True) if name[0] == "{"
                }  # fmt: skip
            allowed.append(route.method)
    if not allowed:
        raise NotFound(f"{whose} no such path")
    error = MethodNotAllowed(f"only {', '.join(allowed)}")
    error.headers = {"Allow": ", ".join(allowed)}
    raise error
