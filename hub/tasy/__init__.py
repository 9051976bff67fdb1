"""The hub and Tasy: how services, record, messages and the ERP's client are joined."""
