"""Runs the migrations: alembic's entry point, always with a connection handed in by ``storage.schema``."""

from alembic import context

from storage.database import SCHEMA

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table_schema=SCHEMA, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
