"""The demo: remove a watermark and a sticker from a real clip, score the result, and change a threshold."""

from pathlib import Path

from flows.configs.run_config import load_config
from flows.inpaint_video import inpaint_video
from flows.pipeline.summary import Summary, describe
from flows.prefect_server.bounded import run_flow
from storage.cache.root import Root
from tasks.evaluation.compare_fills import Fill
from tasks.services.demo_clip import compare, make_demo_clip, write_strip

NAME = "demo"
CHANGED = "propagate.max_consistency_error=2"


def run_demo(folder: Path, frames: int) -> None:
    """Run the demo in `folder` and print what it shows.

    Raises : InputError if the demo's clip is not installed or `folder` cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clip = make_demo_clip(folder, frames)
    print(f"stamped a watermark and a moving sticker on {len(clip.clean)} frames of a real clip: {clip.video}\n")

    first = _run(folder, "result.mp4")
    print(describe(first))
    fill = Fill.of("result", Root(first.root), first.video, first.stages[-1].digest)
    decoded, shown = fill.clip, fill.shown
    for name, score in compare(decoded, shown, clip).items():
        print(f"{name:<12} inside the hole: PSNR {score.psnr:.2f} dB, SSIM {score.ssim:.3f}")
    strip = folder / "before-mask-after.png"
    write_strip(strip, decoded, shown)

    print(f"\nnow with --set {CHANGED}: what came before the propagation is reused")
    print(describe(_run(folder, "result-changed.mp4", CHANGED)))
    paths = [clip.video, clip.mask, folder / "result.mp4", strip, folder / "result-changed.mp4", folder / "store"]
    print("\nlook at:\n" + "\n".join(f"  {path}" for path in paths))


def _run(folder: Path, output: str, *settings: str) -> Summary:
    config = load_config(settings=settings)
    return run_flow(
        inpaint_video,
        str(folder / "stamped.mkv"),
        str(folder / "mask"),
        str(folder / output),
        config,
        root=str(folder / "store"),
        name=NAME,
        run=Path(output).stem,
    )
