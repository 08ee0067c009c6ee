"""Says times, costs and deeds as tables need it: short."""

_SPANS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_ACTED = {
    "order-retried": "retried",
    "order-cancelled": "cancelled",
    "order-corrected": "corrected",
    "resend-asked": "mailed once more",
    "order-erased": "erased",
    "note-made": "noted",
}
_FINE = 10
_SMALL = 0.1


def short(seconds: float) -> str:
    """How long: 340 ms, 2.4 s, 12 s, 2 min 5 s, 3 h 20 min, 4 d 2 h."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < _FINE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for place, (letter, length) in enumerate(_SPANS[:-1]):
        if whole >= length:
            count, rest = divmod(whole, length)
            finer, finer_length = _SPANS[place + 1]
            tail = f" {rest // finer_length} {finer}" if rest >= finer_length else ""
            return f"{count} {letter}{tail}"
    return f"{whole} s"


def coarse(seconds: float) -> str:
    """How long ago, no finer than it matters: seconds, 12 min, 3 h, 4 d."""
    for letter, length in _SPANS[:-1]:
        if seconds >= length:
            return f"{int(seconds // length)} {letter}"
    return "seconds"


def dollars(millionths: int) -> str:
    """What calls cost: $0.0042, $1.30, $1,204.00."""
    amount = millionths / 1_000_000
    return f"${amount:.4f}" if 0 < amount < _SMALL else f"${amount:,.2f}"


def acted(event: str) -> str:
    """What a person did, by the event that it led to."""
    return _ACTED.get(event, event.replace("-", " "))
