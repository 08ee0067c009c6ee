"""What the docs' commands need of curl, for machines that have none: ``python -m tests.acceptance.plain_curl``."""

import argparse
import sys
from pathlib import Path

import httpx

FAILED = 22


def main() -> int:
    """Make one request as curl would with the same options."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--header", action="append", default=[])
    parser.add_argument("--data")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--dump-header", type=Path)
    for ignored in ("--fail-with-body", "--silent", "--show-error"):
        parser.add_argument(ignored, action="store_true")
    given = parser.parse_args()
    headers = [tuple(each.split(": ", 1)) for each in given.header]
    method = "GET" if given.data is None else "POST"
    # As curl does, --data drops the line breaks.
    body = given.data.replace("\n", "") if given.data else None
    answer = httpx.request(method, given.url, headers=headers, content=body, timeout=30)
    if given.dump_header:
        lines = [f"{name}: {value}" for name, value in answer.headers.items()]
        status = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"
        given.dump_header.write_text("\r\n".join([status, *lines, "", ""]))
    if given.output:
        given.output.write_bytes(answer.content)
    else:
        sys.stdout.write(answer.text)
    return FAILED if answer.is_error else 0


if __name__ == "__main__":
    sys.exit(main())
