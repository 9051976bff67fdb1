"""Services that work by event: each reads the record, decides, and writes what it decided."""
