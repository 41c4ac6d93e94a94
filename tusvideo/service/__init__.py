"""What is done, in which order: lock, load, plan, stream, settle, commit, announce. No HTTP, no SQL, no paths."""
