"""Where session rows live. ``schema`` holds the numbered migrations."""
