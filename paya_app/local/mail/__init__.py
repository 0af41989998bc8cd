"""The stand-in mailbox: a page at `/local/mail/` that shows every mail the SMTP stand-in took.

Embedded only. Whoever can open it reads everybody's mails, so it answers to this machine's own names alone.
"""

from paya_app.local.mail.app import create_mail

__all__ = ["create_mail"]
