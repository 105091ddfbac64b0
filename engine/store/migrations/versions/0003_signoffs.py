"""sign-offs: who signed which words; append-only"""

import sqlalchemy as sa
from alembic import op

from engine.store.schema import Id, Utc

revision = "0003"
down_revision = "0002"

# Making the table anew (SQLite, batch_alter_table) drops its triggers: a later migration that does so puts them back.
# INSERT OR REPLACE deletes without asking a trigger of DELETE: hence the third.
_SQLITE = tuple(
    f"CREATE TRIGGER signoff_{name} BEFORE {what} BEGIN SELECT RAISE(ABORT, 'a sign-off is never changed'); END"
    for name, what in (
        ("changed", "UPDATE ON signoff"),
        ("deleted", "DELETE ON signoff"),
        ("replaced", "INSERT ON signoff WHEN EXISTS (SELECT 1 FROM signoff WHERE id = NEW.id)"),
    )
)
_POSTGRESQL = (
    """
    CREATE FUNCTION signoff_stays() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'a sign-off is never changed'; END $$
    """,
    """
    CREATE TRIGGER signoff_changed BEFORE UPDATE OR DELETE ON signoff
    FOR EACH ROW EXECUTE FUNCTION signoff_stays()
    """,
    """
    CREATE TRIGGER signoff_emptied BEFORE TRUNCATE ON signoff
    FOR EACH STATEMENT EXECUTE FUNCTION signoff_stays()
    """,
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "signoff",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("campaign", sa.String(length=64), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("signed_by", sa.String(length=80), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", Utc(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signoff")),
    )
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)
