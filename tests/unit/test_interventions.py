"""What a person may do to an order, and what they are told when they may not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from events.decide import Mail, PlaceParts, Write, decide
from events.errors import Refused
from events.facts import (
    AttentionNeeded,
    DisputeOpened,
    MailIntended,
    MailSent,
    NoteMade,
    OrderCancelled,
    OrderDelivered,
    OrderErased,
    OrderRetried,
    PartHeld,
    PartsPlaced,
    PaymentReceived,
    PaymentRefunded,
    ResendAsked,
)
from events.foresight import foresee
from events.interventions import (
    Arrived,
    Asked,
    Cancel,
    Correct,
    Erase,
    Resend,
    Retry,
    Wish,
    intervene,
    pass_on,
)
from events.money import Money, Rate
from events.notices import To, owed
from events.order import Order, evolve
from events.place import Outcome, Purchase, place
from events.products import CATALOGUE, find
from events.react import Nudge, react
from events.retention import expire
from events.reversal import follow
from events.views import word
from tests.examples import (
    ORDER,
    SUBJECT,
    asked,
    bound,
    failed,
    order,
    paid,
    placed,
    rendered,
    started,
    written,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RATE = Rate(400, 1600)
REFUSED = AttentionNeeded(reason="model-refusal", attempt=1, detail="It would not.", advice="Ask.")
UNUSABLE = AttentionNeeded(reason="unusable-payment", attempt=0, detail="Why.", advice="Correct.")
BEGUN = (placed(), paid(), started())
INTENDED = MailIntended(mail="report", attempt=1, message_id="<x>")
SENT = MailSent(mail="report", message_id="<x>")
MADE = (
    *BEGUN,
    *(written(each.name) for each in find("life_clarity").sections),
    *(rendered(each.name) for each in find("life_clarity").chunks),
    bound(),
)
DELIVERED = (*MADE, INTENDED, SENT, OrderDelivered(by="mail"))
MONEY_BACK = PaymentRefunded(amount=Money(4900, "usd"), full=True)
ERASED = OrderErased(by="customer", reason="Request 2027-12.")
DISPUTED = DisputeOpened(dispute="dp_1", amount=Money(4900, "usd"), reason="fraudulent")


def facts(history: Order, wish: Wish, why: str = "Because.", **changes: Any) -> list[Any]:
    request = Asked(wish=wish, reason=why, now=NOW, **changes)
    return intervene(history, request, CATALOGUE)


def after(history: Order, wish: Wish, why: str = "Because.") -> Order:
    for fact in facts(history, wish, why):
        history = evolve(history, fact)
    return history


def reason(history: Order, wish: Wish, why: str = "Because.", **changes: Any) -> str:
    with pytest.raises(Refused) as refused:
        facts(history, wish, why, **changes)
    return refused.value.reason


@pytest.mark.parametrize("wish", [Retry(), Cancel(), Correct(email="j.r@example.com")])
def test_the_reason_comes_first(wish: Wish) -> None:
    note, *_ = facts(order(*BEGUN, REFUSED), wish)

    assert note == NoteMade(number=1, text="Because.")


def test_a_retried_order_goes_on_where_it_stopped() -> None:
    retried = after(order(*BEGUN, written("section-001"), REFUSED), Retry())

    step = decide(retried, find("life_clarity"), NOW)
    assert isinstance(step, Write)
    assert "section-001" not in [each.name for each in step.sections]
    own = Nudge(ORDER, "life_clarity")
    assert react(retried, OrderRetried(number=1, at="2026-11-21T12:00:00+00:00")) == (own,)


def test_a_retry_ends_a_wait() -> None:
    waits = order(*BEGUN, failed(retry_at="2026-11-21T12:30:00+00:00"))
    assert decide(waits, find("life_clarity"), NOW) is None

    assert decide(after(waits, Retry()), find("life_clarity"), NOW) is not None


def test_a_retried_part_nudges_its_bundle() -> None:
    part = placed(parent="b", parent_product="bundle", session="", intent="")
    retried = after(order(part, paid(), started(), REFUSED), Retry())

    assert Nudge("b", "bundle") in react(
        retried, OrderRetried(number=1, at="2026-11-21T12:00:00+00:00")
    )


def test_a_retry_gives_the_order_its_time_anew() -> None:
    assert after(order(*BEGUN, REFUSED), Retry()).since == NOW.isoformat()


@pytest.mark.parametrize(
    ("history", "why"),
    [
        ((placed(),), "not-paid"),
        (BEGUN, "at-work"),
        ((*BEGUN, failed()), "at-work"),
        ((*BEGUN, OrderCancelled(reason="refunded")), "cancelled"),
        (DELIVERED, "delivered"),
        (
            (*BEGUN, DisputeOpened(dispute="d", amount=Money(1, "usd"), reason="r"), REFUSED),
            "disputed",
        ),
        ((placed("gone"), paid(), UNUSABLE), "not-usable"),
        ((placed(fields={}), paid(), UNUSABLE), "not-usable"),
        ((placed(email="nobody"), paid(), UNUSABLE), "not-usable"),
        (
            (
                placed("bundle"),
                paid(),
                PartsPlaced(parts={"life_clarity": "p"}),
                PartHeld(product="life_clarity", order="p", number=1, reason="r"),
            ),
            "part-held",
        ),
    ],
)
def test_what_cannot_be_retried(history: tuple[Any, ...], why: str) -> None:
    assert reason(order(*history), Retry()) == why


def test_a_wrong_price_is_accepted_by_a_retry() -> None:
    retried = after(order(placed(price=Money(100, "usd")), paid(), UNUSABLE), Retry())

    assert retried.workable


def test_a_cancelled_order_stays_cancelled() -> None:
    cancelled = after(order(*BEGUN), Cancel())

    assert not cancelled.workable
    assert reason(cancelled, Retry()) == reason(cancelled, Cancel()) == "cancelled"


def test_what_cannot_be_cancelled() -> None:
    assert reason(order(*DELIVERED), Cancel()) == "delivered"
    assert reason(order(placed(parent="b"), paid()), Cancel()) == "part"


def test_a_delivered_report_is_mailed_once_more_under_another_name() -> None:
    resent = after(order(*DELIVERED), Resend())

    step = decide(resent, find("life_clarity"), NOW)
    assert step == Mail("report-2", doubtful=False)
    assert reason(resent, Resend()) == "at-work"
    done = evolve(resent, MailSent(mail="report-2", message_id="<y>"))
    assert decide(done, find("life_clarity"), NOW) is None
    assert decide(after(done, Resend()), find("life_clarity"), NOW) == Mail(
        "report-3", doubtful=False
    )


def test_a_resending_that_needs_a_person_can_be_retried() -> None:
    stuck = evolve(after(order(*DELIVERED), Resend()), REFUSED)

    retried = after(stuck, Retry())

    assert decide(retried, find("life_clarity"), NOW) == Mail("report-2", doubtful=False)


def test_what_cannot_be_mailed_once_more() -> None:
    analysis = order(placed("document_analysis"), paid(), OrderDelivered(by="api"))

    assert reason(order(*BEGUN), Resend()) == "not-delivered"
    assert reason(analysis, Resend()) == "not-mailed"
    assert reason(order(placed(parent="b"), OrderDelivered(by="bundle")), Resend()) == "part"


def test_a_correction_makes_an_unusable_payment_usable() -> None:
    unusable = order(placed("gone", fields={}, email=""), paid(), UNUSABLE)
    right = Correct(
        product="life_clarity",
        email="jenny@example.com",
        fields={"name": "Jenny", "birth_date": "1990-05-17", "question": "What now?"},
    )

    corrected = after(unusable, right)

    assert not corrected.workable
    assert after(corrected, Retry()).workable
    assert corrected.placed is not None
    assert corrected.placed.product == "life_clarity"


@pytest.mark.parametrize(
    "wrong",
    [
        Correct(),
        Correct(email="nobody"),
        Correct(fields={"name": ""}),
        Correct(fields={"shoe_size": "43"}),
        Correct(product="gone"),
        Correct(email="jenny.rosen@example.com"),
    ],
)
def test_a_correction_must_be_right(wrong: Correct) -> None:
    assert reason(order(placed(), paid(), UNUSABLE), wrong) == "invalid-correction"


def test_a_refusal_repeats_nothing_personal() -> None:
    with pytest.raises(Refused) as refused:
        facts(order(*BEGUN, REFUSED), Correct(email="secret person", fields={"name": " "}))

    assert "secret" not in str(refused.value)


def test_what_cannot_be_corrected() -> None:
    name = Correct(fields={"name": "Jenny"})

    assert reason(order(*BEGUN, REFUSED), Correct(product="bundle")) == "begun"
    assert reason(order(placed(), paid()), Correct(product="bundle")) == "begun"
    assert reason(order(*DELIVERED), name) == "delivered"
    assert reason(order(placed(parent="b"), paid()), name) == "part"
    assert reason(order(placed(), OrderCancelled(reason="refunded")), name) == "cancelled"


def test_the_address_of_a_delivered_order_can_be_corrected() -> None:
    corrected = after(order(*DELIVERED), Correct(email="other@example.com"))

    assert corrected.placed is not None
    assert corrected.placed.email == "other@example.com"


def test_a_part_is_corrected_like_its_bundle_as_far_as_it_asks() -> None:
    bundle = order(placed("bundle", fields={"name": "Ada", "birth_place": "Porto"}))
    part = order(placed("life_clarity", fields={"name": "Adda"}, parent="b"))

    (correction,) = pass_on(part, bundle, find("life_clarity"))

    assert correction.fields == {"name": "Ada"}
    assert pass_on(evolve(part, correction), bundle, find("life_clarity")) == []


@pytest.mark.parametrize(
    ("product", "wish", "why"),
    [
        ("bundle", Correct(email="jenny.rosen@example.com"), ""),
        ("bundle", Correct(), "invalid-correction"),
        ("life_clarity", Correct(email="jenny.rosen@example.com"), "invalid-correction"),
    ],
)
def test_only_a_bundle_whose_parts_may_not_have_heard_is_told_again(
    product: str, wish: Correct, why: str
) -> None:
    placed_so = order(placed(product), paid(), REFUSED)

    if why:
        assert reason(placed_so, wish) == why
    else:
        assert after(placed_so, wish).corrections == 1


def test_a_mail_in_doubt_can_be_said_to_have_arrived() -> None:
    doubt = AttentionNeeded(reason="mail-doubtful", attempt=2, detail="d", advice="a")
    arrived = after(order(*MADE, INTENDED, started(2), doubt), Arrived())

    step = decide(arrived, find("life_clarity"), NOW)
    assert not isinstance(step, Mail)
    assert arrived.workable
    assert arrived.mails["report"] == SENT


def test_a_mail_in_doubt_is_sent_again_after_a_retry() -> None:
    doubt = AttentionNeeded(reason="mail-doubtful", attempt=2, detail="d", advice="a")
    retried = after(order(*MADE, INTENDED, started(2), doubt), Retry())

    assert decide(retried, find("life_clarity"), NOW) == Mail("report", doubtful=False)


def test_only_a_mail_in_doubt_can_be_said_to_have_arrived() -> None:
    assert reason(order(*DELIVERED), Arrived()) == "nothing-in-doubt"
    assert reason(order(*MADE, INTENDED), Arrived()) == "at-work"


@pytest.mark.parametrize(
    "wish",
    [Retry(), Cancel(), Resend(), Correct(email="a@b.cd"), Arrived(), Erase("customer")],
)
def test_nothing_is_done_to_an_erased_order(wish: Wish) -> None:
    assert reason(order(*BEGUN, REFUSED), wish, erased=True) == "erased"
    assert reason(order(*BEGUN, REFUSED, ERASED), wish) == "erased"


@pytest.mark.parametrize(
    "events", [BEGUN, (*BEGUN, REFUSED), DELIVERED, (placed(),), (*DELIVERED, MONEY_BACK)]
)
def test_an_order_is_erased_however_it_stands(events: tuple[Any, ...]) -> None:
    erased = after(order(*events), Erase("tenant"), "Request 2027-12.")

    assert erased.erased == OrderErased(by="tenant", reason="Request 2027-12.")
    assert word(erased, find("life_clarity")) == "erased"
    assert decide(erased, find("life_clarity"), NOW) is None
    assert (erased.workable, erased.running, erased.reserved) == (False, False, 0)
    assert react(erased, erased.erased) == ()
    assert owed(erased, find("life_clarity")) == ()


@pytest.mark.parametrize(
    "told",
    [
        "jenny.rosen@example.com wants it",
        "Mrs. ROSEN wants it",
        "Asked by jenny",
        "somebody@example.org wants it",
        "born 1990-05-17",
        "x" * 201,
    ],
)
def test_a_reason_that_tells_who_is_forgotten_is_refused(told: str) -> None:
    assert reason(order(*DELIVERED), Erase("customer"), told) == "invalid-erasure"


def test_nobody_but_those_who_may_wishes_an_erasure() -> None:
    assert reason(order(*DELIVERED), Erase("retention")) == "invalid-erasure"


def test_a_part_is_erased_with_its_bundle_even_if_it_is_delivered() -> None:
    bundle = order(placed("bundle"), paid(), ERASED)
    part = order(placed(parent=ORDER), *DELIVERED[1:])

    assert reason(part, Erase("customer")) == "part"
    assert follow(part, bundle) == [ERASED]
    assert follow(evolve(part, ERASED), bundle) == []


def test_money_that_comes_after_the_erasure_needs_a_person() -> None:
    purchase = Purchase(
        outcome=Outcome.PAID,
        session="cs_test_example",
        intent="pi_example",
        product="life_clarity",
        tenant="default",
        live=False,
        at="2026-11-21T09:00:00+00:00",
        amount=Money(4900, "usd"),
        listed=None,
        email="",
        fields={},
    )
    erased = order(placed(), ERASED)

    money, trouble = place(erased, purchase, ORDER, CATALOGUE)

    assert isinstance(money, PaymentReceived)
    assert trouble.reason == "paid-after-erasure"
    (notice,) = owed(evolve(evolve(erased, money), trouble), find("life_clarity"))
    assert notice.to is To.OPERATOR


@pytest.mark.parametrize(
    ("events", "erased"),
    [
        (DELIVERED, True),
        ((placed(), OrderCancelled(reason="payment-expired")), True),
        ((*BEGUN, REFUSED), False),
        ((*DELIVERED, ERASED), False),
        ((*DELIVERED, DISPUTED), False),
        ((*DELIVERED, ResendAsked(number=1)), False),
        ((placed(parent=SUBJECT), *DELIVERED[1:]), False),
    ],
)
def test_data_expire_once_nobody_needs_them(events: tuple[Any, ...], *, erased: bool) -> None:
    found = expire(order(*events), 30)

    assert [each.by for each in found] == ["retention"] * erased


def test_a_preview_says_what_is_kept_what_repeats_and_what_it_can_cost() -> None:
    history = order(*BEGUN, asked("section-001", "section-002"), written("section-001"), REFUSED)

    seen = foresee(history, Retry(), CATALOGUE, RATE)

    assert seen.kept == ("1 sections",)
    assert seen.to_do == ("3 of 4 sections", "the document")
    assert seen.repeated == ("up to 1 calls whose answers were lost",)
    assert seen.mails == ("the customer gets the report",)
    one = foresee(order(*BEGUN, *MADE[3:6], REFUSED), Retry(), CATALOGUE, RATE)
    assert 0 < one.most_cost < seen.most_cost < find("life_clarity").budget


def test_a_preview_of_a_bundle_counts_the_parts_that_are_not_placed() -> None:
    history = order(placed("bundle"), paid(), UNUSABLE)

    seen = foresee(history, Retry(), CATALOGUE, RATE)

    assert seen.most_cost == sum(find(name).budget for name in find("bundle").parts)
    assert isinstance(decide(after_retry(), find("bundle"), NOW), PlaceParts)


def after_retry() -> Order:
    fields = {"name": "Ada", "birth_date": "1990-05-17", "question": "What now?"}
    return after(order(placed("bundle", fields=fields), paid(), UNUSABLE), Retry())


def test_a_preview_of_a_cancellation_says_that_no_money_goes_back() -> None:
    seen = foresee(order(*BEGUN), Cancel(), CATALOGUE, RATE)

    assert seen.most_cost == 0
    assert seen.mails == ()
    assert "refund" in seen.remarks[0]
