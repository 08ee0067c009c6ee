"""Real pages from the real engine, read back with another library; and what befalls a child that is killed."""

import http.server
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pypdf
import pytest
import uharfbuzz as harfbuzz
from fontTools.pens.recordingPen import RecordingPen  # type: ignore[import-untyped]
from page import validate_pdf_bytes
from pypdf.generic import Destination

from actors.press.binding import Piece, bind
from actors.press.contents import FIRST_ROOM, ROOM
from actors.press.papers import Enclosure
from actors.press.rendering import FONTS, Limits, Press, PressFailed, Rendered
from actors.press.typeset import Facts, typeset, typeset_plain
from events.errors import Unavailable
from events.plan import Chunk, ChunkKind, Product, Section
from events.products import find

PLACED_ON = date(2026, 11, 21)
FACTS = Facts(customer="Ada Moreau", placed_on=PLACED_ON)
TEXT = """You are here. It looks good from outside, and yet you keep thinking of leaving.

### A table

| Area | Score |
|---|---:|
| People | 8 |
| Work | 4 |

> A message that has not been read.

- One *thing*.
- Another **thing**.

**In short:** finish the sentence.
"""


@pytest.fixture(scope="module")
def press() -> Iterator[Press]:
    with Press(children=2, limits=Limits(time=100)) as press:
        yield press


def product(*, sections: int = 4, parts: int = 1, divided: bool = False) -> Product:
    """A product of so many sections, spread over so many parts."""
    return replace(
        find("life_clarity"),
        divided=divided,
        sections=tuple(
            Section(
                name=f"section-{n:03}",
                title=f"Chapter the {n}th",
                part=f"Part {n * parts // (sections + 1) + 1}",
                brief="-",
            )
            for n in range(1, sections + 1)
        ),
    )


def rendered(product: Product, press: Press, text: str = TEXT) -> dict[str, Rendered]:
    """Every chunk, the contents last."""
    done = {
        chunk.name: press.render(typeset(product, chunk, replace(FACTS, text=text)))
        for chunk in product.chunks
        if chunk.kind is not ChunkKind.CONTENTS
    }
    pages = {name: chunk.pages for name, chunk in done.items()}
    contents = typeset(product, product.chunks[1], replace(FACTS, pages=pages))
    return done | {"contents": press.render(contents)}


def bound(product: Product, done: dict[str, Rendered]) -> bytes:
    pieces = [
        Piece(chunk=chunk, pdf=done[chunk.name].pdf, pages=done[chunk.name].pages)
        for chunk in product.chunks
    ]
    out = io.BytesIO()
    bind(product, pieces, out, placed_on=PLACED_ON, customer="Ada Moreau")
    return out.getvalue()


def read(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf), strict=True)


@pytest.fixture(scope="module")
def long(press: Press) -> tuple[Product, bytes]:
    """A divided product whose contents take more than two pages, bound."""
    plan = product(sections=80, parts=7, divided=True)
    return plan, bound(plan, rendered(plan, press))


def chunk(kind: ChunkKind) -> Chunk:
    return next(each for each in product().chunks if each.kind is kind)


def annotations(page: pypdf.PageObject) -> list[Any]:
    return list(page.get("/Annots", []))


def at(reader: pypdf.PdfReader, place: Any) -> int:
    """The page, from 1, that a destination leads to."""
    number = reader.get_destination_page_number(place)
    assert number is not None
    return number + 1


def start(reader: pypdf.PdfReader, name: str) -> int:
    """The page, from 1, that the named destination leads to."""
    return at(reader, reader.named_destinations[name])


def test_all_chunks_become_one_document_in_reading_order(long: tuple[Product, bytes]) -> None:
    plan, pdf = long
    reader = read(pdf)

    starts = [start(reader, each.name) for each in plan.chunks]
    assert starts == sorted(starts)
    for section in plan.sections:
        assert section.title in reader.pages[start(reader, section.name) - 1].extract_text()
    assert reader.metadata is not None
    assert reader.metadata.title == "Life Clarity \N{EN DASH} Ada Moreau"
    assert reader.metadata.creation_date is not None
    assert reader.metadata.creation_date.date() == PLACED_ON


