"""Messages and runs as JSON."""

from __future__ import annotations

from typing import Any

from messages.runs import Run
from messages.search import Message, Transition

Json = Any


def message(one: Message) -> Json:
    """A message without its bodies."""
    fault = one.fault and {"code": one.fault.code, "element": one.fault.element, "reason": one.fault.reason}
    return {
        "id": one.id, "correlation": str(one.correlation), "flow": one.flow, "direction": one.direction,
        "source": one.source, "businessKey": one.business_key, "orderKey": one.order_key, "lane": one.lane,
        "state": str(one.state), "received": one.received, "changed": one.changed, "due": one.due,
        "attempts": one.attempts, "repeats": one.repeats, "run": one.run, "applied": list(one.applied),
        "hash": one.hash, "fault": fault, "edits": one.edits,
    }  # fmt: skip


def transition(one: Transition) -> Json:
    """One thing that became of it."""
    return {
        "at": one.at, "from": one.before and str(one.before), "to": str(one.after), "actor": one.actor,
        "correlation": str(one.correlation), "hash": one.hash, "reason": one.reason,
    }  # fmt: skip


def run(one: Run) -> Json:
    """A run."""
    decision = one.decided_by and {"by": one.decided_by, "at": one.decided_at, "reason": one.decision_reason}
    return {
        "id": one.id, "flow": one.flow, "setName": one.set_name, "sequence": one.sequence, "mode": one.mode,
        "state": one.state, "manifestHash": one.manifest_hash, "started": one.started, "finished": one.finished,
        "counts": {"received": one.received, "accepted": one.accepted, "rejected": one.rejected,
                   "inReview": one.in_review, "unchanged": one.unchanged},
        "guards": [{"name": guard.name, "text": guard.text} for guard in one.guards], "decision": decision,
        "receipt": one.has_receipt,
    }  # fmt: skip
