from dfvi_models.weights.catalogue import NETWORKS
from dfvi_models.weights.network_builders import BUILDERS


def test_every_network_of_the_catalogue_has_a_builder_and_no_other() -> None:
    assert set(BUILDERS) == set(NETWORKS)
