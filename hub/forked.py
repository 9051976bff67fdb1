"""Imported first by the process that those beside the hub are forked from: see `hub/beside.py`."""

from __future__ import annotations

from hub.garbage import collect_seldom

# Before the other modules are: looking for garbage among them takes a fifth of the time.
collect_seldom()
