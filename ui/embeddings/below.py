"""What stands below the map: the pictures that moved most, the contact sheet, the report."""

from collections.abc import Collection

from ui.choice import Choice
from ui.embeddings import movers, order, report
from ui.embeddings.choice import Look


def show(choice: Choice, other: Choice | None, look: Look, chosen: Collection[int]) -> None:
    """All of it; ``chosen`` are the items that are selected on the map."""
    movers.show(choice, other)
    order.show(choice, look, chosen)
    report.offer(choice, look)
