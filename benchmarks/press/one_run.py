"""Presses a report in one of several ways, in a process of its own that is watched.

``python -m benchmarks.press.one_run WAY CHUNKS FILE``. Each way loads only what it needs.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import count, islice
from pathlib import Path

from actors.press.rendering import SHEET, Press
from actors.press.typeset import Facts, typeset
from benchmarks.press.sample import PLACED_ON, product_of, text_of
from events.plan import Chunk, ChunkKind, Product

BODY = re.compile(r"<body class=\"([^\"]*)\">(.*)</body>", re.DOTALL)
# What binding adds to our pages, as one would ask WeasyPrint for it.
LINES = """
@page { @bottom-right { content: counter(page) " of " counter(pages); font: 7pt Inter; color: #6b7280 }
        @bottom-left { content: "BENCHMARK"; font: 500 7pt Inter; color: #6b7280 } }
@page dark { @bottom-right { content: none } @bottom-left { content: none } }
.piece { break-before: page }
"""
FACTS = Facts(customer="Ada Moreau", placed_on=PLACED_ON)


def html_of(product: Product) -> Iterator[tuple[Chunk, Callable[[], str]]]:
    """Every chunk with its HTML, which is made when it is asked for. The contents count with one page each."""
    number = count()
    for chunk in product.chunks:
        text = text_of(next(number)) if chunk.section else ""
        yield chunk, partial(typeset, product, chunk, replace(FACTS, text=text))


def ours(product: Product, file: Path, *, children: int) -> None:
    """As a worker does it: every chunk into a file of its own, the contents last, then bound."""
    from actors.press.binding import Piece, bind  # noqa: PLC0415 - the others do without

    with Press(children=children) as press, tempfile.TemporaryDirectory() as folder:

        def render(chunk: Chunk, html: Callable[[], str]) -> int:
            made = press.render(html())
            Path(folder, chunk.name).write_bytes(made.pdf)
            return made.pages

        pages: dict[str, int] = {}
        others = (each for each in html_of(product) if each[0].kind is not ChunkKind.CONTENTS)
        with ThreadPoolExecutor(children) as side_by_side:
            # A few at a time, as the loop of a worker does it.
            while some := list(islice(others, children)):
                counted = side_by_side.map(lambda each: (each[0].name, render(*each)), some)
                pages |= dict(counted)
        contents = next(each for each in product.chunks if each.kind is ChunkKind.CONTENTS)
        facts = replace(FACTS, pages=pages)
        pages[contents.name] = render(contents, partial(typeset, product, contents, facts))
        pieces = [
            Piece(chunk=chunk, pdf=Path(folder, chunk.name).read_bytes, pages=pages[chunk.name])
            for chunk in product.chunks
        ]
        with file.open("wb") as out:
            bind(product, pieces, out, placed_on=PLACED_ON, customer=FACTS.customer)


def one_document(product: Product, file: Path) -> None:
    """All chunks as one HTML document."""
    import weasyprint  # noqa: PLC0415 - ours does without

    from actors.press.plate import OPTIONS  # noqa: PLC0415 - the same

    whole = [html() for _, html in html_of(product)]
    head = whole[0].partition("<body")[0]
    bodies = "".join(
        f'<div class="piece {found[1]}">{found[2]}</div>'
        for page in whole
        if (found := BODY.search(page))
    )
    html = f"{head.replace('</style>', LINES + '</style>')}<body>{bodies}</body></html>"
    weasyprint.HTML(string=html).write_pdf(file, stylesheets=[SHEET], **OPTIONS)


def merged(product: Product, file: Path) -> None:
    """Every chunk a document, and all their pages merged in memory."""
    import weasyprint  # noqa: PLC0415 - ours does without

    from actors.press.plate import OPTIONS  # noqa: PLC0415 - the same

    documents = [
        weasyprint.HTML(string=html()).render(stylesheets=[SHEET], **OPTIONS)
        for _, html in html_of(product)
    ]
    pages = [page for document in documents for page in document.pages]
    documents[0].copy(pages).write_pdf(file, **OPTIONS)


WAYS: Mapping[str, Callable[[Product, Path], None]] = {
    "one-child": partial(ours, children=1),
    "two-children": partial(ours, children=2),
    "one-document": one_document,
    "merged": merged,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](product_of(int(sys.argv[2])), Path(sys.argv[3]))
