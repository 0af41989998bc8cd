"""Stands in for a mail server: keeps every mail for the page `/local/mail/` to show, and sends nothing on."""

from paya_app.local.vendors.smtp.mails import Mail, Mails
from paya_app.local.vendors.smtp.server import serve_smtp

__all__ = ["Mail", "Mails", "serve_smtp"]
