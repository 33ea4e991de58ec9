"""FlowNet2: optical flow of a frame pair by four stacked networks and a fusion network.

Source: Ilg et al., arXiv:1612.01925; layers, wiring and parameter names as in the published PyTorch checkpoint
(`FlowNet2_checkpoint.pth.tar`, 220 tensors, 162,518,834 parameters), which loads strictly into `FlowNet2`.
Frames are RGB 0..255; flows are pixels, except the raw outputs of C, S (pixels / 20) and SD (pixels * 20).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfvi_models.errors import ShapeError
from dfvi_models.networks.flownet2_ops import WIDTH, channelnorm, correlation, resample

MULTIPLE = 64  # six halvings whose results are concatenated with encoder features
RGB_MAX = 255.0
FLOW_SCALE = 20.0  # C and S predict pixels / 20, SD pixels * 20
IN_PAIR = 6  # two RGB frames
IN_STACKED = 12  # pair 6, warped second frame 3, flow / 20 2, brightness error 1
IN_FUSION = 11  # first frame 3, two flows 4, their lengths 2, their brightness errors 2
CORRELATION_CHANNELS = WIDTH * WIDTH  # 441
REDIRECTED = 32  # channels of the first frame's features that pass beside the correlation


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Return a convolution with bias that keeps (stride 1) or halves (stride 2) the size, then LeakyReLU 0.1."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=(kernel - 1) // 2), nn.LeakyReLU(0.1, inplace=True)
    )


def linear_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Return a 3x3 convolution without activation; a Sequential because the checkpoint names it `name.0`."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1))


def deconv(inputs: int, outputs: int) -> nn.Sequential:
    """Return a transposed convolution that doubles the size, then LeakyReLU 0.1."""
    return nn.Sequential(nn.ConvTranspose2d(inputs, outputs, 4, 2, padding=1), nn.LeakyReLU(0.1, inplace=True))


def flow_up(bias: bool = True) -> nn.ConvTranspose2d:
    """Return a layer that doubles the size of a two-channel flow, learned."""
    return nn.ConvTranspose2d(2, 2, 4, 2, padding=1, bias=bias)


class FlowHead(nn.Conv2d):
    """3x3 convolution to a flow, in float32 even under autocast: bfloat16 steps by 0.06 at 10 pixels."""

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, 2, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, 2, H, W) float32."""
        with torch.autocast(features.device.type, enabled=False):
            flow: Tensor = super().forward(features.float())
        return flow


class EncoderTail(nn.Module):
    """Layers conv4 .. conv6_1 and the decoder, shared by C, S and SD: features at 1/4 and 1/8 become a flow at 1/4."""

    def __init__(self, *, flow_up_bias: bool, intermediate: bool) -> None:
        super().__init__()
        self.conv4, self.conv4_1 = conv(256, 512, stride=2), conv(512, 512)
        self.conv5, self.conv5_1 = conv(512, 512, stride=2), conv(512, 512)
        self.conv6, self.conv6_1 = conv(512, 1024, stride=2), conv(1024, 1024)
        self.deconv5, self.deconv4 = deconv(1024, 512), deconv(1026, 256)
        self.deconv3, self.deconv2 = deconv(770, 128), deconv(386, 64)
        widths = {5: 1026, 4: 770, 3: 386, 2: 194}
        if intermediate:  # only SD smooths the concatenation before it predicts
            self.inter_conv5, self.inter_conv4 = linear_conv(1026, 512), linear_conv(770, 256)
            self.inter_conv3, self.inter_conv2 = linear_conv(386, 128), linear_conv(194, 64)
            widths = {5: 512, 4: 256, 3: 128, 2: 64}
        self.intermediate = intermediate
        self.predict_flow6 = FlowHead(1024)
        self.predict_flow5, self.predict_flow4 = FlowHead(widths[5]), FlowHead(widths[4])
        self.predict_flow3, self.predict_flow2 = FlowHead(widths[3]), FlowHead(widths[2])
        self.upsampled_flow6_to_5, self.upsampled_flow5_to_4 = flow_up(flow_up_bias), flow_up(flow_up_bias)
        self.upsampled_flow4_to_3, self.upsampled_flow3_to_2 = flow_up(flow_up_bias), flow_up(flow_up_bias)

    def decode(self, eighth: Tensor, quarter: Tensor) -> Tensor:
        """Map eighth (B, 256, H/8, W/8) and quarter (B, 128, H/4, W/4) to a flow (B, 2, H/4, W/4), pixels / 20."""
        at_16 = self.conv4_1(self.conv4(eighth))
        at_32 = self.conv5_1(self.conv5(at_16))
        features = self.conv6_1(self.conv6(at_32))
        flow: Tensor = self.predict_flow6(features)
        for level, encoded in ((5, at_32), (4, at_16), (3, eighth), (2, quarter)):
            up = self.get_submodule(f"upsampled_flow{level + 1}_to_{level}")
            features = _join(encoded, self.get_submodule(f"deconv{level}")(features), up(flow))
            smoothed = self.get_submodule(f"inter_conv{level}")(features) if self.intermediate else features
            flow = self.get_submodule(f"predict_flow{level}")(smoothed)
        return flow


