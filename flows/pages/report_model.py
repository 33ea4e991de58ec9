"""What the report of a run says, as one model: the page shows it, and `dfvi report --json` prints it."""

from pydantic import BaseModel

from flows.pages.parameters import Difference
from flows.pages.verdict import Verdict


class FrameRow(BaseModel):
    """What is known of the hole of one frame; pixels."""

    frame: int
    """Its number in the video."""
    hole: int
    origins: dict[str, int]
    confidence: float | None
    doubt: float
    left: list[int]


class MomentRow(BaseModel):
    """A frame to look at."""

    frame: int
    seconds: float
    doubt: float


class StageRow(BaseModel):
    """What a stage did, and what its result is."""

    stage: str
    iteration: int = 0
    shot: str = ""
    state: str
    action: str = ""
    why: str = ""
    seconds: float | None = None
    frames_per_second: float | None = None
    bytes: int | None = None
    device: str = ""
    peak_memory_bytes: int | None = None
    digest: str = ""
    results: int = 1
    """Results that the row stands for."""


class VideoReport(BaseModel):
    """Everything that the report of a video says; pictures lie beside it."""

    kind: str = "video"
    video: str
    """Its name below the root."""
    title: str
    """What its file is called."""
    run: str
    made: str
    """When the report was made, UTC."""
    state: str
    """finished, or unfinished."""
    problems: list[str]
    """What is damaged, missing or not done yet, in words."""
    output: str
    root: str
    width: int = 0
    height: int = 0
    rate: float = 0.0
    """Frames a second."""
    start: int = 0
    """Number in the video of the first frame that was worked on."""
    count: int = 0
    seconds: float | None = None
    """Wall time of the run."""
    hole_pixels: int = 0
    """Of the frames in `frames`, which are all of a video that is not long."""
    grown: float = 0.0
    """Share of the hole that lies beside the mask."""
    shares: dict[str, float]
    """Share of the hole by where its pixels came from."""
    verdict: Verdict
    moments: list[MomentRow] = []
    """The most doubtful first."""
    cuts: list[int] = []
    """Frames with which a shot begins, but the first."""
    frames: list[FrameRow] = []
    """All of them; of a long video some, evenly spread."""
    slice_row: int | None = None
    """Row of the frame whose pixels over time the page shows."""
    flow_frame: int | None = None
    """Frame whose flow the page shows, the one most in doubt."""
    fastest_flow: float | None = None
    """Pixels a frame at the rim of the wheel of colours."""
    stages: list[StageRow]
    preset: str = ""
    differences: list[Difference] = []
    command: str = ""
    """That repeats the run."""
    warnings: list[str] = []
    versions: dict[str, str]
    weights: dict[str, str]
    """Network -> SHA-256 of its file."""
