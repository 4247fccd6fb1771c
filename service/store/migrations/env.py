"""Where Alembic begins: runs the migrations on the connection that `service.store.migrating` hands over."""

from alembic import context

from service.store.migrating import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
