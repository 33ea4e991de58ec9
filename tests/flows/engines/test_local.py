"""The engine `local`: which GPU a process sees, and that none is missed when all are stopped."""

import multiprocessing
import threading
from types import SimpleNamespace

import pytest

from flows.engines import local
from flows.engines.local import Slot, choose_gpus
from flows.engines.protocol import EngineSettings
from storage.errors import InputError


def test_a_device_is_one_of_the_gpus_and_the_only_one_that_its_processes_see():
    gpus = {"devices": ("GPU-a", "GPU-b")}
    assert choose_gpus(EngineSettings(device="cuda:1", **gpus)) == (("GPU-b",), "cuda:0")
    assert choose_gpus(EngineSettings(device="cuda", **gpus)) == (("GPU-a", "GPU-b"), "cuda:0")
    assert choose_gpus(EngineSettings(device="auto", **gpus)) == (("GPU-a", "GPU-b"), "auto")


def test_without_gpus_the_device_is_left_to_the_networks(monkeypatch):
    monkeypatch.setattr(local, "find_gpus", lambda: ())
    assert choose_gpus(EngineSettings(device="cuda:1")) == ((), "cuda:1")


@pytest.mark.parametrize("device", ["cuda:2", "cuda:x", "cuda:-1"])
def test_a_gpu_that_is_not_there_is_an_error_before_work(device):
    with pytest.raises(InputError, match="there are 2 GPUs, cuda:0 to cuda:1"):
        choose_gpus(EngineSettings(device=device, devices=("0", "1")))


def test_a_process_that_starts_while_all_are_stopped_is_not_missed(monkeypatch):
    starting, go_on, terminated = threading.Event(), threading.Event(), []

    class Process:
        def __init__(self, **_):
            pass

        def start(self):
            starting.set()
            assert go_on.wait(20)

        def terminate(self):
            terminated.append(self)

    monkeypatch.setattr(local, "SPAWN", SimpleNamespace(Process=Process, Pipe=multiprocessing.Pipe))
    slot = Slot({})
    starter = threading.Thread(target=slot._start)
    starter.start()
    assert starting.wait(20)
    stopper = threading.Thread(target=slot.stop)
    stopper.start()
    go_on.set()
    starter.join()
    stopper.join()
    assert len(terminated) == 1
    with pytest.raises(EOFError):
        slot._start()
