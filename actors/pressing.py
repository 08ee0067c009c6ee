"""Presses what is written: each chunk a blob of its own, then all of them one document."""

import hashlib
import json
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from importlib.metadata import version
from tempfile import TemporaryFile
from typing import Any

from actors.attempt import Attempt
from actors.press.binding import Piece
from actors.press.binding import bind as bind_pieces
from actors.press.papers import Enclosure
from actors.press.rendering import PressFailed
from actors.press.typeset import Facts, typeset, typeset_plain
from events.answers import read
from events.errors import Refused
from events.facts import ChunkRendered, DocumentBound
from events.order import Order
from events.plan import Chunk, ChunkKind, Product
from events.provenance import FILENAME, fingerprint, provenance
from events.views import media_type
from storage.blobs import LOST
from storage.telemetry import log


def render(
    chunks: tuple[Chunk, ...], attempt: Attempt, product: Product
) -> Generator[ChunkRendered]:
    """Render ``chunks``; yield each in the plan's order once its blob is kept."""
    tools = attempt.tools
    with ThreadPoolExecutor(max_workers=len(chunks)) as side_by_side:
        for rendered in side_by_side.map(lambda chunk: _render(chunk, attempt, product), chunks):
            yield rendered
            if tools.stopping.is_set():
                side_by_side.shutdown(cancel_futures=True)
                return


def bind(
    chunks: tuple[ChunkRendered, ...], attempt: Attempt, product: Product
) -> Generator[ChunkRendered | DocumentBound]:
    """Make one document of the rendered chunks, in the plan's order.

    Chunks that would be made by another recipe now, because fonts, style or words have changed since, cannot be bound
    with the others: they are rendered again and yielded instead, the contents only when all others are right.
    """
    old = [
        planned
        for planned, made in zip(product.chunks, chunks, strict=True)
        if made.recipe != _recipe(_page(planned, attempt, product), attempt)
    ]
    if not old:
        yield _bound(chunks, attempt, product)
        return
    log.warning("chunks are made anew", order=attempt.order.id, chunks=len(old))
    first = [each for each in old if each.kind is not ChunkKind.CONTENTS] or old
    for at in range(0, len(first), product.width):
        if at and attempt.over:
            return
        yield from render(tuple(first[at : at + product.width]), attempt, product)


def _bound(chunks: tuple[ChunkRendered, ...], attempt: Attempt, product: Product) -> DocumentBound:
    order = attempt.order
    pieces = [
        Piece(chunk=planned, pdf=partial(_piece, planned, made, attempt, product), pages=made.pages)
        for planned, made in zip(product.chunks, chunks, strict=True)
    ]
    facts = _facts(order, product)
    papers = Enclosure(
        filename=FILENAME,
        media_type="application/json",
        about="Which model wrote each section, and the hash of its words",
        content=provenance(order, product),
    )
    # In a file while it grows: chunks and document together would be too much for memory.
    with TemporaryFile() as file:
        bind_pieces(
            product,
            pieces,
            file,
            placed_on=facts.placed_on,
            customer=facts.customer,
            enclosed=[papers],
        )
        file.seek(0)
        content = file.read()
    return _kept(content, sum(made.pages for made in chunks), attempt, product)


def compose(attempt: Attempt, product: Product) -> DocumentBound:
    """Make a JSON document of the written sections, each with a Markdown rendering of it."""
    order = attempt.order
    sections = {name: _promised(written.text, product) for name, written in order.sections.items()}
    content = {
        "product": product.name,
        "sections": sections,
        "markdown": "\n\n".join(
            f"# {product.section(name).title}\n\n{_markdown(answer)}"
            for name, answer in sections.items()
        ),
    }
    text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True)
    return _kept(text.encode("utf-8", "replace"), 0, attempt, product)


def _piece(chunk: Chunk, made: ChunkRendered, attempt: Attempt, product: Product) -> bytes:
    """The PDF of ``chunk``. One that is lost or has been altered is made afresh: all that it needs is in the log."""
    tools, sealer = attempt.tools, attempt.history.sealer
    try:
        return tools.blobs.get(made.blob, sealer)
    except Refused as error:
        if error.reason not in LOST or sealer.erased:
            raise
        log.warning(
            "chunk is made afresh", order=attempt.order.id, chunk=chunk.name, why=error.reason
        )
    # It must have as many pages as the one that is gone.
    again = _render(chunk, attempt, product, plain=made.plain)
    return tools.blobs.get(again.blob, sealer)


