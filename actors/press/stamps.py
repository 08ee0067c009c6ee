"""What binding adds to finished pages: running head, foot and page number, as artifacts outside the text.

Measures are points on A4. They continue the grid of ``report.css``.
"""

from dataclasses import dataclass

from actors.press.lettering import Letter, Lettering

MM = 72 / 25.4
LEFT, RIGHT = 58 * MM, 184 * MM
HEAD, FOOT = (297 - 20) * MM, 17 * MM
SIZE = 7.0
GREY = b"0.42 0.45 0.5 rg"
# How much of the line the text on the right may take.
SHARE = 0.62

# What the fonts are called in the resources of every stamped page.
FACES = {"Inter": b"LpText", "Inter-Medium": b"LpCaps"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Both ends of two lines. An empty text leaves its place empty."""

    head_left: str = ""
    head_right: str = ""
    foot_left: str = ""
    foot_right: str = ""


def fonts(lettering: Lettering) -> bytes:
    """The entries that a page's font resources need for its stamps."""
    return b"".join(
        b"/%s %d 0 R" % (short, lettering.number(face)) for face, short in FACES.items()
    )


def ink(stamp: Stamp, lettering: Lettering) -> bytes:
    """The content stream that draws ``stamp``; to stand before the page's own, which moves the origin."""
    lines = b"".join(
        _line(words, baseline, at_right=at_right, lettering=lettering)
        for words, baseline, at_right in (
            (stamp.head_left.upper(), HEAD, False),
            (stamp.head_right, HEAD, True),
            (stamp.foot_left.upper(), FOOT, False),
            (stamp.foot_right, FOOT, True),
        )
        if words
    )
    if not lines:
        return b""
    return b"/Artifact<</Type/Pagination>>BDC\nq " + GREY + b"\n" + lines + b"Q EMC\n"


def _line(words: str, baseline: float, *, at_right: bool, lettering: Lettering) -> bytes:
    face = "Inter" if at_right else "Inter-Medium"
    tracking = 0.0 if at_right else 0.1 * SIZE
    room = (RIGHT - LEFT) * (SHARE if at_right else 1 - SHARE) - 4 * MM
    letters = lettering.spell(face, words)
    while _length(letters, tracking) > room:
        words = words.rstrip("…")[:-1].rstrip() + "…"
        letters = lettering.spell(face, words)
    left = RIGHT - _length(letters, tracking) if at_right else LEFT
    glyphs = b"".join(b"<%04x>%g" % (letter.glyph, round(letter.kerned)) for letter in letters)
    return b"BT /%s %g Tf %.2f Tc 1 0 0 1 %.2f %.2f Tm [%s] TJ ET\n" % (
        FACES[face],
        SIZE,
        tracking,
        left,
        baseline,
        glyphs.replace(b">0<", b""),
    )


def _length(letters: list[Letter], tracking: float) -> float:
    return sum(letter.advance * SIZE / 1000 + tracking for letter in letters)
