"""Doors to other systems: thin, one room for each."""
