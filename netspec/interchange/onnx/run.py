"""What a model computes, by onnxruntime where it is there, else by onnx's own reference evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .need import onnx, trouble

Array = NDArray[Any]
AGREES = 1e-4  # of the largest number of an output


def outputs(model: Any, inputs: Mapping[str, Array], beside: Mapping[str, Array] | None = None) -> tuple[dict[str, Array], str]:
    """The results by name, and what computed them. `beside` has the constants that are not in the model itself."""
    names, refused = [o.name for o in model.graph.output], ""
    try:
        import onnxruntime
    except ImportError:
        pass
    else:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            if beside:
                values = [onnxruntime.OrtValue.ortvalue_from_numpy(a) for a in beside.values()]
                options.add_external_initializers(list(beside), values)
            session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            return dict(zip(names, session.run(names, dict(inputs)))), "onnxruntime"
        except Exception as e:  # an operator or a version that it does not have
            refused = f", as onnxruntime refuses it ({_reason(str(e))})"
    onnx()
    from onnx.reference import ReferenceEvaluator

    try:
        with np.errstate(all="ignore"):
            found = ReferenceEvaluator(_with(model, beside or {})).run(names, dict(inputs))
    except Exception as e:
        raise trouble("not-run", "nothing here runs this file", f"onnx's reference evaluator{refused}: {str(e).splitlines()[0][:200]}") from None
    return dict(zip(names, found)), f"onnx's reference evaluator{refused}"


def _reason(said: str) -> str:
    """What onnxruntime says, without the codes before it and the places in its own program."""
    words = [w for w in (said.splitlines() or [""])[0].split(" ") if w and not w.startswith("/")]
    return " ".join(words).rpartition(" : ")[2][:150]


def _with(model: Any, beside: Mapping[str, Array]) -> Any:
    """The model with all its constants in it."""
    if not beside:
        return model
    library = onnx()
    whole = library.ModelProto()
    whole.CopyFrom(model)
    for t in whole.graph.initializer:
        if t.name in beside:
            t.CopyFrom(library.numpy_helper.from_array(beside[t.name], t.name))
    return whole


def difference(one: Array, other: Array) -> float:
    """The largest difference of two outputs as a share of the largest number in them; infinite where shapes differ, or where one
    has no number and the other has."""
    if one.shape != other.shape or not np.array_equal(np.isnan(one), np.isnan(other)):
        return float("inf")
    with np.errstate(all="ignore"):
        apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
        apart[one == other] = 0  # infinities
        scale = max(float(np.nanmax(np.abs(other), initial=0.0)), 1e-30)
        return float(np.nanmax(apart, initial=0.0)) / scale
