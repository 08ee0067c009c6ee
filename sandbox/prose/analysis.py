"""A reading of a document as JSON: the gist, key points, risks and questions, in the document's own sentences."""

import json
import re

from sandbox.chance import Chance

DOCUMENT = re.compile(
    r"^[ \t]*(?:The document|Document|Text|The text)[ \t]*:[ \t]*", re.MULTILINE | re.IGNORECASE
)
AFTER = re.compile(r"^(?:Your question|Question|Already written)[^\n:]*:", re.MULTILINE)
QUESTION = re.compile(r"^(?:Your question|Question)[ \t]*:[ \t]*(.+)$", re.MULTILINE)
SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
MARKS = re.compile(r"[*_`#>|]+")
RISKY = re.compile(
    r"\b(?:may|shall not|must|only|unless|except|terminat\w*|penalt\w*|liab\w*|notice|late|fee|fees|breach|sole|"
    r"without|reserve\w*|waive\w*|risk\w*|delay\w*|if|ignore|instructions?|subject to|indemnif\w*|exclu\w*|loss)\b",
    re.IGNORECASE,
)
FIGURE = re.compile(r"\d|\b(?:euro|dollar|percent|days?|months?|years?)\b", re.IGNORECASE)
VAGUE = re.compile(
    r"\b(?:reasonable|appropriate|timely|may|as needed|from time to time|substantial\w*|approximately|about|soon|"
    r"best efforts|material\w*|generally|usually|some|several)\b",
    re.IGNORECASE,
)
LONGEST = 240
TOO_SHORT = 4


def analysis(prompt: str, seed: str) -> str:
    """Analyse the document in ``prompt``: always valid JSON with the four keys of the form, in order."""
    text = document(prompt)
    sentences = [one for one in (clean(piece) for piece in SENTENCE.split(text)) if one]
    telling = [one for one in sentences if len(one.split()) >= TOO_SHORT]
    if not telling:
        return as_json("The document is empty, or too short to be read as one.", [], [], [])
    asked = QUESTION.search(prompt)
    ranked = sorted(telling, key=lambda one: -weight(one))
    points = [short(one) for one in sorted(ranked[:6], key=telling.index)]
    risks = [f"“{short(one)}” {reason(one)}" for one in ranked if RISKY.search(one)][:4]
    questions = [asked_of(one, Chance(seed, one)) for one in ranked if VAGUE.search(one)][:4]
    return as_json(summary(telling, asked[1] if asked else ""), points, risks, questions)


def document(prompt: str) -> str:
    """The document, from its label to the next one; the whole prompt if nothing is labelled."""
    start = DOCUMENT.search(prompt)
    if start is None:
        return prompt
    rest = prompt[start.end() :]
    end = AFTER.search(rest)
    return rest[: end.start()] if end else rest


def clean(piece: str) -> str:
    """A sentence without Markdown, line breaks and numbering."""
    plain = " ".join(MARKS.sub(" ", piece).split())
    return re.sub(r"^(?:[-•]|\(?\d{1,2}(?:\.\d+)*[.)])\s+", "", plain)


def weight(sentence: str) -> int:
    """How much a careful reader would make of a sentence: figures and conditions count."""
    return (
        3 * len(FIGURE.findall(sentence)) + 2 * len(RISKY.findall(sentence)) + len(sentence) // 60
    )


def summary(sentences: list[str], question: str) -> str:
    """Between 60 and 150 words that lean on the first sentences and the weightiest ones."""
    words = sum(len(one.split()) for one in sentences)
    said = []
    if question:
        found = most_like(question, sentences)
        said.append(
            f"On the question asked, the passage that comes nearest reads: “{short(found)}”"
            if found
            else "The document does not answer the question that was asked."
        )
    said.append(f"It opens as follows: “{short(sentences[0])}”")
    said.append(
        f"The text runs to about {words} words in {len(sentences)} statements, and it speaks in its own"
        " terms throughout; nothing from outside has been added here."
    )
    heaviest = max(sentences, key=weight)
    if heaviest != sentences[0]:
        said.append(f"Its weightiest statement is probably this one: “{short(heaviest)}”")
    said.append(
        "Conditions, dates and amounts are given below exactly as they are written. What the document"
        " leaves open is listed among the questions, for its author or for a professional to answer."
    )
    return " ".join(said)


def most_like(question: str, sentences: list[str]) -> str | None:
    """The sentence that shares most of the longer words with the question, if any shares one."""
    asked = {word for word in re.findall(r"\w+", question.lower()) if len(word) > TOO_SHORT}
    marks = [len(asked & set(re.findall(r"\w+", one.lower()))) for one in sentences]
    return sentences[marks.index(max(marks))] if max(marks) else None


def reason(sentence: str) -> str:
    """Why a sentence deserves a second look."""
    if re.search(r"\b(?:ignore|instructions?)\b", sentence, re.IGNORECASE):
        return "looks like an attempt to steer automated readers; it was not followed."
    if FIGURE.search(sentence):
        return "sets a figure or a term; missing it could lead to a loss or a dispute."
    if re.search(r"\b(?:may|reserve\w*|sole)\b", sentence, re.IGNORECASE):
        return "leaves room to one side; the other might be surprised by how it is used."
    return "depends on a condition; it is worth knowing who decides whether it is met."


def asked_of(sentence: str, chance: Chance) -> str:
    """A question that a careful reader would ask about a sentence."""
    vague = VAGUE.search(sentence)
    word = vague[0].lower() if vague else "this"
    return chance.one_of(
        (
            f"What exactly does “{word}” mean in “{short(sentence)}”?",
            f"Who decides what counts as “{word}” where it says “{short(sentence)}”?",
            f"Could “{short(sentence)}” be put without the word “{word}”?",
        )
    )


def short(sentence: str) -> str:
    """At most so many characters of a sentence, cut between words."""
    if len(sentence) <= LONGEST:
        return sentence
    return f"{sentence[:LONGEST].rsplit(' ', 1)[0]} …"


def as_json(summary: str, points: list[str], risks: list[str], questions: list[str]) -> str:
    """The object that the form asks for."""
    said = {"summary": summary, "key_points": points, "risks": risks, "questions": questions}
    return json.dumps(said, ensure_ascii=False, indent=2)
