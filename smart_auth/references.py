"""Ids of resources, and relative references to them, as they are told this server. https://hl7.org/fhir/R4/datatypes.html#id"""

from __future__ import annotations

import re

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
REFERENCE = re.compile(rf"([A-Z][A-Za-z]{{1,63}})/{ID.pattern}")
"""Its group is the resource type."""
