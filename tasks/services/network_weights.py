"""The folder of network weights: list what is stored and what is missing, add a published file."""

from pathlib import Path

from dfvi_models.weights.catalogue import NETWORKS, Network
from dfvi_models.weights.store import StoredWeights, card_of, list_weights, weights_folder

__all__ = [
    "Network",
    "StoredWeights",
    "add_weight_file",
    "card_of",
    "list_weights",
    "missing_networks",
    "weights_folder",
]


def add_weight_file(file: Path, network: str | None, origin: str | None) -> StoredWeights:
    """Recognise, check and store a checkpoint file; no code in it is run.

    Raises : WeightsError that says what is missing, extra or unsafe in it.
    """
    from dfvi_models.weights.checkpoint import add_weights  # imports torch, which listing need not wait for

    return add_weights(file, network=network, origin=origin)


def missing_networks() -> list[Network]:
    """Return the networks for which no weights are stored."""
    stored = {note.network for note in list_weights()}
    return [network for name, network in NETWORKS.items() if name not in stored]
