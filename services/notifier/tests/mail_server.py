"""A mail server of the standard library alone, as far as a client with STARTTLS and a password needs one (RFC 5321)."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass
class MailServer:
    """What came in, and what is answered: `answers` by verb take the place of the usual ones, in turn."""

    certificate: Path
    password: str = ""
    answers: dict[str, list[str]] = field(default_factory=dict)
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_encrypted = False
        writer.write(b"220 test\r\n")
        while line := (await reader.readline()).decode().strip():
            verb = line.split()[0].upper()
            answer = self.answers[verb].pop(0) if self.answers.get(verb) else self._answer(verb, line)
            writer.write(f"{answer}\r\n".encode())
            await writer.drain()
            if verb == "STARTTLS":
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                context.load_cert_chain(self.certificate)
                await writer.start_tls(context)
                is_encrypted = True
            elif verb == "DATA" and answer.startswith("354"):
                await self._read_message(reader, is_encrypted)
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                break
        writer.close()

    def _answer(self, verb: str, line: str) -> str:
        match verb:
            case "EHLO":
                return "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN"
            case "STARTTLS":
                return "220 go on"
            case "QUIT":
                return "221 bye"
            case "AUTH":
                self.logins.append(base64.b64decode(line.split()[2]))
                return "235 in" if self.logins[-1].endswith(b"\0" + self.password.encode()) else "535 out"
            case "DATA":
                return "354 go on"
            case "RCPT":
                self.recipients.append(line)
        return "250 ok"

    async def _read_message(self, reader: asyncio.StreamReader, is_encrypted: bool) -> None:
        content = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
        self.messages.append(cast("EmailMessage", message_from_bytes(content, policy=default)))
        self.was_encrypted.append(is_encrypted)


@asynccontextmanager
async def mail_server(folder: Path, password: str = "") -> AsyncIterator[MailServer]:
    """Listen on a free port for the length of the block."""
    mail = MailServer(certificate_in(folder), password)
    server = await asyncio.start_server(mail.serve, "127.0.0.1", 0)
    mail.port = server.sockets[0].getsockname()[1]
    async with server:
        yield mail


def certificate_in(folder: Path) -> Path:
    """A key and a certificate for localhost that signs itself, in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / "localhost.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return file
