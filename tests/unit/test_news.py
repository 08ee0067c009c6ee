"""Who waits for news of orders: woken by what moved, by nothing else, and sent home in the end."""

import asyncio
import threading
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from api.news import News
from events.errors import Unavailable
from events.views import Progress, Spent, Status, Word
from storage.orders import OrderRow

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def row(order: str, version: int) -> OrderRow:
    progress = Progress(done=0, total=4, unit="sections", percent=0)
    status = Status(
        order=order,
        version=version,
        product="life_clarity",
        tenant="default",
        word=Word.WRITING,
        progress=progress,
        spent=Spent(calls=0, tokens=0, cost=0),
    )
    return OrderRow(
        status=status, subject=uuid.UUID(int=1), session="", placed_at=NOW, updated_at=NOW
    )


class Orders:
    """The versions there are, as the database would tell them."""

    def __init__(self, **versions: int) -> None:
        self.versions = versions
        self.asked = 0
        self.away = 0

    def moved(self, seen: Mapping[str, int]) -> Iterable[OrderRow]:
        self.asked += 1
        if self.away:
            self.away -= 1
            raise Unavailable("Postgres cannot be reached")
        return [
            row(order, self.versions[order])
            for order, version in seen.items()
            if self.versions[order] != version
        ]


class Slow(Orders):
    """They have been ``read`` a while before they are ``told``."""

    def __init__(self, **versions: int) -> None:
        super().__init__(**versions)
        self.read = threading.Event()
        self.told = threading.Event()

    def moved(self, seen: Mapping[str, int]) -> Iterable[OrderRow]:
        found = super().moved(seen)
        self.read.set()
        self.told.wait()
        return found


def test_those_who_wait_hear_of_their_order_and_of_no_other() -> None:
    async def wait() -> None:
        orders = Orders(one=1, other=1)
        news = News(orders.moved, most=10, share=10)
        mine = [asyncio.create_task(news.of({"one": 1}, 30)) for _ in range(3)]
        others = asyncio.create_task(news.of({"other": 1}, 0.5))
        await asyncio.sleep(0)
        orders.versions["one"] = 2

        found = [each.status.version for each in await asyncio.gather(*mine) if each]
        assert found == [2, 2, 2]
        assert await others is None
        news.close()

    asyncio.run(wait())


def test_a_bundle_is_waited_for_with_its_parts() -> None:
    async def wait() -> None:
        news = News(Orders(bundle=4, part=9).moved, most=10, share=10)

        found = await news.of({"bundle": 4, "part": 8}, 30)

        assert found is not None
        assert found.status.order == "part"
        news.close()

    asyncio.run(wait())


def test_who_has_seen_more_is_not_woken_by_what_others_missed() -> None:
    async def wait() -> None:
        news = News(Orders(one=5).moved, most=10, share=10)
        ahead = asyncio.create_task(news.of({"one": 5}, 0.5))

        behind = await news.of({"one": 3}, 30)

        assert behind is not None
        assert await ahead is None
        news.close()

    asyncio.run(wait())


def test_who_comes_during_a_look_is_not_told_what_was_before() -> None:
    async def wait() -> None:
        orders = Slow(one=6)
        news = News(orders.moved, most=10, share=10)
        behind = asyncio.create_task(news.of({"one": 5}, 30))
        await asyncio.to_thread(orders.read.wait)
        orders.versions["one"] = 7
        ahead = asyncio.create_task(news.of({"one": 7}, 0.5))
        await asyncio.sleep(0)
        orders.told.set()

        found = await behind
        assert found is not None
        assert found.status.version == 6
        assert await ahead is None
        news.close()

    asyncio.run(wait())


def test_nothing_is_asked_while_nobody_waits() -> None:
    async def wait() -> None:
        orders = Orders(one=1)
        news = News(orders.moved, most=10, share=10)
        assert await news.of({"one": 0}, 30)
        await news.of({"one": 1}, 0.15)
        if news._looking:  # a look may be under way when the last one goes
            await news._looking
        asked = orders.asked
        await asyncio.sleep(0.3)

        assert orders.asked == asked > 0
        news.close()

    asyncio.run(wait())


def test_news_come_late_when_postgres_was_away() -> None:
    async def wait() -> None:
        orders = Orders(one=2)
        orders.away = 1
        news = News(orders.moved, most=10, share=10)

        found = await news.of({"one": 1}, 30)

        assert found is not None
        assert orders.asked == 2
        news.close()

    asyncio.run(wait())


def test_all_are_sent_home_when_the_process_ends() -> None:
    async def wait() -> None:
        news = News(Orders(one=1).moved, most=10, share=10)
        waiting = asyncio.create_task(news.of({"one": 1}, 3600))
        await asyncio.sleep(0)

        news.close()

        assert await waiting is None
        assert await news.of({"one": 1}, 3600) is None
        assert not news.free("one")

    asyncio.run(wait())


def test_there_is_room_for_so_many_and_for_fewer_at_one_order() -> None:
    news = News(Orders().moved, most=3, share=2)

    with news.place("one"):
        assert news.free("one")
        with news.place("one"):
            assert not news.free("one")
            assert news.free("other")
            with news.place("other"):
                assert not news.free("other")
    assert news.free("one")
    news.close()
