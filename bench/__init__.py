"""Measures the hub. `python -m bench --help`; the last results stand in RESULTS.md."""
