"""How a CommunicationRequest reaches a person: the only way out of the hub to one."""
