"""What a language model may help with, and what of its answers counts. Rules decide; it may only add."""