def test_the_contents_show_the_page_each_section_is_on_and_lead_there(
    long: tuple[Product, bytes],
) -> None:
    plan, pdf = long
    reader = read(pdf)

    first, last = start(reader, "contents"), start(reader, "part-01")
    pages = reader.pages[first - 1 : last - 1]
    text = " ".join(" ".join(page.extract_text().split()) for page in pages) + " "
    led = [str(each.get_object()["/Dest"]) for page in pages for each in annotations(page)]
    for number, section in enumerate(plan.sections, start=1):
        assert f"{number:02} {section.title} {start(reader, section.name)} " in text
    assert set(led) == {each.name for each in plan.chunks if each.name[:4] in {"part", "sect"}}
    for name in led:
        assert name in reader.named_destinations


def test_the_contents_take_as_many_pages_as_they_counted_with(press: Press) -> None:
    for sections in (FIRST_ROOM - 2, FIRST_ROOM - 1, FIRST_ROOM + ROOM - 2, FIRST_ROOM + ROOM - 1):
        plan = product(sections=sections)
        html = typeset(plan, plan.chunks[1], FACTS)

        assert press.render(html).pages == html.count("<section")


def test_every_page_says_where_it_is_except_those_designed_to_their_edges(
    long: tuple[Product, bytes],
) -> None:
    plan, pdf = long
    reader = read(pdf)
    bare = {
        start(reader, each.name) for each in plan.chunks if each.name.startswith(("cover", "part"))
    }

    for number, page in enumerate(reader.pages, start=1):
        assert (f"{number} of {len(reader.pages)}" in page.extract_text()) == (number not in bare)


def test_a_section_that_goes_on_carries_its_part_and_title(press: Press) -> None:
    plan = product()
    done = rendered(plan, press, TEXT * 4)
    reader = read(bound(plan, done))

    second = reader.pages[start(reader, "section-002")].extract_text()

    assert done["section-002"].pages > 1
    assert "Chapter the 2th" in second
    assert "PART 1" in second


def test_the_outline_has_the_parts_and_in_them_the_sections(long: tuple[Product, bytes]) -> None:
    plan, pdf = long
    reader = read(pdf)

    top = [each for each in reader.outline if isinstance(each, Destination)]
    inside = [each for each in reader.outline if isinstance(each, list)]
    assert [each.title for each in top] == (
        ["Life Clarity", "Contents"]
        + [f"Part {n}" for n in range(1, 8)]
        + ["How this report was made"]
    )
    below: list[Any] = [entry for part in inside for entry in part]
    assert [entry.title for entry in below] == [section.title for section in plan.sections]
    for entry, section in zip(below, plan.sections, strict=True):
        assert at(reader, entry) == start(reader, section.name)


def test_every_font_is_there_once_and_its_letters_can_be_copied(
    long: tuple[Product, bytes],
) -> None:
    _, pdf = long
    reader = read(pdf)
    fonts: dict[str, set[int]] = {}
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            found = font.get_object()
            fonts.setdefault(found["/BaseFont"], set()).add(font.idnum)
            assert found["/Encoding"] == "/Identity-H"
            assert "/ToUnicode" in found

    assert all(len(numbers) == 1 for numbers in fonts.values())
    assert "You are here. It looks good from outside" in reader.pages[-2].extract_text()


