"""What can be known to be wrong before anything starts: the server, the first frame, hours of work."""

from collections.abc import Iterable
from pathlib import Path

from dfvi_models.errors import WeightsError
from flows.configs.run_config import RunConfig
from storage.delivery import check_apart, check_output
from storage.media.clip import find_source
from storage.media.masks import parse_mask
from tasks.complete_flow import complete_flow
from tasks.estimate_flow import estimate_flow
from tasks.fill_key_frames import fill_key_frames
from tasks.stage.cached_stage import Stage, StageParams


def check_request(video: str, mask: str, output: str, config: RunConfig) -> None:
    """Check that the files are there, the output can be written, and every weight file is stored.

    Raises : InputError, or WeightsError naming each missing file and where its authors published it.
    """
    require_weights(exchangeable(config))
    find_source(video)
    parse_mask(mask)
    check_output(Path(output), config.encode.container, config.encode.codec)
    check_apart(Path(output), video, mask)


def require_weights(stages: Iterable[tuple[Stage, StageParams]]) -> None:
    """Check that every weight file which these stages ask for is stored.

    Raises : WeightsError that names all that are missing.
    """
    problems = []
    for stage, params in stages:
        try:
            stage.weights(params)
        except WeightsError as error:
            problems.append(str(error))
    if problems:
        raise WeightsError("\n".join(dict.fromkeys(problems)))


def uses_networks(config: RunConfig) -> bool:
    """Whether any stage of the configuration runs a network, which wants a GPU.

    Raises : WeightsError if a weight file is missing.
    """
    return any(stage.weights(params) for stage, params in exchangeable(config))


def exchangeable(config: RunConfig) -> list[tuple[Stage, StageParams]]:
    """The stages whose method is exchangeable, with their parameters."""
    asked: list[tuple[Stage, StageParams]] = [
        (estimate_flow, config.estimate_flow),
        (complete_flow, config.complete_flow),
        (fill_key_frames, config.fill_key_frames),
    ]
    for draft in config.drafts:
        asked += [(estimate_flow, draft.estimate_flow), (complete_flow, draft.complete_flow)]
    return asked
