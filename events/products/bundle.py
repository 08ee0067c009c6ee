"""The bundle: three reports as orders of their own, side by side, finished when the last one is."""

from events.money import Money
from events.plan import HOUR, MINUTE, Field, FieldKind, Pacing, Product

PRODUCT = Product(
    name="bundle",
    title="The Complete Set",
    tagline="Life Clarity, Personal Blueprint and Personal Horoscope, each as a book of its own.",
    description=(
        "All three reports from one form, for less than they cost apart. Each is written on its own"
        " and has its own file: the short one is ready first, the horoscope last. They are written"
        " by a language model that knows only what you tell it, for reflection and not as"
        " professional advice."
    ),
    promise=4 * HOUR,
    prices=(Money(19900, "usd"), Money(18500, "eur")),
    # Everything that a part asks for must be asked for here: the catalogue refuses a bundle that
    # forgets a field or disagrees about one.
    fields=(
        Field(
            name="name",
            label="Your name",
            required=True,
            longest=120,
            example="Ada Moreau",
            hint="As you would like to be addressed, and as it stands on the three covers.",
        ),
        Field(
            name="birth_date",
            label="Date of birth",
            kind=FieldKind.DATE,
            required=True,
            longest=10,
            example="1988-04-17",
            hint="For the horoscope; in the other two only for the stage of life you are in.",
        ),
        Field(
            name="birth_time",
            label="Time of birth",
            kind=FieldKind.TIME,
            longest=8,
            example="06:40",
            hint="For the horoscope, if you know it. It stands without it.",
        ),
        Field(
            name="birth_place",
            label="Place of birth",
            longest=120,
            example="Porto, Portugal",
            hint="For the horoscope: town and country, if you like.",
        ),
        Field(
            name="question",
            label="Your question",
            kind=FieldKind.TEXT,
            longest=2000,
            example="I have a job that everyone envies. Why do I keep thinking of leaving it?",
            hint="What would you like to see more clearly? It runs through all three reports.",
        ),
    ),
    parts=("life_clarity", "personal_blueprint", "personal_horoscope"),
    pacing=Pacing(
        call_timeout=30.0,
        leg=2 * MINUTE,
        hard_limit=3 * MINUTE,
        deadline=7 * HOUR,
    ),
    attempts=3,
    priority=5,
    # It asks the model nothing itself: this is what its parts may spend together.
    budget=11_000_000,
)
