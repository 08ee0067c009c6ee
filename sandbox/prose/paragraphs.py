"""The parts of a section: how it opens, its paragraphs, lists, tables and quotes, and how it closes."""

import re

from sandbox.commission import Commission
from sandbox.prose.brief import Brief
from sandbox.prose.library import grammar, sentences
from sandbox.prose.pool import Pool, capital

LONGEST_QUESTION = 140  # characters
HEADING = 3  # words that a sub-heading needs at least
LIST = 3  # entries that a list needs at least
FEWEST = 2  # sentences of a paragraph
RECIPES = (
    ("truths", "thing", "act"),
    ("truths", "when", "bridge", "act"),
    ("scenes", "remark"),
    ("thing", "truths", "bridge"),
    ("when", "thing", "truths"),
    ("when", "truths", "act"),
    ("truths", "when", "asks"),
    ("act", "bridge", "when"),
    ("asks", "thing", "truths"),
    ("asks", "when", "bridge"),
    ("truths", "truths", "thing", "asks"),
    ("thing", "act", "bridge", "asks"),
    ("when", "act", "truths"),
    ("thing", "when", "bridge"),
    ("thing", "when", "act"),
    ("truths", "bridge", "asks"),
)
OWN = frozenset({"truths", "scenes", "asks"})
UNSAFE = re.compile(r"[\[\]()*_`<>#|\\{}]")


