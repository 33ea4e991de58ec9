"""Where and how networks run: device, number format, memory layout, batch size, and recovery from lack of memory."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from dfvi_models.types import Precision

Network = TypeVar("Network", bound=nn.Module)

MEMORY_SHARE = 0.7  # of what is free on the device; the rest is for the allocator's gaps
LIBRARY_OUT_OF_MEMORY = "ALLOC_FAILED"  # in cuDNN's and cuBLAS's errors, which are plain RuntimeErrors
CPU_BATCH = 1  # a larger batch is no faster on a CPU, and needs the memory


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `auto`, `cpu`, `cuda` or `cuda:N`; auto = the first CUDA device if there is one.

    Raises : ValueError naming the allowed names, or the number of devices there are.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda", 0) if count else torch.device("cpu")
    if name == "cpu":
        return torch.device("cpu")
    kind, _, number = name.partition(":")
    if kind != "cuda" or not (number.isdecimal() or name == "cuda"):
        raise ValueError(f"device must be auto, cpu or cuda:N; got {name!r}")
    index = int(number or 0)
    if index >= count:
        raise ValueError(f"device {name!r} is not there: this machine has {count} CUDA devices; use --device cpu")
    return torch.device("cuda", index)


@dataclass(frozen=True)
class Runtime:
    """How networks run. Changes speed and memory, never what is computed beyond rounding."""

    device: str = "auto"
    """`auto`, `cpu` or `cuda:N`."""
    precision: Precision = "float32"
    """Number format of convolutions; flows, sampling positions and losses stay float32."""
    channels_last: bool = True
    """Memory layout that CUDA's tensor cores take (in float32 they play no part), and that is faster on the CPU for
    networks that say so by `channels_last_on_cpu`."""
    compile: bool = False
    """`torch.compile` the network: minutes at the start, fewer small operations afterwards."""
    batch: int | None = None
    """Items per batch; None: one on the CPU, from free memory on CUDA."""
    remember: Callable[[str, int], int] | None = None
    """Keeps a batch size under a name, and returns the one that was kept first: the last bits of a result follow from
    it, so one that was begun is finished with it, whatever memory is free by then. None keeps nothing."""

    def place(self, network: Network) -> Network:
        """Move a network to the device in evaluation mode, in the layout and compiled as configured.

        On CUDA this also decides for the whole process whether float32 products are rounded, and lets no convolution
        add up in random order: a resumed run must end with the same bits.
        """
        device = choose_device(self.device)
        network = network.to(device).eval()
        if device.type == "cuda":
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = self.precision == "tf32"
            torch.backends.cudnn.deterministic = True
        faster = (
            self.precision != "float32" if device.type == "cuda" else getattr(network, "channels_last_on_cpu", False)
        )
        if self.channels_last and faster:
            network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if self.compile:
            network.compile(dynamic=False)
        return network

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context in which networks of this precision run."""
        half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.precision)
        return torch.autocast(choose_device(self.device).type, dtype=half, enabled=half is not None)

    def batch_size(self, bytes_per_item: int, most: int = 16) -> int:
        """Return how many items fit the free memory of the device at once: at least 1, at most `most`."""
        if self.batch is not None:
            return max(1, self.batch)
        device = choose_device(self.device)
        if device.type != "cuda":
            return CPU_BATCH
        free, _ = torch.cuda.mem_get_info(device)
        reusable = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        fitting = max(1, min(most, int(MEMORY_SHARE * (free + reusable)) // bytes_per_item))
        return self.remember(f"items of {bytes_per_item} bytes in a batch", fitting) if self.remember else fitting


def run_in_batches(function: Callable[..., Tensor], inputs: Sequence[Tensor], batch: int) -> Tensor:
    """Apply `function` to slices of `batch` along the first axis of all inputs and join the results.

    Out of memory halves the batch and goes on where it stopped; one item that does not fit is an error.
    Slices of another size may differ in the last bits: callers that need equal bits keep `batch` equal.
    """
    done: list[Tensor] = []
    start, total = 0, inputs[0].shape[0]
    while start < total:
        batch = min(batch, total - start)
        result = _try(function, [tensor[start : start + batch] for tensor in inputs])
        if result is None:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            batch //= 2
            continue
        done.append(result)
        start += batch
    return torch.cat(done)


def _try(function: Callable[..., Tensor], inputs: Sequence[Tensor]) -> Tensor | None:
    """Return the result, or None if the memory did not suffice; by then nothing of the attempt is held any more."""
    try:
        return function(*inputs)
    except RuntimeError as error:
        if not (isinstance(error, torch.OutOfMemoryError) or LIBRARY_OUT_OF_MEMORY in str(error)):
            raise
        if inputs[0].shape[0] == 1:
            raise torch.OutOfMemoryError(
                "one item alone does not fit the device memory; use a smaller working size, "
                f"another device (cpu), or a smaller number format ({error})"
            ) from error
        return None
