"""From an export or a service to `signal.*` tables."""
