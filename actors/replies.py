"""What comes back of a call to the model: an answer, or why there is none, each with what it cost."""

from dataclasses import dataclass

from events.errors import Refused, Unavailable
from events.money import NOTHING, Tokens

# Why a call fails when the endpoint is to blame, and not what was asked of it.
_SICK = frozenset({"model-away", "model-busy", "model-timeout"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model wrote. ``cost`` is in millionths of a dollar.

    ``lost`` counts earlier tries of the call of which nobody knows whether they were answered, and paid for.
    """

    text: str
    tokens: Tokens
    cost: int
    milliseconds: int
    lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no usable answer, and what was paid for it all the same."""

    error: Refused | Unavailable
    tokens: Tokens = NOTHING
    cost: int = 0
    lost: int = 0

    @property
    def sick(self) -> bool:
        """Whether the endpoint is to blame, so that other calls would most likely fail too."""
        return self.error.reason in _SICK

    @property
    def retry_after(self) -> float:
        """For how many seconds the other side asked not to be called."""
        return (self.error.retry_after or 0.0) if isinstance(self.error, Unavailable) else 0.0


Reply = Answer | Failure
