"""What is said to whoever asks for the Fitbit Web API itself."""

GONE = (
    "The Fitbit Web API was switched off on 2 November 2026, and no token of it can be taken along. Next step: the"
    " person connects their Google account with 'steadyline connect google_health', and the script takes"
    " cli.fitbit.open_fitbit in the place of fitbit.Fitbit (docs/fitbit.md)."
)
