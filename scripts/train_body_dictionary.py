"""Trains the compression dictionary for stored bodies from the shipped sample data.

    python scripts/train_body_dictionary.py OUTPUT

A dictionary that was ever released is never trained again: add one under a new name instead (see
fhir_server/compression.py), or nothing written with it can be read.
"""

from __future__ import annotations

import bz2
import sys
from pathlib import Path

import zstandard

from fhir_server.version import stamped
from mappings.r4 import parse

SIZE = 32 * 1024
SAMPLES = Path(__file__).parent.parent / "hub" / "sample_data"


def main() -> None:
    """Writes the dictionary to the path given."""
    bodies = [
        stamped(entry["resource"], entry["resource"]["resourceType"], "0", 1, 0)
        for path in sorted(SAMPLES.glob("*.bz2"))
        for entry in parse(bz2.decompress(path.read_bytes()))["entry"]
    ]
    dictionary = zstandard.train_dictionary(SIZE, bodies)
    Path(sys.argv[1]).write_bytes(dictionary.as_bytes())
    print(f"{len(bodies)} bodies, dictionary {dictionary.dict_id()} of {len(dictionary.as_bytes())} bytes")


if __name__ == "__main__":
    main()
