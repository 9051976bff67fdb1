"""The conversations' API for other systems: `{site}/api/v1` and `{site}/ws/conversations`. docs/api.md"""
