"""E-mail by a server of the standard library: encrypted, with a password, and refused for good or for now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from penstock.notifier.delivery.errors import DeliveryRefused, DestinationUnavailable
from penstock.notifier.delivery.mail import MailSender
from penstock.notifier.news import News
from penstock.notifier.notifications import Email

from .mail_server import MailServer, mail_server
from .site import NOW, alert

NEWS = News.of(alert(1, message="version 3 loses 0.31\nBcc: everybody@example.com"), NOW, 4)


@pytest.fixture
async def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MailServer]:
    async with mail_server(tmp_path, "pass word") as mail:
        monkeypatch.setenv("SSL_CERT_FILE", str(mail.certificate))
        yield mail


def sender(mail: MailServer, password: str = "pass word", *recipients: str) -> MailSender:
    fields = {"name": "night", "kind": "email", "host": "localhost", "port": mail.port, "sender": "p@example.com"}
    to = {"recipients": recipients or ("night@example.com",), "username": "penstock", "password_variable": "P"}
    return MailSender(Email.model_validate({**fields, **to}), password)


async def test_a_message_is_sent_encrypted_and_says_what_to_do(mail: MailServer) -> None:
    assert await sender(mail).send(NEWS) == "taken"

    (message,) = mail.messages
    assert mail.was_encrypted == [True]
    assert mail.logins == [b"\0penstock\0pass word"]
    assert message["Subject"] == "[critical] loans: shortfall"
    assert message["Message-ID"] == f"<{NEWS.message_id}@penstock>"
    assert "Bcc" not in message
    text = message.get_content()
    assert "Runbook: docs/runbooks/a-champion-falls-short.md" in text
    assert "4 more since the last message" in text


async def test_a_server_with_another_certificate_is_told_nothing(
    mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DestinationUnavailable, match="certificate"):
        await sender(mail).send(NEWS)
    assert (mail.logins, mail.messages) == ([], [])


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
async def test_a_message_is_refused_for_good_or_for_now(mail: MailServer, verb: str) -> None:
    mail.answers[verb] = ["550 never", "451 later"]
    with pytest.raises(DeliveryRefused, match="never"):
        await sender(mail).send(NEWS)
    with pytest.raises(DestinationUnavailable, match="later"):
        await sender(mail).send(NEWS)
    assert await sender(mail).send(NEWS) == "taken"


async def test_a_wrong_password_is_waited_out(mail: MailServer) -> None:
    with pytest.raises(DestinationUnavailable, match="535"):
        await sender(mail, "wrong").send(NEWS)


async def test_one_recipient_of_two_is_told_of(mail: MailServer) -> None:
    mail.answers["RCPT"] = ["550 unknown"]
    two = sender(mail, "pass word", "a@example.com", "b@example.com")
    assert await two.send(NEWS) == "taken, but not for a@example.com"


async def test_a_server_that_is_away_is_waited_for(mail: MailServer) -> None:
    there = sender(mail)
    mail.port = 1
    with pytest.raises(DestinationUnavailable, match="refused"):
        await sender(mail).send(NEWS)
    assert await there.send(NEWS) == "taken"
