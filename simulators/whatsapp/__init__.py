"""WhatsApp, simulated: Meta's API and webhooks on a real socket, and a page that looks like a phone."""
