"""``ledgerpress asyncapi``: the announcements, described for programs."""

import json
from importlib.metadata import version

from api.cli._answer import Answer
from api.cli._word import Word
from events.asyncapi import asyncapi
from events.products import CATALOGUE

word = Word("Print the description of the announcements (AsyncAPI 3.0).")


@word.alone
def show() -> Answer:
    """Print the description of the announcements (AsyncAPI 3.0)."""
    document = asyncapi(CATALOGUE.values(), version("ledgerpress"))
    return Answer(data=document, shown=[json.dumps(document, indent=2)])
