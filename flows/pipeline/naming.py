"""The name of a video below the root, where the user gives none."""

from flows.configs.run_config import RunConfig
from storage.cache.names import earlier_name_of_video, name_of_video
from storage.cache.root import Root
from tasks.decode import MediaInput, decode


def choose_name(root: Root | None, config: RunConfig, video: MediaInput, mask: MediaInput) -> str:
    """Name a video by its file or folder; the way the first version did if its results lie in the root under that."""
    name, earlier = name_of_video(video.text), earlier_name_of_video(video.text)
    if root is None or name == earlier:
        return name
    digest = decode.key(config.decode, {"video": video, "mask": mask}).digest
    is_known = root.has(earlier, decode.name, digest) and not root.has(name, decode.name, digest)
    return earlier if is_known else name
