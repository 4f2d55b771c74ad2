"""Run by Alembic: migrate on the connection and in the transaction of ``memory.schema``."""

from alembic import context

from memory.schema import VERSION_TABLE
from memory.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