def test_the_document_is_tagged_all_through(long: tuple[Product, bytes]) -> None:
    _, pdf = long
    reader = read(pdf)
    root = reader.root_object["/StructTreeRoot"]
    parents: dict[Any, Any] = {}
    for leaf in root["/ParentTree"]["/Kids"]:  # type: ignore[index]
        numbers = leaf.get_object()["/Nums"]
        parents |= dict(zip(numbers[::2], numbers[1::2], strict=True))

    assert reader.root_object["/MarkInfo"]["/Marked"]  # type: ignore[index]
    for page in reader.pages:
        elements = parents[page["/StructParents"]]
        marked = page.get_contents().get_data().count(b"/MCID")  # type: ignore[union-attr]
        assert len(elements.get_object()) == marked
        for each in annotations(page):
            link = parents[each.get_object()["/StructParent"]].get_object()
            assert link["/S"] == "/Link"
    assert len(parents) == root["/ParentTreeNextKey"]  # type: ignore[index]


def test_the_same_order_gives_the_same_bytes_however_it_is_rendered(press: Press) -> None:
    plan = product(sections=14, parts=2, divided=True)
    pages = [typeset(plan, each, replace(FACTS, text=TEXT)) for each in plan.chunks]

    with Press(children=1) as alone:
        one_by_one = [alone.render(page) for page in pages]
        assert alone.recipe() == press.recipe()
    with ThreadPoolExecutor(2) as pool:
        side_by_side = list(pool.map(press.render, pages[::-1]))[::-1]

    assert side_by_side == one_by_one
    done = {each.name: page for each, page in zip(plan.chunks, one_by_one, strict=True)}
    assert bound(plan, done) == bound(plan, done)


def test_a_piece_that_lies_about_its_pages_is_refused(press: Press) -> None:
    plan = product()
    done = rendered(plan, press)
    done["cover"] = replace(done["cover"], pages=2)

    with pytest.raises(ValueError, match="cover has 1 pages, not 2"):
        bound(plan, done)


def test_nothing_is_fetched_from_files_or_the_network(press: Press, tmp_path: Path) -> None:
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    secret = tmp_path / "secret.txt"
    secret.write_text("the secret of the house")
    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here, file = f"http://127.0.0.1:{server.server_port}", secret.as_uri()
        made = press.render(
            f"<html lang=en><head><title>x</title><link rel=stylesheet href={here}/a.css>"
            f"<link rel=attachment href={file}><style>@import url({here}/b.css);"
            f"@font-face{{font-family:f;src:url({here}/f.ttf)}} p::before{{content:url({file})}}"
            f"body{{background:url({here}/c.png);list-style:url({file});font-family:f}}</style></head>"
            f"<body><img src={here}/d.png alt=x><img src={file} alt=x><p>words</p>"
            f"<object data={file}></object><embed src={here}/e><iframe src={file}></iframe>"
            f"<a rel=attachment href={file}>a</a><svg><image href='{here}/g.png'/><use href='{file}#x'/>"
            f"</svg></body></html>"
        )
        server.shutdown()

    reader = read(made.pdf)
    assert asked == []
    assert "words" in reader.pages[0].extract_text()
    assert not reader.attachments
    assert b"the secret of the house" not in made.pdf


# Gives up its sockets, then says what it and its child can still do.
SECLUDED = """
import os, socket
from actors.press.seclusion import seclude
before = socket.socketpair()
print(seclude() or "secluded", flush=True)
child = os.fork()
for kind in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
    try:
        socket.socket(kind)
    except PermissionError:
        os.write(1, b"refused\\n")  # in one piece, beside the other process
before[0].sendall(b"x")
assert before[1].recv(1) == b"x" and socket.socketpair()
if child:
    os.waitpid(child, 0)
"""


def test_a_process_that_has_given_up_its_sockets_opens_none_and_nor_do_its_children() -> None:
    said = subprocess.run(
        [sys.executable, "-c", SECLUDED], capture_output=True, text=True, check=True
    ).stdout.split()

    assert said == ["secluded", *["refused"] * 6]


def test_the_press_renders_without_a_network(press: Press) -> None:
    child = resting(press)
    assert press._room is not None

    for process in (press._room._process.pid, child):
        status = Path(f"/proc/{process}/status").read_text()
        assert "Seccomp:\t2" in status
        assert "NoNewPrivs:\t1" in status


