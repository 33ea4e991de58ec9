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
        "dis": Part("dfvi_models.dis_flow:DisEstimator"),
        "flownet2": Part("dfvi_models.flownet2_estimator:FlowNet2Estimator", ("flownet2",)),
        "raft": Part("dfvi_models.raft_estimator:RaftEstimator", ("raft_large",)),
        "raft_small": Part("dfvi_models.raft_estimator:RaftEstimator", ("raft_small",)),
    },
    "completer": {
        "smooth": Part("dfvi_models.smooth_completion:SmoothCompleter"),
        "temporal": Part("dfvi_models.temporal_completion:TemporalCompleter"),
        "learned": Part("dfvi_models.learned_completion:LearnedCompleter", ("choice",)),
        "dfc": Part("dfvi_models.dfc_completion:DfcCompleter", ("dfc_stage1", "dfc_stage2", "dfc_stage3")),
        "dfc_compact": Part(
            "dfvi_models.dfc_completion:DfcCompleter",
            ("dfc_compact_stage1", "dfc_compact_stage2", "dfc_compact_stage3"),
        ),
        "dfc_resnet101": Part("dfvi_models.dfc_completion:DfcCompleter", ("dfc_resnet101",)),
    },
    "inpainter": {
        "smooth": Part("dfvi_models.smooth_inpainting:SmoothInpainter"),
        "telea": Part("dfvi_models.baselines:TeleaInpainter"),
        "patch": Part("dfvi_models.patch_inpainting:PatchInpainter"),
        "deepfill": Part("dfvi_models.deepfill_inpainter:DeepFillInpainter", ("deepfill",)),
        "deepfill_trained": Part("dfvi_models.deepfill_inpainter:DeepFillInpainter", ("deepfill_trained",)),
    },
    "comparer": {
        "lpips": Part("dfvi_models.perceptual_scores:Lpips", ("alexnet", "lpips")),
    },
    "describer": {
        "i3d": Part("dfvi_models.perceptual_scores:VideoFeatures", ("i3d",)),
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
