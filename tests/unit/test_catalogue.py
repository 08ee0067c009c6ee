"""The catalogue: what is in it, that it can be sold, and that a broken product is refused."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from events.errors import NotFound, Refused
from events.money import Money
from events.outline import outline
from events.plan import ChunkKind, DocumentKind, Field, FieldKind, Key, Product
from events.products import CATALOGUE, discover, faults, find

PRODUCTS = list(CATALOGUE.values())
SOUND = find("life_clarity")
BUNDLE = find("bundle")

# Sections by which a shifted outline shows: the first of every part, and the last of all. What has
# been sold is remembered by these names, so a change here is a change of history.
LANDMARKS = {
    "life_clarity": {
        "section-001": "Where you stand today",
        "section-004": "Your next honest steps",
    },
    "personal_blueprint": {
        "section-001": "Reading the ground",
        "section-008": "Inherited rules",
        "section-014": "Along the grain",
        "section-021": "The shape of a day",
        "section-028": "The circle, drawn honestly",
        "section-035": "Beneath the job title",
        "section-042": "The first thing to go",
        "section-048": "A year on one page",
        "section-052": "Lights on in the evening",
    },
    "personal_horoscope": {
        "section-001": "A sky to think with",
        "section-011": "Your Sun in plain words",
        "section-028": "The Sun, or what you are growing into",
        "section-048": "The front door",
        "section-072": "How planets talk",
        "section-088": "How you open the door",
        "section-108": "A trade for your temperament",
        "section-124": "Clocks in the sky",
        "section-138": "A year drawn as a circle",
        "section-161": "Last light",
    },
    "document_analysis": {"section-001": "What the document says"},
}


def test_the_catalogue_is_sorted_and_cannot_be_changed() -> None:
    assert list(CATALOGUE) == [
        "bundle",
        "document_analysis",
        "life_clarity",
        "personal_blueprint",
        "personal_horoscope",
    ]
    with pytest.raises(TypeError):
        CATALOGUE["free"] = SOUND  # type: ignore[index]


def test_a_product_is_found_by_its_name() -> None:
    assert find("personal_blueprint").title == "Personal Blueprint"


def test_what_is_not_sold_is_not_found_and_not_repeated() -> None:
    with pytest.raises(NotFound, match="life_clarity") as caught:
        find("ada@example.com")

    assert caught.value.reason == "unknown-product"
    assert "ada" not in str(caught.value)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_every_product_can_be_sold(product: Product) -> None:
    assert faults(product, CATALOGUE) == []


@pytest.mark.parametrize(
    ("name", "sections", "parts", "chunks"),
    [
        ("bundle", 0, 0, 0),
        ("document_analysis", 1, 1, 0),
        ("life_clarity", 4, 1, 7),
        ("personal_blueprint", 52, 8, 55),
        ("personal_horoscope", 161, 9, 173),
    ],
)
def test_outlines_have_the_length_that_is_advertised(
    name: str, sections: int, parts: int, chunks: int
) -> None:
    product = find(name)

    assert len(product.sections) == sections
    assert len({section.part for section in product.sections}) == parts
    assert len(product.chunks) == chunks


def test_the_horoscope_is_a_cover_contents_nine_openers_161_sections_and_a_closing() -> None:
    kinds = Counter(chunk.kind for chunk in find("personal_horoscope").chunks)

    assert kinds == {
        ChunkKind.COVER: 1,
        ChunkKind.CONTENTS: 1,
        ChunkKind.PART: 9,
        ChunkKind.SECTION: 161,
        ChunkKind.CLOSING: 1,
    }


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("life_clarity", (20, 4, 0.0, 300, 420, 1_800)),
        ("personal_blueprint", (180, 5, 1.5, 480, 540, 7_200)),
        ("personal_horoscope", (14_400, 1, 2.0, 600, 720, 21_600)),
        ("bundle", (14_400, 1, 0.0, 120, 180, 25_200)),
        ("document_analysis", (20, 1, 0.0, 120, 180, 900)),
    ],
)
def test_promise_width_pause_leg_hard_limit_and_deadline_are_those_of_the_contract(
    name: str, promised: tuple[float, ...]
) -> None:
    product, pace = find(name), find(name).pacing
    kept = (product.promise, product.width, pace.pause, pace.leg, pace.hard_limit, pace.deadline)

    assert kept == promised


def test_the_faster_a_product_the_more_urgent_it_is() -> None:
    urgent_first = sorted(PRODUCTS, key=lambda product: product.priority)
    promises = [product.promise for product in urgent_first]

    assert promises == sorted(promises)


def test_a_bundle_may_spend_what_its_parts_may_spend() -> None:
    assert find("bundle").budget == sum(find(part).budget for part in BUNDLE.parts)


def test_a_bundle_is_cheaper_than_its_parts() -> None:
    for money in BUNDLE.prices:
        apart = [find(part).price(money.currency) for part in BUNDLE.parts]
        assert money.amount < sum(price.amount for price in apart if price)


@pytest.mark.parametrize("name", LANDMARKS)
def test_sections_keep_the_names_under_which_they_were_sold(name: str) -> None:
    titles = {section.name: section.title for section in find(name).sections}

    assert {landmark: titles.get(landmark) for landmark in LANDMARKS[name]} == LANDMARKS[name]
    assert list(titles) == [f"section-{place:03}" for place in range(1, len(titles) + 1)]


def test_no_title_is_used_twice_in_the_whole_catalogue() -> None:
    titles = Counter(section.title for product in PRODUCTS for section in product.sections)

    assert [title for title, times in titles.items() if times > 1] == []


def test_titles_are_titles_and_not_numbers() -> None:
    numbering = re.compile(r"\d|\b(section|chapter|part) (one|two|three)\b", re.IGNORECASE)
    titles = [section.title for product in PRODUCTS for section in product.sections]

    assert [title for title in titles if numbering.search(title)] == []


def test_no_beginning_of_a_title_wears_out() -> None:
    for product in PRODUCTS:
        beginnings = Counter(
            " ".join(section.title.split()[:2]).casefold() for section in product.sections
        )
        assert [words for words, times in beginnings.items() if times > 4] == []


def test_a_brief_is_one_to_three_sentences_of_substance() -> None:
    for product in PRODUCTS:
        for section in product.sections:
            assert 15 <= len(section.brief.split()) <= 80, section.title
            assert section.brief.endswith((".", '"')), section.title


def test_every_voice_treats_the_readers_words_as_material() -> None:
    written = [product for product in PRODUCTS if product.sections]

    assert [product.name for product in written if "never" not in product.voice] == []
    assert [product.name for product in written if "instruction" not in product.voice] == []


def test_an_outline_numbers_its_sections_through_all_parts() -> None:
    sections = outline("# A\n## One\nFirst\nbrief.\n\n## Two\nSecond.\n# B\n## Three\nThird.\n")

    assert [(each.name, each.part, each.title, each.brief) for each in sections] == [
        ("section-001", "A", "One", "First brief."),
        ("section-002", "A", "Two", "Second."),
        ("section-003", "B", "Three", "Third."),
    ]


@pytest.mark.parametrize("text", ["Stray.\n# A\n## One\nBrief.", "# A\nStray.\n## One\nBrief."])
def test_an_outline_refuses_words_that_stand_under_no_title(text: str) -> None:
    with pytest.raises(ValueError, match="Stray"):
        outline(text)


def change(**to: Any) -> Callable[[Product], Product]:
    return lambda product: replace(product, **to)


def pacing(**to: Any) -> Callable[[Product], Product]:
    return lambda product: replace(product, pacing=replace(product.pacing, **to))


def section(place: int, **to: Any) -> Callable[[Product], Product]:
    def changed(product: Product) -> Product:
        sections = list(product.sections)
        sections[place] = replace(sections[place], **to)
        return replace(product, sections=tuple(sections))

    return changed


def field(**to: Any) -> Callable[[Product], Product]:
    extra = replace(Field(name="city", label="City"), **to)
    return lambda product: replace(product, fields=(*product.fields, extra))


@pytest.mark.parametrize(
    ("breaks", "fault"),
    [
        (change(name="Life-Clarity"), "name 'Life-Clarity' must be"),
        (change(name="a" * 41), "must be short"),
        (change(title=" "), "title is empty"),
        (change(tagline=""), "tagline is empty"),
        (change(tagline="one\ntwo"), "one line"),
        (change(description=""), "description is empty"),
        (change(voice=""), "no voice"),
        (change(form=""), "no form"),
        (change(priority=0), "priority 0"),
        (change(threads=0), "threads 0"),
        (change(attempts=0), "attempts 0"),
        (change(budget=0), "budget 0"),
        (change(prices=()), "no price"),
        (change(prices=(Money(0, "usd"),)), "not above zero"),
        (change(prices=(Money(100, "USD"),)), "three lower-case letters"),
        (change(prices=(Money(100, "usd"), Money(200, "usd"))), "two prices in 'usd'"),
        (field(name="City"), "field 'City' must be"),
        (field(name="product"), "the checkout uses itself"),
        (field(label=""), "no label"),
        (field(longest=0), "no room"),
        (field(name="name"), "two fields named 'name'"),
        (change(width=0), "width 0"),
        (change(width=2, sees_earlier=100), "needs width 1"),
        (change(width=1, sees_earlier=-1), "sees_earlier -1"),
        (change(promise=0.0), "above 0 s"),
        (pacing(pause=-1.0), "pause -1 s"),
        (pacing(leg=0.0), "above 0 s"),
        (pacing(call_timeout=0.0), "above 0 s"),
        (pacing(leg=400.0), "outlast the hard limit"),
        (pacing(hard_limit=1_700.0), "the broker"),
        (pacing(deadline=10.0), "deadline lies before"),
        (lambda product: replace(pacing(pause=10.0)(product), width=1), "pauses alone"),
        (change(sections=()), "neither sections nor parts"),
        (change(divided=True, document=DocumentKind.JSON), "only a PDF"),
        (change(keys=(Key(name="x", most=3),)), "only a JSON answer"),
        (change(keys=(Key(name="x", most=3),)), "'x' is not asked for in the form"),
        (change(keys=(Key(name="x", fewest=4, most=3),)), "asks for 4 to 3"),
        (change(keys=(Key(name="x", most=3),) * 2), "two keys named 'x'"),
        (section(0, name="Section 1"), "lower-case words joined by hyphens"),
        (section(0, name="cover"), "pages named 'cover'"),
        (section(1, name="section-001"), "pages named 'section-001'"),
        (section(0, title=""), "empty title"),
        (section(0, part=""), "empty part"),
        (section(0, brief=""), "empty brief"),
        (section(0, title="A" * 61), "more than 60 characters"),
        (section(0, words=(0, 10)), "0 to 10 words"),
        (section(0, words=(20, 10)), "20 to 10 words"),
        (section(1, title="where you stand TODAY"), "two sections titled"),
        (section(1, brief=SOUND.sections[0].brief), "with the brief"),
        (section(1, part="Another"), "interrupted"),
    ],
)
def test_a_fault_is_found(breaks: Callable[[Product], Product], fault: str) -> None:
    assert [found for found in faults(breaks(SOUND), CATALOGUE) if fault in found]


@pytest.mark.parametrize(
    ("breaks", "fault"),
    [
        (change(parts=("life_clarity", "tarot")), "'tarot' is not in the catalogue"),
        (change(parts=("life_clarity", "life_clarity")), "twice"),
        (change(parts=("bundle",)), "bundle itself"),
        (change(sections=SOUND.sections), "both sections and parts"),
        (change(promise=60.0), "'personal_horoscope' promises less"),
        (change(fields=BUNDLE.fields[:1]), "asks for 'birth_date', which the bundle does not"),
        (
            change(fields=tuple(replace(each, required=False) for each in BUNDLE.fields)),
            "disagree about 'name'",
        ),
        (
            change(fields=tuple(replace(each, kind=FieldKind.LINE) for each in BUNDLE.fields)),
            "disagree about 'birth_date'",
        ),
    ],
)
def test_a_fault_of_a_bundle_is_found(breaks: Callable[[Product], Product], fault: str) -> None:
    assert [found for found in faults(breaks(BUNDLE), CATALOGUE) if fault in found]


def test_a_bundle_alone_in_the_world_has_no_parts_to_sell() -> None:
    assert "part 'life_clarity' is not in the catalogue" in faults(BUNDLE)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Make a package of these files, each name with its text, and discover what it sells."""

    def filled(package: str, **files: str) -> Any:
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path)
        return discover(package, [str(folder)])

    return filled


