"""The parts that pages are made of. Parts take vars and events, never services."""
