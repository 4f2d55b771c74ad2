"""Preferences that can be withdrawn and run out; decisions that preferences rest on."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("preferences", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("status", sa.String(length=20), nullable=False, server_default="active")
        )
        batch_op.add_column(sa.Column("expires", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("details", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.create_check_constraint(
            batch_op.f("ck_preferences_status"), "status IN ('active', 'withdrawn')"
        )
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scope", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("learnt", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_check_constraint(batch_op.f("ck_decisions_learnt"), "learnt >= 0")
        batch_op.create_index(batch_op.f("ix_decisions_scope"), ["scope"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("decisions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decisions_scope"))
        batch_op.drop_constraint(batch_op.f("ck_decisions_learnt"), type_="check")
        batch_op.drop_column("learnt")
        batch_op.drop_column("scope")
    with op.batch_alter_table("preferences", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_preferences_status"), type_="check")
        batch_op.drop_column("details")
        batch_op.drop_column("expires")
        batch_op.drop_column("status")
