"""A mail server that keeps everything and delivers nothing, with a page to read what came."""

import argparse
import asyncio
import json
import warnings
from pathlib import Path

from sandbox.mail_door import MailDoor, MailKnobs, conversation
from sandbox.mail_pages import MailPages
from sandbox.mailbox import Mailbox
from sandbox.starting import announce, told_to_stop
from sandbox.wire import listening


async def serve(given: argparse.Namespace) -> None:
    """Take mail and show it until told to stop; say where once it does."""
    mailbox = Mailbox(given.directory)
    door = MailDoor(mailbox, MailKnobs())
    login = (given.user, given.password) if given.user else None
    server = await asyncio.get_running_loop().create_server(
        lambda: conversation(door, login), given.host, given.smtp_port
    )
    async with listening(MailPages(mailbox, door).answer, given.host, given.http_port) as http_port:
        smtp_port = server.sockets[0].getsockname()[1]
        places = {
            "smtp": f"smtp://{given.host}:{smtp_port}",
            "http": f"http://{given.host}:{http_port}",
        }
        stop = told_to_stop(tethered=given.tethered)
        announce(json.dumps(places))
        await stop.wait()
        server.close()


def main() -> None:
    """Read the command line and serve."""
    warnings.filterwarnings(
        "ignore", module="aiosmtpd"
    )  # it frowns on AUTH without TLS: loopback only
    parser = argparse.ArgumentParser(prog="python -m sandbox.mail_sink", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, default=0)
    parser.add_argument("--http-port", type=int, default=0)
    parser.add_argument("--directory", type=Path, help="keep each mail here as an .eml file")
    parser.add_argument("--user", help="require AUTH PLAIN or LOGIN with this name")
    parser.add_argument("--password", default="")
    parser.add_argument("--tethered", action="store_true", help="stop when standard input closes")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
