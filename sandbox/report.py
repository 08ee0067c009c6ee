"""What became of a storm: added up from the evidence, with the verdict, and shown."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from sandbox.evidence import gathered
from sandbox.system import System
from sandbox.verdict import complaints
from sandbox.wrecking import FROZEN, KILLED, Blow

_SUMS = (
    "paid", "delivered", "mails", "copies", "doubtful", "sections", "calls", "repeated", "in_flight", "takeovers",
    "spent", "events",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a storm. ``seconds`` from the first payment to the last delivery.

    ``calls`` reached the model, ``repeated`` of them for a section that had been asked for before; ``in_flight`` were
    announced by a worker that died before it had the answer. ``takeovers`` are attempts that another worker ended,
    ``spent`` those that failed and count against their order.
    ``doubtful`` are mails that may have been sent before, as the log says.
    """

    orders: int
    by_product: dict[str, int]
    paid: int
    delivered: int
    mails: int
    copies: int
    doubtful: int
    sections: int
    calls: int
    repeated: int
    in_flight: int
    kills: int
    freezes: int
    struck: dict[str, int]
    takeovers: int
    spent: int
    events: int
    placed_in: float
    seconds: float
    seed: int
    complaints: dict[str, list[str]]

    @property
    def kept(self) -> bool:
        """Whether the promise was."""
        return not self.complaints and self.repeated <= self.in_flight


def judged(
    system: System,
    bought: Mapping[str, str],
    blows: Sequence[Blow] = (),
    *,
    placed_in: float = 0.0,
    seconds: float = 0.0,
    seed: int = 0,
) -> Report:
    """Add up what the log, the mail server and the model know, and say what is wrong with it."""
    sums: Counter[str] = Counter()
    wrong: dict[str, list[str]] = {}
    for found in gathered(system, bought):
        order = found.order
        if said := list(complaints(found)):
            wrong[order.id] = said
        sums.update(
            paid=order.id in bought and order.paid is not None,
            delivered=order.id in bought and order.delivered is not None,
            mails=len(found.mails),
            copies=found.mails.total() - len(found.mails),
            doubtful=found.doubtful,
            sections=len(order.sections),
            calls=found.calls.total(),
            repeated=found.calls.total() - len(found.calls),
            in_flight=found.lost.total(),
            takeovers=len(found.crashed),
            spent=found.spent,
            events=order.version,
        )
    return Report(
        **{name: sums[name] for name in _SUMS},
        orders=len(bought),
        by_product=dict(Counter(bought.values())),
        kills=sum(each.what == KILLED for each in blows),
        freezes=sum(each.what == FROZEN for each in blows),
        struck=dict(sorted(Counter(each.name for each in blows).items())),
        placed_in=round(placed_in, 1),
        seconds=round(seconds, 1),
        seed=seed,
        complaints=wrong,
    )


def show(report: Report, console: Console) -> None:
    """Print the report for people."""
    table = Table.grid(padding=(0, 2))
    for name, value in asdict(report).items():
        if isinstance(value, dict):
            shown = ", ".join(f"{number} {each}" for each, number in value.items())
        else:
            shown = f"{value:,}"
        if name != "complaints":
            table.add_row(name.replace("_", " "), shown)
    console.print(table)
    for order, said in report.complaints.items():
        console.print(f"[red]{order}[/red]  {'; '.join(said)}", soft_wrap=True)
    console.print("The promise was kept." if report.kept else "[red]The promise was broken.[/red]")
