"""What follows a commit of a SQLAlchemy session: done once it has committed, and only then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, SessionTransaction

KEY = "kiribi.after_commit"
"""Of a session's `info`."""
Ring = Callable[[], None]


def after_commit(session: Session, ring: Ring) -> None:
    """Have `ring` called once the session commits, unless it undoes what it has done by now."""
    pending = session.info.get(KEY)
    if pending is None:
        pending = session.info[KEY] = _Pending(session)
    pending.add(ring)


class _Pending:
    """What a session rings for at its next commit, with the savepoints that this depends on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rings: list[tuple[list[SessionTransaction], Ring]] = []
        listen: Callable[[Session, str, Callable[..., Any]], None] = sys.modules[
            "sqlalchemy.event"
        ].listen
        listen(session, "after_commit", self._committed)
        listen(session, "after_soft_rollback", self._undone)
        listen(session, "after_transaction_end", self._ended)

    def add(self, ring: Ring) -> None:
        chain: list[SessionTransaction] = []
        inner = self._session.get_nested_transaction() or self._session.get_transaction()
        while inner is not None:
            chain.append(inner)
            inner = inner.parent
        self._rings.append((chain, ring))

    def _committed(self, session: Session) -> None:
        if session.in_nested_transaction():
            return  # a savepoint was released: the transaction goes on
        rings, self._rings = self._rings, []
        for _, ring in rings:
            ring()

    def _undone(self, _: Session, transaction: SessionTransaction) -> None:
        self._rings = [one for one in self._rings if transaction not in one[0]]

    def _ended(self, _: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None:
            self._rings.clear()
