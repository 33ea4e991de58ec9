"""What can be known to be wrong before anything starts: the server, the first frame, hours of work."""

from collections.abc import Callable, Iterable
from pathlib import Path

from dfvi_models.errors import WeightsError
from flows.configs.run_config import RunConfig
from flows.pipeline.stage_order import StageRunner, inpaint_clip
from storage.delivery import check_apart, check_output
from storage.errors import InputError
from storage.media.clip import find_source
from storage.media.codecs import choose_output
from storage.media.images.plates import check_plate
from storage.media.masks.parsing import parse_mask
from storage.media.reading import probe
from storage.media.writing import foresee_losses
from tasks.decode import MediaInput, marked_holes, probe_as, stored_frames
from tasks.stage.cached_stage import Input, Stage, StageParams, StageResult


def check_request(video: str, mask: str, output: str, config: RunConfig) -> None:
    """Check that the files are there, the output can be written, every weight file is stored, and times and plates can
    be used.

    Raises : InputError, or WeightsError naming each missing file and where its authors published it.
    """
    require_weights(stages_of(config))
    find_source(video)
    masks = parse_mask(mask)
    check_output(Path(output), config.encode.container, config.encode.codec)
    check_apart(Path(output), video, *map(str, masks.paths), *config.plates.values())
    check_times(config, mask, video)
    check_plates(config, mask, video)


def check_times(config: RunConfig, mask: str, video: str) -> None:
    """Check that times, of masks and of the part of the video to work on, lie in the video. Raises InputError."""
    takes_all = (config.decode.start, config.decode.stop) == (0, None)
    if takes_all and not parse_mask(mask).is_timed:
        return
    stored_frames(probe_as(video, config.decode), mask, config.decode)


def check_plates(config: RunConfig, mask: str, video: str) -> None:
    """Check that every plate stands for a frame that is decoded and has a hole, and is of the video's size.

    Raises : InputError.
    """
    if not config.plates:
        return
    clip = probe_as(video, config.decode)
    start, stop = stored_frames(clip, mask, config.decode)
    for frame, path in sorted(config.plates.items()):
        if not start <= frame < stop:
            raise InputError(
                f"the plate {path} is said to be of frame {frame}; the run takes frames {start} to {stop - 1} of "
                f"{video}"
            )
        check_plate(frame, Path(path), next(marked_holes(config.decode, mask, clip, frame, frame + 1)))


def foresee(video: str, output: str, config: RunConfig) -> list[str]:
    """Return what the user is to know before hours of work: what of the video cannot be carried as it is."""
    return foresee_losses(probe(video), choose_output(output, config.encode.codec), with_audio=config.encode.audio)


def require_weights(stages: Iterable[tuple[Stage, StageParams]]) -> None:
    """Check that every weight file which these stages ask for is stored.

    Raises : WeightsError that names all that are missing.
    """
    problems = []
    for _, params in stages:
        try:
            params.weights()
        except WeightsError as error:
            problems.append(str(error))
    if problems:
        raise WeightsError("\n".join(dict.fromkeys(problems)))


def uses_networks(config: RunConfig) -> bool:
    """Return whether any stage of the configuration runs a network, which wants a GPU.

    Raises : WeightsError if a weight file is missing.
    """
    return any(params.weights() for _, params in stages_of(config))


def stages_of(config: RunConfig) -> list[tuple[Stage, StageParams]]:
    """Return the stages that a run of a configuration has, or may come to need, with their parameters."""
    return stages_on(lambda step: inpaint_clip(step, config, MediaInput("", "video"), MediaInput("", "mask")))


def titles_of(config: RunConfig) -> list[str]:
    """Return the titles under which a run of a configuration shows the progress of its stages, in order."""
    found: list[str] = []

    def note(stage: Stage, params: StageParams, iteration: int = 0, **_inputs: Input | None) -> StageResult:  # noqa: ARG001
        found.append(stage.title(iteration))
        return StageResult("", stage.name, "", iteration)

    inpaint_clip(note, config, MediaInput("", "video"), MediaInput("", "mask"))
    return found


def stages_on(walk: Callable[[StageRunner], object]) -> list[tuple[Stage, StageParams]]:
    """Return the stages of a walk, and those it may come to need; the walk is taken with a runner that runs nothing."""
    found: list[tuple[Stage, StageParams]] = []

    def note(stage: Stage, params: StageParams, iteration: int = 0, **_inputs: Input | None) -> StageResult:
        found.append((stage, params))
        return StageResult("", stage.name, "", iteration)

    walk(note)
    return found
