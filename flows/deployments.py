"""The deployments of Prefect that `lookback serve` runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flows.sync import sync

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment


def deployments(every: timedelta, reason: str) -> list[RunnerDeployment]:
    """All deployments: the scheduled sync, and two to start by hand.

    A run is not started while another one of its deployment is going.
    """
    return [
        _deployment(
            "sync",
            f"Sync all accounts, build the models and publish. Interval: {reason}.",
            interval=every,
        ),
        _deployment(
            "sync-accounts",
            "Sync the accounts of the parameter `labels`.",
        ),
        _deployment(
            "sync-everything-again",
            "Request all available data again, with balances before and after.",
            parameters={"full": True},
        ),
    ]


def _deployment(name: str, description: str, **options: Any) -> RunnerDeployment:
    from prefect.client.schemas.objects import (
        ConcurrencyLimitConfig,
        ConcurrencyLimitStrategy,
    )

    made: Any = sync.to_deployment(
        name=name,
        description=description,
        tags=["lookback"],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
        ),
        **options,
    )
    deployment: RunnerDeployment = made
    return deployment
