"""What a product is: a value that says what is written, how it is laid out, what it costs and what it promises."""

from dataclasses import dataclass, field
from enum import StrEnum

from events.money import Money

MINUTE = 60.0
HOUR = 3600.0


class FieldKind(StrEnum):
    """How a field is asked for and checked."""

    LINE = "line"
    TEXT = "text"
    DATE = "date"
    TIME = "time"


class Delivery(StrEnum):
    """How the finished thing reaches the buyer."""

    MAIL = "mail"
    API = "api"


class DocumentKind(StrEnum):
    """What the press makes of the written sections."""

    PDF = "pdf"
    JSON = "json"


class ChunkKind(StrEnum):
    """What a piece of the document shows."""

    COVER = "cover"
    CONTENTS = "contents"
    PART = "part"
    SECTION = "section"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing the buyer fills in. Lengths are in characters."""

    name: str
    label: str
    kind: FieldKind = FieldKind.LINE
    required: bool = False
    longest: int = 300
    example: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One answer of the model.

    ``name`` is its stable key in the log (``section-001``): never reuse one for another subject. ``brief`` tells the
    model what this section alone is about.
    """

    name: str
    title: str
    part: str
    brief: str
    words: tuple[int, int] = (350, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a JSON answer: a text of so many words or, if it is ``listed``, an array of so many texts."""

    name: str
    listed: bool = False
    fewest: int = 0
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of the PDF that is rendered on its own. ``section`` names what it shows, if it shows one."""

    name: str
    kind: ChunkKind
    title: str
    section: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pacing:
    """How fast the model may be asked, and how long anything may take. All in seconds.

    ``pause`` lies between two rounds of calls. ``leg`` is how long a worker keeps an order before it hands it on,
    ``hard_limit`` when the kernel ends a worker that did not. ``deadline`` is how old an open order may grow before a
    person is told.
    """

    pause: float = 0.0
    call_timeout: float = 120.0
    leg: float = 5 * MINUTE
    hard_limit: float = 7 * MINUTE
    deadline: float = 1 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something that is sold.

    ``width`` sections are asked for at once. ``sees_earlier`` lets each prompt carry a digest of what is already
    written, at most that many characters (0: none); it needs ``width`` 1 to be the same on every run. A bundle has
    ``parts`` (names of other products) and no sections. ``chunks`` are the pieces of its document in reading order;
    ``divided`` opens each part with a page of its own. ``keys`` are those of each answer of a JSON product, as its
    ``form`` asks for them; without any, every object will do. ``threads`` is how many orders one worker
    process works on at once, unless ``WORKER_THREADS`` says otherwise. ``budget`` is the most an order may spend on
    model calls, in millionths of a dollar.
    """

    name: str
    title: str
    tagline: str
    description: str
    promise: float
    prices: tuple[Money, ...]
    fields: tuple[Field, ...]
    voice: str = ""
    form: str = ""
    keys: tuple[Key, ...] = ()
    sections: tuple[Section, ...] = ()
    parts: tuple[str, ...] = ()
    width: int = 1
    sees_earlier: int = 0
    pacing: Pacing = field(default_factory=Pacing)
    attempts: int = 3
    threads: int = 1
    priority: int = 5
    budget: int = 5_000_000
    delivery: Delivery = Delivery.MAIL
    document: DocumentKind = DocumentKind.PDF
    divided: bool = False
    chunks: tuple[Chunk, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "chunks", layout(self))

    @property
    def queue(self) -> str:
        """The queue its nudges travel on."""
        return queue_of(self.name)

    def section(self, name: str) -> Section:
        """The section of that name; ``KeyError`` if the plan has none."""
        for section in self.sections:
            if section.name == name:
                return section
        raise KeyError(name)

    def price(self, currency: str) -> Money | None:
        """What it costs in ``currency`` (ISO 4217, lower case), or ``None`` if it is not sold in it."""
        return next((money for money in self.prices if money.currency == currency), None)


def queue_of(product: str) -> str:
    """The queue of the product of that name."""
    return f"queue.{product}"


def layout(product: Product) -> tuple[Chunk, ...]:
    """Cover, contents, then every section with its part's opener before it, then the closing page."""
    if product.document is not DocumentKind.PDF or not product.sections:
        return ()
    chunks = [
        Chunk(name="cover", kind=ChunkKind.COVER, title=product.title),
        Chunk(name="contents", kind=ChunkKind.CONTENTS, title="Contents"),
    ]
    part = None
    openers = 0
    for section in product.sections:
        if product.divided and section.part != part:
            openers += 1
            part = section.part
            chunks.append(Chunk(name=f"part-{openers:02}", kind=ChunkKind.PART, title=part))
        chunks.append(
            Chunk(
                name=section.name,
                kind=ChunkKind.SECTION,
                title=section.title,
                section=section.name,
            )
        )
    chunks.append(Chunk(name="closing", kind=ChunkKind.CLOSING, title="How this report was made"))
    return tuple(chunks)
