"""Identifiers of the systems that settings name, encrypted where they are stored. docs/decisions/field-encryption.md"""