def _render(
    chunk: Chunk, attempt: Attempt, product: Product, *, plain: bool = False
) -> ChunkRendered:
    """Press a chunk and keep it; as plain text if it must be ``plain``, or cannot be pressed otherwise."""
    tools = attempt.tools
    page = _page(chunk, attempt, product)
    if not plain:
        try:
            rendered = tools.press.render(page)
        except PressFailed as error:
            log.warning(
                "chunk falls back to plain text",
                order=attempt.order.id,
                chunk=chunk.name,
                why=str(error),
            )
            plain = True
    if plain:
        facts = _facts(attempt.order, product, chunk)
        rendered = tools.press.render(typeset_plain(product, chunk, facts))
    blob = tools.blobs.put(rendered.pdf, attempt.history.sealer)
    return ChunkRendered(
        chunk=chunk.name,
        blob=blob,
        pages=rendered.pages,
        plain=plain,
        attempt=attempt.order.attempt,
        recipe=_recipe(page, attempt),
    )


def _page(chunk: Chunk, attempt: Attempt, product: Product) -> str:
    return typeset(product, chunk, _facts(attempt.order, product, chunk))


def _recipe(page: str, attempt: Attempt) -> str:
    """What decides the bytes of a chunk: what is to be rendered, and what renders it."""
    made_of = attempt.tools.press.recipe() + page
    return hashlib.sha256(made_of.encode("utf-8", "replace")).hexdigest()


def _facts(order: Order, product: Product, chunk: Chunk | None = None) -> Facts:
    assert order.placed is not None
    written = order.sections.get(chunk.section or "") if chunk else None
    shows_pages = chunk is not None and chunk.kind is ChunkKind.CONTENTS
    shows_making = chunk is not None and chunk.kind is ChunkKind.CLOSING
    return Facts(
        customer=order.placed.fields.get("name", ""),
        placed_on=datetime.fromisoformat(order.placed.at).date(),
        text=written.text if written else "",
        pages={name: made.pages for name, made in order.chunks.items()} if shows_pages else {},
        made=_making(order, product) if shows_making else (),
    )


def _making(order: Order, product: Product) -> tuple[tuple[str, str], ...]:
    assert order.placed is not None
    written = order.sections.values()
    words = sum(len(section.text.split()) for section in written)
    tokens = sum(section.tokens.prompt + section.tokens.completion for section in written)
    return (
        ("Order", order.id),
        ("Ordered on", datetime.fromisoformat(order.placed.at).strftime("%-d %B %Y")),
        ("Sections", f"{len(order.sections)} of {len(product.sections)}"),
        ("Words", f"{words:,}"),
        ("Written by", ", ".join(sorted({section.model for section in written}))),
        ("Tokens read and written", f"{tokens:,}"),
        ("Pressed by", f"Ledgerpress {version('ledgerpress')}"),
        ("Fingerprint", fingerprint(provenance(order, product))),
    )


def _kept(content: bytes, pages: int, attempt: Attempt, product: Product) -> DocumentBound:
    kind = media_type(product)
    return DocumentBound(
        blob=attempt.tools.blobs.put(content, attempt.history.sealer),
        filename=f"{product.name.replace('_', '-')}.{kind.rpartition('/')[2]}",
        media_type=kind,
        pages=pages,
        size=len(content),
    )


def _promised(text: str, product: Product) -> dict[str, Any]:
    """The answer as its reader was promised it, without what the model may have added."""
    answer = read(text) or {}
    return {each.name: answer[each.name] for each in product.keys if each.name in answer} or answer


def _markdown(answer: dict[str, object]) -> str:
    blocks: list[str] = []
    for key, value in answer.items():
        if isinstance(value, list):
            lines = "\n".join(f"- {each}" for each in value)
            blocks.append(f"## {key.replace('_', ' ').capitalize()}\n\n{lines}")
        else:
            blocks.append(str(value))
    return "\n\n".join(blocks)
