"""Money and tokens: whole numbers with their unit, because floats lose cents."""

from dataclasses import dataclass
from typing import Self

# Currencies without a minor unit, as Stripe counts them (docs.stripe.com/currencies#zero-decimal).
_WHOLE = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()  # noqa: SIM905 - one line reads best
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor unit (cents), as Stripe counts it."""

    amount: int
    currency: str

    @property
    def minor(self) -> int:
        """How many minor units make a major one: 100 cents a dollar, 1 for currencies without cents."""
        return 1 if self.currency in _WHOLE else 100

    def __str__(self) -> str:
        whole, cents = divmod(self.amount, self.minor)
        fraction = f".{cents:02}" if self.minor > 1 else ""
        return f"{whole}{fraction} {self.currency.upper()}"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one call of the model read and wrote."""

    prompt: int
    completion: int

    def __add__(self, other: Self) -> "Tokens":
        return Tokens(self.prompt + other.prompt, self.completion + other.completion)


NOTHING = Tokens(0, 0)


@dataclass(frozen=True, slots=True)
class Rate:
    """What a model costs, in millionths of a dollar per thousand tokens.

    A list price of $0.40 per million prompt tokens is ``400``.
    """

    prompt: int
    completion: int


def cost(tokens: Tokens, rate: Rate) -> int:
    """Price of ``tokens`` in millionths of a dollar, rounded up: an order must never look cheaper than it was."""
    return -(-(tokens.prompt * rate.prompt + tokens.completion * rate.completion) // 1000)
