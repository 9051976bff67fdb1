"""The resources that a turn of a conversation leaves in the record, a module for each type."""
