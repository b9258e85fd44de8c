"""The tables of a run log, the same in SQLite and in PostgreSQL.

`RECORDS` has typed columns, by which records are selected, ordered and counted. `BODIES` has the
JSON of each record, raw samples included: a page reads those of the records that it shows.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from gqa_core.records.header import MEASURED_ELSEWHERE, MEASURED_HERE

__all__ = ["BODIES", "METADATA", "RECORDS", "VERSION"]

METADATA = MetaData()
ROW_ID = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows of INTEGER alone

RECORDS = Table(
    "gqa_records",
    METADATA,
    Column("id", ROW_ID, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("point", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("is_readable", Boolean, nullable=False),
    Column("created", DateTime),  # UTC
    Column("date", Text),
    Column("device_type", Text),
    Column("device_name", Text),
    Column("device_threads", Integer),
    Column("machine", Text),  # empty where nobody named it
    Column("config", Text),
    Column("n_heads", Integer),
    Column("dim", Integer),
    Column("dtype", Text),
    Column("variant", Text),
    Column("context_len", Integer),
    Column("batch_size", Integer),
    Column("kv_format", Text),
    Column("n_layers", Integer),
    Column("kernel_asked", Text),
    Column("kernel_ran", Text),
    Column("tp", Integer),
    Column("dcp", Integer),
    Column("tensor_bytes", BigInteger),
    Column("attend_s", Double),
    Column("attend_low_s", Double),
    Column("attend_high_s", Double),
    Column("step_s", Double),
    Column("verdict", Text),
    UniqueConstraint("run_id", "point"),
    CheckConstraint(f"evidence IN ('{MEASURED_HERE}', '{MEASURED_ELSEWHERE}')"),
)
BODIES = Table(
    "gqa_bodies",
    METADATA,
    Column("record_id", ROW_ID, ForeignKey(RECORDS.c.id), primary_key=True),
    Column("body", Text, nullable=False),
)
# Each answers a filter's options, or a page's order, without a look at the rows themselves.
INDEXES = {
    "time": ("created", "run_id"),
    "date": ("date",),
    "evidence": ("evidence",),
    "device": ("device_name", "device_threads", "machine"),
    "variant": ("variant",),
    "context": ("context_len",),
    "dtype": ("dtype",),
    "settings": ("config", "context_len", "dtype"),
}
for name, columns in INDEXES.items():
    Index(
        f"gqa_records_by_{name}",
        RECORDS.c.kind,
        RECORDS.c.is_readable,
        *(RECORDS.c[each] for each in columns),
    )
Index("gqa_records_by_run", RECORDS.c.run_id, RECORDS.c.variant, RECORDS.c.context_len)
UNREADABLE = RECORDS.c.is_readable == false()
Index("gqa_records_unreadable", RECORDS.c.id, sqlite_where=UNREADABLE, postgresql_where=UNREADABLE)

# One row; in SQLite the header of the file has the version instead, as it always had.
VERSION = Table("gqa_log", MetaData(), Column("version", Integer, primary_key=True))
