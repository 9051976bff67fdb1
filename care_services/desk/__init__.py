"""What people do with what the service leaves to them, and what happens when nobody does anything."""
