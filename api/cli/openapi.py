"""``ledgerpress openapi``: the API as an OpenAPI document."""

import json

from api.cli._answer import Answer
from api.cli._word import Word

word = Word("Print the API as an OpenAPI document.")


@word.alone
def openapi() -> Answer:
    """Print what /openapi.json serves. Needs no settings and nothing that runs."""
    from api.app import create_app  # noqa: PLC0415 - the other commands start without FastAPI
    from storage.settings import salvage  # noqa: PLC0415 - the same

    document = create_app(salvage().settings).openapi()
    return Answer(data=document, shown=json.dumps(document, indent=2).splitlines())
