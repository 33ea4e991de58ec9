"""A comparison of clips as a page."""

import base64
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flows.pages.writing import render
from flows.reports.comparison import SHAPES, Comparison
from storage.cache.names import title_of_video
from storage.media.reading import probe
from tasks.reporting.comparison_pictures import ComparedPictures
from tasks.services.clip_comparison import AMPLIFIED

WORDS: Mapping[str, str] = {
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "hole_psnr": "PSNR in the hole, dB",
    "hole_ssim": "SSIM in the hole",
    "detail": "Detail in the hole",
    "flicker": "Flicker, grey levels",
    "changed": "Pixels that differ",
    "changed_outside": "Pixels that differ outside the hole",
}
CHARTS = ("hole_psnr", "psnr", "hole_ssim", "ssim", "flicker", "detail")
MOST_CHARTS = 3


def page_of_comparison(comparison: Comparison, pictures: Iterable[ComparedPictures]) -> str:
    """Return the page."""
    clip = probe(comparison.truth)
    videos = [comparison.truth, *(each.video for each in comparison.clips)]
    measured = [name for name in SHAPES if any(each.mean[name] is not None for each in comparison.clips)]
    shown = [_plain(each) for each in pictures]
    titles = _titles(videos)
    content: dict[str, Any] = {
        "titles": titles,
        "count": clip.frame_count,
        "clip": clip,
        "made": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "pairs": [(i, j) for j in range(len(videos)) for i in range(j)][::-1],
        "rows": [(each.video, [_written(each.mean[name], name) for name in measured]) for each in comparison.clips],
        "words": [WORDS[name] for name in measured],
        "mask": comparison.mask,
        "worst": comparison.worst,
        "charts": [(name, WORDS[name]) for name in CHARTS if name in measured][:MOST_CHARTS],
        "amplified": AMPLIFIED,
        "left_out": clip.frame_count - len(shown),
    }
    data = {
        "titles": titles,
        "size": {"width": clip.width, "height": clip.height},
        "rate": float(clip.rate),
        "pictures": shown,
        "clips": [each.model_dump(mode="json") for each in comparison.clips],
        "digits": {name: int(shape[1]) for name, shape in SHAPES.items()},
    }
    return render("comparison.html.j2", content, data)


def _titles(videos: Sequence[str]) -> list[str]:
    """What clips are called, in full where that is the same of two."""
    titles = [title_of_video(video) for video in videos]
    return titles if len(set(titles)) == len(titles) else list(videos)


def _written(value: float | None, name: str) -> str:
    return "–" if value is None else format(value, SHAPES[name])


def _plain(pictures: ComparedPictures) -> dict[str, Any]:
    return {
        "frame": pictures.frame,
        "images": [_text(image) for image in pictures.images],
        "differences": {f"{i}-{j}": _text(image) for (i, j), image in pictures.differences.items()},
    }


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
