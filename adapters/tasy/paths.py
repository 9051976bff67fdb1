"""Where Tasy's calls are: the contract's paths, and those of an installation that has others. Contract, 2, 5 to 8.

A path that is not renamed itself goes along with the one above it: where `/autorizacoes` is `/guias`, its
`/autorizacoes/{nr_seq_guia}` is `/guias/{nr_seq_guia}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

BASE, TOKEN = "/api/pls/v1", "/oauth2/token"
PATHS = (
    "/beneficiarios/elegibilidade",
    "/autorizacoes",
    "/autorizacoes/{nr_seq_guia}",
    "/autorizacoes/{nr_seq_guia}/cancelamento",
    "/autorizacoes/{nr_seq_guia}/anexos",
    "/autorizacoes/{nr_seq_guia}/reanalise",
    "/prestadores",
    "/prestadores/{nr_seq_prestador}",
    "/protocolos/{nr_protocolo}",
    "/contas",
)
"""Below the base path."""
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~\-]+|\{[a-z_]+\}))+")
_PARAMETER = re.compile(r"\{[a-z_]+\}")


class PathsUnusable(ValueError):
    """Paths cannot be renamed so; the text says which, and why."""


def paths_of(renamed: Mapping[str, Any]) -> Mapping[str, str]:
    """Contract's path -> the whole one of an installation. renamed: a path below the base path, the base path or the
    token's -> the installation's.

    Raises PathsUnusable: a path that is in no contract, is none, lacks a parameter, or is another one's too.
    """
    for name, value in renamed.items():
        if name not in (BASE, TOKEN, *PATHS):
            raise PathsUnusable(f'paths."{name}": is no path of the contract')
        if not isinstance(value, str) or not _PATH.fullmatch(value) or {".", ".."} & set(value.split("/")):
            raise PathsUnusable(f'paths."{name}": is no path: /segments/and/{{parameters}} is one')
        if sorted(_PARAMETER.findall(name)) != sorted(_PARAMETER.findall(value)):
            raise PathsUnusable(f'paths."{name}": needs the parameters of the contract\'s path, and no others')
    base = renamed.get(BASE, BASE)
    whole = {TOKEN: renamed.get(TOKEN, TOKEN)} | {name: base + _below(name, renamed) for name in PATHS}
    taken: dict[str, str] = {}
    for name, value in whole.items():
        other = taken.setdefault(_PARAMETER.sub("{}", value), name)
        if other != name:
            raise PathsUnusable(f'paths."{name}": is where {other} is too')
    return MappingProxyType(whole)


def _below(name: str, renamed: Mapping[str, str]) -> str:
    above = name
    while above:
        if above in renamed:
            return renamed[above] + name.removeprefix(above)
        above = above.rpartition("/")[0]
    return name


CONTRACT = paths_of({})
