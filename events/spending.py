"""How much a round of calls can cost, known before it is made: what is reserved, and what a crash can have cost."""

from collections.abc import Iterable

from events.errors import Refused
from events.money import Rate, Tokens, cost
from events.order import Order
from events.plan import Product, Section
from events.prompt import Prompt

# Room for a model that thinks before it writes, and for languages whose words are many tokens.
_THINKING = 4000
_TOKENS_A_WORD = 8
# The words with which a better form is asked for, in bytes.
_WHAT_IS_WRONG = 1000
# What English takes on average; only rate limits are reckoned with it, never money.
_BYTES_A_TOKEN = 4
_LIKELY_TOKENS_A_WORD = 1.5


def longest_answer(section: Section) -> int:
    """How many tokens the model may write for ``section`` before it is cut off."""
    return _THINKING + _TOKENS_A_WORD * section.words[1]


def most_tokens(prompt: Prompt, section: Section) -> Tokens:
    """No call for ``section`` reads or writes more: a token is at least one byte of what is read (byte-pair coding).

    It may be asked twice, with its first answer in the second question: see ``events/form.py``.
    """
    longest = longest_answer(section)
    return Tokens(2 * _bytes(prompt) + longest + _WHAT_IS_WRONG, 2 * longest)


def likely_tokens(prompt: Prompt, section: Section) -> int:
    """About how many tokens a call for ``section`` takes from the model's allowance."""
    return round(_bytes(prompt) / _BYTES_A_TOKEN + _LIKELY_TOKENS_A_WORD * section.words[1])


def most_cost(tokens: Iterable[Tokens], rate: Rate) -> int:
    """The most that these calls can cost together, in millionths of a dollar."""
    return sum(cost(each, rate) for each in tokens)


def check_budget(order: Order, product: Product, most: int, limit: int | None) -> None:
    """Raise ``Refused`` if ``most`` more could take the order past its product's budget, or past ``limit``.

    All in millionths of a dollar. Calls of which nobody knows what they cost count with the most they can have cost.
    """
    allowed = product.budget if limit is None else min(product.budget, limit)
    if order.spent + most > allowed:
        message = (
            f"Its calls have cost up to {order.spent} millionths of a dollar and the next can cost {most};"
            f" {allowed} are allowed."
        )
        raise Refused(message, reason="budget")


def _bytes(prompt: Prompt) -> int:
    return len(prompt.system.encode()) + len(prompt.user.encode())
