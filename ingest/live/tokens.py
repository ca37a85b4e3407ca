"""What a client asks of whoever keeps tokens; it keeps none itself."""

from __future__ import annotations

from typing import Protocol


class Tokens(Protocol):
    """Access tokens of one person at one provider.

    Whoever implements it stores a new refresh token before its access token is used, and refreshes under
    a lock: refresh tokens may serve once only.
    """

    def get(self) -> str:
        """Give an access token that is good as far as is known; a new one if the last has expired.

        Raises
        ------
        ingest.live.client.NeedsReconsentError
            If only the person can help, by consenting anew.
        ingest.live.client.LiveError
            If the provider cannot be asked.
        """

    def refresh(self, stale: str) -> str:
        """Give another access token than `stale`, which the provider refused; refresh only if none is there.

        Raises
        ------
        ingest.live.client.NeedsReconsentError
            If only the person can help, by consenting anew.
        ingest.live.client.LiveError
            If the provider cannot be asked.
        """
