"""What patients allow and forbid: `effects.py` reads a Consent, `verdict.py` asks what was read, as SQL."""
