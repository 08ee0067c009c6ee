"""The mail sink, spoken to by smtplib as the post office does, and read over HTTP as a person does."""

import base64
import hashlib
import json
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.starting import ROOT, MailSink, started_mail_sink

PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailSink]:
    directory = tmp_path_factory.mktemp("mails")
    with started_mail_sink("--directory", str(directory)) as found:
        yield found


@pytest.fixture
def pages(sink: MailSink) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sink.http, timeout=60) as client:
        client.delete("/_knobs")
        client.delete("/mails")
        yield client
        client.delete("/_knobs")


def mail(subject: str = "Your report", to: str = "ada@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ledgerpress <reports@example.org>"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<order-1.mail@ledgerpress.example>"
    message.set_content("Dear Ada,\nhere is your report.\n")
    message.add_alternative("<p>Dear <b>Ada</b></p><script>alert(1)</script>", subtype="html")
    message.add_attachment(
        PDF, maintype="application", subtype="pdf", filename="Bericht für Ada.pdf"
    )
    return message


def client_of(sink: MailSink, wait: float = 60) -> smtplib.SMTP:
    place = urlsplit(sink.smtp)
    assert place.hostname is not None
    assert place.port is not None
    return smtplib.SMTP(place.hostname, place.port, timeout=wait)


def send(sink: MailSink, message: EmailMessage | None = None, wait: float = 60) -> None:
    with client_of(sink, wait) as client:
        client.send_message(message or mail())


def kept(pages: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pages.get("/mails.json").json()
    return found


def test_a_mail_is_kept_with_all_that_a_test_wants_to_know(
    sink: MailSink, pages: httpx.Client
) -> None:
    send(sink)

    (found,) = kept(pages)
    assert found["message_id"] == "<order-1.mail@ledgerpress.example>"
    assert found["from"] == "Ledgerpress <reports@example.org>"
    assert found["to"] == ["ada@example.org"]
    assert found["envelope"] == {"from": "reports@example.org", "to": ["ada@example.org"]}
    assert "here is your report." in found["text"]
    (attachment,) = found["attachments"]
    assert attachment["name"] == "Bericht für Ada.pdf"
    assert attachment["size"] == len(PDF)
    assert attachment["sha256"] == hashlib.sha256(PDF).hexdigest()


def test_the_newest_mail_comes_first(sink: MailSink, pages: httpx.Client) -> None:
    send(sink, mail("one"))
    send(sink, mail("two"))

    assert [found["subject"] for found in kept(pages)] == ["two", "one"]
    page = pages.get("/").text
    assert page.index("two") < page.index("one<")


def test_a_mail_can_be_read_and_its_files_taken(sink: MailSink, pages: httpx.Client) -> None:
    send(sink, mail("<script>alert(2)</script>"))
    number = kept(pages)[0]["number"]

    page = pages.get(f"/mails/{number}")
    html = pages.get(f"/mails/{number}/html")
    file = pages.get(f"/mails/{number}/attachments/1")
    source = pages.get(f"/mails/{number}.eml")

    assert "<script>alert" not in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<b>Ada</b>" in html.text
    assert "sandbox" in html.headers["content-security-policy"]
    assert file.content == PDF
    assert file.headers["content-type"] == "application/pdf"
    assert "Bericht%20f%C3%BCr%20Ada.pdf" in file.headers["content-disposition"]
    assert b"Message-ID: <order-1.mail@ledgerpress.example>" in source.content


@pytest.mark.parametrize("path", ["/mails/99", "/mails/99/html", "/mails/99.eml", "/x", "/mails/a"])
def test_what_is_not_there_is_a_404(pages: httpx.Client, path: str) -> None:
    assert pages.get(path).status_code == 404


def test_mails_outlive_the_sink(tmp_path: Path) -> None:
    with started_mail_sink("--directory", str(tmp_path)) as first:
        send(first)
        before = httpx.get(f"{first.http}/mails.json").json()
    with started_mail_sink("--directory", str(tmp_path)) as second:
        send(second, mail("another"))
        newest, oldest = httpx.get(f"{second.http}/mails.json").json()

    assert [path.name for path in sorted(tmp_path.iterdir())] == ["000001.eml", "000002.eml"]
    assert newest["number"] == 2
    assert {**oldest, "received_at": ""} == {**before[0], "received_at": ""}


@pytest.mark.parametrize(
    ("at", "code", "error"),
    [
        ("mail", 451, smtplib.SMTPSenderRefused),
        ("rcpt", 550, smtplib.SMTPRecipientsRefused),
        ("data", 452, smtplib.SMTPDataError),
        ("data", 554, smtplib.SMTPDataError),
    ],
)
def test_a_refusal_comes_once_and_nothing_is_kept(
    sink: MailSink, pages: httpx.Client, at: str, code: int, error: type[Exception]
) -> None:
    turn(pages, faults=[{"what": "refuse", "at": at, "code": code, "next": 1}])

    with pytest.raises(error) as raised:
        send(sink)
    assert str(code) in str(raised.value)
    assert kept(pages) == []
    send(sink)
    assert len(kept(pages)) == 1


def test_one_address_can_be_refused(sink: MailSink, pages: httpx.Client) -> None:
    fault = {"what": "refuse", "at": "rcpt", "code": 550, "address": "gone@example.org"}
    turn(pages, faults=[fault])

    send(sink, mail(to="ada@example.org"))
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(sink, mail(to="gone@example.org"))


def test_a_lost_reply_leaves_the_mail_kept_and_the_client_in_the_dark(
    sink: MailSink, pages: httpx.Client
) -> None:
    turn(pages, faults=[{"what": "lose_reply", "next": 1}])

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(sink)

    assert len(kept(pages)) == 1


@pytest.mark.parametrize("at", ["mail", "rcpt", "data"])
def test_a_dropped_connection_keeps_nothing(sink: MailSink, pages: httpx.Client, at: str) -> None:
    turn(pages, faults=[{"what": "drop", "at": at}])

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(sink)

    assert kept(pages) == []


def test_a_hanging_server_runs_into_the_clients_timeout(
    sink: MailSink, pages: httpx.Client
) -> None:
    turn(pages, faults=[{"what": "hang", "at": "data"}])

    with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected)):
        send(sink, wait=0.3)

    assert kept(pages) == []


