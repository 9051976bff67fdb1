"""The desks joined to the record: what people do with a talk, what they leave undone, and who is called then."""
