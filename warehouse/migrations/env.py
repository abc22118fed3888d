"""Alembic's entry: one connection as the role `owner`, the version table beside the tables it speaks of."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from warehouse.tables import SCHEMA, metadata

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.execute(text("set role owner"))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=lambda name, kind, parents: name == SCHEMA if kind == "schema" else True,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()