def test_a_slow_server_is_slow_and_right(sink: MailSink, pages: httpx.Client) -> None:
    turn(pages, slow=0.1)

    send(sink)

    assert len(kept(pages)) == 1


@pytest.mark.parametrize(
    "knobs", [{"slo": 1}, {"faults": [{"what": "lose_reply", "at": "mail"}]}, {"faults": [{}]}]
)
def test_a_wrong_knob_is_refused(pages: httpx.Client, knobs: dict[str, object]) -> None:
    assert pages.post("/_knobs", json=knobs).status_code == 422


@pytest.mark.parametrize("way", ["PLAIN", "LOGIN"])
def test_a_login_can_be_required(way: str) -> None:
    with started_mail_sink("--user", "ada", "--password", "s3cret") as sink:
        with pytest.raises(smtplib.SMTPSenderRefused):
            send(sink)
        with client_of(sink) as client, pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ada", "wrong")
        with client_of(sink) as client:
            log_in(client, way)
            client.send_message(mail())

        assert len(httpx.get(f"{sink.http}/mails.json").json()) == 1


def test_a_broken_mail_is_kept_and_shown_all_the_same(sink: MailSink, pages: httpx.Client) -> None:
    with client_of(sink) as client:
        client.sendmail("a@x.org", ["b@x.org"], b"Subject: =?utf-8?b?!!!?=\nTo: <<\n\n\xff\xfe")

    (found,) = kept(pages)
    assert pages.get("/").status_code == 200
    assert pages.get(f"/mails/{found['number']}").status_code == 200


def test_it_says_where_it_is_in_one_line_and_stops_when_told() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.mail_sink"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=60) == 0
        assert set(said) == {"smtp", "http"}
        assert process.stdout.read() == ""


def turn(pages: httpx.Client, **knobs: object) -> None:
    assert pages.post("/_knobs", json=knobs).status_code == 200


def log_in(client: smtplib.SMTP, way: str) -> None:
    client.ehlo()
    if way == "PLAIN":
        said = base64.b64encode(b"\0ada\0s3cret").decode()
        assert client.docmd("AUTH", f"PLAIN {said}")[0] == 235
    else:
        client.user, client.password = "ada", "s3cret"
        client.auth("LOGIN", client.auth_login)
