"""Filling single pictures: quality in the hole and time, of Telea's method and of the inpainters without weights.

Synthetic pictures by default; with --photos FOLDER the pictures of a folder, which is what the figures are meant for.
Two measures beside PSNR and SSIM, both 1 where alike and both of luma inside the hole:

gradient : gradient magnitude similarity (Xue et al. 2014), mean over pixels. Sees lost and misplaced edges.
texture  : ours; similarity of the root mean square derivative in 4 directions over windows of 11 pixels, mean over the
           picture at full, half and quarter size. Sees how rough a place is and in which direction, but not where the
           grains lie, as an eye that does not know the truth. Blur scores low; so does texture where none should be.
"""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import report
from dfvi_models.evaluation.metrics import gradient_similarity, psnr_in_hole, ssim_in_hole
from dfvi_models.image_inpainting.patch import PatchInpainter
from dfvi_models.image_inpainting.smooth import SmoothInpainter
from dfvi_models.numerics.laplace import fill_smooth

SEED = 0
HEIGHT, WIDTH = 480, 864
MOST_SECONDS = 1.0  # for a frame of that size, a tenth of it hole, on one thread
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
DIRECTIONS = [
    np.array(kernel, np.float32)
    for kernel in (
        [[0, 0, 0], [-1, 0, 1], [0, 0, 0]],
        [[0, -1, 0], [0, 0, 0], [0, 1, 0]],
        [[-1, 0, 0], [0, 0, 0], [0, 0, 1]],
        [[0, 0, -1], [0, 0, 0], [1, 0, 0]],
    )
]
TEXTURE_CONSTANT = 16.0  # square of 4 grey levels: weaker texture counts as none
TEXTURE_WINDOW = (11, 11)


def telea(frame, hole):
    """Fill as the paper's key frames are filled where no network is."""
    return cv2.inpaint(frame, hole.view(np.uint8), 3, cv2.INPAINT_TELEA)


def harmonic(frame, hole):
    """Fill by Laplace's equation alone."""
    filled = frame.copy()
    filled[hole] = np.clip(np.rint(fill_smooth(frame.astype(np.float32), hole, tolerance=0.1)[hole]), 0, 255)
    return filled


def smooth(frame, hole):
    """Fill one frame."""
    return next(SmoothInpainter().inpaint([frame], [hole], wanted=[0]))[1]


def patch(frame, hole):
    """Fill one frame."""
    return next(PatchInpainter().inpaint([frame], [hole], wanted=[0]))[1]


METHODS = {"telea": telea, "harmonic": harmonic, "smooth": smooth, "patch": patch}


