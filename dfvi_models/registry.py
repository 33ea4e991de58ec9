"""Exchangeable parts by name: which class does it, and which weights it needs. Imports a part only when it is built."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Kind = Literal["estimator", "completer", "inpainter", "comparer", "describer"]


@dataclass(frozen=True)
class Part:
    """A way of doing one of these things."""

    where: str
    """`module:class`; the class fulfils the protocol of its kind (see protocols.py).

    Classes with weights are built by `from_weights(paths, names=part.networks, runtime=..., ...)`, others called.
    """
    networks: tuple[str, ...] = ()
    """Names in `weights.NETWORKS` whose weights it needs, in the order it takes them; empty: none."""


PARTS: dict[Kind, dict[str, Part]] = {
    "estimator": {
        "dis": Part("dfvi_models.flow_estimation.dis:DisEstimator"),
        "flownet2": Part("dfvi_models.flow_estimation.flownet2:FlowNet2Estimator", ("flownet2",)),
        "raft": Part("dfvi_models.flow_estimation.raft:RaftEstimator", ("raft_large",)),
        "raft_small": Part("dfvi_models.flow_estimation.raft:RaftEstimator", ("raft_small",)),
    },
    "completer": {
        "smooth": Part("dfvi_models.flow_completion.smooth:SmoothCompleter"),
        "temporal": Part("dfvi_models.flow_completion.temporal:TemporalCompleter"),
        "learned": Part("dfvi_models.flow_completion.learned:LearnedCompleter", ("choice",)),
        "dfc": Part("dfvi_models.flow_completion.dfc:DfcCompleter", ("dfc_stage1", "dfc_stage2", "dfc_stage3")),
        "dfc_compact": Part(
            "dfvi_models.flow_completion.dfc:DfcCompleter",
            ("dfc_compact_stage1", "dfc_compact_stage2", "dfc_compact_stage3"),
        ),
        "dfc_resnet101": Part("dfvi_models.flow_completion.dfc:DfcCompleter", ("dfc_resnet101",)),
    },
    "inpainter": {
        "smooth": Part("dfvi_models.image_inpainting.smooth:SmoothInpainter"),
        "telea": Part("dfvi_models.image_inpainting.baselines:TeleaInpainter"),
        "patch": Part("dfvi_models.image_inpainting.patch:PatchInpainter"),
        "deepfill": Part("dfvi_models.image_inpainting.deepfill:DeepFillInpainter", ("deepfill",)),
        "deepfill_trained": Part("dfvi_models.image_inpainting.deepfill:DeepFillInpainter", ("deepfill_trained",)),
    },
    "comparer": {
        "lpips": Part("dfvi_models.evaluation.perceptual:Lpips", ("alexnet", "lpips")),
    },
    "describer": {
        "i3d": Part("dfvi_models.evaluation.perceptual:VideoFeatures", ("i3d",)),
    },
}


def part_called(kind: Kind, name: str) -> Part:
    """The entry of PARTS. Raises ValueError with the names there are."""
    if name not in PARTS[kind]:
        raise ValueError(f"there is no {kind} {name!r}; there are {', '.join(sorted(PARTS[kind]))}")
    return PARTS[kind][name]


def part_class(kind: Kind, name: str) -> Any:
    """The class of a part, imported now. Raises ValueError for an unknown name."""
    module, _, attribute = part_called(kind, name).where.partition(":")
    return getattr(import_module(module), attribute)
