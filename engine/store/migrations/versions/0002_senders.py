"""senders: their rates, their outages"""

import sqlalchemy as sa
from alembic import op

from engine.store.schema import Utc

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "sender",
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("free_at", Utc(), nullable=True),
        sa.Column("promised", Utc(), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("slow_until", Utc(), nullable=True),
        sa.Column("slow_times", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_sender")),
    )
    # A row of the old kind may be of a pause that is over. Without it a provider that still fails is paused again.
    op.execute(sa.text("DELETE FROM provider_pause"))
    with op.batch_alter_table("provider_pause", schema=None) as batch_op:
        batch_op.add_column(sa.Column("strikes", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("since", Utc(), nullable=True))
        batch_op.alter_column("until", existing_type=Utc(), nullable=True)

    with op.batch_alter_table("mark", schema=None) as batch_op:
        batch_op.add_column(sa.Column("value", sa.String(length=64), nullable=True))
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.add_column(sa.Column("named_health", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.alter_column("origin", existing_type=sa.String(length=160), nullable=True)
        batch_op.drop_index("ix_message_contact_id_counts_at")
        batch_op.drop_index("ix_message_provider_id")
    # Who wrote of their health before this column was here (HIP-20).
    read = "payload ->> '{}'" if op.get_bind().dialect.name == "postgresql" else "json_extract(payload, '$.{}')"
    said = " OR ".join(f"coalesce({read.format(field)}, '') <> ''" for field in ("condition", "comment"))
    op.execute(
        sa.text(f"UPDATE contact SET named_health = true WHERE id IN (SELECT contact_id FROM event WHERE {said})")
    )
