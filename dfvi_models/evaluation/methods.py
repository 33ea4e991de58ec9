"""The ways of judging how images and videos look: the networks they need."""

from dfvi_models.methods import ImageMetricMethod, Resources, VideoEncoderMethod
from dfvi_models.protocols import ImageMetric, VideoEncoder


class Lpips(ImageMetricMethod):
    """LPIPS 0.1 on AlexNet."""

    name = "lpips"
    networks = ("alexnet", "lpips")

    def build(self, resources: Resources) -> ImageMetric:
        """Return the metric with its weights loaded."""
        from dfvi_models.evaluation import perceptual

        return perceptual.Lpips.from_weights(resources.weights, names=self.networks, runtime=resources.runtime())


class I3d(VideoEncoderMethod):
    """I3D, trained on Kinetics; for VFID."""

    name = "i3d"
    networks = ("i3d",)

    def build(self, resources: Resources) -> VideoEncoder:
        """Return the encoder with its weights loaded."""
        from dfvi_models.evaluation import perceptual

        return perceptual.VideoFeatures.from_weights(
            resources.weights, names=self.networks, runtime=resources.runtime()
        )
