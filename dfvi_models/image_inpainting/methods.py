"""The image inpainters there are, for key frames: the networks they need."""

from dfvi_models.methods import InpainterMethod, Resources
from dfvi_models.protocols import ImageInpainter


class Patch(InpainterMethod):
    """Patches of the same frame continue texture and edges, sharp; needs no weights, six times slower than smooth."""

    name = "patch"

    def build(self, resources: Resources) -> ImageInpainter:  # noqa: ARG002
        """Return the inpainter."""
        from dfvi_models.image_inpainting.patch import PatchInpainter

        return PatchInpainter()


class Smooth(InpainterMethod):
    """Continues the colours at the boundary into the hole, blurred; needs no weights."""

    name = "smooth"

    def build(self, resources: Resources) -> ImageInpainter:  # noqa: ARG002
        """Return the inpainter."""
        from dfvi_models.image_inpainting.smooth import SmoothInpainter

        return SmoothInpainter()


class Telea(InpainterMethod):
    """Telea's fast marching (OpenCV), to compare with."""

    name = "telea"

    def build(self, resources: Resources) -> ImageInpainter:  # noqa: ARG002
        """Return the inpainter."""
        from dfvi_models.image_inpainting.baselines import TeleaInpainter

        return TeleaInpainter()


class DeepFill(InpainterMethod):
    """DeepFill v1, the paper's, with its authors' weights."""

    name = "deepfill"
    networks = ("deepfill",)

    def build(self, resources: Resources) -> ImageInpainter:
        """Return the inpainter with its weights loaded."""
        from dfvi_models.image_inpainting.deepfill import DeepFillInpainter

        return DeepFillInpainter.from_weights(resources.weights, names=self.networks, runtime=resources.runtime())


class DeepFillTrained(DeepFill):
    """DeepFill v1 with weights from `dfvi train`; those that ship are worse than smooth."""

    name = "deepfill_trained"
    networks = ("deepfill_trained",)
