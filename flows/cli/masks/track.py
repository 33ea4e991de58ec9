"""The command `dfvi mask track`."""

import argparse
from typing import TYPE_CHECKING, Any

from flows.cli import terminal
from flows.cli.arguments import add_root, at_least_one

if TYPE_CHECKING:
    from flows.track_object import TrackSummary

Subparsers = Any  # argparse keeps its class private


def add_track(subparsers: Subparsers) -> None:
    """Add the command `dfvi mask track VIDEO --from FRAME=MASK -o OUT`."""
    parser = subparsers.add_parser(
        "track", help="follow objects through a video from frames in which they are given", description=_track.__doc__
    )
    parser.add_argument("video", metavar="VIDEO", help="video file, or folder of images")
    parser.add_argument(
        "--from",
        dest="given",
        action="append",
        required=True,
        metavar="FRAME=MASK",
        help="the object in one frame: a number from 0, or a time such as 0:12.5, and a mask of any kind or a box "
        "x,y,w,h around it; may be repeated, to correct other frames; 37#2=MASK is object 2, followed by itself",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="mask to write: .mkv, .mp4, .npz, .json, or a folder (of label images if there are several objects)",
    )
    parser.add_argument(
        "--preview", metavar="FILE", help="image or video to write, in which objects are tinted and outlined"
    )
    parser.add_argument(
        "--shots", choices=("auto", "none"), default="auto", help="auto: stop at cuts; none: take it as one shot (auto)"
    )
    parser.add_argument("--name", help="name of the video below the root (the file's)")
    add_root(parser)
    parser.add_argument("--threads", type=at_least_one, metavar="N", help="threads to use (all cores)")
    parser.add_argument(
        "--json", action="store_true", help="print a line of JSON for each frame, then one of the whole"
    )
    parser.set_defaults(command=_track)


def _track(options: argparse.Namespace) -> int:
    """Follow objects forwards and backwards from the frames in which they are given, never over a cut, and write them
    as a mask. Says how sure each frame is, and which to correct first: give that frame too, and only what follows from
    it is computed anew."""
    from storage.media.reading import probe
    from tasks.tracking.given_frames import given_objects

    clip = probe(options.video)
    given = given_objects(clip, options.given)
    terminal.prepare_prefect(options.verbose)
    from flows.prefect_server.background import connected
    from flows.prefect_server.bounded import run_flow
    from flows.track_object import check_outputs, track_object

    check_outputs(options.video, given, options.output, options.preview, clip.frame_count)
    with connected():
        summary = run_flow(
            track_object,
            options.video,
            options.given,
            options.output,
            preview=options.preview,
            root=options.root,
            name=options.name,
            shots=options.shots,
            threads=options.threads,
        )
    print(_as_lines(summary) if options.json else _described(summary))
    return 0


def _as_lines(summary: "TrackSummary") -> str:
    return "\n".join(
        [*(frame.model_dump_json() for frame in summary.frames), summary.model_dump_json(exclude={"frames"})]
    )


def _described(summary: "TrackSummary") -> str:
    lines = [f"{summary.output}: marks {summary.marked} of {summary.frame_count} frames"]
    for each in summary.objects:
        name = f"object {each.object}" if len(summary.objects) > 1 else "the object"
        lines.append(
            f"{name}: followed from {len(each.given)} given frames; certainty {each.certainty:.2f} in the mean, "
            f"{each.unsure} frames to look at"
        )
        lines += [
            f"frames {first} to {last} are another shot, in which it is not given: nothing is marked there"
            for first, last in each.shots_without
        ]
        if (t := each.correct_first) is not None:
            certainty = next(f.certainty for f in summary.frames if (f.frame, f.object) == (t, each.object))
            option = f"{t}#{each.object}" if len(summary.objects) > 1 else str(t)
            lines.append(f"to correct first: frame {t} (certainty {certainty:.2f}), with --from {option}=MASK added")
    lines += [f"look at {summary.preview}"] if summary.preview else []
    return "\n".join(lines)
