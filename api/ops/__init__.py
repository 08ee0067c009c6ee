"""The operator's pages: what needs a human, how everything stands, and one order from all sides."""

from fastapi import APIRouter

from api.ops import acting, board, dead, lists, order

router = APIRouter(include_in_schema=False)
for part in (board, lists, dead, order, acting):
    router.include_router(part.router)
