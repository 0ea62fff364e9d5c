"""What a scenario that cannot be used raises."""

from __future__ import annotations

from rsu.document import DocumentError, Problem


class ScenarioError(DocumentError):
    """Everything wrong with a scenario at once; ``str()`` gives a line per problem:

    ``file:line:column: field: value: rule``.
    """


__all__ = ["Problem", "ScenarioError"]
