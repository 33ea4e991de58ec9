"""Tiny clips for the tests of media, made with PyAV when a test asks for them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

HEIGHT, WIDTH = 48, 64


def moving_frames(count: int, height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> list[np.ndarray]:
    """(H, W, 3) uint8 frames of smooth texture moving by (1, 2) pixels a frame."""
    noise = np.random.default_rng(seed).integers(0, 256, (height + count, width + 2 * count, 3), np.uint8)
    texture = cv2.GaussianBlur(noise, (0, 0), 3)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    return [np.ascontiguousarray(texture[t : t + height, 2 * t : 2 * t + width]) for t in range(count)]


def encode(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rate: Fraction = Fraction(25),
    options: dict[str, str] | None = None,
    container: str | None = None,
    pts: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    turned: dict[str, object] | None = None,
    container_options: dict[str, str] | None = None,
    tags: dict[str, int] | None = None,
    source_format: str | None = None,
) -> Path:
    """Write frames as a video. Frames are RGB (or RGBA), or planes of source_format when it is given."""
    with av.open(str(path), "w", format=container, options=container_options or {}) as output:
        height, width = frames[0].shape[:2]
        if source_format in ("yuv444p", "yuv444p10le"):
            height, width = frames[0].shape[1:]
        stream = output.add_stream(codec, rate=rate, width=width, height=height, options=options or {})
        stream.pix_fmt = pixel_format
        if time_base is not None:
            stream.codec_context.time_base = time_base
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        if turned:
            stream.set_display_rotation(**turned)
        for i, array in enumerate(frames):
            if source_format in ("yuv444p", "yuv444p10le"):
                frame = av.VideoFrame(width, height, source_format)
                for plane, values in zip(frame.planes, array, strict=True):
                    rows = np.frombuffer(plane, values.dtype).reshape(height, -1)
                    rows[:, :width] = values
            else:
                frame = av.VideoFrame.from_ndarray(array, "rgba" if array.shape[2] == 4 else "rgb24")
                frame = frame.reformat(format=pixel_format)
            frame.pts = pts[i] if pts else i
            frame.time_base = time_base or 1 / rate
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def remux(
    source: Path, target: Path, *, shift: int = 0, first_dts: int = -(10**9), options: dict[str, str] | None = None
) -> Path:
    """Copy the packets of a video from first_dts on, all times shifted by some ticks."""
    with av.open(str(source)) as reader, av.open(str(target), "w", options=options or {}) as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        for packet in reader.demux(stream):
            if packet.size and packet.dts is not None and packet.pts is not None and packet.dts >= first_dts:
                packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, copy
                writer.mux(packet)
    return target


def add_audio(
    video: Path, target: Path, *, codec: str = "aac", seconds: float = 1.0, streams: int = 1, silent_start: float = 0.0
) -> Path:
    """Copy a video and give it streams of a rising tone, 48 kHz stereo."""
    rate = 48000
    with av.open(str(video)) as reader, av.open(str(target), "w") as writer:
        source = reader.streams.video[0]
        copy = writer.add_stream_from_template(source)
        sounds = [writer.add_stream(codec, rate=rate, layout="stereo") for _ in range(streams)]
        for sound, language in zip(sounds, ("eng", "deu", "fra"), strict=False):
            sound.metadata["language"] = language
        for packet in reader.demux(source):
            if packet.size:
                packet.stream = copy
                writer.mux(packet)
        for sound in sounds:
            t = np.arange(int(seconds * rate)) / rate
            wave = (8000 * np.sin(2 * np.pi * (300 + 400 * t) * t)).astype(np.int16)
            for i in range(0, len(wave), 1024):
                block = np.repeat(wave[i : i + 1024], 2)[None]
                frame = av.AudioFrame.from_ndarray(block, format="s16", layout="stereo")
                frame.sample_rate = rate
                frame.pts = i + int(silent_start * rate)
                writer.mux(sound.encode(frame))
            writer.mux(sound.encode())
    return target


def decoded_frame_count(path: Path) -> int:
    """Frames that a plain PyAV loop decodes."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def write_png(path: Path, image: np.ndarray) -> Path:
    """Write an RGB, RGBA or grey image."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return path
