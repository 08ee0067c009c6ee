"""Guesses which language a text is in and which way it runs: enough to hyphenate and to align it, no more."""

import re
import unicodedata
from collections import Counter

# The commonest little words. Enough of them in a text and it is in that language; WeasyPrint has
# patterns to hyphenate all of these.
LITTLE_WORDS = {
    "en": "the of and to a in is you that it for as are with on this be your or not have what",
    "de": "der die und das den nicht sie ist mit ein eine zu auf für sich dem von es im auch du",
    "fr": "le la les des et de en que vous est une un dans pour pas qui plus sur ce votre au",
    "es": "el la los las de que y en un una es no por con para su lo como más tu se del",
    "it": "il la le di che e un una è non per con sono del della più come si ciò tuo gli nel",
    "pt": "o a os as de que e um uma é não por com para seu sua mais como se do da você em",
    "nl": "de het een en van is dat je niet op te met voor zijn maar ook als wat er in aan",
}
WORDS = {language: frozenset(words.split()) for language, words in LITTLE_WORDS.items()}
WORD = re.compile(r"[^\W\d_]+")
SHARE = 0.12
SAMPLE = 400


UNKNOWN = "und"
# Scripts that tell a language, or the one most likely to be read aloud rightly; by how the Unicode names of their
# letters begin. Japanese before Chinese, whose letters it uses too.
SCRIPTS = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CJK": "zh",
    "HEBREW": "he",
    "ARABIC": "ar",
    "DEVANAGARI": "hi",
    "BENGALI": "bn",
    "TAMIL": "ta",
    "THAI": "th",
    "ARMENIAN": "hy",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "CYRILLIC": "ru",
}
SCRIPT_SHARE = 0.3


def language(text: str) -> str:
    """The language of ``text`` as an IETF tag, or ``und`` if it is none that can be told."""
    sample = [word.casefold() for word in WORD.findall(text[: SAMPLE * 10])][:SAMPLE]
    if not sample:
        return UNKNOWN
    if (told := _by_script("".join(sample))) != UNKNOWN:
        return told
    hits = {name: sum(word in words for word in sample) for name, words in WORDS.items()}
    best = max(hits, key=lambda name: hits[name])
    return best if hits[best] >= SHARE * len(sample) else UNKNOWN


def _by_script(letters: str) -> str:
    if letters.isascii():
        return UNKNOWN
    names = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in letters)
    named = [script for script in SCRIPTS if names[script] >= SCRIPT_SHARE * len(letters)]
    if named == ["CJK"] and names["HIRAGANA"] + names["KATAKANA"]:
        return "ja"
    return SCRIPTS[named[0]] if named else UNKNOWN


def direction(text: str) -> str:
    """``rtl`` if the first strong letter of ``text`` runs from right to left, else ``ltr``.

    Unicode Standard Annex 9, rules P2 and P3.
    """
    for letter in text:
        match unicodedata.bidirectional(letter):
            case "L":
                return "ltr"
            case "R" | "AL":
                return "rtl"
    return "ltr"
