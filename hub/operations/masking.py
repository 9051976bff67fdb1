"""Bodies without what says whose they are: structure, codes and dates stay, any other text becomes a mask. Pure.

What stays is listed; what nobody thought of is masked. Codes that are long numbers are masked too: a card is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

Json = Any

MASK, CHANGED = "***", "*** (changed)"
_FHIR = frozenset({
    "resourceType", "id", "system", "code", "status", "use", "gender", "unit", "url", "reference", "type", "profile",
    "version", "versionId", "lastUpdated", "method", "intent", "currency", "comparator", "mode", "outcome", "language",
    "contentType", "valueCode", "valueUri", "fullUrl", "start", "end", "created", "issued", "linkId", "rank", "kind",
})  # fmt: skip
"""Members of FHIR whose texts are codes, dates or addresses of definitions."""
_ERP = re.compile(r"(?:cd|ie|sg|vl|qt|dt)_[a-z0-9_]+|nr_(?:seq_[a-z0-9_]+|item|protocolo|protocolo_ans|via|lote)")
"""Members of the ERP's whose texts are codes, amounts or dates."""
_PERSONAL = frozenset({
    "birthDate", "deceasedDateTime", "dt_nascimento", "dt_obito", "cd_usuario_plano", "cd_cep", "cd_senha",
    "cd_municipio_ibge", "nr_conselho", "cd_cgc",
})  # fmt: skip
"""Members that say who somebody is, though they look like the others."""
_TOKEN = re.compile(r"[A-Za-z0-9_.:/|#+%-]{1,200}")
_LONG_NUMBER = re.compile(r"(?<![A-Za-z0-9])[0-9]{10,}")
_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9:.]{5,12}(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?")
_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NOTHING = object()

Meant = Mapping[str, frozenset[str]]


def masked(body: Json, before: Json = _NOTHING, meant: Meant = MappingProxyType({})) -> Json:
    """The body with masks. before: an earlier one, for which a text that is masked says whether it has changed.

    meant: what members of an installation with names of its own stand for; such a one stays if all of them would.
    """
    return _masked(body, "", before, meant)


def _masked(value: Json, name: str, before: Json, meant: Meant) -> Json:
    if isinstance(value, dict):
        earlier = before if isinstance(before, dict) else {}
        unknown = _NOTHING if before is _NOTHING else None
        return {
            (key if _MEMBER.fullmatch(key) else MASK): _masked(one, key, earlier.get(key, unknown), meant)
            for key, one in value.items()
        }
    if isinstance(value, list):
        rest = _NOTHING if before is _NOTHING else None
        old = before if isinstance(before, list) else []
        return [_masked(one, name, old[at] if at < len(old) else rest, meant) for at, one in enumerate(value)]
    if value is None or isinstance(value, bool) or all(_stays(value, one) for one in (name, *meant.get(name, ()))):
        return value
    return MASK if before is _NOTHING or before == value else CHANGED


def _stays(value: str | int | float | Decimal, name: str) -> bool:
    if name in _PERSONAL:
        return False
    if not isinstance(value, str):
        return -(10**9) < value < 10**9
    if value == "" or _DATE.fullmatch(value):
        return True
    known = name in _FHIR or _ERP.fullmatch(name) is not None
    return known and _TOKEN.fullmatch(value) is not None and not (name != "nr_protocolo" and _LONG_NUMBER.search(value))