def _join(encoded: Tensor, decoded: Tensor, flow: Tensor) -> Tensor:
    """Concatenate in the order of the checkpoint: encoder features, decoder features, flow."""
    return torch.cat((encoded, decoded, flow.to(encoded.dtype)), dim=1)


class FlowNetC(EncoderTail):
    """First network: compares the two frames' features explicitly."""

    def __init__(self) -> None:
        super().__init__(flow_up_bias=True, intermediate=False)
        self.conv1, self.conv2, self.conv3 = conv(3, 64, 7, 2), conv(64, 128, 5, 2), conv(128, 256, 5, 2)
        self.conv_redir = conv(256, REDIRECTED, 1)
        self.conv3_1 = conv(REDIRECTED + CORRELATION_CHANNELS, 256)

    def forward(self, pair: Tensor) -> Tensor:
        """Map a normalised pair (B, 6, H, W) to a flow (B, 2, H/4, W/4), pixels / 20."""
        quarter, eighth_a = self._encode(pair[:, :3])
        _, eighth_b = self._encode(pair[:, 3:])
        similar = F.leaky_relu(correlation(eighth_a, eighth_b), 0.1, inplace=True)
        eighth = self.conv3_1(torch.cat((self.conv_redir(eighth_a), similar), dim=1))
        return self.decode(eighth, quarter)

    def _encode(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        quarter = self.conv2(self.conv1(frame))
        return quarter, self.conv3(quarter)


class FlowNetS(EncoderTail):
    """Second and third network: correct a flow, given the second frame warped by it."""

    def __init__(self) -> None:
        super().__init__(flow_up_bias=False, intermediate=False)
        self.conv1, self.conv2 = conv(IN_STACKED, 64, 7, 2), conv(64, 128, 5, 2)
        self.conv3, self.conv3_1 = conv(128, 256, 5, 2), conv(256, 256)

    def forward(self, stacked: Tensor) -> Tensor:
        """Map the stacked input (B, 12, H, W) to a flow (B, 2, H/4, W/4), pixels / 20."""
        quarter = self.conv2(self.conv1(stacked))
        return self.decode(self.conv3_1(self.conv3(quarter)), quarter)


class FlowNetSD(EncoderTail):
    """Fourth network: small displacements, from the plain pair."""

    def __init__(self) -> None:
        super().__init__(flow_up_bias=True, intermediate=True)
        self.conv0, self.conv1, self.conv1_1 = conv(IN_PAIR, 64), conv(64, 64, stride=2), conv(64, 128)
        self.conv2, self.conv2_1 = conv(128, 128, stride=2), conv(128, 128)
        self.conv3, self.conv3_1 = conv(128, 256, stride=2), conv(256, 256)

    def forward(self, pair: Tensor) -> Tensor:
        """Map a normalised pair (B, 6, H, W) to a flow (B, 2, H/4, W/4), pixels * 20."""
        quarter = self.conv2_1(self.conv2(self.conv1_1(self.conv1(self.conv0(pair)))))
        return self.decode(self.conv3_1(self.conv3(quarter)), quarter)


class FlowNetFusion(nn.Module):
    """Last network: chooses between the two flows, pixel by pixel, at full resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0, self.conv1, self.conv1_1 = conv(IN_FUSION, 64), conv(64, 64, stride=2), conv(64, 128)
        self.conv2, self.conv2_1 = conv(128, 128, stride=2), conv(128, 128)
        self.deconv1, self.deconv0 = deconv(128, 32), deconv(162, 16)
        self.inter_conv1, self.inter_conv0 = linear_conv(162, 32), linear_conv(82, 16)
        self.predict_flow2, self.predict_flow1, self.predict_flow0 = FlowHead(128), FlowHead(32), FlowHead(16)
        self.upsampled_flow2_to_1, self.upsampled_flow1_to_0 = flow_up(), flow_up()

    def forward(self, fusion_in: Tensor) -> Tensor:
        """Map the fusion input (B, 11, H, W) to a flow (B, 2, H, W), pixels."""
        full = self.conv0(fusion_in)
        half = self.conv1_1(self.conv1(full))
        quarter = self.conv2_1(self.conv2(half))
        flow = self.predict_flow2(quarter)
        half = _join(half, self.deconv1(quarter), self.upsampled_flow2_to_1(flow))
        flow = self.predict_flow1(self.inter_conv1(half))
        full = _join(full, self.deconv0(half), self.upsampled_flow1_to_0(flow))
        flow_full: Tensor = self.predict_flow0(self.inter_conv0(full))
        return flow_full


class FlowNet2(nn.Module):
    """The five networks together: two frames in, the flow from the first to the second out."""

    channels_last_on_cpu = True  # 1.2 times as fast at 256 x 448

    def __init__(self) -> None:
        super().__init__()
        self.flownetc = FlowNetC()
        self.flownets_1, self.flownets_2 = FlowNetS(), FlowNetS()
        self.flownets_d = FlowNetSD()
        self.flownetfusion = FlowNetFusion()

    def forward(self, frame_a: Tensor, frame_b: Tensor) -> Tensor:
        """Return the flow a -> b on the grid of a.

        frame_a, frame_b : (B, 3, H, W) float32 RGB, 0..255; H and W multiples of 64.
        Returns          : (B, 2, H, W) float32, pixels.
        Raises           : ShapeError for any other shape; `flow_of_any_size` pads.
        """
        _check_frames(frame_a, frame_b)
        pair = _normalise(frame_a, frame_b)
        flow: Tensor = _enlarge(self.flownetc(pair) * FLOW_SCALE, "bilinear")
        flow = _enlarge(self.flownets_1(_stack(pair, flow)) * FLOW_SCALE, "bilinear")
        large = _enlarge(self.flownets_2(_stack(pair, flow)) * FLOW_SCALE, "nearest")
        small = _enlarge(self.flownets_d(pair) / FLOW_SCALE, "nearest")
        flow = self.flownetfusion(_fusion_input(pair, large=large, small=small))
        return flow


def _check_frames(frame_a: Tensor, frame_b: Tensor) -> None:
    shape = tuple(frame_a.shape)
    if shape != tuple(frame_b.shape) or len(shape) != 4 or shape[1] != 3:
        raise ShapeError(f"frames must both be (B, 3, H, W); got {shape} and {tuple(frame_b.shape)}")
    if shape[2] % MULTIPLE or shape[3] % MULTIPLE:
        raise ShapeError(f"sides must be multiples of {MULTIPLE}; got {shape[2]} x {shape[3]}; pad the frames")


def _normalise(frame_a: Tensor, frame_b: Tensor) -> Tensor:
    """Return both frames (B, 6, H, W) minus one mean per sample and channel over both, divided by 255."""
    mean = (frame_a.mean(dim=(2, 3), keepdim=True) + frame_b.mean(dim=(2, 3), keepdim=True)) / 2
    return torch.cat((frame_a - mean, frame_b - mean), dim=1) / RGB_MAX


def _enlarge(quarter: Tensor, mode: str) -> Tensor:
    return F.interpolate(quarter, scale_factor=4, mode=mode, align_corners=False if mode == "bilinear" else None)


def _brightness_error(pair: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Return the second frame warped to the first, and the length of what is left between them."""
    warped = resample(pair[:, 3:], flow)
    return warped, channelnorm(pair[:, :3] - warped)


def _stack(pair: Tensor, flow: Tensor) -> Tensor:
    """Return the input of an S network (12 channels)."""
    warped, error = _brightness_error(pair, flow)
    return torch.cat((pair, warped, flow / FLOW_SCALE, error), dim=1)


def _fusion_input(pair: Tensor, *, large: Tensor, small: Tensor) -> Tensor:
    """Return the input of the fusion network (11 channels); SD's flow stands first everywhere."""
    errors = (_brightness_error(pair, small)[1], _brightness_error(pair, large)[1])
    return torch.cat((pair[:, :3], small, large, channelnorm(small), channelnorm(large), *errors), dim=1)
