"""Untrusted text, made fit to print: what cannot be seen, cannot be drawn or would run away is taken out."""

import re
import unicodedata

# Tell nothing, hide much: controls, zero-width marks, bidirectional embeddings, overrides and
# isolates, tags, private use, lone surrogates. Joiners (U+200C, U+200D) stay: scripts need them.
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff0-\ufffb\ufffe\uffff\ue000-\uf8ff\ud800-\udfff"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\u0085]")
MARKS_PER_LETTER = 4
MARKS = frozenset({"Mn", "Me"})
LONGEST_WORD = 40
# Scripts from Hebrew onwards are left alone: they either have spaces or may be broken anywhere.
LONG_WORD = re.compile(rf"[^\s\u200b\u0590-\U0010ffff]{{{LONGEST_WORD + 1},}}")
BREAK_HERE = "\u200b"


def tidy(text: str) -> str:
    """``text`` in NFC, with plain line ends and without what is listed above."""
    text = UNSEEN.sub("", LINE_ENDS.sub("\n", text))
    # Marks first: to put a thousand of them in order takes time by the square.
    return text if text.isascii() else unicodedata.normalize("NFC", _fewer_marks(text))


def line(text: str, longest: int) -> str:
    """``text`` tidied on one line of at most ``longest`` characters; cut with an ellipsis."""
    flat = " ".join(tidy(text).split())
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def breakable(text: str) -> str:
    """``text`` with a place to break every few letters in words too long for a line."""
    return LONG_WORD.sub(_with_breaks, text)


def _with_breaks(word: re.Match[str]) -> str:
    letters = word[0]
    steps = range(0, len(letters), LONGEST_WORD // 2)
    return BREAK_HERE.join(letters[at : at + LONGEST_WORD // 2] for at in steps)


def _fewer_marks(text: str) -> str:
    kept = []
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter) in MARKS else 0
        if marks <= MARKS_PER_LETTER:
            kept.append(letter)
    return "".join(kept)
