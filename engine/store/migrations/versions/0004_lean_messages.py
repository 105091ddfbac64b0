"""lean messages: fewer trees to write for each"""

import sqlalchemy as sa
from alembic import op

from engine.store.schema import Id, Utc

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_constraint("uq_message_origin", type_="unique")
        batch_op.drop_index("ix_message_address_key_counts_at")
        for name, column, where in (
            ("ix_message_answers", "address_key", sa.text("enrolment_id IS NULL")),
            ("ix_message_origin", "origin", sa.text("origin IS NOT NULL")),
        ):
            unique = column == "origin"
            batch_op.create_index(name, [column], unique=unique, sqlite_where=where, postgresql_where=where)
    op.drop_index("ix_consent_contact_id", "consent")
    asked = "contact_id id channel address_key purpose granted form given_at most most_days"
    op.create_index("ix_consent_standing", "consent", asked.split())
    if op.get_bind().dialect.name == "postgresql":
        with op.batch_alter_table("attempt", schema=None) as batch_op:
            batch_op.drop_constraint("pk_attempt", type_="primary")
            batch_op.drop_constraint("uq_attempt_message_id_number", type_="unique")
            batch_op.create_primary_key("pk_attempt", ["message_id", "number"])
            batch_op.drop_column("id")
        return
    _anew("attempt", _attempt())
    _anew("message_body", _body())


def _anew(name: str, columns: list[sa.Column[object]]) -> None:
    """SQLite only: the same rows in one tree, by the key, without the other one by a number that nobody asks for."""
    op.rename_table(name, f"{name}_before")
    keys = [column.name for column in columns[:2]]
    made = op.create_table(
        name,
        *columns,
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f(f"fk_{name}_message_id")),
        sa.PrimaryKeyConstraint(*keys, name=op.f(f"pk_{name}")),
        sqlite_with_rowid=False,
    )
    assert made is not None
    every = ", ".join(column.name for column in columns)
    op.execute(sa.text(f"INSERT INTO {name} ({every}) SELECT {every} FROM {name}_before ORDER BY {', '.join(keys)}"))
    op.drop_table(f"{name}_before")


def _attempt() -> list[sa.Column[object]]:
    return [
        sa.Column("message_id", Id, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("started_at", Utc(), nullable=False),
        sa.Column("ended_at", Utc(), nullable=True),
        sa.Column("outcome", sa.String(length=24), nullable=True),
        sa.Column("provider_id", sa.String(length=128), nullable=True),
        sa.Column("code", sa.String(length=32), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=True),
    ]


def _body() -> list[sa.Column[object]]:
    return [
        sa.Column("message_id", Id, autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
    ]
