"""What a scenario that cannot be used raises."""

from __future__ import annotations

from rsu.document import DocumentError, Problem


class ScenarioError(DocumentError):
    """Everything wrong with a scenario at once; ``str()`` gives one line ``file:line:column: field: value: rule`` each."""


__all__ = ["Problem", "ScenarioError"]
