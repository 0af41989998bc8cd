"""The API for developers, version 1."""
