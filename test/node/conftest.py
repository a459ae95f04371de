import pytest
from node import Node


@pytest.fixture
def make_node(tmp_path):
    """Describe a node, which is stopped at the end."""
    nodes = []

    def make(**options):
        directory = tmp_path / str(len(nodes))
        directory.mkdir()
        nodes.append(Node(directory, **options))
        return nodes[-1]

    yield make
    for node in nodes:
        node.stop()


@pytest.fixture
def node(make_node):
    return make_node().start()
