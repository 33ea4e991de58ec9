"""What is trained, on what, and how: a shipped recipe or a YAML file, with `--set` on top, checked as a whole."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flows.configs.recipe_names import RECIPE_NAMES
from flows.configs.run_config import Draft, lay_over, parse_settings
from flows.configs.yaml_reading import load_yaml_file, parse_yaml
from storage.datasets.clean_clips import find_clips
from storage.errors import InputError
from storage.media.clip import find_source
from storage.media.images.folder import list_images
from tasks.estimate_flow import EstimateFlowParams
from tasks.training.make_flow_examples import FlowExamplesParams
from tasks.training.read_photos import ReadPhotosParams
from tasks.training.train_choice import TrainChoiceParams
from tasks.training.train_deepfill import TrainDeepFillParams
from tasks.training.train_dfc import TrainDfcParams


class RecipePart(BaseModel):
    """Keys of a recipe that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ClipsPart(RecipePart):
    """Which frames of the clips are taken, and which clips are kept back to validate on."""

    frames: int | None = Field(None, ge=2)
    """Frames taken from the start of each clip; null takes all."""
    size: tuple[int, int] | None = None
    """Height and width all clips are brought to; null leaves each as it is."""
    kept_back: float = Field(0.2, ge=0, lt=1)
    """Share of the clips that is kept back, to validate on."""
    seed: int = Field(0, ge=0)
    """Decides which, and the holes."""


class TestHolesPart(RecipePart):
    """Holes cut into each clip."""

    box: bool = True
    """A box in the middle."""
    shapes: int = Field(1, ge=0, le=100)
    """Random shapes that move slowly, each in a copy of the clip."""


class ChoiceRecipe(RecipePart):
    """Trains ChoiceNet: which guess about the flow in a hole is right."""

    network: Literal["choice"] = "choice"
    """What is trained."""
    clips: ClipsPart = ClipsPart()
    """The clips."""
    holes: TestHolesPart = TestHolesPart()
    """The holes."""
    drafts: tuple[Draft, ...] = ()
    """Rough fills on which flow is estimated, as in the preset that the network is for."""
    estimate_flow: EstimateFlowParams = EstimateFlowParams()
    """Flow of the clips with holes, or of the last draft; likewise."""
    true_flow: EstimateFlowParams = EstimateFlowParams.of(preset="medium", finest_scale=0, most_pixels=None)
    """Flow of the clips without holes, which stands for the truth."""
    examples: FlowExamplesParams = FlowExamplesParams()
    """The completion to improve on; likewise."""
    training: TrainChoiceParams
    """The training itself."""


class DfcRecipe(RecipePart):
    """Trains the stages of DFC-Net, one after the other; holes are drawn on the fly."""

    network: Literal["dfc"] = "dfc"
    """What is trained."""
    clips: ClipsPart = ClipsPart()
    """The clips."""
    true_flow: EstimateFlowParams = EstimateFlowParams.of(preset="medium", finest_scale=0, most_pixels=None)
    """Flow of the clips, which stands for the truth."""
    stages: tuple[TrainDfcParams, ...] = Field(min_length=1, max_length=3)
    """The training of each stage, from coarse to fine."""

    @model_validator(mode="after")
    def _check_stages(self) -> Self:
        if len(self.stages) > 1 and any(stage.backbone == "resnet101" for stage in self.stages):
            raise ValueError("resnet101 is a single stage; several are resnet50 or compact")
        return self


CompletionRecipe = ChoiceRecipe | DfcRecipe


class ImageRecipe(RecipePart):
    """Trains DeepFill v1 on photos; holes are drawn on the fly."""

    network: Literal["deepfill"] = "deepfill"
    """What is trained."""
    photos: ReadPhotosParams = ReadPhotosParams()
    """The photos."""
    training: TrainDeepFillParams
    """The training itself."""


Recipe = CompletionRecipe | ImageRecipe
RECIPES: dict[str, dict[str, type[Recipe]]] = {
    "flow-completion": {"choice": ChoiceRecipe, "dfc": DfcRecipe},
    "image-inpainting": {"deepfill": ImageRecipe},
}
"""Command -> what its recipes may name as `network`."""


def load_recipe(command: str, recipe: str | None = None, settings: Sequence[str] = ()) -> Recipe:
    """Read a training recipe and check it.

    command  : flow-completion or image-inpainting.
    recipe   : name of a shipped recipe, or path of a YAML file that ends in .yaml or .yml; None takes the first.
    settings : `part.key=value` texts, values in YAML, laid on top.
    Raises   : InputError naming the key, the value and what is allowed.
    """
    content = _read(command, recipe or RECIPE_NAMES[command][0])
    changes, allowed = parse_settings(settings), RECIPES[command]
    network = {**content, **changes}.get("network", next(iter(allowed)))
    if network not in allowed:
        raise InputError(f"network = {network!r} is not possible: `dfvi train {command}` trains {', '.join(allowed)}")
    return lay_over(allowed[network], content, [changes])


def check_training(recipe: Recipe, data: Path, output: Path) -> None:
    """Check what can be known to be wrong before anything starts.

    Raises : InputError if there is nothing to train on, or the output folder cannot be made; WeightsError if the
             recipe estimates flow with weights that are not stored.
    """
    if isinstance(recipe, ImageRecipe):
        list_images(find_source(data))
    else:
        find_clips(data)
        recipe.true_flow.weights()
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{output} cannot be made: {error.strerror}; choose another folder with -o") from error


def _read(command: str, recipe: str) -> dict[str, object]:
    if recipe.endswith((".yaml", ".yml")):
        return load_yaml_file(Path(recipe), "recipe")
    names = RECIPE_NAMES[command]
    if recipe not in names:
        raise InputError(f"there is no recipe {recipe!r}; choose from {', '.join(names)}, or name a .yaml file")
    text = files("flows.configs").joinpath("recipes", f"{recipe}.yaml").read_text(encoding="utf-8")
    return dict(parse_yaml(text) or {})
