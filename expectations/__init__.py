"""The gates at the two borders: what may come in from a source, and what may go out to the readers."""
