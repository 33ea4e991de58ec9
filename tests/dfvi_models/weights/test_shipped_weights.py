"""What ships in the package: complete, loadable, small, and described."""

import pytest

from dfvi_models.weights.catalogue import NETWORKS
from dfvi_models.weights.loading import load_network
from dfvi_models.weights.store import SHIPPED, card_of, file_sha256, find_weights, list_weights, weights_path

MOST = 25e6  # bytes, all together


@pytest.fixture
def shipped():
    return list_weights(SHIPPED)


def test_each_file_is_what_its_note_says_and_loads(shipped):
    assert shipped
    for note in shipped:
        path = weights_path(note.sha256, SHIPPED)
        assert file_sha256(path) == note.sha256
        assert path.stat().st_size == note.bytes < 2.1 * note.parameters + 2**14  # half precision
        network = load_network(note.network, path)
        assert all(tensor.isfinite().all() for tensor in network.state_dict().values())
        assert sum(tensor.abs().sum() for tensor in network.state_dict().values()) > 0
        assert NETWORKS[note.network].file == note.source_file


def test_nothing_lies_there_that_no_note_names(shipped):
    named = {weights_path(note.sha256, SHIPPED).name for note in shipped}
    assert {path.name for path in SHIPPED.glob("*.safetensors")} == named
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < MOST


def test_each_has_a_card_that_tells_data_recipe_seed_commit_and_figures(shipped):
    for note in shipped:
        text = card_of(note).read_text()
        for part in (note.sha256[:12], "Data", "Recipe", "seed", "commit", "Figures", "dB"):
            assert part in text


def test_shipped_weights_need_nothing_added(monkeypatch, tmp_path):
    monkeypatch.setenv("DFVI_WEIGHTS", str(tmp_path / "nothing"))
    assert find_weights("choice").parent == SHIPPED
