"""Who may work on which upload."""
