"""Which networks there are, and where their published weights come from. Nothing here imports torch."""

from dataclasses import dataclass

AUTHORS = "the Google Drive folder linked from https://github.com/nbei/Deep-Flow-Guided-Video-Inpainting (README)"
TORCHVISION = "https://download.pytorch.org/models"
LPIPS = "the package lpips, folder lpips/weights/v0.1 (pip download --no-deps lpips)"
I3D = "https://github.com/sczhou/ProPainter/releases/download/v0.1.0"
COMPLETION_TRAINING = "`dfvi train flow-completion`"
IMAGE_TRAINING = "`dfvi train image-inpainting`"


@dataclass(frozen=True)
class Network:
    """A network whose weights can be stored."""

    name: str
    """What `find_weights` and the command line call it."""
    title: str
    """What it is, for people."""
    file: str
    """Name of the checkpoint file, as published or as training leaves it."""
    published: str
    """Where that file comes from."""

    @property
    def trained(self) -> bool:
        """Whether its weights come from `dfvi train`, not from other authors."""
        return self.published in (COMPLETION_TRAINING, IMAGE_TRAINING)


NETWORKS = {
    network.name: network
    for network in (
        Network("flownet2", "FlowNet2, optical flow", "FlowNet2_checkpoint.pth.tar", AUTHORS),
        Network("dfc_resnet101", "DFC-Net, ResNet-101, one stage alone", "resnet101_movie.pth", AUTHORS),
        Network("dfc_stage1", "DFC-Net, ResNet-50, first of three stages", "resnet50_stage1.pth", AUTHORS),
        Network("dfc_stage2", "DFC-Net, ResNet-50, second of three stages", "davis_stage2.pth", AUTHORS),
        Network("dfc_stage3", "DFC-Net, ResNet-50, third of three stages", "davis_stage3.pth", AUTHORS),
        Network("deepfill", "DeepFill v1, image inpainting", "imagenet_deepfill.pth", AUTHORS),
        Network("deepfill_trained", "DeepFill v1, trained here", "deepfill_trained.safetensors", IMAGE_TRAINING),
        Network(
            "dfc_compact_stage1", "DFC-Net, compact, first stage", "dfc_compact_stage1.safetensors", COMPLETION_TRAINING
        ),
        Network(
            "dfc_compact_stage2",
            "DFC-Net, compact, second stage",
            "dfc_compact_stage2.safetensors",
            COMPLETION_TRAINING,
        ),
        Network(
            "dfc_compact_stage3", "DFC-Net, compact, third stage", "dfc_compact_stage3.safetensors", COMPLETION_TRAINING
        ),
        Network("choice", "ChoiceNet, choice between guesses about flow", "choice.safetensors", COMPLETION_TRAINING),
        Network(
            "raft_large",
            "RAFT, optical flow",
            "raft_large_C_T_SKHT_V2-ff5fadd5.pth",
            f"{TORCHVISION}/raft_large_C_T_SKHT_V2-ff5fadd5.pth",
        ),
        Network("alexnet", "AlexNet, for LPIPS", "alexnet-owt-7be5be79.pth", f"{TORCHVISION}/alexnet-owt-7be5be79.pth"),
        Network("lpips", "LPIPS, weights of AlexNet's channels", "alex.pth", LPIPS),
        Network("i3d", "I3D, for VFID", "i3d_rgb_imagenet.pt", f"{I3D}/i3d_rgb_imagenet.pt"),
        Network(
            "raft_small",
            "RAFT, small, optical flow",
            "raft_small_C_T_V2-01064c6d.pth",
            f"{TORCHVISION}/raft_small_C_T_V2-01064c6d.pth",
        ),
    )
}


def network_called(name: str) -> Network:
    """Return the entry of NETWORKS. Raises ValueError with the names there are."""
    if name not in NETWORKS:
        raise ValueError(f"there is no network {name!r}; there are {', '.join(NETWORKS)}")
    return NETWORKS[name]
