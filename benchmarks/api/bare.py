"""What the API is held against: the same web server with routes that do next to nothing."""

import os
import sys
import threading
from typing import Annotated, Any

import psycopg
import stripe
import uvicorn
from fastapi import Depends, FastAPI, Request

app = FastAPI()
_mine = threading.local()
_INSERT = "insert into bare (id, body) values (%s, %s) on conflict do nothing"
_SELECT = "select status from ledgerpress.orders where order_id = %s"


def _database() -> psycopg.Connection[Any]:
    if not hasattr(_mine, "connection"):
        _mine.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    found: psycopg.Connection[Any] = _mine.connection
    return found


async def _body(request: Request) -> bytes:
    return await request.body()


@app.post("/webhook")
def webhook(request: Request, body: Annotated[bytes, Depends(_body)]) -> dict[str, bool]:
    """Verify the signature and write one row."""
    header = request.headers["stripe-signature"]
    event = stripe.Webhook.construct_event(body, header, os.environ["STRIPE_WEBHOOK_SECRET"])
    _database().execute(_INSERT, (event["id"], body.decode()))
    return {"received": True}


@app.get("/json")
async def plain() -> dict[str, Any]:
    """As much JSON as a status has, from nowhere."""
    return {
        "id": "0b9d1c52-6a1e-5c3f-9a55-1f0a4a3f7c11",
        "number": "1FEH-RMKA",
        "product": "life_clarity",
        "status": "writing",
        "version": "37",
        "progress": {"done": 7, "total": 52, "unit": "sections", "percent": 13, "now": ["One"]},
        "placed_at": "2026-11-21T12:00:00Z",
        "updated_at": "2026-11-21T12:00:01Z",
    }


@app.get("/row/{order}")
def row(order: str) -> Any:
    """One row, as it is."""
    found = _database().execute(_SELECT, (order,)).fetchone()
    return found[0] if found else None


if __name__ == "__main__":
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as ground:
        ground.execute("create table if not exists bare (id text primary key, body json not null)")
    uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False, server_header=False)
