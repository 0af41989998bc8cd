"""The HTTP surface: the public API, vendors' webhooks, and the session routes.

Import `create_api` from `paya_app.api.app`.
"""
