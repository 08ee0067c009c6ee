"""What is wrong with a product, in sentences: for the catalogue and for ``product check``."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from types import MappingProxyType

from events.plan import MINUTE, DocumentKind, Field, Product, Section

# A name becomes a queue, a URL and a compose service; a field's name becomes a key of Stripe's
# metadata, which allows 40 characters and where ``product`` is taken.
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
SECTION_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
CURRENCY = re.compile(r"[a-z]{3}")
LONGEST_NAME = 40
TAKEN = frozenset({"product"})

# What fits on one line of a contents page.
LONGEST_TITLE = 60

# RabbitMQ takes a message back that nobody settled for half an hour: stay well below.
LONGEST_HOLD = 25 * MINUTE

PRIORITIES = range(1, 10)
THREADS = range(1, 65)

ALONE: Mapping[str, Product] = MappingProxyType({})


def faults(product: Product, catalogue: Mapping[str, Product] = ALONE) -> list[str]:
    """Everything that keeps ``product`` from being sold; an empty list if nothing does.

    ``catalogue`` is where a bundle's parts are looked up.
    """
    found = [
        *_of_its_face(product),
        *_of_its_prices(product),
        *_of_its_fields(product.fields),
        *_of_its_pacing(product),
    ]
    if product.parts:
        found += _of_its_parts(product, catalogue)
    else:
        found += _of_its_writing(product)
        found += _of_its_sections(product.sections)
        found += _of_its_outline(product)
    return found


def _of_its_face(product: Product) -> Iterator[str]:
    if not NAME.fullmatch(product.name) or len(product.name) > LONGEST_NAME:
        yield f"name {product.name!r} must be short lower-case words joined by underscores"
    for what in ("title", "tagline", "description"):
        if not getattr(product, what).strip():
            yield f"{what} is empty"
    if "\n" in product.tagline:
        yield "tagline must be one line"
    if product.priority not in PRIORITIES:
        yield f"priority {product.priority} is not between 1 (most urgent) and 9"
    if product.threads not in THREADS:
        yield f"threads {product.threads} is not between 1 and {THREADS.stop - 1}"
    if product.attempts < 1:
        yield f"attempts {product.attempts} is less than 1"
    if product.budget < 1:
        yield f"budget {product.budget} pays for nothing"


def _of_its_prices(product: Product) -> Iterator[str]:
    if not product.prices:
        yield "has no price"
    for money in product.prices:
        if money.amount < 1:
            yield f"price {money} is not above zero"
        if not CURRENCY.fullmatch(money.currency):
            yield f"currency {money.currency!r} must be three lower-case letters"
    for currency in _repeated(money.currency for money in product.prices):
        yield f"has two prices in {currency!r}"


def _of_its_fields(fields: tuple[Field, ...]) -> Iterator[str]:
    for field in fields:
        if not NAME.fullmatch(field.name) or len(field.name) > LONGEST_NAME:
            yield f"field {field.name!r} must be short lower-case words joined by underscores"
        if field.name in TAKEN:
            yield f"field {field.name!r} has a name that the checkout uses itself"
        if not field.label.strip():
            yield f"field {field.name!r} has no label"
        if field.longest < 1:
            yield f"field {field.name!r} leaves no room for an answer"
    for name in _repeated(field.name for field in fields):
        yield f"has two fields named {name!r}"


def _of_its_pacing(product: Product) -> Iterator[str]:
    pacing = product.pacing
    if product.width < 1:
        yield f"width {product.width} is less than 1"
    if product.sees_earlier < 0:
        yield f"sees_earlier {product.sees_earlier} is less than 0"
    if product.sees_earlier and product.width != 1:
        yield "sees_earlier needs width 1: what a prompt says would depend on who finished first"
    if pacing.pause < 0:
        yield f"pause {pacing.pause:g} s is less than 0"
    if min(pacing.call_timeout, pacing.leg, product.promise) <= 0:
        yield "call_timeout, leg and promise must be above 0 s"
    if pacing.leg + pacing.pause + pacing.call_timeout > pacing.hard_limit:
        yield "a call begun at the end of a leg would outlast the hard limit"
    if pacing.hard_limit > LONGEST_HOLD:
        yield f"hard limit {pacing.hard_limit:g} s: the broker would hand the message to another"
    if pacing.deadline < max(product.promise, pacing.hard_limit):
        yield "deadline lies before the promise or the hard limit"
    rounds = -(-len(product.sections) // max(product.width, 1))
    if pacing.pause * (rounds - 1) >= product.promise:
        yield "the pauses alone take longer than the promise"


def _of_its_writing(product: Product) -> Iterator[str]:
    if not product.sections:
        yield "has neither sections nor parts"
    if not product.voice.strip():
        yield "has no voice"
    if not product.form.strip():
        yield "has no form"
    if product.divided and product.document is not DocumentKind.PDF:
        yield "is divided, but only a PDF has pages that open a part"
    if product.keys and product.document is not DocumentKind.JSON:
        yield "has keys, but only a JSON answer can have them"
    for key in product.keys:
        if f'"{key.name}"' not in product.form:
            yield f"key {key.name!r} is not asked for in the form"
        if not 0 <= key.fewest <= key.most:
            yield f"key {key.name!r} asks for {key.fewest} to {key.most}"
    for name in _repeated(key.name for key in product.keys):
        yield f"has two keys named {name!r}"


def _of_its_sections(sections: tuple[Section, ...]) -> Iterator[str]:
    for section in sections:
        if not SECTION_NAME.fullmatch(section.name):
            yield f"section {section.name!r} must be lower-case words joined by hyphens"
        for what in ("title", "part", "brief"):
            if not getattr(section, what).strip():
                yield f"section {section.name!r} has an empty {what}"
        if len(section.title) > LONGEST_TITLE:
            yield f"section {section.name!r} has a title of more than {LONGEST_TITLE} characters"
        fewest, most = section.words
        if not 1 <= fewest <= most:
            yield f"section {section.name!r} asks for {fewest} to {most} words"


def _of_its_outline(product: Product) -> Iterator[str]:
    sections = product.sections
    for title in _repeated(section.title.casefold() for section in sections):
        yield f"has two sections titled {title!r}"
    for brief in _repeated(section.brief for section in sections):
        yield f"has two sections with the brief {brief!r}"
    for part in _repeated(part for part, _ in groupby(section.part for section in sections)):
        yield f"part {part!r} is interrupted by another"
    # Sections and pages are remembered under one kind of name: a section called "cover" would be
    # taken for the cover.
    names = [chunk.name for chunk in product.chunks] or [section.name for section in sections]
    for name in _repeated(names):
        yield f"has two sections or pages named {name!r}"


def _of_its_parts(product: Product, catalogue: Mapping[str, Product]) -> Iterator[str]:
    if product.sections:
        yield "has both sections and parts"
    for name in _repeated(product.parts):
        yield f"has the part {name!r} twice"
    own = {field.name: field for field in product.fields}
    for name in dict.fromkeys(product.parts):
        part = catalogue.get(name)
        if part is None:
            yield f"part {name!r} is not in the catalogue"
            continue
        if part.parts:
            yield f"part {name!r} is a bundle itself"
        if part.promise > product.promise:
            yield f"part {name!r} promises less than the whole"
        for field in part.fields:
            mine = own.get(field.name)
            if mine is None:
                yield f"part {name!r} asks for {field.name!r}, which the bundle does not"
            elif (mine.kind, mine.longest) != (field.kind, field.longest) or (
                field.required and not mine.required
            ):
                yield f"part {name!r} and the bundle disagree about {field.name!r}"


def _repeated(things: Iterable[str]) -> list[str]:
    return [thing for thing, times in Counter(things).items() if times > 1]
