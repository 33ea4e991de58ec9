"""The command of a report repeats its run."""

import shlex

from flows.cli import main as cli
from flows.cli.arguments import attach_boxes, configuration
from flows.configs.run_config import load_config
from flows.pages.parameters import command_line, nearest_preset, plate_command


def asked(config, **others):
    given = {"video_path": "a film.mp4", "mask": "-2,3,10,10", "output": "clean.mkv"}
    return given | {"config": config.model_dump(mode="json")} | others


def parsed(line):
    words = shlex.split(line)
    assert words[0] == "dfvi"
    return cli._parser().parse_args(attach_boxes(words[1:]))


def test_the_command_asks_for_what_the_run_was_asked_for():
    config = load_config(
        "quality",
        settings=["merge.rule=nearest", "decode.start=0:01", "grow_holes.reach=0"],
        plates={3: "/tmp/a b.png"},
        encode={"container": "mkv"},
    )
    preset, changed = nearest_preset(config)
    assert preset == "quality"
    assert {"merge.rule", "decode.start", "grow_holes.reach"} <= {each.key for each in changed}
    options = parsed(command_line(asked(config), preset, changed, "/tmp/the root"))
    assert configuration(options) == config
    assert (options.video, options.mask, options.output) == ("a film.mp4", "-2,3,10,10", "clean.mkv")
    assert options.root == "/tmp/the root"


def test_a_preset_as_it_is_needs_no_settings():
    config = load_config("quality", encode={"container": "mp4"})
    preset, changed = nearest_preset(config)
    assert (preset, changed) == ("quality", [])
    assert command_line(asked(config), preset, changed, ".dfvi") == (
        "dfvi inpaint 'a film.mp4' --mask=-2,3,10,10 --preset quality --root .dfvi -o clean.mkv"
    )


def test_the_plate_command_writes_the_frame_of_the_same_run():
    config = load_config(settings=["decode.dilation=2"])
    options = parsed(plate_command(asked(config), *nearest_preset(config), ".dfvi", 12))
    assert (options.frame, options.image) == (12, "12.png")
    assert configuration(options) == config
