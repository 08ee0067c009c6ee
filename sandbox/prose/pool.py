"""A supply of material for one section, from which nothing is drawn twice."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from sandbox.chance import Chance
from sandbox.prose.library import Subject, sentences

GAP = re.compile(r"\{(\w+)\}")
EITHER = re.compile(r"\[([^\]]+)\]")
STRIDE = 3
SHARES = (0, 0, 0, 1, 1, 2)  # which subject a part of a section is about


class Pool:
    """Draws sentences about a few subjects, one of which is in focus.

    Every list is shuffled once for each customer and gone round by ``turn``, the place of the
    section in its report: a sentence comes back only when the others have been used.
    """

    def __init__(
        self, chance: Chance, near: Sequence[Subject], *, customer: str, turn: int
    ) -> None:
        self.chance = chance
        self._near = near
        self._customer = customer
        self._turn = turn
        self._drawn: set[str] = set()
        self._focus = 0

    def focus(self, part: int) -> None:
        """Turn to one subject: for the first part of a section always the nearest one."""
        self._focus = self.chance.one_of(SHARES) % len(self._near) if part else 0

    def entry(self, kind: str) -> str:
        """Something of that kind, about the subject in focus while it has any left."""
        order = [self._focus, *(at for at in range(len(self._near)) if at != self._focus)]
        for at in order:
            if found := self._fresh(self._near[at].material.get(kind, ())):
                return found
        return self.chance.one_of(
            next(s.material[kind] for s in self._near if s.material.get(kind))
        )

    def sentence(self, kind: str, **filled: str) -> str:
        """A sentence with its gaps filled: from ``filled``, else with material of the gap's name."""
        form = self._fresh(sentences()[kind]) or self.chance.one_of(sentences()[kind])
        return self.fill(form, filled)

    def fill(self, form: str, filled: Mapping[str, str]) -> str:
        """Fill the gaps of one form and start it with a capital."""

        def material(gap: re.Match[str]) -> str:
            name = gap[1]
            return filled[name] if name in filled else self.entry(name.rstrip("2") + "s")

        form = EITHER.sub(lambda either: self.chance.one_of(either[1].split("|")), form)
        return capital(GAP.sub(material, form))

    def _fresh(self, choices: Sequence[str]) -> str | None:
        order = shuffled_for(self._customer, tuple(choices))
        for one in gone_round(order, self._turn):
            if one not in self._drawn:
                self._drawn.add(one)
                return one
        return None


def gone_round(order: Sequence[str], turn: int) -> Sequence[str]:
    """The order from another place on every turn, whatever its length."""
    start = (turn * STRIDE + turn * STRIDE // max(1, len(order))) % max(1, len(order))
    return (*order[start:], *order[:start])


@lru_cache(maxsize=4096)
def shuffled_for(customer: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    """The choices in the order in which this customer meets them."""
    return tuple(Chance(customer, *choices[:3]).shuffled(choices))


def capital(text: str) -> str:
    """The text with its first letter as a capital."""
    return text[:1].upper() + text[1:]
