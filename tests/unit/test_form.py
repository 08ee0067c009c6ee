"""An answer that is not in form is told what is wrong; one that is, is left alone."""

import time
from dataclasses import replace

import pytest

from events.form import faults
from events.products import find
from sandbox.commission import Commission
from sandbox.prose.section import section as written

SECTION = replace(find("life_clarity").sections[0], words=(20, 40))
GOOD = "You stand here, and it looks good from outside. " * 3

BROKEN = {
    "too short": ("Too short.", "2 words; 20 to 40"),
    "too long": ("word " * 100, "100 words"),
    "a title": (f"## Where you stand\n\n{GOOD}", "begins with a title"),
    "a remark": (f"Sure, here is the section. {GOOD}", "remark about the task"),
    "HTML": (f"{GOOD}\n\n<div class=x>more</div>", "holds HTML"),
    "a link in brackets": (f"{GOOD} [see [this](https:/evil.example)]", "holds links"),
    "a link": (f"{GOOD} [read](https://evil.example)", "holds links"),
    "an image": (f"{GOOD} ![x](y.png)", "holds links or images"),
    "code": (f"{GOOD}\n\n```python\nprint()\n```", "holds code"),
    "headings": (f"{GOOD}\n\n" + "### More\n\nA.\n\n" * 6, "too many sub-headings"),
    "tables": (f"{GOOD}\n\n" + "| a | b |\n|---|---|\n| 1 | 2 |\n\n" * 3, "too many tables"),
    "a long table": (f"{GOOD}\n\n| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 13, "too long ones"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_form_is_named(what: str) -> None:
    text, said = BROKEN[what]

    assert any(said in fault for fault in faults(text, SECTION))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"{GOOD}\n\n### One\n\n> A quote.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
        f"{GOOD}\n\n```chart\ntitle: x\na: 1\nb: 2\n```",
        f"{GOOD} Is 3 < 5 and 7 > 2? It is [sic] so.",
        f"{GOOD} It is [sic] so (as said).",
        "这是一个很长的句子。" * 30,
    ],
)
def test_what_is_in_form_has_no_faults(text: str) -> None:
    assert faults(text, SECTION) == []


@pytest.mark.parametrize(
    "unit",
    [
        *"-|\t :[(!<a`#*1\u2014\U0001f331",
        "\n",
        "- ",
        "| ",
        "|-",
        "|:-",
        ":-",
        "[](",
        "](",
        "<a ",
        "\t|",
        " \t",
        "``",
    ],
)
def test_no_text_holds_the_worker_up(unit: str) -> None:
    def seconds(size: int) -> float:
        body = unit * (size // len(unit))
        began = time.thread_time()
        for text in (body, f"{body}x", f"|-{body}x", f"-|\n{body}|"):
            faults(text, SECTION)
        return time.thread_time() - began

    # What grows by the square takes some 250 times as long for a text of sixteen times the length, and does so again.
    assert any(seconds(64_000) < 60 * max(seconds(4_000), 0.002) for _ in range(5))


def test_what_is_wrong_is_said_without_the_words_that_were_written() -> None:
    assert "evil" not in " ".join(faults(BROKEN["a link"][0], SECTION))


@pytest.mark.parametrize("product", ["life_clarity", "personal_blueprint", "personal_horoscope"])
def test_the_stand_in_writes_in_form(product: str) -> None:
    plan = find(product)
    for each in plan.sections:
        wanted = Commission(
            product=plan.title,
            title=each.title,
            part=each.part,
            brief=each.brief,
            words=each.words,
            name="Ada",
        )

        assert faults(written(wanted, each.name), each) == []
