"""Who answers for the plan what $submit asks; the record knows no more of them. https://hl7.org/fhir/R4/financial-module.html"""

from __future__ import annotations

from typing import Protocol


class Payer(Protocol):
    """Takes requests that are stored, and gives the reference to what is answered, such as ClaimResponse/1."""

    async def eligibility(self, asked: bytes) -> str:
        """The CoverageEligibilityResponse to a CoverageEligibilityRequest. Raises Unavailable."""

    async def authorization(self, claim: bytes) -> str:
        """The ClaimResponse to a Claim of use preauthorization, at once, decided or not. Raises Unavailable."""
