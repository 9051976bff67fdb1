"""Other servers measured beside the hub; README.md here says with which settings."""
