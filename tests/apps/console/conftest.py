"""Keys of both ends of the wire, as sets of files need them."""

from __future__ import annotations

from tests.batch.conftest import parties as parties
