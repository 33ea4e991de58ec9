from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from dfvi_models.networks.runtime import CPU_BATCH, Runtime, choose_device, run_in_batches

OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory (injected)")


def memory_for(items: int, calls: list[int], error: RuntimeError = OUT_OF_MEMORY):
    """A network that runs out of memory above `items` at once."""

    def network(x: Tensor) -> Tensor:
        calls.append(len(x))
        if len(x) > items:
            raise error
        return 2 * x

    return network


@pytest.mark.parametrize(
    "error",
    [
        OUT_OF_MEMORY,
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_out_of_memory_halves_the_batch_and_goes_on_where_it_stopped(error: RuntimeError) -> None:
    calls: list[int] = []
    x = torch.arange(11.0)
    assert torch.equal(run_in_batches(memory_for(3, calls, error), (x,), 8), 2 * x)
    assert calls == [8, 4, 2, 2, 2, 2, 2, 1]


def test_one_item_that_does_not_fit_is_an_error_that_says_what_helps() -> None:
    with pytest.raises(torch.OutOfMemoryError, match=r"smaller working size.*injected"):
        run_in_batches(memory_for(0, []), (torch.zeros(4),), 4)


def test_other_errors_are_not_swallowed() -> None:
    def network(x: Tensor) -> Tensor:
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        run_in_batches(network, (torch.zeros(4),), 4)


def test_all_inputs_are_cut_alike() -> None:
    a, b = torch.arange(5.0), torch.arange(5.0) * 10
    assert torch.equal(run_in_batches(lambda x, y: x + y, (a, b), 2), a + b)


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match="0 CUDA devices"):
        choose_device("cuda:0")


def test_gpus_are_chosen_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda:0")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="2 CUDA devices"):
        choose_device("cuda:2")


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "mps"])
def test_unknown_devices_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="auto, cpu or cuda:N"):
        choose_device(name)


def test_batch_size_is_given_or_one_on_the_cpu() -> None:
    assert Runtime(device="cpu").batch_size(1) == CPU_BATCH
    assert Runtime(device="cpu", batch=3).batch_size(10**12) == 3


def test_batch_size_on_a_gpu_comes_from_its_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (6_000, 80_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _device: 5_000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _device: 1_000)
    runtime = Runtime(device="cuda")
    assert runtime.batch_size(1_000) == 7  # 0.7 of 6,000 free and 4,000 held by the allocator
    assert runtime.batch_size(1_000_000) == 1
    assert runtime.batch_size(1) == 16


def test_a_batch_size_on_a_gpu_is_the_one_that_was_kept_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _device: 0)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _device: 0)
    kept: dict[str, int] = {}
    runtime = Runtime(device="cuda", remember=kept.setdefault)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (10_000, 80_000))
    assert (runtime.batch_size(1_000), runtime.batch_size(2_000)) == (7, 3)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (3_000, 80_000))  # somebody else came
    assert (runtime.batch_size(1_000), runtime.batch_size(2_000)) == (7, 3)
    assert Runtime(device="cuda").batch_size(1_000) == 2
    assert Runtime(device="cpu", remember=kept.setdefault).batch_size(1_000) == CPU_BATCH


def test_autocast_runs_convolutions_at_the_precision_asked_for() -> None:
    network = Runtime(device="cpu").place(nn.Conv2d(1, 1, 1))
    for precision, dtype in {"float32": torch.float32, "tf32": torch.float32, "bfloat16": torch.bfloat16}.items():
        with Runtime(device="cpu", precision=precision).autocast():  # type: ignore[arg-type]
            assert network(torch.zeros(1, 1, 2, 2)).dtype == dtype


def test_place_sets_evaluation_mode() -> None:
    assert not Runtime(device="cpu").place(nn.Dropout()).training


@pytest.mark.parametrize("wanted", [False, True])
def test_on_the_cpu_a_network_says_which_layout_is_faster(wanted: bool) -> None:
    network = nn.Conv2d(4, 4, 3)
    network.channels_last_on_cpu = wanted
    placed = Runtime(device="cpu").place(network)
    assert placed.weight.is_contiguous(memory_format=torch.channels_last) == wanted


class StaysHere(nn.Conv2d):
    """A network that cannot leave for a device that is not there."""

    def to(self, *args, **kwargs):
        return self if args else super().to(**kwargs)


@pytest.fixture
def claimed_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that says it has a GPU; what is set for the whole process is set back afterwards."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    yield
    torch.backends.cuda.matmul.allow_tf32 = False


@pytest.mark.parametrize(
    ("precision", "tf32", "layout"),
    [
        ("float32", False, torch.contiguous_format),
        ("tf32", True, torch.channels_last),
        ("float16", False, torch.channels_last),
    ],
)
def test_place_on_cuda_decides_rounding_layout_and_order_of_sums(claimed_cuda, precision, tf32, layout) -> None:
    network = Runtime(device="cuda", precision=precision).place(StaysHere(4, 4, 3))
    assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == tf32
    assert torch.backends.cudnn.deterministic
    assert network.weight.is_contiguous(memory_format=layout)
