"""From an outline, written as an editor would write it, to the sections of a product."""

import re

from events.plan import Section

PART = re.compile(r"^# ", re.MULTILINE)
TITLE = re.compile(r"^## ", re.MULTILINE)


def outline(text: str, *, words: tuple[int, int] = (350, 500)) -> tuple[Section, ...]:
    """Read ``# part`` lines, and under each its ``## title`` lines with their briefs below them.

    Sections are named by their place, ``section-001`` onwards, and the log remembers them by that
    name: reword as you like, but add new ones at the very end and never remove or move one that has
    been sold. Raises ``ValueError`` for words that belong to no title.
    """
    before, *parts = PART.split(text)
    strays = [before]
    found: list[tuple[str, str, str]] = []
    for part in parts:
        heading, *entries = TITLE.split(part)
        name, _, stray = heading.partition("\n")
        strays.append(stray)
        for entry in entries:
            title, _, brief = entry.partition("\n")
            found.append((name.strip(), title.strip(), " ".join(brief.split())))
    if astray := " ".join(" ".join(strays).split()):
        msg = f"these words of the outline stand under no title: {astray!r}"
        raise ValueError(msg)
    return tuple(
        Section(name=f"section-{number:03}", part=part, title=title, brief=brief, words=words)
        for number, (part, title, brief) in enumerate(found, start=1)
    )
