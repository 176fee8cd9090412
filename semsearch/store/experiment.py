"""One configuration on one dataset: what the store is asked for."""

from dataclasses import dataclass

from semsearch.models.catalog import FeatureSpec
from semsearch.ranking import metrics


@dataclass(frozen=True)
class Experiment:
    """One configuration on one dataset; ``metric`` may be a name of metrics.SAME_RANKING."""

    dataset: str
    spec: FeatureSpec
    metric: str

    @property
    def stored_metric(self) -> str:
        """The stored metric that ranks alike."""
        return metrics.SAME_RANKING.get(self.metric, self.metric)
