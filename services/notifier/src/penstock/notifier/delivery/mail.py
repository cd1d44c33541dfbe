"""Messages by SMTP, sent in a thread: the standard library's client waits."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime

from penstock.notifier.delivery.errors import DeliveryRefused, DestinationUnavailable
from penstock.notifier.news import News, text_of, title_of
from penstock.notifier.notifications import Email

LIMIT_S = 15.0  # of silence


class MailSender:
    """Sends messages through one relay."""

    def __init__(self, destination: Email, password: str | None) -> None:
        self._destination = destination
        self._password = password

    async def send(self, news: News) -> str:
        """Send the news; what was answered.

        Raises:
            DestinationUnavailable: the relay is away, does not let us in, or asks for patience.
            DeliveryRefused: it does not take the message, or for none of the recipients.
        """
        message = message_of(news, self._destination)
        try:
            refused = await asyncio.to_thread(self._send, message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _error_of(min(code for code, _ in error.recipients.values()), str(error)) from error
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise _error_of(error.smtp_code, str(error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DestinationUnavailable(f"{type(error).__name__}: {error}") from error
        return f"taken, but not for {', '.join(refused)}" if refused else "taken"

    def _send(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        to = self._destination
        with self._connection() as relay:
            if to.tls == "starttls":
                relay.starttls(context=ssl.create_default_context())
            if to.username is not None and self._password is not None:
                relay.login(to.username, self._password)
            return relay.send_message(message)

    def _connection(self) -> smtplib.SMTP:
        to = self._destination
        if to.tls == "implicit":
            return smtplib.SMTP_SSL(to.host, to.port, timeout=LIMIT_S, context=ssl.create_default_context())
        return smtplib.SMTP(to.host, to.port, timeout=LIMIT_S)


def _error_of(code: int, text: str) -> Exception:
    return DeliveryRefused(text) if code >= 500 else DestinationUnavailable(text)


def message_of(news: News, destination: Email) -> EmailMessage:
    """The message: its id follows from the alert's, so that one that comes twice is known as the same."""
    message = EmailMessage()
    message["From"] = destination.sender
    message["To"] = ", ".join(destination.recipients)
    message["Subject"] = title_of(news)
    message["Date"] = format_datetime(news.alert.time)
    message["Message-ID"] = f"<{news.message_id}@penstock>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text_of(news) + "\n")
    return message
