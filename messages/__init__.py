"""Every message that passes a partner: its life cycle and forms, the queue, dead letters, runs of sets, partners."""
