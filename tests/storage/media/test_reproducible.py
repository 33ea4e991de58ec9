"""The same frames give the same bytes, whatever was in the memory before."""

import os
import subprocess
import sys

import pytest

WRITE = """
import hashlib, sys
import numpy as np
from fractions import Fraction
from pathlib import Path
from storage.media.clip import Clip
from storage.media.writing import write_video
from tests.storage.media_files import moving_frames

folder = Path(sys.argv[1])
for height, width, count in ((80, 144, 24), (67, 101, 24), (480, 854, 5)):
    rng = np.random.default_rng(0)
    frames = [
        np.clip(frame.astype(int) + rng.integers(-12, 13, frame.shape) * (t % 3), 0, 255).astype(np.uint8)
        for t, frame in enumerate(moving_frames(count, height, width))
    ]
    clip = Clip(Path("a"), "video", count, count, height, width, Fraction(25), Fraction(1, 25))
    for turn in range(int(sys.argv[2])):
        write_video(folder / "a.mp4", frames, clip, threads=4)
        print(height, hashlib.sha256((folder / "a.mp4").read_bytes()).hexdigest())
"""


@pytest.mark.slow
def test_twenty_encodes_of_the_same_frames_are_byte_equal(tmp_path):
    """glibc fills the memory it hands out with another byte in each process: what is read unwritten shows."""
    printed = []
    for fill in ("0", "1", "85", "170", "255"):
        environment = {**os.environ, "MALLOC_PERTURB_": fill}
        command = [sys.executable, "-c", WRITE, str(tmp_path), "4"]
        printed += subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    assert len(printed) == 3 * 20
    assert sorted({line.split()[0] for line in set(printed)}) == ["480", "67", "80"]
    assert len(set(printed)) == 3