def texture_similarity(frame, truth, hole):
    """Mean over three sizes, four directions and the hole of the similarity of local roughness."""
    a, b, inside = frame @ LUMA, truth @ LUMA, hole.astype(np.float32)
    scores = []
    for _ in range(3):
        for direction in DIRECTIONS:
            rough_a, rough_b = (_root_mean_square(cv2.filter2D(x, -1, direction)) for x in (a, b))
            similarity = (2 * rough_a * rough_b + TEXTURE_CONSTANT) / (rough_a**2 + rough_b**2 + TEXTURE_CONSTANT)
            scores.append(similarity[inside > 0.5].mean())
        a, b, inside = (cv2.resize(x, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for x in (a, b, inside))
    return float(np.mean(scores))


def _root_mean_square(derivative):
    return np.sqrt(np.maximum(cv2.blur(derivative**2, TEXTURE_WINDOW), 0))


def synthetic_picture(rng):
    """Ground and sky with grains of their own, some smooth and some striped bodies before them."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    horizon = HEIGHT * rng.uniform(0.3, 0.7) + 40 * np.sin(x / rng.uniform(60, 200))
    picture = np.where((y > horizon)[..., None], _grained(rng, 30), _grained(rng, 4) + 40 * (y / HEIGHT)[..., None])
    for number in range(8):
        body = np.zeros((HEIGHT, WIDTH), np.uint8)
        centre, axes = rng.uniform(0, 1, 2) * (WIDTH, HEIGHT), rng.uniform(20, 120, 2)
        cv2.ellipse(body, centre.astype(int), axes.astype(int), rng.uniform(0, 180), 0, 360, 1, -1)
        stripes = 25 * np.sign(np.sin((x * rng.uniform(-1, 1) + y) / rng.uniform(2, 8)))[..., None] * (number % 2)
        picture = np.where(body[..., None] > 0, _grained(rng, rng.uniform(2, 20)) + stripes, picture)
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.7), 0, 255).astype(np.uint8)


def _grained(rng, strength):
    grains = cv2.GaussianBlur(rng.standard_normal((HEIGHT, WIDTH, 1)), (0, 0), rng.uniform(0.8, 3))[..., None]
    return (rng.uniform(50, 200, 3) + strength * grains / grains.std()).astype(np.float32)


def photos(folder, count, rng):
    """Up to `count` pictures of a folder, chosen at random."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for i in sorted(rng.permutation(len(paths))[:count]):
        picture = cv2.imread(str(paths[i]))
        if picture is not None and min(picture.shape[:2]) >= 64:
            yield np.ascontiguousarray(picture[..., ::-1])


def make_hole(number, shape, rng):
    """A box in the middle, an ellipse anywhere, or scratches, by turns; 6 to 25 % of the picture."""
    height, width = shape
    hole = np.zeros(shape, np.uint8)
    if number % 3 == 0:
        hole[height // 3 : height // 3 + height // 4, width // 3 : 2 * width // 3] = 1
    elif number % 3 == 1:
        centre = rng.uniform(0.2, 0.8, 2) * (width, height)
        cv2.ellipse(hole, centre.astype(int), (width // 5, height // 8), rng.uniform(0, 180), 0, 360, 1, -1)
    else:
        for _ in range(4):
            corners = (rng.uniform(0, 1, (6, 2)) * (width, height)).astype(np.int32)
            cv2.polylines(hole, [corners], False, 1, max(6, width // 40))
    return hole > 0


def print_quality(pictures):
    """One row of means per method; the sheet of the pictures is returned, one row each."""
    scores = {name: [] for name in METHODS}
    sheet = []
    for picture, hole in pictures:
        torn = np.where(hole[..., None], np.uint8(0), picture)
        tiles = [torn]
        for name, method in METHODS.items():
            start = time.thread_time()
            filled = method(torn, hole)
            seconds = time.thread_time() - start
            measures = (psnr_in_hole, ssim_in_hole, gradient_similarity, texture_similarity)
            scores[name].append([*(measure(filled, picture, hole) for measure in measures), 1e3 * seconds])
            tiles.append(filled)
        sheet.append(
            np.hstack([cv2.resize(tile, (320, 240), interpolation=cv2.INTER_AREA) for tile in (*tiles, picture)])
        )
    print(f"\n{len(sheet)} pictures, means over them, hole only")
    print(f"{'':12}{'PSNR dB':>10}{'SSIM':>10}{'gradient':>10}{'texture':>10}{'ms':>10}")
    for name, rows in scores.items():
        print(f"{name:12}" + "".join(f"{value:10.3f}" for value in np.mean(rows, axis=0)))
    return np.vstack(sheet)


def main():
    """Print the table, then the time of a frame of a fixed size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, help="folder of .jpg and .png pictures instead of synthetic ones")
    parser.add_argument("--count", type=int, default=12, help="pictures")
    parser.add_argument("--sheet", type=Path, help="write torn, filled and true pictures here (.png)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(SEED)
    report.header("inpainting of single pictures, 1 thread", seed=SEED)
    frame, hole = synthetic_picture(rng), np.zeros((HEIGHT, WIDTH), bool)
    hole[140:340, 300:507] = True
    for name, method in METHODS.items():
        taken = report.timing(
            f"{name}, {WIDTH} x {HEIGHT}, {100 * hole.mean():.0f} % hole",
            lambda method=method: method(frame, hole),
            5,
            unit="frame",
            clock=time.thread_time,
        )
    report.figure("patch, median", taken.median, "s", at_most=MOST_SECONDS)
    pictures = (
        photos(options.photos, options.count, rng)
        if options.photos
        else (synthetic_picture(rng) for _ in range(options.count))
    )
    sheet = print_quality((picture, make_hole(i, picture.shape[:2], rng)) for i, picture in enumerate(pictures))
    if options.sheet:
        cv2.imwrite(str(options.sheet), sheet[..., ::-1])


if __name__ == "__main__":
    main()
