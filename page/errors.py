"""What went wrong, for the person in a kind sentence, for the log as it is."""

from __future__ import annotations

import logging

from pipeline.errors import JiwooError

log = logging.getLogger(__name__)


def kind(error: Exception) -> str:
    """The sentence for the person; what happened goes to the log."""
    if isinstance(error, JiwooError):
        log.info("refused: %s", error)
        return error.kind
    log.error("the page broke off", exc_info=error)
    return JiwooError.default_kind
