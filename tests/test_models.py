"""The models by themselves: on no data at all, and each against its unit tests."""

from __future__ import annotations

from tests.conftest import Lab


def test_an_empty_warehouse_builds_and_every_unit_test_holds(lab: Lab) -> None:
    nodes = lab.build(unit_tests=True)
    assert {node.kind for node in nodes} >= {"model", "test", "unit_test"}
    assert not [node for node in nodes if node.status not in {"success", "pass"}]
