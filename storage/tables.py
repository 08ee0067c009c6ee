"""The tables as queries see them; the migrations are what makes them."""

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    cast,
)
from sqlalchemy.types import UserDefinedType

from storage.database import SCHEMA

metadata = MetaData(schema=SCHEMA)


class ExactJson(UserDefinedType[str]):
    """A json column read as the text that is stored: its bytes are hashed, so nothing may parse and print it anew."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Its name in SQL."""
        return "json"

    def column_expression(self, column: ColumnElement[str]) -> ColumnElement[str]:
        """How it is read: Postgres gives a ``json`` value's own text back."""
        return cast(column, Text)


streams = Table(
    "streams",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("holder", Text),
    Column("tenant", Text),
    Column("held_until", DateTime(timezone=True), nullable=False),
    Column("nudged_at", DateTime(timezone=True), nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("schema", SmallInteger, nullable=False),
    Column("data", ExactJson, nullable=False),
    Column("meta", ExactJson, nullable=False),
    Column("fence", BigInteger),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("word", Text, nullable=False),
    Column("workable", Boolean, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("tell_at", DateTime(timezone=True)),
    Column("session", Text, nullable=False),
    Column("intent", Text, nullable=False),
    Column("parent", Uuid),
    Column("subject", Uuid, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("status", JSON, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("restated", Integer, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("order_id", Uuid, nullable=False),
    Column("product", Text, nullable=False),
    Column("correlation", Text, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("written_at", DateTime(timezone=True), nullable=False),
)

subjects = Table(
    "subjects",
    metadata,
    Column("subject", Uuid, primary_key=True),
    Column("wrapped", LargeBinary),
    Column("kek", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("erased_at", DateTime(timezone=True)),
)

erasures = Table(
    "erasures",
    metadata,
    Column("subject", Uuid, primary_key=True),
    Column("asked_at", DateTime(timezone=True), nullable=False),
)

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("at_work", Integer),
    Column("priority", Integer, nullable=False),
    Column("requests_per_minute", Integer),
    Column("tokens_per_minute", Integer),
    Column("order_budget", BigInteger),
    Column("month_budget", BigInteger),
    Column("retention_days", Integer),
    Column("stripe_secrets", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_hash", LargeBinary, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
)

endpoints = Table(
    "endpoints",
    metadata,
    Column("endpoint", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("opened", Integer, nullable=False),
    Column("open_until", DateTime(timezone=True), nullable=False),
)

allowances = Table(
    "allowances",
    metadata,
    Column("allowance", Text, primary_key=True),
    Column("full_at", DateTime(timezone=True), nullable=False),
)

unsealed = Table("unsealed", metadata, Column("seq", BigInteger, primary_key=True))

sealed = Table(
    "sealed",
    metadata,
    Column("position", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

tree = Table(
    "tree",
    metadata,
    Column("one", Boolean, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("peaks", ARRAY(LargeBinary), nullable=False),
)

tiles = Table(
    "tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", BigInteger, primary_key=True),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("previous", LargeBinary),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("correlation", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("kept_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Column("settled", Text),
    Column("reason", Text, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("vkey", Text, primary_key=True),
    Column("published_at", DateTime(timezone=True), nullable=False),
)

timers = Table(
    "timers",
    metadata,
    Column("timer", Text, primary_key=True),
    Column("run", BigInteger, nullable=False),
    Column("began_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("succeeded_at", DateTime(timezone=True)),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("held_until", DateTime(timezone=True), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("outcome", Text),
    Column("said", Text, nullable=False),
)
