"""Stripe's API for everyone without an account: checkout sessions and events, as far as this house asks for them."""

import argparse
import asyncio
import json
import os
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl

from sandbox.paying import PAY, Cashier
from sandbox.starting import announce, told_to_stop
from sandbox.wire import Line, Reply, Request, as_json, listening

_LARGEST_PAGE = 100


class StripeServer:
    """The API, and what it knows. ``/_sessions`` and ``/_events`` take what it is to know, ``/_fault`` how it fails."""

    def __init__(self, cashier: Cashier | None = None) -> None:
        self._cashier = cashier
        self._kept: dict[str, dict[str, dict[str, Any]]] = {"sessions": {}, "events": {}}
        self._begun: dict[str, dict[str, Any]] = {}
        self._fault: dict[str, Any] = {}
        self._asked: list[dict[str, Any]] = []

    async def answer(self, request: Request, line: Line) -> None:
        """Answer one request."""
        path = request.path.rstrip("/")
        if path.startswith("/_"):
            await line.reply(self._tell(request, path))
            return
        if path.startswith(PAY):
            await line.reply(await self._pay(request, path.removeprefix(PAY)))
            return
        self._asked.append({"method": request.method, "path": path, "query": dict(request.query)})
        await asyncio.sleep(self._fault.get("seconds", 0))
        if status := self._fault.get("status"):
            await line.reply(_error(status, "api_error", "canary: something of Stripe's own"))
        elif self._fault.get("drop"):
            line.drop()
        elif self._fault.get("html"):
            await line.reply(Reply(body=b"<html>canary</html>", kind="text/html"))
        elif not request.headers.get("authorization", "").startswith("Bearer sk_test_"):
            message = "Invalid API Key provided: canary_****"
            await line.reply(_error(401, "invalid_request_error", message))
        else:
            await line.reply(self._serve(request, path))

    def _serve(self, request: Request, path: str) -> Reply:
        sessions = self._kept["sessions"]
        match request.method, path.split("/")[2:]:
            case "POST", ["checkout", "sessions"]:
                return as_json(self._open(dict(parse_qsl(request.body.decode())), request))
            case "GET", ["checkout", "sessions"]:
                wanted = request.query.get("status")
                found = [each for each in sessions.values() if each.get("status") == wanted]
                return as_json(_page(found if wanted else list(sessions.values()), request))
            case "GET", ["checkout", "sessions", name] if name in sessions:
                return as_json(sessions[name])
            case "GET", ["events"]:
                kinds = {text for key, text in request.query.items() if key.startswith("types[")}
                found = [each for each in self._kept["events"].values() if each["type"] in kinds]
                return as_json(_page(found, request))
            case _:
                message = "No such thing: canary"
                return _error(404, "invalid_request_error", message, code="resource_missing")

    async def _pay(self, request: Request, name: str) -> Reply:
        session = self._kept["sessions"].get(name)
        if session is None or self._cashier is None:
            return Reply(status=404, body=b"there is no such checkout session", kind="text/plain")
        if request.method == "POST":
            return await self._cashier.pay(session, request)
        return self._cashier.page(session)

    def _open(self, form: dict[str, str], request: Request) -> dict[str, Any]:
        again = request.headers.get("idempotency-key", "")
        if again in self._begun:
            return self._begun[again]
        name = f"cs_test_{secrets.token_hex(24)}"
        amount = int(form["line_items[0][price_data][unit_amount]"])
        session = {
            "id": name,
            "object": "checkout.session",
            "url": f"{self._pages(request)}{PAY}{name}",
            "title": form["line_items[0][price_data][product_data][name]"],
            "status": "open",
            "mode": form["mode"],
            "payment_status": "unpaid",
            "payment_intent": None,
            "amount_total": amount,
            "amount_subtotal": amount,
            "currency": form["line_items[0][price_data][currency]"],
            "success_url": form["success_url"],
            "cancel_url": form.get("cancel_url"),
            "created": int(time.time()),
            "livemode": False,
            "metadata": {
                key.removeprefix("metadata[").removesuffix("]"): text
                for key, text in form.items()
                if key.startswith("metadata[")
            },
        }
        self._kept["sessions"][name] = session
        if again:
            self._begun[again] = session
        return session

    def _pages(self, request: Request) -> str:
        """Where buyers pay: here, if there is a cashier."""
        return (
            f"http://{request.headers['host']}" if self._cashier else "https://checkout.stripe.test"
        )

    def _tell(self, request: Request, path: str) -> Reply:
        if path == "/_requests":
            return as_json(self._asked)
        if path == "/_fault":
            self._fault = json.loads(request.body or b"{}")
            return as_json(self._fault)
        kept = self._kept[path.removeprefix("/_")]
        if request.method == "DELETE":
            kept.clear()
            self._asked.clear()
        for each in json.loads(request.body or b"[]"):
            kept[each["id"]] = each
        return as_json(list(kept.values()))


def _page(found: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    """Newest first, as Stripe lists."""
    since = int(request.query.get("created[gte]", 0))
    found = sorted(
        (each for each in found if each.get("created", 0) >= since),
        key=lambda each: (each.get("created", 0), each["id"]),
        reverse=True,
    )
    names = [each["id"] for each in found]
    after = request.query.get("starting_after")
    first = names.index(after) + 1 if after in names else 0
    most = min(int(request.query.get("limit", 10)), _LARGEST_PAGE)
    return {
        "object": "list",
        "url": request.path,
        "data": found[first : first + most],
        "has_more": len(found) > first + most,
    }


def _error(status: int, kind: str, message: str, **more: str) -> Reply:
    return as_json({"error": {"type": kind, "message": message, **more}}, status)


async def serve(server: StripeServer, host: str, port: int, *, tethered: bool) -> None:
    """Accept connections until told to stop; say where once it does."""
    async with listening(server.answer, host, port) as found:
        stop = told_to_stop(tethered=tethered)
        announce(f"http://{host}:{found}")
        await stop.wait()


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="sandbox.stripe_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tethered", action="store_true", help="stop when standard input closes")
    parser.add_argument("--cashier", action="store_true", help="show pages on which one can pay")
    given = parser.parse_args()
    secret = os.environ.get("STRIPE_WEBHOOK_SECRET", "")
    cashier = Cashier(secret) if given.cashier else None
    asyncio.run(serve(StripeServer(cashier), "127.0.0.1", given.port, tethered=given.tethered))


if __name__ == "__main__":
    main()
