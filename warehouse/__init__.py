"""The courtyard: tables, and the one way in and out of them."""
