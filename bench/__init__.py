"""Measurements and attacks that are run by a command; each prints figures and exits non-zero when a bar is missed."""
