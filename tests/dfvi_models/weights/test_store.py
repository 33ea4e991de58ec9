import subprocess
import sys
from pathlib import Path

import pytest

from dfvi_models.errors import WeightsError
from dfvi_models.weights.catalogue import NETWORKS
from dfvi_models.weights.store import (
    StoredWeights,
    file_sha256,
    find_all_weights,
    find_weights,
    list_weights,
    weights_folder,
    write_note,
)


def store(folder: Path, network: str, sha256: str, added: str) -> None:
    note = StoredWeights(network, sha256, "a.pth", "00", "a test", "bare", 1, 2, 3, added)
    write_note(note, folder)
    (folder / f"{sha256}.safetensors").write_bytes(b"")


def test_the_folder_comes_from_the_environment_or_the_users_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DFVI_WEIGHTS", "~/somewhere")
    assert weights_folder() == Path.home() / "somewhere"
    monkeypatch.delenv("DFVI_WEIGHTS")
    assert weights_folder().parts[-2:] == ("dfvi", "weights")


@pytest.mark.parametrize("network", NETWORKS)
def test_a_missing_weight_names_network_file_place_and_command(network: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        find_weights(network, folder=tmp_path)
    known = NETWORKS[network]
    for part in (network, known.title, known.file, known.published, str(tmp_path), f"dfvi weights add {known.file}"):
        assert part in str(caught.value)


def test_several_missing_weights_are_told_at_once(tmp_path: Path) -> None:
    store(tmp_path, "deepfill", "aa", "2026-01-01")
    with pytest.raises(WeightsError, match=r"(?s)flownet2.*dfc_stage1") as caught:
        find_all_weights(["flownet2", "deepfill", "dfc_stage1"], folder=tmp_path)
    assert "imagenet_deepfill" not in str(caught.value)
    assert find_all_weights(["deepfill"], folder=tmp_path) == [tmp_path / "aa.safetensors"]


def test_the_weights_added_last_are_found_unless_a_digest_is_named(tmp_path: Path) -> None:
    store(tmp_path, "flownet2", "aa11", "2026-01-01")
    store(tmp_path, "flownet2", "bb22", "2026-03-01")
    store(tmp_path, "deepfill", "cc33", "2026-04-01")
    assert find_weights("flownet2", folder=tmp_path) == tmp_path / "bb22.safetensors"
    assert find_weights("flownet2", sha256="aa", folder=tmp_path) == tmp_path / "aa11.safetensors"
    with pytest.raises(WeightsError, match=r"starts with cc .*bb22"):
        find_weights("flownet2", sha256="cc", folder=tmp_path)
    assert [note.sha256 for note in list_weights(tmp_path)] == ["cc33", "bb22", "aa11"]


def test_a_note_without_its_file_does_not_count(tmp_path: Path) -> None:
    store(tmp_path, "flownet2", "aa", "2026-01-01")
    (tmp_path / "aa.safetensors").unlink()
    assert list_weights(tmp_path) == []


def test_a_damaged_note_is_named(tmp_path: Path) -> None:
    (tmp_path / "aa.flownet2.json").write_text("{")
    with pytest.raises(WeightsError, match=r"aa\.flownet2\.json"):
        list_weights(tmp_path)


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ValueError, match=r"pwcnet.*flownet2"):
        find_weights("pwcnet")


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")


def test_looking_for_weights_does_not_import_torch() -> None:
    """So that a missing file is an error within two seconds."""
    code = "import sys, dfvi_models.weights.store; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_shipped_weights_are_found_without_adding_them_and_give_way_to_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    for folder, sha256, added in ((shipped, "aa11", "2026-01-01"), (own, "bb22", "2025-02-01")):
        folder.mkdir()
        store(folder, "choice", sha256, added)
    monkeypatch.setattr("dfvi_models.weights.store.SHIPPED", shipped)
    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path / "nothing"))
    assert find_weights("choice") == shipped / "aa11.safetensors"
    monkeypatch.setenv("DFVI_WEIGHTS", str(own))
    assert find_weights("choice") == own / "bb22.safetensors"
    assert find_weights("choice", sha256="aa") == shipped / "aa11.safetensors"
