"""What people may ask about their own data (LGPD, art. 18): tables and decisions, for the operations that ask."""
