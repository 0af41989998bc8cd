"""Adapters to vendors, one per vendor, each over the vendor's own library.

Whatever goes wrong becomes one of three things (`outcome`): it can be tried again, the vendor refused it, or
nobody knows whether it happened.
"""
