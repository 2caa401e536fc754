"""Area under the ROC curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..ir.types import TensorType
from ..words import word
from ..words.metric import Metric, Targets
from .parts.classes import by_class
from .parts.errors import columns, counted
from .parts.ranking import Ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Auc(Metric):
    """How likely an example of a class has a larger score for it than one that is not; equal scores count half.

    Of two classes it is that of the second. Of more it is the mean over the classes that have examples and counterexamples, each
    against the rest: `macro`, or `weighted` by how often each is right; `by_class` is an array by class. Of outputs with a mark
    for each channel it is the mean over the channels. Places of a map count as examples do. As scikit-learn's roc_auc_score, with
    `multi_class="ovr"`, of the probabilities that the loss makes of logits.

    It is exact: what is kept of a set is how often each score occurs, so memory grows with the number of different scores.
    Paper: Hanley and McNeil, "The Meaning and Use of the Area under a ROC Curve", 1982
    """

    targets: ClassVar[tuple[Targets, ...]] = ("classes", "marks")
    probabilities: ClassVar[tuple[Targets, ...]] = ("classes", "marks")

    average: str = word("mean over the classes (macro), or weighted by how often each is right, or an array of each class",
                        default="macro", words=("macro", "weighted", "by_class"))

    def start(self, output: TensorType) -> Any:
        return None

    def add(self, state: Any, scores: Array, labels: Array, weights: Array | None = None) -> Any:
        import numpy as np

        z, each = columns(scores), counted(scores, weights).ravel()
        right = columns(labels) > 0.5 if labels.shape == scores.shape else labels.reshape(-1, 1) == np.arange(z.shape[1])
        if labels.shape != scores.shape and z.shape[1] == 2:
            z, right = z[:, 1:], right[:, 1:]
        rankings = state or [Ranking() for _ in range(z.shape[1])]
        for k, ranking in enumerate(rankings):
            ranking.add(z[:, k], right[:, k], each)
        return rankings

    def value(self, state: Any) -> Any:
        import numpy as np

        each = np.array([ranking.area for ranking in state or ()])
        if self.average == "by_class":
            return each
        known = ~np.isnan(each)
        weights = np.array([ranking.right for ranking in state or ()]) if self.average == "weighted" else np.ones(len(each))
        weights = weights[known]
        return float((each[known] * weights).sum() / weights.sum()) if weights.any() else float("nan")

    def shown(self, value: Any) -> str:
        import numpy as np

        if self.average != "by_class":
            return f"{value:.4f}"
        known = value[~np.isnan(value)]
        return f"{known.min():.4f} to {known.max():.4f}" if known.size else "nan"

    def report(self, value: Any, classes: Sequence[str] = ()) -> str:
        return by_class(str(self), [f"{v:.4f}" for v in value], classes) if self.average == "by_class" else ""
