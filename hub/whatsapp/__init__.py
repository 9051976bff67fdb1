"""WhatsApp joined to the record."""
