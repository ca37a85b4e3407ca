"""From `signal.*` to `feature.*` tables."""
