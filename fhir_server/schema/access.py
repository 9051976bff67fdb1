"""What decides who sees a resource, beside the search rows: policies, labels, consents, broken glass."""

from __future__ import annotations

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, SmallInteger, Table, Text

from fhir_server.schema.columns import key, metadata

policy = Table(
    "policy",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=True),
    key("changed"),
    # Who set it, as the operating system or a token names them.
    Column("author", Text, nullable=False),
    # All rows, as JSON text: see access/policies.py.
    Column("document", Text, nullable=False),
)
"""What roles may do; the newest version is in force, without any that shipped."""

label = Table(
    "label",
    metadata,
    Column("rid", BigInteger, primary_key=True, autoincrement=False),
    # Bits of labels/given.py.
    Column("labels", SmallInteger, nullable=False),
)
"""Security labels that access depends on, of the resources that have any; they are in meta.security too, or will be
with the next version where a release before labels has stored them."""

unjudged = Table(
    "unjudged",
    metadata,
    # Of the last resource that was judged, and of the last that is to be.
    Column("last", BigInteger, primary_key=True, autoincrement=False),
    key("high"),
)
"""One row while resources of releases before labels, consents and owners wait: see `judging.py`."""

patient_label = Table(
    "patient_label",
    metadata,
    key("rid"),
    key("patient_rid"),
    Column("labels", SmallInteger, nullable=False),
    PrimaryKeyConstraint("rid", "patient_rid"),
    Index("patient_label_record", "patient_rid", "labels", "rid"),
)
"""What of a patient's record is looked at one by one by whoever may see the rest: resources that have labels, and (0)
those that refer to other patients as well. Made of `label` and `reference` by `hub_stands_out`, when these change."""

consent_effect = Table(
    "consent_effect",
    metadata,
    key("patient_rid"),
    key("consent_rid"),
    # Of the category; of one the newest consent rules, by `made`.
    key("category"),
    key("made"),
    # Deeper provisions are exceptions to those above them.
    Column("depth", SmallInteger, nullable=False),
    Column("permits", Boolean, nullable=False),
    # Bits of purposes and labels; 0: all.
    Column("purposes", SmallInteger, nullable=False),
    Column("labels", SmallInteger, nullable=False),
    # When the provision holds.
    key("low"),
    key("high"),
    # Null: all.
    Column("actors", ARRAY(Text)),
    Column("types", ARRAY(SmallInteger)),
    Column("codes", ARRAY(BigInteger)),
    Column("data", ARRAY(BigInteger)),
    key("data_low", null=True),
    key("data_high", null=True),
    Index("consent_effect_patient", "patient_rid"),
    Index("consent_effect_consent", "consent_rid"),
)
"""What the active consents of patients come to, provision by provision: see `consent/`."""

break_glass = Table(
    "break_glass",
    metadata,
    Column("subject", Text, nullable=False),
    key("patient_rid"),
    key("since"),
    key("until"),
    PrimaryKeyConstraint("subject", "patient_rid"),
)
"""Who sees, in an emergency and until when, what of a patient consent and relation would keep from them."""
