"""What an installation of Tasy's says of itself: the file that HUB_TASY_SITE names, in TOML.

zone = "America/Sao_Paulo"
ans_registration = "999997"
base = "https://austa.example/fhir"
establishment = 1

[paths]
"/autorizacoes" = "/guias"

[fields]
nr_seq_segurado = "nr_segurado"

[fields.provider]
nm_fantasia = "nm_comercial"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from adapters.tasy import paths
from hub.settings import Settings
from mappings import check_digits
from mappings.identifiers import Systems
from mappings.tasy.names import NamesUnusable, names_of
from mappings.tasy.site import Site

_AT = re.compile(r"at (line \d+|end of document)")


class SiteUnusable(RuntimeError):
    """The file cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """One establishment."""

    site: Site
    establishment: int
    paths: Mapping[str, str]
    """Contract's path -> the installation's, as `adapters.tasy.paths` gives them."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    zone: str = "America/Sao_Paulo"
    ans_registration: str = "999997"
    base: str = "https://austa.example/fhir"
    establishment: int = 1
    paths: dict[str, Any] = {}
    fields: dict[str, Any] = {}


def site(settings: Settings) -> Place:
    """As the settings have it. Raises SiteUnusable."""
    said = _File()
    if settings.tasy_site is not None:
        try:
            said = msgspec.convert(tomllib.loads(settings.tasy_site.read_text("utf-8")), _File)
        except OSError as error:
            raise SiteUnusable(f"HUB_TASY_SITE: cannot be read: {error.strerror}") from None
        except tomllib.TOMLDecodeError as error:
            at = _AT.search(str(error))
            raise SiteUnusable(f"HUB_TASY_SITE: is no TOML{f', {at[1]}' if at else ''}") from None
        except ValueError as error:
            raise SiteUnusable(f"HUB_TASY_SITE: {error}") from None
    try:
        ZoneInfo(said.zone)
    except (ValueError, ZoneInfoNotFoundError):
        raise SiteUnusable("HUB_TASY_SITE: zone is none of the tz database") from None
    if fault := check_digits.wrong("ans-registration", said.ans_registration):
        raise SiteUnusable(f"HUB_TASY_SITE: ans_registration: {fault}")
    try:
        names, where = names_of(said.fields), paths.paths_of(said.paths)
    except (NamesUnusable, paths.PathsUnusable) as error:
        raise SiteUnusable(f"HUB_TASY_SITE: {error}") from None
    found = Site(Systems(said.base.rstrip("/")), said.zone, said.ans_registration, names)
    return Place(found, said.establishment, where)
