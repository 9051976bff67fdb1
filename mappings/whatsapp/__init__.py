"""WhatsApp's messages: what its webhook tells, and what is sent by it."""
