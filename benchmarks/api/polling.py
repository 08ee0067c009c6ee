"""Status polls of a tenant's program, with news and without, beside a route that answers from nowhere."""

from itertools import repeat

from benchmarks.api.house import House, fine, unchanged
from benchmarks.api.line import rate
from benchmarks.api.sizes import Sizes
from benchmarks.figures import Figure, Report, times


async def measure(house: House, sizes: Sizes, report: Report) -> None:
    """How many polls a second are answered; all of them take turns."""
    order = await house.order()
    path = f"/v1/orders/{order}"
    asked = {
        "bare JSON": (house.bare, house.ask("/json"), fine),
        "bare JSON of one row": (house.bare, house.ask(f"/row/{order}"), fine),
        "status polls answered 200": (house.port, house.ask(path), fine),
        "status polls answered 304": (
            house.port,
            house.ask(path, If_None_Match='W/"v2"'),
            unchanged,
        ),
    }
    runs: dict[str, list[float]] = {name: [] for name in asked}
    for turn in range(sizes.turns + 1):
        for name, (port, request, wanted) in asked.items():
            found = await rate(port, repeat(request, sizes.requests), sizes.lines, wanted)
            if turn or sizes.turns == 1:  # the first one warms up
                runs[name].append(found)
    figures = {
        name: Figure(name=name, unit="polls/s", runs=tuple(each)) for name, each in runs.items()
    }
    bare = figures.pop("bare JSON")
    report.add(figures.pop("bare JSON of one row"))
    for name, figure in figures.items():
        says = f"{name} at least 0.7 times as fast as bare JSON"
        report.add(times(says, figure, bare, 0.7, at_least=True))
