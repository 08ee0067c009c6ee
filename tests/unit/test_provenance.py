"""The file that goes with a report says who wrote it, and nothing that is secret or changes with a crash."""

import hashlib
import json

from events.products import find
from events.provenance import fingerprint, provenance
from tests.examples import order, paid, placed, started, written

PRODUCT = find("life_clarity")
FIRST, SECOND = (section.name for section in PRODUCT.sections[:2])


def test_it_names_every_section_in_the_plan_s_order_with_its_model_and_a_hash_of_its_words() -> (
    None
):
    papers = provenance(
        order(placed(), paid(), started(), written(SECOND, text="Later."), written(FIRST)), PRODUCT
    )

    said = json.loads(papers)["sections"]
    assert [each["section"] for each in said] == [FIRST, SECOND]
    assert said[1]["sha256"] == hashlib.sha256(b"Later.").hexdigest()
    assert said[1]["model"] == "gpt-4.1-mini"
    assert fingerprint(papers) == hashlib.sha256(papers).hexdigest()


def test_it_is_the_same_after_a_crash() -> None:
    calm = order(placed(), paid(), started(), written(FIRST), written(SECOND))
    crashed = order(
        placed(),
        paid(),
        started(),
        written(FIRST),
        started(2),
        started(3),
        written(SECOND, attempt=3),
    )

    assert provenance(calm, PRODUCT) == provenance(crashed, PRODUCT)


def test_it_holds_no_words_of_the_report_and_nothing_of_the_customer() -> None:
    papers = provenance(order(placed(), paid(), started(), written(FIRST)), PRODUCT).decode()

    for secret in ("What there is to say", "Jenny", "example.com", "1990"):
        assert secret not in papers
