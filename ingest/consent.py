"""Consent: how a connection begins, whose account it may be, and how it ends."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field, replace

from ingest.connections import (
    ACTIVE,
    KIND,
    NEEDS_RECONSENT,
    Held,
    StoredTokens,
    as_held,
    as_value,
    hold_provider,
    list_connections,
    read_held,
    take,
)
from ingest.live import oauth
from ingest.live.client import BadAnswerError, Client, LiveError, NeedsReconsentError
from ingest.live.oauth import Grant
from ingest.live.providers import Provider
from ingest.vault import Note, Vault


class WrongAccountError(LiveError):
    """The account is another than the one that was connected before."""


class SharedAccountError(LiveError):
    """The account is connected for another participant."""


@dataclass(frozen=True)
class FixedToken:
    """A token that was just given, for the first questions."""

    token: str = field(repr=False)

    def get(self) -> str:
        """Give it."""
        return self.token

    def refresh(self, stale: str) -> str:
        """Refuse: a token that is new cannot be stale."""
        del stale
        raise NeedsReconsentError("The provider refuses the token that it has just given: connect again.")


def connect(
    vault: Vault, provider: Provider, participant: str, grant: Grant, client: Client, *, timezone: str | None
) -> tuple[str, ...]:
    """Keep a consent, if the account is the person's; returns the scopes that were asked for and not granted.

    Parameters
    ----------
    client
        With the new token, for the questions who the account is.

    Raises
    ------
    WrongAccountError, SharedAccountError
        If the person was connected with another account, or the account is another participant's.
    LiveError
        If the provider does not say whose account it is.
    """
    if provider.refreshes and grant.refresh is None:
        raise LiveError(
            f"{provider.label} gave no refresh token: take the app's access away in the account, and connect again."
        )
    identity = grant.identity or ask_identity(provider, client)
    register(provider, client)
    granted = provider.scopes if grant.scopes is None else grant.scopes
    with hold_provider(vault, provider.name):
        entry = vault.read(participant, KIND, provider.name)
        before = Held() if entry is None else as_held(entry.value)
        refusal = judge_account(vault, provider, participant, identity, before)
        if refusal is not None:
            raise refusal
        fresh = Held(identity=identity, scopes=granted, timezone=timezone or before.timezone)
        held = replace(take(fresh, grant), reached=before.reached)
        note = Note(ACTIVE, grant.consent_ends, None if entry is None else entry.note.succeeded)
        version = 0 if entry is None else entry.version
        vault.write(participant, KIND, provider.name, as_value(held), compare_version=version, note=note)
    return tuple(scope for scope in provider.scopes if scope not in granted)


def ask_identity(provider: Provider, client: Client) -> str | None:
    """Ask for the account's number; None where a provider has none to give."""
    if provider.identity is None:
        return None
    found = None
    if provider.identity.path is not None:
        found = json.loads(client.ask(provider.identity.path)).get(provider.identity.key)
    if found in (None, ""):
        raise LiveError(f"{provider.label} did not say whose account this is: nothing was kept; try again.")
    return str(found)


def register(provider: Provider, client: Client) -> None:
    """Register a new account where a provider wants that, under a name that tells nobody anything."""
    if provider.register_path is None:
        return
    try:
        client.ask(provider.register_path, method="POST", body={"member-id": secrets.token_hex(12)})
    except BadAnswerError as error:
        # 409: it was registered before. A good answer need not be JSON.
        if error.status not in (200, 201, 204, 409):
            raise


def judge_account(
    vault: Vault, provider: Provider, participant: str, identity: str | None, before: Held
) -> LiveError | None:
    """Whether an account may be kept for a person, and why not."""
    if identity is None:
        return None
    for one in list_connections(vault):
        if one.provider == provider.name and one.participant != participant:
            other, _ = read_held(vault, one.participant, provider.name)
            if other.identity == identity:
                return SharedAccountError(
                    f"This {provider.label} account is connected for {one.participant} already, so nothing was"
                    " kept: choose the account of the right person."
                )
    if before.identity in (None, identity):
        return None
    return WrongAccountError(
        f"This is another {provider.label} account than {participant} connected before, so nothing was kept:"
        " choose the right account, or end the old connection first with 'steadyline disconnect"
        f" {provider.name} --participant {participant}'."
    )


def end_consent(tokens: StoredTokens) -> str | None:
    """Take a connection's consent back at the provider; says why that was not done, None if it was."""
    held, entry = read_held(tokens.vault, tokens.participant, tokens.provider.name)
    if entry.note.status == NEEDS_RECONSENT or (held.access is None and held.refresh is None):
        return None
    token = oauth.choose_token(tokens.provider, "", held.refresh)
    if not token:
        try:
            token = tokens.get()
        except LiveError as error:
            return str(error)
    tokens.hide(token)
    return oauth.revoke(tokens.provider, tokens.http, token, held.identity)
