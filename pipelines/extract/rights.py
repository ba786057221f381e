"""Judge the rights of a key: whether it can only read, and what else it can do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pipelines.extract.exchange import Exchange, Identity


@dataclass(frozen=True)
class Rights:
    """What a key can do beyond reading."""

    powers: tuple[str, ...] = ()
    """`trade` and `withdraw`, as far as the exchange states that the key can."""
    words: tuple[str, ...] = ()
    """The exchange's words for rights that are not known to only read."""
    unstated: tuple[str, ...] = ()
    """`trade` and `withdraw`, as far as the exchange does not state whether the key can."""

    @property
    def grants(self) -> tuple[str, ...]:
        """Everything that a user has to accept: the words, or the powers if there are none."""
        return self.words or self.powers

    @property
    def is_read_only(self) -> bool:
        """Whether the exchange states that the key can only read."""
        return not self.grants and not self.unstated

    def beyond(self, accepted: Collection[str]) -> tuple[str, ...]:
        """The rights that the user has not accepted."""
        return tuple(grant for grant in self.grants if grant not in accepted)

    @property
    def what(self) -> str:
        """What the key can do beyond reading, as the rest of a sentence; '' if nothing."""
        if not self.grants:
            return ""
        named = f" ({', '.join(self.words)})" if self.words else ""
        if self.powers:
            return f"can {' and '.join(self.powers)}{named}"
        return f"has rights that are not known to only read{named}"


def rights_of(exchange: Exchange, identity: Identity) -> Rights:
    """The rights of a key, by the exchange's own words."""
    stated = {"trade": identity.can_trade, "withdraw": identity.can_withdraw}
    return Rights(
        powers=tuple(power for power, can in stated.items() if can),
        words=tuple(
            word for word in identity.permissions if not exchange.only_reads(identity, word)
        ),
        unstated=tuple(power for power, can in stated.items() if can is None),
    )