BOMBS = {
    "memory": "<table>" + "<tr><td>x<td>y<td>z" * 40_000 + "</table>",
    "depth": "<div>" * 3000 + "x",
    "columns": "<table><tr><td colspan=1000000>x</table>",
    "time": "<p>" + "word " * 1_500_000,
    "use": "<svg><g id=a0><rect width=1 height=1 /></g>"
    + "".join(f"<g id=a{n}><use href=#a{n - 1} /><use href=#a{n - 1} /></g>" for n in range(1, 30))
    + "<use href=#a29 /></svg>",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_refused_and_the_next_chunk_is_rendered(bomb: str) -> None:
    with Press(limits=Limits(memory=300 * 2**20, processor=6, time=30)) as press:
        with pytest.raises(PressFailed) as refused:
            press.render(f"<html lang=en><title>x</title><body>{BOMBS[bomb]}")

        assert refused.value.reason == "unrenderable"
        assert press.render("<html lang=en><title>x</title><p>well").pages == 1


def test_a_chunk_that_takes_too_long_is_ended() -> None:
    # By its own alarm: nothing else that says so comes before the press has lost its patience.
    with (
        Press(limits=Limits(time=1, processor=1000)) as press,
        pytest.raises(PressFailed, match="takes more time than a chunk may have"),
    ):
        press.render("<html lang=en><title>x</title><p>" + "word " * 1_000_000)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def rendering(press: Press) -> int:
    """The process that is rendering, once there is one."""
    assert press._room is not None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := children_of(press._room._process.pid):
            return found[0]
        time.sleep(0.01)
    pytest.fail("nothing is being rendered")


def resting(press: Press) -> int:
    """The process that would render the next chunk. It does not wait for that long."""
    while True:
        press.render("<html lang=en><title>x</title><p>well")
        assert press._room is not None
        if found := children_of(press._room._process.pid):
            return found[0]


def gone(pid: int) -> bool:
    """Whether the process ends now. A zombie has ended: who should have buried it is not ours."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if ") Z " in Path(f"/proc/{pid}/stat").read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.01)
    return False


LONG = "<html lang=en><title>x</title><p>" + "word " * 60_000
LONGER = "<html lang=en><title>x</title><p>" + "word " * 200_000


def test_when_a_child_is_killed_its_caller_is_told_and_the_next_chunk_is_rendered() -> None:
    with Press() as press, ThreadPoolExecutor(1) as pool:
        press.recipe()
        waiting = pool.submit(press.render, LONGER)
        os.kill(rendering(press), signal.SIGKILL)

        with pytest.raises(Unavailable, match="ended the process"):
            waiting.result(timeout=60)
        assert press.render("<html lang=en><title>x</title><p>well").pages == 1


def test_when_the_warm_process_is_killed_the_chunk_is_rendered_all_the_same() -> None:
    with Press() as press, ThreadPoolExecutor(1) as pool:
        press.recipe()
        room = press._room
        assert room is not None
        waiting = pool.submit(press.render, LONG)
        child = rendering(press)
        room._process.kill()

        assert waiting.result(timeout=60).pages > 1
        assert press._room is not room
        assert gone(child)


def test_a_closed_press_leaves_no_process_and_no_file_behind() -> None:
    with Press() as press:
        child = resting(press)
        room = press._room
        assert room is not None

    assert room._process.returncode is not None
    assert not Path(room._scratch).exists()
    assert gone(child)


def test_when_the_owner_is_killed_nothing_stays_behind() -> None:
    script = (
        "import time; from actors.press.rendering import Press; press = Press();"
        "press.render('<html lang=en><title>x</title><p>well');"
        "print(press._room._process.pid, press._room._scratch, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        warm, scratch = owner.stdout.readline().split()
        owner.kill()

    assert gone(int(warm))
    assert not Path(scratch).exists()


ODD_TEXTS = {
    "nothing": "",
    "emoji": "🌱🔥✨ 👩‍🔬 🏳️‍🌈 " * 40,
    "hebrew": "שלום עולם. " * 80,
    "arabic": "مرحبا بالعالم. " * 80,
    "devanagari": "नमस्ते दुनिया। " * 80,
    "chinese": "你好世界。" * 200,
    "korean": "안녕하세요 세계. " * 80,
    "japanese": "こんにちは世界。" * 100,
    "russian": "Ты стоишь на равнине. " * 80,
    "greek": "Στέκεσαι σε ένα οροπέδιο. " * 80,
    "unknown script": "\U00013000\U00012000\u1780 " * 60,
    "html": "<div><p>unclosed <b>tags <table><tr>",
    "latex": "$$\\frac{a}{b}$$ \\begin{align} x &= y \\\\ \\end{align}",
    "broken": "**bold *both\n\n| a | b\n|--|\n| c\n\n```\nnever closed",
    "one word": "x" * 20_000,
    "marks": "Z\u0334\u0353\u0300" * 400,
    "wide table": "|"
    + "heading|" * 8
    + "\n|"
    + "-|" * 8
    + ("\n|" + "a_rather_long_cell|" * 8) * 20,
}


@pytest.mark.parametrize("name", ODD_TEXTS)
def test_odd_text_is_rendered(press: Press, name: str) -> None:
    facts = replace(FACTS, customer="نועה " * 60, text=ODD_TEXTS[name])
    for kind in (ChunkKind.COVER, ChunkKind.SECTION):
        assert press.render(typeset(product(), chunk(kind), facts)).pages >= 1
    plain = press.render(typeset_plain(product(), chunk(ChunkKind.SECTION), facts))

    plan = product()
    assert plain.pages >= 1
    assert (
        len(read(bound(plan, rendered(plan, press, ODD_TEXTS[name]))).pages) > len(plan.chunks) - 1
    )


def test_a_section_of_a_hundred_thousand_words_is_rendered_as_far_as_it_goes() -> None:
    with Press() as press:
        facts = replace(FACTS, text="Something to say about it. " * 20_000)
        made = press.render(typeset(product(), chunk(ChunkKind.SECTION), facts))

    assert "too long to print" in " ".join(read(made.pdf).pages[-1].extract_text().split())


def conformance(pdf: bytes) -> list[str]:
    """What an independent checker finds against PDF/UA-1."""
    report = validate_pdf_bytes(pdf, profile="ua1")
    return sorted({f"{each.rule_id}: {each.message}" for each in report.failures})


CHARTS = """```chart
title: Where the hours go
unit: h
Work: 42
Sleep: 49
```

```chart
title: How the year moves
x: Jan, Feb, Mar
Outward: 2, 5, 3
Inward: 8, 7, 6
```
"""


def test_a_program_that_reads_aloud_finds_all_it_needs(press: Press) -> None:
    plan = product(sections=6, parts=2, divided=True)

    pdf = bound(plan, rendered(plan, press, TEXT + CHARTS))

    assert conformance(pdf) == []
    assert b"<pdfuaid:part>1</pdfuaid:part>" in pdf


def test_a_chart_is_drawn_and_says_its_numbers_in_words(press: Press) -> None:
    plan = product()

    reader = read(bound(plan, rendered(plan, press, CHARTS)))

    objects: list[Any] = list(
        map(reader.get_object, range(1, int(str(reader.trailer.get("/Size")))))
    )
    alternatives = [each.get("/Alt") for each in objects if isinstance(each, dict)]
    assert "Bar chart (h). Where the hours go. Work: 42; Sleep: 49." in alternatives


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        (TEXT, "en"),
        ("Du stehst auf einer Ebene, und das ist nicht der Rand. " * 20, "de"),
        ("שלום עולם. " * 80, "he"),
        ("これは世界です。" * 80, "ja"),
    ],
)
def test_the_document_says_which_language_it_is_in(press: Press, text: str, spoken: str) -> None:
    plan = product()

    root = read(bound(plan, rendered(plan, press, text))).root_object

    assert str(root["/Lang"]) == spoken
    chunks = root["/StructTreeRoot"]["/K"][0]["/K"]  # type: ignore[index]
    assert [each["/Lang"] for each in chunks] == ["en", "en", *[spoken] * 4, "en"]


def test_a_file_goes_with_the_document(press: Press) -> None:
    plan = product()
    done = rendered(plan, press)
    pieces = [
        Piece(chunk=each, pdf=done[each.name].pdf, pages=done[each.name].pages)
        for each in plan.chunks
    ]
    papers = Enclosure(
        filename="provenance.json", media_type="application/json", about="Origin", content=b"{}"
    )

    out = io.BytesIO()
    bind(plan, pieces, out, placed_on=PLACED_ON, enclosed=[papers])

    pdf = out.getvalue()
    assert read(pdf).attachments == {"provenance.json": [b"{}"]}
    assert conformance(pdf) == []


def test_the_document_is_the_same_when_children_are_killed_in_between() -> None:
    plan = product(sections=6)
    pages = [typeset(plan, each, replace(FACTS, text=TEXT)) for each in plan.chunks]

    def made(*, killing: bool, children: int) -> bytes:
        done: dict[str, Rendered] = {}
        with Press(children=children) as press:
            for number, (each, page) in enumerate(zip(plan.chunks, pages, strict=True)):
                try:
                    done[each.name] = press.render(page)
                except Unavailable:
                    # As a worker would: it is told that somebody ended the child, and comes again.
                    done[each.name] = press.render(page)
                if killing and number % 2:
                    os.kill(resting(press), signal.SIGKILL)
                if killing and number == 4:
                    assert press._room is not None
                    press._room._process.kill()
        return bound(plan, done)

    assert made(killing=True, children=2) == made(killing=False, children=1)


# Words, and the packaged face that must draw them, wherever the text beside them is set in another.
SCRIPTS = {
    "NotoSerifHebrew-Regular": "שלום",
    "NotoNaskhArabic-Regular": "مرحبا",
    "NotoSerifDevanagari-Regular": "नमस्ते",
    "DroidSansFallback": "你好世界",
    "NotoEmoji-Regular": "🌱",
    "NotoSerifThai-Regular": "สวัสดี",
    "NotoSerifGeorgian-Regular": "გამარჯობა",
    "SourceSerif4-Regular": "ŁódźΔδξψЖждя",
}


def outline(font: harfbuzz.Font, glyph: int) -> list[Any]:
    """The strokes of a glyph: what is seen of it."""
    pen = RecordingPen()
    font.draw_glyph_with_pen(glyph, pen)
    return list(pen.value)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_drawn_with_the_glyphs_of_its_own_face(press: Press, name: str) -> None:
    word, plan = SCRIPTS[name], product()
    text = f"Before it. {word} After it.\n\nAnd {word} once more."
    ours = harfbuzz.Font(harfbuzz.Face(harfbuzz.Blob.from_file_path(str(FONTS / f"{name}.ttf"))))
    shaped = harfbuzz.Buffer()
    shaped.add_str(word)
    shaped.guess_segment_properties()
    harfbuzz.shape(ours, shaped, {})
    wanted = {info.codepoint for info in shaped.glyph_infos}

    reader = read(bound(plan, rendered(plan, press, text)))

    found: dict[str, bytes] = {}
    for sheet in reader.pages:
        for font in sheet["/Resources"]["/Font"].values():  # type: ignore[index]
            inner = font.get_object()["/DescendantFonts"][0].get_object()
            file = inner["/FontDescriptor"]["/FontFile2"]
            found[str(inner["/BaseFont"]).rpartition("+")[2]] = file.get_data()
    theirs = harfbuzz.Font(harfbuzz.Face(found[name]))
    assert 0 not in wanted
    for glyph in wanted:
        assert outline(theirs, glyph) == outline(ours, glyph) != []
