"""From `feature.*` to `model.*` tables."""
