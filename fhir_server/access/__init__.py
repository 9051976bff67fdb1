"""Who sees and does what: each request is held to its Access, each statement stands under one predicate.

`interactions.py`: what an interaction needs; `wall.py`: what scopes open, type by type; `predicate.py`: that as SQL;
`searching.py`: types a search may name; `writing.py`: what a write may leave behind.
"""

from __future__ import annotations

from fhir_server.access.predicate import sees, sees_row, version_visible, visible

__all__ = ["sees", "sees_row", "version_visible", "visible"]
