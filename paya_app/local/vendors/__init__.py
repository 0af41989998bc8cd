"""Stand-ins for the vendors: each speaks its vendor's wire format at an address of its own.

No product module imports these; PaYa reaches them through the vendors' own libraries, by address.
"""
