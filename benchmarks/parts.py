"""Which parts of a benchmark are measured."""

import argparse
from collections.abc import Iterable


def choosing(parser: argparse.ArgumentParser, parts: Iterable[str]) -> None:
    """Take ``--only`` with any of these; without it, all of them are chosen."""
    names = list(parts)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=names,
        default=names,
        metavar="PART",
        help=f"any of {', '.join(names)}",
    )