class Writer:
    """Writes the parts of one section in any order; keeps count of what may be said once only."""

    def __init__(self, pool: Pool, brief: Brief, wanted: Commission) -> None:
        self._pool = pool
        self._chance = pool.chance
        self._wanted = wanted
        self._pages = list(brief.pages)
        self._truths = list(brief.truths)
        self._tasks = list(brief.tasks)
        self._topics = list(brief.topics)
        self._recipes = self._chance.shuffled(RECIPES)
        self._once = self._asides()

    def opening(self) -> str:
        """The first paragraph: something true or seen, the subject by name, and what the brief asks."""
        title = UNSAFE.sub("", self._wanted.title)
        said = [self._pool.sentence("open", title=title)] if title else []
        first = self._truths.pop(0) if self._truths and self._chance.below(2) else None
        first = first or self._pool.entry(self._chance.one_of(("truths", "truths", "scenes")))
        said = [first, *said] if self._chance.below(3) else [*said, first]
        if self._pages:
            said.append(self._page())
        elif self._truths:
            said.append(self._truths.pop(0))
        return " ".join(said)

    def turn_to(self, part: int) -> None:
        """Begin another part of the section, perhaps from another side."""
        self._pool.focus(part)

    def paragraph(self, room: int) -> str:
        """A paragraph of about ``room`` words at the most, and never less than a sentence."""
        recipe = self._recipes.pop() if self._recipes else self._chance.one_of(RECIPES)
        said = [self._said(kind) for kind in recipe]
        if self._once:
            said.insert(self._chance.below(2) + 1, self._once.pop(0))
        elif self._truths or self._pages:
            said.insert(0, self._truths.pop(0) if self._truths else self._page())
        while len(said) > FEWEST and len(" ".join(said).split()) > room + 12:
            said.pop()
        return " ".join(said)

    def filler(self, missing: int, spare: int) -> str:
        """A short sentence that goes anywhere, of about as many words as are ``missing``."""
        said = [self._pool.sentence("bridge") for _ in range(12)]
        fitting = [one for one in said if len(one.split()) <= missing + spare]
        return max(fitting or said, key=lambda one: -abs(len(one.split()) - missing))

    def heading(self) -> str:
        """A sub-heading: the brief's own words if they make one, else the subject's."""
        long_enough = [topic for topic in self._topics if len(topic.split()) >= HEADING]
        if long_enough and self._chance.below(2):
            self._topics.remove(long_enough[0])
            return capital(long_enough[0])
        if self._chance.below(4) == 0:
            return self._pool.sentence("heads")
        return self._pool.entry("heads")

    def aside(self, kind: str) -> str:
        """A list, a table, a pull quote, or nothing."""
        match kind:
            case "list":
                return self._list()
            case "table":
                return self._chart_of_a_plan() if self._chance.below(3) == 0 else self._table()
            case "quote":
                return f"> {self._pool.entry('quotes')}"
            case _:
                return ""

    def close(self) -> str:
        """Something to hold: a task, under the label that the form wants."""
        task = self._tasks.pop() if self._tasks else self._pool.entry("acts")
        if self._wanted.closing:
            return f"**{self._wanted.closing}:** {ended(capital(task))}"
        if task.startswith("come away"):
            return ended(self._pool.sentence("taking", task=task))
        if ":" in task:
            return ended(self._pool.sentence("task_plain", task=task))
        if self._chance.below(3):
            return ended(self._pool.sentence("task", task=task))
        truth = self._pool.entry("truths")
        return ended(self._pool.sentence("short", task=capital(task), truth=truth))

    def _said(self, kind: str) -> str:
        return self._pool.entry(kind) if kind in OWN else self._pool.sentence(kind)

    def _page(self) -> str:
        page = self._pages.pop(0)
        verb = page.partition(" ")[0]
        kind = "pages_doing" if verb in grammar("shared") else "pages"
        return self._pool.sentence(kind, pages=page)

    def _asides(self) -> list[str]:
        """The reader's name and question, each at most once in a section."""
        asides = []
        if self._wanted.first_name:
            name = UNSAFE.sub("", self._wanted.first_name)
            asides.append(self._pool.sentence("named", name=name))
        question = UNSAFE.sub("", " ".join(self._wanted.question.split()))
        asked_for = "question" in self._wanted.brief or self._chance.below(3) == 0
        if question and len(question) <= LONGEST_QUESTION and asked_for:
            closed = question if question[-1] in ".?!" else f"{question}?"
            asides.append(self._pool.sentence("question", question=closed))
        return self._chance.shuffled(asides)

    def _list(self) -> str:
        if len(self._topics) >= LIST and self._chance.below(3):
            topics, self._topics = self._topics[:4], self._topics[4:]
            lead = self._pool.sentence("chunk_lead")
            lines = [
                f"- **{capital(topic)}.** {self._pool.sentence('chunk_note')}" for topic in topics
            ]
        else:
            lead = self._pool.sentence("bullets_lead")
            halves = [self._pool.entry("steps").split(" | ") for _ in range(3)]
            lines = [f"- **{label}.** {text}" for label, text in halves]
        return "\n".join([lead, "", *lines])

    def _chart_of_a_plan(self) -> str:
        """A plan in small numbers: an hour shared out, or a week that begins with little."""
        lead = self._pool.sentence("chart_lead")
        if self._chance.below(2):
            names = self._chance.shuffled(sentences()["chart_shares"])[:4]
            minutes = self._chance.shuffled((10, 15, 20, 15))
            rows = [f"{name}: {count}" for name, count in zip(names, minutes, strict=True)]
            about = [f"title: {self._chance.one_of(sentences()['chart_hours'])}", "unit: min"]
        else:
            first, second = self._chance.shuffled(sentences()["chart_shares"])[:2]
            about = [
                f"title: {self._chance.one_of(sentences()['chart_weeks'])}",
                "unit: min",
                "x: Mon, Tue, Wed, Thu, Fri, Sat, Sun",
            ]
            rows = [f"{first}: 5, 5, 10, 10, 10, 20, 20", f"{second}: 5, 5, 5, 10, 10, 15, 10"]
        return "\n".join([lead, "", "```chart", *about, *rows, "```"])

    def _table(self) -> str:
        lead = self._pool.sentence("table_lead")
        heads = self._chance.one_of(sentences()["table_heads"])
        rows = [self._pool.entry("rows") for _ in range(3)]
        lines = [f"| {row} |" for row in (heads, "--- | ---", *rows)]
        return "\n".join([lead, "", *lines])


def ended(text: str) -> str:
    """The text with a full stop, unless it ends in a mark already."""
    return text if re.search(r"[.?!…][\"”]?$", text) else f"{text}."
