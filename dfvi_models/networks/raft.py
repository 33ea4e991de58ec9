"""RAFT, by torchvision (optional): a second learned flow network beside FlowNet2.

Source: Teed and Deng, arXiv:2003.12039; networks and weights of torchvision, `raft_large` and `raft_small`.
"""

from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor, nn

MULTIPLE = 8  # the features stand at 1/8
SMALLEST = 128  # the coarsest of four correlation levels halves the features three more times
UPDATES = 12  # refinement steps, the number torchvision's weights were trained with

RaftName = Literal["raft_large", "raft_small"]


def build_raft(name: RaftName | str) -> nn.Module:
    """Return an untrained network. Raises ImportError that says what to install where torchvision is missing."""
    builders = _torchvision_builders()
    if name not in builders:
        raise ValueError(f"RAFT comes as {' and '.join(sorted(builders))}; got {name!r}")
    network: nn.Module = builders[name](weights=None, progress=False)
    return network


def _torchvision_builders() -> dict[str, Callable[..., Any]]:
    try:
        from torchvision.models.optical_flow import raft_large, raft_small
    except (ImportError, RuntimeError) as error:  # RuntimeError: built for another version of torch
        raise ImportError(
            f"RAFT needs torchvision, which cannot be imported here ({error}); "
            "install the extra: pip install 'dfvi[raft]', or choose another estimator"
        ) from error
    return {"raft_large": raft_large, "raft_small": raft_small}


class RaftFlow(nn.Module):
    """RAFT with the interface of FlowNet2: frames 0..255 in, one flow out."""

    def __init__(self, raft: nn.Module) -> None:
        super().__init__()
        self.raft = raft

    def forward(self, frame_a: Tensor, frame_b: Tensor) -> Tensor:
        """Return the flow a -> b (B, 2, H, W), pixels.

        frame_a, frame_b : (B, 3, H, W) RGB 0..255, sides >= 128 and multiples of 8.
        """
        flow: Tensor = self.raft(frame_a / 127.5 - 1, frame_b / 127.5 - 1, num_flow_updates=UPDATES)[-1]
        return flow
