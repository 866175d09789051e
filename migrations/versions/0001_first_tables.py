"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("uid", name=op.f("uq_account_uid")),
        sa.UniqueConstraint("username", name=op.f("uq_account_username")),
    )
    op.create_table(
        "calendar",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("base_id", sa.Integer(), nullable=True),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["base_id"], ["calendar.id"], name=op.f("fk_calendar_base_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar")),
        sa.UniqueConstraint("name", name=op.f("uq_calendar_name")),
    )
    op.create_table(
        "carillon_instance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keeper", sa.Text(), nullable=True),
        sa.Column("kept_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ticked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carillon_instance")),
    )
    op.create_table(
        "connection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("max_runs", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection")),
        sa.UniqueConstraint("name", name=op.f("uq_connection_name")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), server_default="DEFAULT", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("is_system", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("triggers_suspended", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("timeout_seconds", sa.Integer(), nullable=True),
        sa.Column("attempt_timeout_seconds", sa.Integer(), nullable=True),
        sa.Column("overlap", sa.String(length=20), server_default="skip", nullable=False),
        sa.Column("overlap_limit", sa.Integer(), server_default="1", nullable=False),
        sa.Column("start_deadline_seconds", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("pool", sa.Text(), nullable=True),
        sa.Column("retry", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("recovery", sa.String(length=20), server_default="fail", nullable=False),
        sa.Column("connections", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("(CURRENT_TIMESTAMP)"), nullable=False
        ),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("updated_by", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_id", sa.Integer(), nullable=True),
        sa.Column("last_success_for", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("uid", name=op.f("uq_job_uid")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(
            "uq_job_name",
            ["name"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL AND NOT job_type = 'QUEUE'"),
            postgresql_where=sa.text("deleted_at IS NULL AND NOT job_type = 'QUEUE'"),
        )
        batch_op.create_index(
            "uq_queue_name",
            ["name"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL AND job_type = 'QUEUE'"),
            postgresql_where=sa.text("deleted_at IS NULL AND job_type = 'QUEUE'"),
        )

    op.create_table(
        "outage",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outage")),
    )
    with op.batch_alter_table("outage", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outage_ended_at"), ["ended_at"], unique=False)

    op.create_table(
        "pause",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pause_ended_at"), ["ended_at"], unique=False)

    op.create_table(
        "pool",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool")),
        sa.UniqueConstraint("name", name=op.f("uq_pool_name")),
    )
    op.create_table(
        "fire",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("trigger_id", sa.Integer(), nullable=True),
        sa.Column("era", sa.Integer(), server_default="1", nullable=False),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("blocking_run_id", sa.Integer(), nullable=True),
        sa.Column("range_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_fire_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fire")),
        sa.UniqueConstraint("trigger_id", "era", "scheduled_for", name=op.f("uq_fire_trigger_id_era_scheduled_for")),
    )
    with op.batch_alter_table("fire", schema=None) as batch_op:
        batch_op.create_index(
            "ix_fire_held",
            ["trigger_id"],
            unique=False,
            sqlite_where=sa.text("outcome = 'held'"),
            postgresql_where=sa.text("outcome = 'held'"),
        )
        batch_op.create_index("ix_fire_job_id_scheduled_for", ["job_id", "scheduled_for"], unique=False)

    op.create_table(
        "keep_rule",
        sa.Column("job_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_keep_rule_job_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_keep_rule")),
    )
    op.create_table(
        "login_session",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_login_session_user_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_login_session")),
    )
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_session_user_id"), ["user_id"], unique=False)

    op.create_table(
        "queue_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("queue_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("on_failure", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_queue_step_job_id")),
        sa.ForeignKeyConstraint(["queue_id"], ["job.id"], name=op.f("fk_queue_step_queue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_step")),
        sa.UniqueConstraint("job_id", name=op.f("uq_queue_step_job_id")),
    )
    with op.batch_alter_table("queue_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_queue_step_queue_id"), ["queue_id"], unique=False)

    op.create_table(
        "result_contract",
        sa.Column("job_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("terms", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_result_contract_job_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_result_contract")),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_token_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_digest")),
    )
    op.create_table(
        "trigger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expression", sa.Text(), nullable=True),
        sa.Column("dialect", sa.Text(), nullable=True),
        sa.Column("every_seconds", sa.Integer(), nullable=True),
        sa.Column("repeat_count", sa.Integer(), nullable=True),
        sa.Column("delay_seconds", sa.Integer(), nullable=True),
        sa.Column("every_count", sa.Integer(), nullable=True),
        sa.Column("every_unit", sa.Text(), nullable=True),
        sa.Column("month_end", sa.Text(), nullable=True),
        sa.Column("from_time", sa.Text(), nullable=True),
        sa.Column("to_time", sa.Text(), nullable=True),
        sa.Column("weekdays", sa.Text(), nullable=True),
        sa.Column("gap", sa.Text(), server_default="next", nullable=False),
        sa.Column("overlap", sa.Text(), server_default="interval", nullable=False),
        sa.Column("calendar_id", sa.Integer(), nullable=True),
        sa.Column("misfire", sa.Text(), server_default="smart", nullable=False),
        sa.Column("misfire_threshold_seconds", sa.Integer(), server_default="60", nullable=False),
        sa.Column("catch_up_cap", sa.Integer(), nullable=True),
        sa.Column("is_paused", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("era", sa.Integer(), server_default="1", nullable=False),
        sa.Column("decided_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_fire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("previous_fire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("anew_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("anew_count", sa.Integer(), nullable=True),
        sa.Column("delayed", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendar.id"], name=op.f("fk_trigger_calendar_id")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_trigger_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trigger")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("trigger", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trigger_calendar_id"), ["calendar_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_trigger_job_id"), ["job_id"], unique=False)
        batch_op.create_index(
            "ix_trigger_next_fire_at",
            ["next_fire_at"],
            unique=False,
            sqlite_where=sa.text("NOT is_paused"),
            postgresql_where=sa.text("NOT is_paused"),
        )

    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("fire_id", sa.Integer(), nullable=False),
        sa.Column("job_name", sa.Text(), nullable=False),
        sa.Column("group_name", sa.Text(), server_default="DEFAULT", nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=True),
        sa.Column("cancelled_by", sa.Text(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=True),
        sa.Column("timeout_seconds", sa.Integer(), nullable=True),
        sa.Column("attempt_timeout_seconds", sa.Integer(), nullable=True),
        sa.Column("turn", sa.Integer(), server_default="0", nullable=False),
        sa.Column("pool", sa.Text(), nullable=True),
        sa.Column("connections", sa.Text(), server_default="", nullable=False),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begin_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("start_deadline_seconds", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("start_ticks", sa.Integer(), nullable=True),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("progress", sa.JSON(), nullable=True),
        sa.Column("last_log", sa.Integer(), nullable=False),
        sa.Column("asks", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["fire_id"], ["fire.id"], name=op.f("fk_run_fire_id")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_run_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("fire_id", name=op.f("uq_run_fire_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index(
            "ix_run_active",
            ["job_id"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )
        batch_op.create_index(
            "ix_run_ended",
            ["status", "origin", "id"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_run_going_on",
            ["job_id"],
            unique=False,
            sqlite_where=sa.text("status IN ('running', 'cancelling')"),
            postgresql_where=sa.text("status IN ('running', 'cancelling')"),
        )
        batch_op.create_index(
            "ix_run_of_group",
            ["group_name", "status", "origin", "id"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_run_of_job",
            ["job_id", "status", "origin", "id"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_run_of_queues",
            ["status"],
            unique=False,
            sqlite_where=sa.text("job_type = 'QUEUE'"),
            postgresql_where=sa.text("job_type = 'QUEUE'"),
        )
        batch_op.create_index(
            "ix_run_queued",
            ["turn", "id"],
            unique=False,
            sqlite_where=sa.text("status = 'queued'"),
            postgresql_where=sa.text("status = 'queued'"),
        )
        batch_op.create_index("ix_run_queued_at", ["queued_at", "id"], unique=False)

    op.create_table(
        "attempt",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("last_log", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_attempt_run_id")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_attempt")),
    )
    op.create_table(
        "log_line",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_log_line_run_id")),
        sa.PrimaryKeyConstraint("run_id", "number", name=op.f("pk_log_line")),
    )
    op.create_table(
        "progress_tree",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("tree", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_progress_tree_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_progress_tree")),
    )
    op.create_table(
        "result_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("job_name", sa.Text(), nullable=False),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=True),
        sa.Column("csv", sa.JSON(), nullable=True),
        sa.Column("held", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("pinned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_result_file_job_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_result_file_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_file")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("result_file", schema=None) as batch_op:
        batch_op.create_index(
            "ix_result_file_given_out",
            ["job_id", "id"],
            unique=False,
            sqlite_where=sa.text("held IS NULL AND removed_at IS NULL"),
            postgresql_where=sa.text("held IS NULL AND removed_at IS NULL"),
        )
        batch_op.create_index("ix_result_file_job_id_id", ["job_id", "id"], unique=False)
        batch_op.create_index(
            "ix_result_file_removed",
            ["id"],
            unique=False,
            sqlite_where=sa.text("removed_at IS NOT NULL"),
            postgresql_where=sa.text("removed_at IS NOT NULL"),
        )
        batch_op.create_index(batch_op.f("ix_result_file_run_id"), ["run_id"], unique=False)

    op.create_table(
        "run_step",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("job_name", sa.Text(), nullable=False),
        sa.Column("on_failure", sa.String(length=20), nullable=False),
        sa.Column("step_run_id", sa.Integer(), nullable=True),
        sa.Column("not_started", sa.String(length=20), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_run_step_job_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_step_run_id")),
        sa.ForeignKeyConstraint(["step_run_id"], ["run.id"], name=op.f("fk_run_step_step_run_id")),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_run_step")),
        sa.UniqueConstraint("step_run_id", name=op.f("uq_run_step_step_run_id")),
    )
    with op.batch_alter_table("run_step", schema=None) as batch_op:
        batch_op.create_index("ix_run_step_job_id_decided_at", ["job_id", "decided_at"], unique=False)

    op.create_table(
        "start_key",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_start_key_job_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_start_key_run_id")),
        sa.PrimaryKeyConstraint("job_id", "key", name=op.f("pk_start_key")),
    )


def downgrade() -> None:
    op.drop_table("start_key")
    with op.batch_alter_table("run_step", schema=None) as batch_op:
        batch_op.drop_index("ix_run_step_job_id_decided_at")

    op.drop_table("run_step")
    with op.batch_alter_table("result_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_result_file_run_id"))
        batch_op.drop_index(
            "ix_result_file_removed",
            sqlite_where=sa.text("removed_at IS NOT NULL"),
            postgresql_where=sa.text("removed_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_result_file_job_id_id")
        batch_op.drop_index(
            "ix_result_file_given_out",
            sqlite_where=sa.text("held IS NULL AND removed_at IS NULL"),
            postgresql_where=sa.text("held IS NULL AND removed_at IS NULL"),
        )

    op.drop_table("result_file")
    op.drop_table("progress_tree")
    op.drop_table("log_line")
    op.drop_table("attempt")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_queued_at")
        batch_op.drop_index(
            "ix_run_queued", sqlite_where=sa.text("status = 'queued'"), postgresql_where=sa.text("status = 'queued'")
        )
        batch_op.drop_index(
            "ix_run_of_queues",
            sqlite_where=sa.text("job_type = 'QUEUE'"),
            postgresql_where=sa.text("job_type = 'QUEUE'"),
        )
        batch_op.drop_index(
            "ix_run_of_job",
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_run_of_group",
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_run_going_on",
            sqlite_where=sa.text("status IN ('running', 'cancelling')"),
            postgresql_where=sa.text("status IN ('running', 'cancelling')"),
        )
        batch_op.drop_index(
            "ix_run_ended",
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_run_active",
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )

    op.drop_table("run")
    with op.batch_alter_table("trigger", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_trigger_next_fire_at", sqlite_where=sa.text("NOT is_paused"), postgresql_where=sa.text("NOT is_paused")
        )
        batch_op.drop_index(batch_op.f("ix_trigger_job_id"))
        batch_op.drop_index(batch_op.f("ix_trigger_calendar_id"))

    op.drop_table("trigger")
    op.drop_table("token")
    op.drop_table("result_contract")
    with op.batch_alter_table("queue_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_queue_step_queue_id"))

    op.drop_table("queue_step")
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_session_user_id"))

    op.drop_table("login_session")
    op.drop_table("keep_rule")
    with op.batch_alter_table("fire", schema=None) as batch_op:
        batch_op.drop_index("ix_fire_job_id_scheduled_for")
        batch_op.drop_index(
            "ix_fire_held", sqlite_where=sa.text("outcome = 'held'"), postgresql_where=sa.text("outcome = 'held'")
        )

    op.drop_table("fire")
    op.drop_table("pool")
    with op.batch_alter_table("pause", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pause_ended_at"))

    op.drop_table("pause")
    with op.batch_alter_table("outage", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outage_ended_at"))

    op.drop_table("outage")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_queue_name",
            sqlite_where=sa.text("deleted_at IS NULL AND job_type = 'QUEUE'"),
            postgresql_where=sa.text("deleted_at IS NULL AND job_type = 'QUEUE'"),
        )
        batch_op.drop_index(
            "uq_job_name",
            sqlite_where=sa.text("deleted_at IS NULL AND NOT job_type = 'QUEUE'"),
            postgresql_where=sa.text("deleted_at IS NULL AND NOT job_type = 'QUEUE'"),
        )

    op.drop_table("job")
    op.drop_table("connection")
    op.drop_table("carillon_instance")
    op.drop_table("calendar")
    op.drop_table("account")