COPY = """\
from dataclasses import replace
from events.products import life_clarity

PRODUCT = replace(life_clarity.PRODUCT, {})
"""


def test_a_new_product_is_one_new_file(shelf: Callable[..., Any]) -> None:
    found = shelf(
        "shelf_of_two",
        zebra=COPY.format("name='zebra'"),
        ant=COPY.format("name='ant'"),
        _draft="PRODUCT = None",
    )

    assert list(found) == ["ant", "zebra"]


def test_every_broken_product_is_named_in_one_error(shelf: Callable[..., Any]) -> None:
    with pytest.raises(Refused) as caught:
        shelf(
            "shelf_of_ruins",
            alias=COPY.format("name='other'"),
            cheap=COPY.format("name='cheap', prices=()"),
            empty="",
            sound=COPY.format("name='sound'"),
        )

    assert caught.value.reason == "broken-product"
    assert str(caught.value).splitlines()[1:] == [
        "  alias.py: the product is named 'other', not 'alias'",
        "  empty.py: defines no PRODUCT",
        "  cheap.py: has no price",
    ]


def test_a_file_that_cannot_be_read_is_named(shelf: Callable[..., Any]) -> None:
    with pytest.raises(Refused, match=r"torn\.py: .*prices"):
        shelf(
            "shelf_of_scraps", torn="from events.plan import Product\nPRODUCT = Product(name='t')"
        )
