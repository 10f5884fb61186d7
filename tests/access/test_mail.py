"""Mail leaves by a hook, which is tried three times, and holds nobody up."""

import asyncio
import hmac
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app import metrics
from app.access import mail
from app.access.mail import Command, Mail, MailFailed, Nowhere, Outbox, Webhook

LETTER = mail.verify_email("ada@example.org", "a-code", datetime(2026, 1, 1, 12, tzinfo=UTC))


@asynccontextmanager
async def answering(status: str) -> AsyncGenerator[tuple[str, list[bytes]]]:
    """A web server that answers every request so; yields its address and what it was sent."""
    sent: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        sent.append(head + await reader.readexactly(length))
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mail", sent


def sent_count(outcome: str) -> float:
    labels = {"kind": "verify_email", "outcome": outcome}
    return metrics.REGISTRY.get_sample_value("touchline_mails_total", labels) or 0


async def test_a_program_is_given_the_mail_as_json(tmp_path: Path):
    place = tmp_path / "mail.json"
    await Command(f"/bin/sh -c 'cat > {place}'").send(LETTER)
    given: dict[str, Any] = json.loads(place.read_text())
    assert (given["kind"], given["to"], given["token"]) == (
        *("verify_email", "ada@example.org", "a-code"),
    )
    assert "a-code" in given["text"]
    assert given["expiresAt"].startswith("2026-01-01T12:00:00")


@pytest.mark.parametrize("command", ["/bin/sh -c 'exit 3'", "/no/such/program"])
async def test_a_program_that_does_not_take_it_is_a_failure(command: str):
    with pytest.raises(MailFailed):
        await Command(command).send(LETTER)


async def test_an_address_is_posted_the_mail_signed():
    async with answering("204 No Content") as (url, sent):
        await Webhook(url, "a secret").send(LETTER)
    head, _, body = sent[0].partition(b"\r\n\r\n")
    signature = hmac.new(b"a secret", body, "sha256").hexdigest()
    assert f"x-signature: sha256={signature}".encode() in head.lower()
    assert json.loads(body)["to"] == "ada@example.org"


async def test_an_address_that_does_not_take_it_is_a_failure():
    async with answering("500 Oops") as (url, _):
        with pytest.raises(MailFailed, match="500"):
            await Webhook(url, "").send(LETTER)
    for nowhere in ("http://127.0.0.1:1/", "not an address"):
        with pytest.raises(MailFailed):
            await Webhook(nowhere, "").send(LETTER)
    with pytest.raises(MailFailed):
        await Nowhere().send(LETTER)


class Moody:
    """A sender that fails a number of times."""

    def __init__(self, fails: int) -> None:
        self.fails = fails
        self.tried = 0
        self.done = asyncio.Event()

    async def send(self, mail: Mail) -> None:
        """Fails, or takes the mail."""
        self.tried += 1
        if mail.to == "last@example.org":
            self.done.set()
        elif self.tried <= self.fails:
            raise MailFailed("not now")


@pytest.mark.parametrize(("fails", "tried", "outcome"), [(2, 3, "sent"), (9, 3, "failed")])
async def test_a_mail_is_tried_three_times_and_the_next_one_goes_out(
    fails: int, tried: int, outcome: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mail, "RETRY_S", 0)
    sender, before = Moody(fails), sent_count(outcome)
    await through(sender, LETTER, mail.already_registered("last@example.org"))
    assert sender.tried == tried + 1
    assert sent_count(outcome) == before + 1


async def through(sender: Moody, *letters: Mail) -> None:
    outbox = Outbox(sender)
    for letter in letters:
        outbox.post(letter)
    running = asyncio.create_task(outbox.run())
    await sender.done.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


def test_an_outbox_that_is_full_drops_and_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mail, "WAITING_MAX", 1)
    outbox, before = Outbox(Nowhere()), sent_count("dropped")
    outbox.post(LETTER)
    outbox.post(LETTER)
    assert sent_count("dropped") == before + 1
